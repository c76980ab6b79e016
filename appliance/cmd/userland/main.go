// Command userland is the shell and all commands of the console that need no network, in one static binary
// that is told by its name which of them it is. It is a program apart from gatehouse for its start: what is
// linked into that one (ssh, netlink, CoreDNS) costs each process of it more than most commands take, before
// its first line. So this one reaches no package net, however far; commands that do are names of gatehouse.
package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/multicall"
	"github.com/gatehouse-os/gatehouse/appliance/userland/archive"
	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/compare"
	"github.com/gatehouse-os/gatehouse/appliance/userland/disks"
	"github.com/gatehouse-os/gatehouse/appliance/userland/edit"
	"github.com/gatehouse-os/gatehouse/appliance/userland/files"
	"github.com/gatehouse-os/gatehouse/appliance/userland/find"
	"github.com/gatehouse-os/gatehouse/appliance/userland/machine"
	"github.com/gatehouse-os/gatehouse/appliance/userland/match"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/brctl"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ethtool"
	"github.com/gatehouse-os/gatehouse/appliance/userland/sh"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system"
	"github.com/gatehouse-os/gatehouse/appliance/userland/text"
	"github.com/gatehouse-os/gatehouse/appliance/userland/transfer"
	"github.com/gatehouse-os/gatehouse/appliance/userland/tty"
)

func main() {
	limitMemory()
	// All but the shell run with the signals' default actions: who waits for input ends at ^C.
	if main := commands().Main(os.Args[0]); main != nil {
		main()
		return
	}
	for _, sig := range multicall.Ignored() {
		signal.Ignore(sig)
	}
	ctx := command.WithIgnore(context.Background(), signal.Ignore)
	os.Exit(run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// run is the program but for the shell; it returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if command := commands().Command(args[0]); command != nil {
		return command(ctx, args, stdin, stdout, stderr)
	}
	if len(args) == 2 && args[1] == "names" {
		fmt.Fprintln(stdout, strings.Join(commands().Names(), "\n"))
		return 0
	}
	const notFound = 127 // the status of a shell that finds no such command
	fmt.Fprintf(stderr, "%s: expected to be called by the name of a command; `userland names` lists them\n",
		filepath.Base(args[0]))
	return notFound
}

// commands are the shell, and those of the rooms.
func commands() multicall.Table {
	t := multicall.Table{
		Commands: map[string]multicall.Command{},
		Mains:    map[string]func(){},
	}
	for _, room := range rooms() {
		for name, c := range room {
			t.Commands[name] = c.Main()
		}
	}
	// The shell runs what only prints or answers itself, and without a process.
	t.Mains["sh"] = func() {
		utilities := maps.Clone(t.Commands)
		maps.DeleteFunc(utilities, func(name string, _ multicall.Command) bool { return !sh.IsUtility(name) })
		os.Exit(sh.Program{Utilities: utilities, Notify: signal.Notify, Ignore: signal.Ignore,
			Exit: os.Exit}.Run(os.Args))
	}
	return t
}

// rooms have the commands that are held against busybox's.
func rooms() []map[string]command.Command {
	return []map[string]command.Command{
		archive.Commands(),
		brctl.Commands(),
		compare.Commands(),
		disks.Commands(),
		edit.Commands(),
		ethtool.Commands(),
		files.Commands(),
		find.Commands(),
		machine.Commands(),
		match.Commands(),
		system.Commands(),
		text.Commands(),
		transfer.Commands(),
		tty.Commands(),
	}
}
