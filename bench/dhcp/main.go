// Command dhcp compares the DHCP server with Kea (memfile) and dnsmasq: all three in
// one run, one after the other, each in a network namespace of its own on a veth
// pair, with perfdhcp as the relay agent of as many clients as it takes.
//
// Ours syncs every lease before its ACK, as on the appliance; Kea and dnsmasq write
// and do not sync, as they always do. Nobody probes addresses. It needs root and the
// Debian packages kea-admin, kea-dhcp4-server and dnsmasq-base. Generator and server
// share the machine: read the ratios, and the load average in the first line.
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
	"text/tabwriter"
	"time"
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
	serveDir := flags.String("serve", "", "be our server, with the journal in `directory`; this command starts itself so")
	seconds := flags.Int("seconds", 4, "how many `seconds` each rate is tried")
	leases := flags.Int("leases", 100_000, "how many `leases` the memory is measured with; 0: it is not")
	if err := flags.Parse(args); err != nil || *seconds < 1 {
		return 2
	}
	var err error
	if *serveDir != "" {
		err = serve(ctx, *serveDir, stderr)
	} else {
		b := bench{trial: time.Duration(*seconds) * time.Second, leases: *leases, log: stderr}
		err = b.compare(ctx, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "dhcp:", err)
		return 1
	}
	return 0
}

// bench is one comparison.
type bench struct {
	trial  time.Duration
	leases int
	log    io.Writer
}

// result is what was measured of one server. Zero: not measured.
type result struct {
	name      string
	rate      float64       // leases (DORA) a second with less than 0.1 % lost
	ack       delays        // REQUEST to ACK at half of our rate, or of its own if that is less
	ackAt     int           // that rate
	avalanche time.Duration // until the last of the room has its lease
	rss       int           // kB with the leases
}

const (
	clientsInRoom = 3000
	lossAllowed   = 0.001
	// tries is how often a rate is tried before it counts as too high: what else runs
	// on the machine must not decide.
	tries = 3
)

func (b *bench) compare(ctx context.Context, stdout io.Writer) error {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var all []result
	half := 0
	for _, s := range []server{ours(self), kea(), dnsmasq()} {
		r, err := b.measure(ctx, s, half)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if half == 0 {
			half = r.ackAt
		}
		all = append(all, r)
	}
	fmt.Fprintf(stdout, "load average before: %s\n", strings.Join(strings.Fields(string(load))[:3], " "))
	return b.print(stdout, all)
}

// measure measures one server: the delays at half, or if that is 0 at half of what
// it can do.
func (b *bench) measure(ctx context.Context, s server, half int) (r result, err error) {
	r.name = s.name
	err = b.with(ctx, s, func(n *network, _ int) error {
		rate, best, err := b.search(ctx, n)
		if err != nil {
			return err
		}
		r.rate = best
		if r.ackAt = half; half == 0 || rate < half {
			r.ackAt = max(rate/2, 1)
		}
		rep, err := n.perfdhcp(ctx, r.ackAt, b.trial)
		r.ack = rep.ack
		return err
	})
	if err != nil {
		return r, err
	}
	err = b.with(ctx, s, func(n *network, _ int) error {
		r.avalanche, err = n.avalanche(ctx, clientsInRoom)
		return err
	})
	if err != nil || b.leases == 0 {
		return r, err
	}
	if need := float64(b.leases) / (r.rate / 2); need > 120 {
		fmt.Fprintf(b.log, "%s: %d leases would take %.0f s; its memory is not measured\n", s.name, b.leases, need)
		return r, nil
	}
	err = b.with(ctx, s, func(n *network, pid int) error {
		rate := int(r.rate / 2)
		if _, err := n.perfdhcp(ctx, rate, time.Duration(b.leases)*time.Second/time.Duration(rate)); err != nil {
			return err
		}
		r.rss, err = rss(pid)
		return err
	})
	return r, err
}

// with starts a server in fresh namespaces and ends it after f.
func (b *bench) with(ctx context.Context, s server, f func(n *network, pid int) error) (err error) {
	dir, err := os.MkdirTemp("", "gatehouse-bench-dhcp-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	n, err := newNetwork(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.remove()) }()
	p, err := n.start(ctx, s, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	return f(n, p.cmd.Process.Pid)
}

// search finds the highest rate that the server keeps up with: in steps of a half
// more until it does not, then once between. It returns the rate asked for and the
// leases a second that came of it.
func (b *bench) search(ctx context.Context, n *network) (rate int, best float64, err error) {
	try := func(r int) (bool, error) {
		for range tries {
			rep, err := n.perfdhcp(ctx, r, b.trial)
			if err != nil {
				return false, err
			}
			fmt.Fprintf(b.log, "asked for %d leases/s: %.0f/s, %.2f %% lost, ACK after %s on average\n", r, rep.rate, 100*rep.lost, rep.ack.avg)
			// A generator that falls behind has not shown that the server can do it.
			if rep.lost < lossAllowed && rep.rate > 0.9*float64(r) {
				if rep.rate > best {
					rate, best = r, rep.rate
				}
				return true, nil
			}
		}
		return false, nil
	}
	r, up := 250, 0
	for ; r < 30_000; r += r / 2 {
		ok, err := try(r)
		if err != nil {
			return 0, 0, err
		}
		if !ok {
			break
		}
		up = r
	}
	if up > 0 {
		_, err = try((up + r) / 2)
	} else {
		err = errors.New("it does not keep up with the lowest rate")
	}
	return rate, best, err
}

func (b *bench) print(w io.Writer, all []result) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	us := all[0]
	fmt.Fprintf(t, "server\tleases/s, < 0.1 %% lost\tREQUEST to ACK\t%d clients at once\tmemory with %d leases\n", clientsInRoom, b.leases)
	for _, r := range all {
		fmt.Fprintf(t, "%s\t%.0f (%.2f)\tavg %s, max %s at %d/s\t%s (%.2f)\t%s\n", r.name, r.rate, r.rate/us.rate,
			r.ack.avg, r.ack.max, r.ackAt, r.avalanche.Round(10*time.Millisecond), r.avalanche.Seconds()/us.avalanche.Seconds(), memory(r.rss, us.rss))
	}
	fmt.Fprintln(t, "In brackets: in relation to the first.")
	return t.Flush()
}

func memory(kb, ours int) string {
	if kb == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f MB (%.2f)", float64(kb)/1024, float64(kb)/float64(ours))
}
