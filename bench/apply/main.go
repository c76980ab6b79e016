// Command apply compares how a host is added to a site: our appliance with `gatehouse apply`, Kea (memfile)
// with config-reload, and dnsmasq with SIGHUP. All have the same hosts, all of which have leases, and run in
// one run, each in a network namespace of its own; the changes are made by turns, so that what else the
// machine does hits all of them.
//
// Ours is the whole appliance as its tests run it: process 1 in a root directory of its own, its firewall,
// its network and its services as processes that drop to their users. README.md says how each figure comes
// about.
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

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("apply", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 7, "how many hosts are added to each, one after the other")
	alone := flags.Bool("alone", false, "leave out the others")
	sizes := []int{10, 1000, 10_000}
	flags.Func("hosts", "how many hosts the sites have, `numbers` with commas (default 10,1000,10000)",
		func(text string) (err error) {
			sizes, err = numbers(text)
			return err
		})
	if err := flags.Parse(args); err != nil || *rounds < 1 || flags.NArg() > 0 {
		return 2
	}
	b := bench{rounds: *rounds, log: stderr, programs: programs()}
	if *alone {
		b.programs = b.programs[:1]
	}
	if err := b.compare(ctx, sizes, stdout); err != nil {
		fmt.Fprintln(stderr, "apply:", err)
		return 1
	}
	return 0
}

func numbers(text string) (all []int, err error) {
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, errors.New("expected numbers of hosts, such as 10,1000")
		}
		all = append(all, n)
	}
	return all, nil
}

// bench is one comparison.
type bench struct {
	rounds   int
	programs []program
	log      io.Writer
	tools    tools
	sizes    []sized
}

// sized is what was measured with so many hosts, by the order of the servers.
type sized struct {
	hosts   int
	servers []measured
}

// tools are the programs that are built for the comparison, and the administrator's key.
type tools struct{ dir, box, push, key string }

func (b *bench) compare(ctx context.Context, sizes []int, stdout io.Writer) error {
	dir, err := os.MkdirTemp("", "gatehouse-bench-apply-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if b.tools, err = makeTools(ctx, dir); err != nil {
		return err
	}
	restore, err := wire.First()
	if err != nil {
		return err
	}
	defer restore()
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	for _, n := range sizes {
		fmt.Fprintf(b.log, "%d hosts\n", n)
		s, err := b.size(ctx, n)
		if err != nil {
			return fmt.Errorf("%d hosts: %w", n, err)
		}
		b.sizes = append(b.sizes, s)
	}
	return b.print(stdout, string(load))
}

// makeTools builds the appliance as its tests run it, and the push command, and makes a key.
func makeTools(ctx context.Context, dir string) (tools, error) {
	t := tools{dir: dir, box: filepath.Join(dir, "box"), push: filepath.Join(dir, "push"),
		key: filepath.Join(dir, "key")}
	for _, args := range [][]string{
		{"go", "test", "-c", "-trimpath", "-ldflags", "-s -w", "-o", t.box, "./appliance/cmd/gatehouse"},
		{"go", "build", "-trimpath", "-o", t.push, "./appliance/cmd/push"},
		{"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", t.key},
	} {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return t, fmt.Errorf("%s: %w\n%s", args[0], err, out)
		}
	}
	return t, nil
}

// size adds hosts to the site of n hosts of each server, by turns.
func (b *bench) size(ctx context.Context, n int) (z sized, err error) {
	z = sized{hosts: n, servers: make([]measured, len(b.programs))}
	running := make([]*server, len(z.servers))
	defer func() {
		for _, s := range running {
			if s != nil {
				err = errors.Join(err, s.end())
			}
		}
	}()
	for i, p := range b.programs {
		if running[i], err = b.start(ctx, p, n); err != nil {
			return z, fmt.Errorf("%s: %w", p.name, err)
		}
		z.servers[i].name, z.servers[i].signal = p.name, p.signal
	}
	for range b.rounds {
		for i, s := range running {
			c, err := s.add(ctx)
			if err != nil {
				return z, fmt.Errorf("%s: %w", s.name, err)
			}
			fmt.Fprintf(b.log, "  %s: %v\n", s.name, c)
			z.servers[i].changes = append(z.servers[i].changes, c)
		}
	}
	for i, s := range running {
		if s.push == nil {
			continue
		}
		if z.servers[i].push, err = s.push(ctx, s.next+1); err != nil {
			return z, fmt.Errorf("%s: push: %w", s.name, err)
		}
	}
	return z, nil
}
