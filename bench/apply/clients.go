package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/wire"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
)

// askEvery is how often a client asks.
const askEvery = 5 * time.Millisecond

// tick is how long a receiver waits before it looks whether it is to end.
const tick = 20 * time.Millisecond

// clients are the hosts, behind a relay agent.
type clients struct {
	*wire.Relay
	xid uint32 // of the message before
}

func newClients(w *wire.Network) (*clients, error) {
	r, err := w.Listen()
	return &clients{Relay: r}, err
}

// offered asks once as h, and reports whether its address is offered.
func (c *clients) offered(h host) bool {
	c.xid++
	if c.SetWait(tick) != nil {
		return false
	}
	if c.Send(wire.AppendMessage(nil, packet.Discover, c.xid, h.mac, nil)) != nil {
		time.Sleep(tick) // nobody listens yet
	}
	a, err := c.Receive()
	return err == nil && a.Kind == packet.Offer && a.Addr == h.addr.As4()
}

// takeAll has the first n hosts take their leases.
func (c *clients) takeAll(ctx context.Context, n int) error {
	const atOnce = 64
	for first := 0; first < n; first += atOnce {
		var hosts []host
		for i := first; i < min(n, first+atOnce); i++ {
			hosts = append(hosts, hostAt(i))
		}
		for end := time.Now().Add(patience); len(hosts) > 0; {
			if ctx.Err() != nil || time.Now().After(end) {
				return errors.Join(fmt.Errorf("%d hosts get no lease, %s among them", len(hosts),
					hosts[0].name), ctx.Err())
			}
			left, err := c.take(hosts)
			if err != nil {
				return err
			}
			hosts = left
		}
	}
	return nil
}

// take has hosts ask once, and returns those that have no lease when nothing comes any more.
func (c *clients) take(hosts []host) (left []host, err error) {
	first := c.xid + 1
	c.xid += uint32(len(hosts))
	for i, h := range hosts {
		if err := c.Send(wire.AppendMessage(nil, packet.Discover, first+uint32(i), h.mac, nil)); err != nil {
			return nil, err
		}
	}
	left = slices.Clone(hosts)
	for len(left) > 0 {
		a, err := c.Receive()
		if wire.Nothing(err) {
			return left, nil
		}
		if err != nil {
			return nil, err
		}
		i := a.XID - first
		switch {
		case i >= uint32(len(hosts)) || a.Addr != hosts[i].addr.As4():
		case a.Kind == packet.Offer:
			if err := c.Send(wire.AppendMessage(nil, packet.Request, a.XID, hosts[i].mac, &a)); err != nil {
				return nil, err
			}
		case a.Kind == packet.ACK:
			left = slices.DeleteFunc(left, func(h host) bool { return h == hosts[i] })
		}
	}
	return left, nil
}

// A watch is two hosts that ask all the time: one of the site, and one that is to become so, which takes its
// lease as soon as it is offered the address that will be its own, and goes on asking: what that costs is
// always the same.
type watch struct {
	clients       *clients
	old, newcomer host
	first         uint32 // xid: even ones from here are of old
	got           atomic.Int64
	stop          chan struct{}
	ended         sync.WaitGroup

	// Read after the end.
	asked   int     // DISCOVERs of old
	answers []int64 // arrivals of their OFFERs, Unix time in nanoseconds
	err     error
}

func (c *clients) watch(old, newcomer host) *watch {
	w := &watch{clients: c, old: old, newcomer: newcomer, first: c.xid + 2 - c.xid%2,
		stop: make(chan struct{})}
	w.ended.Go(w.ask)
	w.ended.Go(w.receive)
	return w
}

// leased returns when newcomer got its lease, Unix time in nanoseconds; 0: not yet.
func (w *watch) leased() int64 { return w.got.Load() }

// ask asks until the watch ends. What cannot be sent, because nobody listens, is without an answer.
func (w *watch) ask() {
	every := time.NewTicker(askEvery)
	defer every.Stop()
	msg := make([]byte, 0, 512)
	for xid := w.first; ; xid += 2 {
		w.asked++
		_ = w.clients.Send(wire.AppendMessage(msg, packet.Discover, xid, w.old.mac, nil))
		_ = w.clients.Send(wire.AppendMessage(msg, packet.Discover, xid+1, w.newcomer.mac, nil))
		w.clients.xid = xid + 1
		select {
		case <-every.C:
		case <-w.stop:
			return
		}
	}
}

// answerTime is how long the last answers may take.
const answerTime = 500 * time.Millisecond

func (w *watch) receive() {
	msg := make([]byte, 0, 512)
	var over time.Time
	for over.IsZero() || time.Now().Before(over) {
		select {
		case <-w.stop:
			if over.IsZero() {
				over = time.Now().Add(answerTime)
			}
		default:
		}
		a, err := w.clients.Receive()
		switch {
		case wire.Nothing(err) || err == nil && a.XID-w.first > 1<<24: // of a watch before
		case err != nil:
			w.err = err
			return
		case (a.XID-w.first)%2 == 0:
			if a.Addr == w.old.addr.As4() {
				w.answers = append(w.answers, a.At)
			}
		case a.Addr != w.newcomer.addr.As4():
		case a.Kind == packet.Offer && w.leased() == 0:
			_ = w.clients.Send(wire.AppendMessage(msg, packet.Request, a.XID, w.newcomer.mac, &a))
		case a.Kind == packet.ACK:
			w.got.CompareAndSwap(0, a.At)
		}
	}
}

// end ends the watch, and returns the longest time between two answers to the old host, and how many of its
// messages had none.
func (w *watch) end() (gap time.Duration, lost int, err error) {
	close(w.stop)
	w.ended.Wait()
	slices.Sort(w.answers)
	for i, at := range w.answers {
		if i > 0 {
			gap = max(gap, time.Duration(at-w.answers[i-1]))
		}
	}
	return gap, w.asked - len(w.answers), w.err
}
