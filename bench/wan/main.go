// Command wan compares the way out by DHCP: our appliance, busybox udhcpc with a script, systemd-networkd.
// Each is a router between a LAN, where a host sends all the time, and a provider that answers at once; how
// long it takes from carrier, and from a lease that is another, to the host's first packet at the provider is
// seen from there, outside of all of them. They are measured by turns, each time started anew, so that what
// else the machine does hits all of them.
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
	"slices"
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
	flags := flag.NewFlagSet("wan", flag.ContinueOnError)
	flags.SetOutput(stderr)
	b := bench{log: stderr, subjects: subjects()}
	flags.IntVar(&b.rounds, "rounds", 9, "how often each is measured")
	flags.Func("only", "measure these only, `names` with commas", b.choose)
	if err := flags.Parse(args); err != nil || b.rounds < 1 || flags.NArg() > 0 {
		return 2
	}
	if err := b.compare(ctx, stdout); err != nil {
		fmt.Fprintln(stderr, "wan:", err)
		return 1
	}
	return 0
}

// bench is one comparison.
type bench struct {
	rounds   int
	subjects []subject
	log      io.Writer
	tools    tools
}

// choose leaves out the subjects that are not named.
func (b *bench) choose(text string) error {
	names := strings.Split(text, ",")
	b.subjects = slices.DeleteFunc(subjects(), func(s subject) bool {
		return !slices.Contains(names, s.name)
	})
	if len(b.subjects) != len(names) {
		return errors.New("expected names from the head of the table, such as gatehouse,networkd")
	}
	return nil
}

// tools are the programs that are built for the comparison.
type tools struct{ dir, box string }

func (b *bench) compare(ctx context.Context, stdout io.Writer) error {
	dir, err := os.MkdirTemp("", "gatehouse-bench-wan-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// Becoming their own users, services of others look for their files in here.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	b.tools = tools{dir: dir, box: filepath.Join(dir, "box")}
	build := exec.CommandContext(ctx, "go", "test", "-c", "-trimpath", "-ldflags", "-s -w", "-o", b.tools.box,
		"./appliance/cmd/gatehouse")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", build, err, out)
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
	all := make([]measured, len(b.subjects))
	for range b.rounds {
		for i, s := range b.subjects {
			t, err := b.round(ctx, s)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			fmt.Fprintf(b.log, "%s: %+v\n", s.name, t)
			all[i].name, all[i].rounds = s.name, append(all[i].rounds, t)
		}
	}
	return print(stdout, string(load), all)
}

// round measures a subject once.
func (b *bench) round(ctx context.Context, s subject) (t times, err error) {
	r, err := b.start(ctx, s)
	if r != nil {
		defer func() { err = errors.Join(err, r.close()) }()
	}
	if err != nil {
		return t, err
	}
	return r.measure(ctx)
}
