package sh_test

import (
	"cmp"
	"context"
	"maps"
	"os"
	"os/signal"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/multicall"
	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/files"
	"github.com/gatehouse-os/gatehouse/appliance/userland/sh"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system"
	"github.com/gatehouse-os/gatehouse/appliance/userland/text"
)

// TestMain is the program sh as well, and the commands that it runs in its own process: the tests start
// themselves under that name, and so does the shell.
func TestMain(m *testing.M) {
	if multicall.Name(os.Args[0]) == "sh" {
		os.Exit(sh.Program{
			Utilities: utilities(), Notify: signal.Notify, Ignore: signal.Ignore, Exit: os.Exit,
			Profile: cmp.Or(os.Getenv("TEST_PROFILE"), "/nosuch"),
		}.Run(os.Args))
	}
	if run := busyboxtest.Command(os.Args[0], commands()); run != nil {
		os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// commands are those of the rooms that the shell runs itself.
func commands() map[string]command.Command {
	all := map[string]command.Command{"sh": {}}
	for _, room := range []map[string]command.Command{files.Commands(), text.Commands()} {
		maps.Copy(all, room)
	}
	maps.DeleteFunc(all, func(name string, _ command.Command) bool { return !sh.IsUtility(name) && name != "sh" })
	return all
}

func utilities() map[string]multicall.Command {
	all := map[string]multicall.Command{"kill": system.Commands()["kill"].Main()}
	for name, c := range commands() {
		if sh.IsUtility(name) {
			all[name] = c.Main()
		}
	}
	return all
}

// TestBusybox holds scripts against busybox's ash.
func TestBusybox(t *testing.T) { busyboxtest.Compare(t, "testdata/busybox", commands()) }
