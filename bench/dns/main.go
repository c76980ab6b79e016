// Command dns compares the DNS service with unbound, CoreDNS as it is released, dnsmasq, knot, nsd and Knot
// Resolver, all in one run: each in a network namespace of its own at the end of a veth pair, whose other end
// is the clients', and the authoritative server of all names outside. They are measured by turns, so that
// what else the machine does hits all of them, and the median of the rounds counts.
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
	"strconv"
	"strings"
	"syscall"

	"github.com/gatehouse-os/gatehouse/bench/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// What is measured unless something else is asked for.
const (
	hosts        = 10_000
	outsideNames = 6_000
)

// bench is one comparison.
type bench struct {
	dir      string
	rounds   int
	sizes    []int
	peers    []string // nil: all
	coredns  string   // a program; "": it is built
	beside   string   // a program; "": the peers
	programs []program
	notes    []string
	log      io.Writer
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("dns", flag.ContinueOnError)
	flags.SetOutput(stderr)
	b := bench{log: stderr, sizes: []int{100, 1000, 10_000, 100_000}}
	flags.IntVar(&b.rounds, "rounds", 5, "how often each is measured")
	coredns := flags.String("coredns", "", "CoreDNS ready to run, a `file`, in place of one that is built")
	beside := flags.String("beside", "", "another build of cmd/gatehouse, a `file`, in place of the others")
	only := flags.String("only", "house,outside,growth,reload", "which `parts` are measured")
	peers := flags.String("peers", "", "which are measured beside ours, `names` with commas (default all)")
	flags.Func("hosts", "how many hosts houses have, `numbers` with commas", func(text string) (err error) {
		b.sizes, err = numbers(text)
		return err
	})
	if err := flags.Parse(args); err != nil || b.rounds < 1 || flags.NArg() > 0 {
		return 2
	}
	b.coredns, b.beside = *coredns, *beside
	if *peers != "" {
		b.peers = strings.Split(*peers, ",")
	}
	if err := b.compare(ctx, strings.Split(*only, ","), stdout); err != nil {
		fmt.Fprintln(stderr, "dns:", err)
		return 1
	}
	return 0
}

func numbers(text string) (all []int, err error) {
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 10 {
			return nil, errors.New("expected numbers of hosts, such as 100,1000")
		}
		all = append(all, n)
	}
	return all, nil
}

// compare measures everything, and prints each part when it is done.
func (b *bench) compare(ctx context.Context, only []string, stdout io.Writer) (err error) {
	if b.dir, err = os.MkdirTemp("", "gatehouse-bench-dns-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	// Peers give up being root before they read.
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return err
	}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	b.programs = slices.DeleteFunc(b.programs, func(p program) bool {
		return b.peers != nil && !p.answers && !slices.Contains(b.peers, p.name)
	})
	restore, err := wire.First()
	if err != nil {
		return err
	}
	defer restore()
	parts := map[string]func(context.Context, io.Writer) error{
		"house": b.house, "outside": b.outside, "growth": b.growth, "reload": b.reloads,
	}
	for _, note := range b.notes {
		fmt.Fprintln(stdout, note)
	}
	for _, name := range only {
		part := parts[name]
		if part == nil {
			return fmt.Errorf("there is no part %q", name)
		}
		load, err := os.ReadFile("/proc/loadavg")
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "\nload average before: %s\n", strings.Join(strings.Fields(string(load))[:3], " "))
		if err := part(ctx, stdout); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	_, err = fmt.Fprintln(stdout, "In brackets: in relation to ours. -: it cannot, or lost more than 0.1 %.")
	return err
}

// prepare builds ours and CoreDNS. Without the latter, which comes by the network, the others are compared.
func (b *bench) prepare(ctx context.Context) error {
	box := filepath.Join(b.dir, "gatehouse")
	if err := b.build(ctx, "build", "-o", box, "./appliance/cmd/gatehouse"); err != nil {
		return err
	}
	b.programs = []program{ours("gatehouse", box)}
	if b.beside != "" {
		b.programs = append(b.programs, ours("beside", b.beside))
		return nil
	}
	b.programs = append(b.programs, unbound(1), unbound(2), dnsmasq(), knot(), nsd(), kresd())
	if b.coredns == "" {
		b.coredns = filepath.Join(b.dir, "coredns")
		fmt.Fprintln(b.log, "building CoreDNS, which takes minutes the first time")
		if err := b.build(ctx, "install", "github.com/coredns/coredns@"+corednsVersion); err != nil {
			fmt.Fprintln(b.log, err)
			b.notes = append(b.notes, "CoreDNS is left out: it could not be built")
			return nil
		}
	}
	b.programs = append(b.programs, stockCoreDNS(b.coredns))
	return nil
}

// build runs the go command; what it installs goes to the directory of the bench.
func (b *bench) build(ctx context.Context, verb string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{verb, "-trimpath", "-ldflags", "-s -w"},
		args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+b.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return nil
}

// corednsVersion is the version that ours is built on.
const corednsVersion = "v1.15.0"
