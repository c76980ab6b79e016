// Command dhcp compares the DHCP server with Kea (memfile) and dnsmasq, all three in one run: each in a
// network namespace of its own at the end of a veth pair, whose other end is the relay agent of as many
// clients as it takes. They are measured by turns, so that what else the machine does hits all of them.
//
// Ours is the appliance's program, built from this tree: it gives up its privileges and syncs every lease
// before its ACK, as on the appliance. Kea and dnsmasq write as they always do: Kea does not sync, dnsmasq
// writes all of its leases at each change. Nobody probes addresses. README.md says how each figure comes
// about.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
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
	flags := flag.NewFlagSet("dhcp", flag.ContinueOnError)
	flags.SetOutput(stderr)
	seconds := flags.Int("seconds", 2, "how many `seconds` each trial takes")
	beside := flags.String("beside", "",
		"another build of cmd/gatehouse, a `file`, to be measured in place of dnsmasq")
	steady := flags.Bool("steady", false,
		"measure only what a lease costs, and how long its ACK takes, at a steady rate")
	if err := flags.Parse(args); err != nil || *seconds < 1 || flags.NArg() > 0 {
		return 2
	}
	b := bench{trial: time.Duration(*seconds) * time.Second, log: stderr}
	if err := b.compare(ctx, *beside, *steady, stdout); err != nil {
		fmt.Fprintln(stderr, "dhcp:", err)
		return 1
	}
	return 0
}

// A step measures something of all servers.
type step struct {
	name string
	do   func(context.Context) error
}

// compare measures everything and prints the table.
func (b *bench) compare(ctx context.Context, beside string, steady bool, stdout io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "gatehouse-bench-dhcp-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.dir = dir
	binary := filepath.Join(dir, "gatehouse")
	if err := build(ctx, binary); err != nil {
		return err
	}
	b.servers = []*server{{program: ours("gatehouse", binary)}, {program: kea()}, {program: dnsmasq()}}
	if beside != "" {
		b.servers[2] = &server{program: ours("beside", beside)}
	}
	defer func() { err = errors.Join(err, b.removeNetworks()) }()
	restore, err := wire.First()
	if err != nil {
		return err
	}
	defer restore()
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	steps := []step{
		{"leases a second", b.rates}, {"a lease at a steady rate", b.steadily}, {"delays", b.delays},
		{"a room at once", b.rooms}, {"many leases", b.sizes}, {"the engine alone", b.engine},
	}
	if steady {
		// it is too slow
		b.servers = slices.DeleteFunc(b.servers, func(s *server) bool { return s.name == "dnsmasq" })
		steps = steps[1:2]
	}
	for _, step := range steps {
		fmt.Fprintln(b.log, step.name)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return b.print(stdout, string(load))
}
