package main

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/wire"
	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/client"
	"github.com/gatehouse-os/gatehouse/services/ntp/conn"
	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel/kerneltest"
	ntpwire "github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// poll is how often a server is asked by chronyd, and compressed how many seconds of ours pass in one: where
// the engine asks each 64 s, it does so as often.
const (
	poll       = time.Second
	compressed = 64
)

// An ours is the engines of the time service over sockets, with a clock of its own in place of the machine's.
// Pauses in which no answer is waited for are left out.
//
//	question ─► a socket ─► relay … ─► arrivals ─► client ─ Estimate ─► discipline ─► clock
//	no exchange is open ─► the clock, and what the relays say, go forward to the next moment
type ours struct {
	network    *wire.Network
	began      time.Time
	pauses     atomic.Int64 // that were left out so far, in ns
	clock      *kerneltest.Clock
	asker      *conn.Asker
	client     *client.Client
	discipline *discipline.Discipline
	open       map[uint64]context.CancelFunc // exchanges
	arrivals   chan client.Answer
	asking     sync.WaitGroup

	sampled  time.Duration
	asked    int
	estimate figures // how wrong the estimate is
	wall     figures // how wrong the clock is that is corrected by it
}

// newOurs has the nth client ask its servers.
func newOurs(n *wire.Network, nth int) (*ours, error) {
	o := &ours{network: n, began: time.Now(), open: map[uint64]context.CancelFunc{},
		arrivals: make(chan client.Answer, 64)}
	o.clock = kerneltest.At(o.now, 0, 0)
	o.asker = conn.NewAsker(o)
	var conf ntp.Config
	for i := range servers {
		conf.Sources = append(conf.Sources, ntp.Source{Addrs: []netip.Addr{address(nth, i)}})
	}
	before := o.began.Add(-24 * time.Hour).UnixNano()
	kept := discipline.Kept{}
	var err error
	o.client, err = client.New(&conf, before, kept.Prior(), rand.Uint64)
	o.discipline = discipline.New(conf.Limit(), kept)
	return o, err
}

// now is the true time, as it is where pauses are left out.
func (o *ours) now() time.Time { return time.Now().Add(o.left()) }

func (o *ours) left() time.Duration { return time.Duration(o.pauses.Load()) }

// Now implements conn.Clock: what exchanges look at.
func (o *ours) Now() kernel.Reading { return o.clock.Now() }

// Ahead implements conn.Clock: the kernel marks packets by the machine's clock, which leaves out nothing.
func (o *ours) Ahead() time.Duration { return o.clock.Ahead() + o.left() }

// run goes on until ctx ends.
func (o *ours) run(ctx context.Context) {
	defer o.asking.Wait()
	defer func() {
		for id := range o.open {
			o.drop(id)
		}
	}()
	o.tend(o.discipline.Start(o.moment()))
	for ctx.Err() == nil {
		now := o.moment()
		if o.discipline.Next() <= now.Free {
			o.tend(o.discipline.Tick(now))
		}
		if o.client.Next() <= now.Free {
			o.act(o.client.Tick(now.Free))
		}
		o.sample()
		o.rest(ctx)
	}
}

// rest waits for an answer, or leaves out the pause to the next moment, but never gets ahead of compressed.
func (o *ours) rest(ctx context.Context) {
	pause := min(o.client.Next(), o.discipline.Next()) - o.clock.Now().Free
	if len(o.open) > 0 {
		select {
		case <-ctx.Done():
		case a := <-o.arrivals:
			o.act(o.client.Receive(o.moment().Free, a))
		case <-time.After(max(0, pause)):
		}
		return
	}
	real := time.Since(o.began)
	if early := pause + o.left() + real - compressed*real; early > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(early/compressed + time.Millisecond):
		}
		return
	}
	o.pauses.Add(int64(max(0, pause)))
}

func (o *ours) moment() discipline.Now {
	r := o.clock.Now()
	return discipline.Now{Free: r.Free, Wall: r.Real}
}

// act carries out what the client wants.
func (o *ours) act(actions []client.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case client.Ask:
			o.ask(a)
		case client.Drop:
			o.drop(a.Exchange)
		case client.Follow:
			o.tend(o.discipline.Follow(o.moment(), a.Estimate))
		}
	}
}

// tend carries out what the discipline wants.
func (o *ours) tend(actions []discipline.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case discipline.Step:
			_ = o.clock.Step(a.By) // this clock never fails
		case discipline.Tune:
			_ = o.clock.Tune(a)
		case discipline.Remeasure:
			o.act(o.client.Jumped(o.moment().Free))
		}
	}
}

// timesError is that of both times of an exchange, which are the kernel's.
const timesError = 4 * time.Microsecond

// ask sends a question; what comes is an arrival.
func (o *ours) ask(a client.Ask) {
	ctx, cancel := context.WithCancel(context.Background())
	o.open[a.Exchange] = cancel
	o.asked++
	to := netip.AddrPortFrom(a.To, ntpwire.Port)
	o.asking.Go(func() {
		_ = wire.In(o.network.Clients, func() error { // an error is a question without an answer
			return o.asker.Ask(ctx, to, a.Packet[:], func(got conn.Answer) bool {
				answer := client.Answer{
					Exchange: a.Exchange, Packet: slices.Clone(got.Octets), Sent: got.Sent.Free,
					Received: got.Received.Free, Error: timesError,
				}
				select {
				case o.arrivals <- answer:
				case <-ctx.Done():
				}
				return true
			})
		})
	})
}

func (o *ours) drop(id uint64) {
	if cancel := o.open[id]; cancel != nil {
		cancel()
	}
	delete(o.open, id)
}

// settle is how many polls go by before errors count, and sampling how many there are from one of them to the
// next.
const (
	settle   = 64
	sampling = 2
)

// sample notes how wrong it is.
func (o *ours) sample() {
	at := time.Since(o.began) + o.left()
	if at < settle*compressed*poll || at < o.sampled+sampling*compressed*poll {
		return
	}
	o.sampled = at
	now, wall := o.moment(), o.clock.Ahead()
	o.wall.add(wall)
	if e, ok := o.client.Estimate(); ok {
		o.estimate.add(time.Duration(int64(now.Free)+e.Ahead(now.Free).Offset-now.Wall) + wall)
	}
}
