package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/gatehouse-os/gatehouse/appliance/applets"
	"github.com/gatehouse-os/gatehouse/appliance/applets/ip"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/shell"
)

// A command is a small command of our own. args[0] is its name, the result its
// exit status.
type command func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int

// commands are those that the userland lacks, or does not do well enough.
func commands() map[string]command {
	silent := func(f func(context.Context, []string, io.Writer, io.Writer) int) command {
		return func(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
			return f(ctx, args, stdout, stderr)
		}
	}
	return map[string]command{
		"halt":     end(boot.Halt),
		"head":     applets.Head,
		"hostname": silent(applets.Hostname),
		"ip":       silent(ip.Run),
		"kill":     silent(applets.Kill),
		"ping":     silent(applets.Ping),
		"poweroff": end(boot.PowerOff),
		"ps":       silent(applets.Ps),
		"reboot":   end(boot.Reboot),
		"tail":     applets.Tail,
	}
}

// end asks init to end the machine.
func end(kind boot.Kind) command {
	return func(_ context.Context, _ []string, _ io.Reader, _, stderr io.Writer) int {
		if err := boot.Request(kind); err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", kind, err)
			return 1
		}
		return 0
	}
}

// names are all that the binary may be called by, for the one who makes the links.
func names() []string {
	all := slices.Collect(maps.Keys(commands()))
	all = slices.AppendSeq(all, maps.Keys(userland()))
	all = append(all, "sh")
	slices.Sort(all)
	return slices.Compact(all)
}

// runShell is sh. While it talks with a person, ^C is for what it runs, not for
// it; a script goes as any program does.
func runShell(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGHUP, syscall.SIGTERM)
	defer stop()
	if !shell.Interactive(args, os.Stdin, os.Stderr) {
		stop()
		return shell.Run(context.Background(), args, nil, os.Stdin, os.Stdout, os.Stderr)
	}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, syscall.SIGINT, syscall.SIGQUIT)
	signal.Ignore(syscall.SIGTSTP)
	return shell.Run(ctx, args, interrupts, os.Stdin, os.Stdout, os.Stderr)
}
