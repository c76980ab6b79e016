// Package generate asks a DNS server by UDP, many times a second and at little cost, for benchmarks: dnsperf
// uses up a processor at 100,000 queries a second, and then measures itself.
//
// It guarantees that datagrams are sent and received several to a system call, that an answer counts only if
// it is one to a query that is outstanding, and that what is sent at a pace does not wait for answers, so
// that a server that stops for a moment is seen to have stopped. What the queries are, and what the answers
// say, is left to others.
package generate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Options say who is asked what, and by whom.
type Options struct {
	Server netip.AddrPort
	// From are the clients, a socket and a thread or two for each; none: one, with an address of the system's
	// choice.
	From []netip.Addr
	// Queries are messages that are asked in turn, each with an id of its own: the first two octets are
	// replaced.
	Queries [][]byte
}

// A Generator has the sockets of the clients. One method may run at a time.
type Generator struct {
	clients []*client
}

// A Result is what came of asking.
type Result struct {
	Sent     uint64
	Answered uint64
	Lost     uint64 // sent, and not answered in time
	Strange  uint64 // answers to no query that was outstanding
	Rcodes   [16]uint64
	Took     time.Duration
	// Latency of Pace, of each answer, in order.
	Latency []time.Duration
	// Behind is how late Pace was at most with a query: what is more than a millisecond, the machine was too
	// busy for.
	Behind time.Duration
}

// PerSecond returns how many answers there were in a second.
func (r *Result) PerSecond() float64 { return float64(r.Answered) / r.Took.Seconds() }

// Percentile returns the latency that so many percent of the answers kept.
func (r *Result) Percentile(percent float64) time.Duration {
	if len(r.Latency) == 0 {
		return 0
	}
	i := int(percent / 100 * float64(len(r.Latency)))
	return r.Latency[min(i, len(r.Latency)-1)]
}

// String is the result for people.
func (r *Result) String() string {
	return fmt.Sprintf("%.0f answers/s, %d of %d lost, p50 %v p99 %v", r.PerSecond(), r.Lost, r.Sent,
		r.Percentile(50).Round(time.Microsecond), r.Percentile(99).Round(time.Microsecond))
}

// New opens the sockets, in the network namespace of the calling thread.
func New(o Options) (*Generator, error) {
	if len(o.Queries) == 0 {
		return nil, errors.New("generate: there is nothing to ask")
	}
	g := &Generator{}
	from := o.From
	if len(from) == 0 {
		from = []netip.Addr{{}}
	}
	for i, addr := range from {
		c, err := newClient(o.Server, addr, o.Queries, i*len(o.Queries)/len(from))
		if err != nil {
			return nil, errors.Join(err, g.Close())
		}
		g.clients = append(g.clients, c)
	}
	return g, nil
}

// Close closes the sockets.
func (g *Generator) Close() error {
	var errs []error
	for _, c := range g.clients {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}

// Flood asks as fast as the server answers: outstanding queries, in all, wait for an answer at any time. It
// ends when ctx does, or once total queries were sent; 0: as many as there are.
func (g *Generator) Flood(ctx context.Context, outstanding, total int) (*Result, error) {
	window := max(1, outstanding/len(g.clients))
	return g.each(func(i int, c *client) error {
		return c.flood(ctx, window, share(total, len(g.clients), i))
	})
}

// Pace asks rate times a second, whatever is answered, until ctx ends, and then waits for answers as long as
// one counts as an answer: Patience.
func (g *Generator) Pace(ctx context.Context, rate int) (*Result, error) {
	if rate < len(g.clients) {
		return nil, fmt.Errorf("generate: %d a second is less than one for each of %d clients", rate,
			len(g.clients))
	}
	return g.each(func(i int, c *client) error {
		every := time.Duration(float64(len(g.clients)) / float64(rate) * float64(time.Second))
		return c.pace(ctx, every, time.Duration(i)*every/time.Duration(len(g.clients)))
	})
}

// share returns the i-th of n parts of total; 0: there is no bound.
func share(total, n, i int) int {
	if total == 0 {
		return 0
	}
	return max(1, total*(i+1)/n-total*i/n)
}

// each runs all clients at a time, and adds up what came of it.
func (g *Generator) each(run func(int, *client) error) (*Result, error) {
	var running sync.WaitGroup
	errs := make([]error, len(g.clients))
	began := time.Now()
	for i, c := range g.clients {
		c.forget()
		running.Go(func() { errs[i] = run(i, c) })
	}
	running.Wait()
	all := &Result{}
	for _, c := range g.clients {
		all.add(&c.Result)
		all.Took = max(all.Took, c.last.Sub(began))
	}
	slices.Sort(all.Latency)
	return all, errors.Join(errs...)
}

func (r *Result) add(o *Result) {
	r.Sent += o.Sent
	r.Answered += o.Answered
	r.Lost += o.Lost
	r.Strange += o.Strange
	r.Behind = max(r.Behind, o.Behind)
	r.Latency = append(r.Latency, o.Latency...)
	for i, n := range o.Rcodes {
		r.Rcodes[i] += n
	}
}
