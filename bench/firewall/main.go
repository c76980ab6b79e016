// Command firewall measures what the rules cost, ours beside those that somebody writes by hand, in one run:
//
//   - how long the kernel takes to have 20,000 networks and 500 rules, from the policy by package nft, and
//     from the same rules as text by nft(8);
//   - how many packets a box forwards by the reference site's policy and by a minimal ruleset, in network
//     namespaces;
//   - how that changes from 10 to 1,000 forwards and rules about hosts;
//   - how many packets the appliance forwards in QEMU with a flowtable and without.
//
// Packets are the smallest there are, raw frames on a veth pair, so that the cost of rules is as large a part
// as it gets. The kernel forwards them in the thread that sends them: a second is one of that thread's
// processor time, and other work on the machine counts little. Still, compare what one run says, never
// numbers of two machines. It needs root, nft(8), ip(8), ssh(1) and QEMU, and runs from the source directory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("firewall", flag.ContinueOnError)
	flags.SetOutput(stderr)
	b := bench{log: stderr}
	flags.StringVar(&b.site, "site", "examples/home", "the site `directory` whose policy is measured")
	flags.IntVar(&b.loads, "loads", 11, "how `often` each way of loading is measured")
	flags.IntVar(&b.rounds, "rounds", 200, "how `many` slices of each kind of traffic are measured")
	flags.IntVar(&b.guest, "guest", 7, "how `often` the guest is measured with and without flowtable; 0: there is none")
	rules := flags.Bool("rules", false, "load rules on an appliance; this command starts itself so there")
	if err := flags.Parse(args); err != nil || b.loads < 1 || b.rounds < 4 || b.guest < 0 {
		return 2
	}
	var err error
	if *rules {
		err = serveRules(stdin, stdout)
	} else {
		err = b.compare(ctx, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "firewall:", err)
		return 1
	}
	return 0
}

// bench is one comparison.
type bench struct {
	site                 string
	loads, rounds, guest int
	log                  io.Writer
}

func (b bench) compare(ctx context.Context, stdout io.Writer) (err error) {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gatehouse-bench-firewall-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	policy, err := reference(b.site)
	if err != nil {
		return err
	}
	var all []row
	for _, part := range []func() ([]row, error){
		func() ([]row, error) { return loads(ctx, dir, b.loads) },
		func() ([]row, error) { return forwarding(ctx, policy, b.rounds) },
		func() ([]row, error) { return growth(ctx, b.rounds/4) },
		func() ([]row, error) { return b.shortcut(ctx, dir) },
	} {
		rows, err := part()
		if err != nil {
			return err
		}
		all = append(all, rows...)
	}
	fmt.Fprintf(stdout, "load average before: %s\n", strings.Join(strings.Fields(string(load))[:3], " "))
	return write(stdout, all)
}

func (b bench) shortcut(ctx context.Context, dir string) ([]row, error) {
	if b.guest == 0 {
		return nil, nil
	}
	r, err := shortcut(ctx, dir, b.site, b.guest, b.log)
	return []row{r}, err
}
