// Command ra compares the router of a LAN, as its hosts see it, with radvd in one run: how long a host that
// asks waits for an advertisement, and what that costs. Each is in a network namespace of its own at the end
// of a veth pair whose other end is the hosts', and they are measured by turns.
//
// Ours is the appliance's program, built from this tree: it gives up its privileges as on the appliance.
// README.md says how each figure comes about.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("ra", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 5, "how often each is measured")
	asked := flags.Int("solicitations", 10_000, "in each round")
	pace := flags.Int("pace", 1000, "of them a second")
	if err := flags.Parse(args); err != nil || *rounds < 1 || *asked < 1 || *pace < 1 || flags.NArg() > 0 {
		return 2
	}
	if err := compare(ctx, *rounds, *asked, *pace, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "ra:", err)
		return 1
	}
	return 0
}

func compare(ctx context.Context, rounds, asked, pace int, stdout, stderr io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "bench-ra-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	binary := filepath.Join(dir, "gatehouse")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./appliance/cmd/gatehouse")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
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
	for _, p := range []program{ours(binary), radvd()} {
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
			one, err := s.measure(ctx, asked, pace)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			fmt.Fprintf(stderr, "round %d: %s: %s\n", round+1, s.name, one)
			samples[i] = append(samples[i], one)
		}
	}
	fmt.Fprintf(stdout, "load average before: %s", load)
	fmt.Fprintf(stdout, "%d solicitations a round, %d a second, %d rounds\n", asked, pace, rounds)
	printTable(stdout, all, samples)
	return nil
}

// A sample is what came of one round.
type sample struct {
	cpu      time.Duration // of the server's processes for 10,000 answers
	p50, p99 time.Duration
	lost     int
}

// String is the sample for those who watch.
func (s sample) String() string {
	return fmt.Sprintf("CPU %s, p50 %s, p99 %s, %d lost", s.cpu.Round(time.Millisecond),
		s.p50.Round(time.Microsecond), s.p99.Round(time.Microsecond), s.lost)
}

// printTable prints the median of each, and how many times the first that of the others is.
func printTable(w io.Writer, all []*server, samples [][]sample) {
	lines := []struct {
		name  string
		of    func(sample) time.Duration
		round time.Duration
	}{
		{"CPU for 10,000 answers", func(s sample) time.Duration { return s.cpu }, time.Millisecond},
		{"half of them within", func(s sample) time.Duration { return s.p50 }, time.Microsecond},
		{"99 % within", func(s sample) time.Duration { return s.p99 }, time.Microsecond},
	}
	fmt.Fprintf(w, "%-26s", "")
	for _, s := range all {
		fmt.Fprintf(w, "%-20s", s.name)
	}
	fmt.Fprintln(w)
	for _, l := range lines {
		fmt.Fprintf(w, "%-26s", l.name)
		first := median(samples[0], l.of)
		for i := range all {
			m := median(samples[i], l.of)
			text := m.Round(l.round).String()
			if i > 0 {
				text += fmt.Sprintf(" (%.2f)", float64(m)/float64(first))
			}
			fmt.Fprintf(w, "%-20s", text)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%-26s", "not answered")
	for i := range all {
		lost := 0
		for _, s := range samples[i] {
			lost += s.lost
		}
		fmt.Fprintf(w, "%-20d", lost)
	}
	fmt.Fprintln(w)
}

func median(all []sample, of func(sample) time.Duration) time.Duration {
	var each []time.Duration
	for _, s := range all {
		each = append(each, of(s))
	}
	slices.Sort(each)
	return each[len(each)/2]
}
