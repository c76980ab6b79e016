// Command ntp compares the time server of the LANs with chronyd in one run: how many answers it gives a
// second, what one costs, and how long it takes. Each is in a network namespace of its own at the end of a
// veth pair whose other end is the clients', and they are measured by turns.
//
// Ours is services/ntp/run in this program, started again: with the privileges that it has on the appliance
// but for the clock, and with a clock that nobody corrects, because the machine's own is not to be touched.
// chronyd is started with
// -x for the same reason. README.md says how each figure comes about.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/gatehouse-os/gatehouse/bench/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 2 && args[0] == serveArg {
		if err := serve(ctx, args[1], stderr); err != nil {
			fmt.Fprintln(stderr, "ntp:", err)
			return 1
		}
		return 0
	}
	flags := flag.NewFlagSet("ntp", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 5, "how often each is measured")
	pace := flags.Int("pace", 20_000, "questions a second, where they come at a pace")
	chronyd := flags.String("chronyd", "/var/lib/gatehouse-peers/chrony/usr/sbin/chronyd", "the program")
	if err := flags.Parse(args); err != nil || *rounds < 1 || *pace < 1000 || flags.NArg() > 0 {
		return 2
	}
	if err := compare(ctx, *rounds, *pace, *chronyd, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "ntp:", err)
		return 1
	}
	return 0
}

func compare(ctx context.Context, rounds, pace int, chronyd string, stdout, stderr io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "bench-ntp-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	load, _ := os.ReadFile("/proc/loadavg")
	undo, err := wire.First()
	if err != nil {
		return err
	}
	defer undo()
	var all []*server
	defer func() {
		for _, s := range all {
			err = errors.Join(err, s.end())
		}
	}()
	for _, p := range []program{ours(), chrony(chronyd)} {
		s, err := start(ctx, dir, p)
		if s != nil {
			all = append(all, s)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	samples := make([][]sample, len(all))
	for round := range rounds {
		for i, s := range all {
			one, err := s.measure(ctx, pace)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			fmt.Fprintf(stderr, "round %d: %s: %s\n", round+1, s.name, one)
			samples[i] = append(samples[i], one)
		}
	}
	fmt.Fprintf(stdout, "load average before: %s", load)
	fmt.Fprintf(stdout, "%d clients, %d rounds\n", sources, rounds)
	printTable(stdout, all, samples, pace)
	return nil
}
