package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/bench/wire"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// A generator is a relay agent with clients, as perfdhcp is, but says of each ACK how long it took. Its
// clients come at a fixed rate whatever the server does (an open loop), and the arrival of an answer is what
// the kernel says, not when the generator got around to it.
type generator struct {
	*wire.Relay
	network *network
	msg     []byte // of the sender
}

// tick is how long the receiver waits before it looks whether it is to end.
const tick = 50 * time.Millisecond

func newGenerator(n *network) (*generator, error) {
	r, err := n.Listen()
	return &generator{r, n, make([]byte, 0, 512)}, err
}

// offered asks once, as a client that has a lease if anybody has, and reports whether an OFFER comes within
// limit.
func (g *generator) offered(limit time.Duration) bool {
	if g.SetWait(limit) != nil {
		return false
	}
	_, mac := holder(0)
	if g.Send(wire.AppendMessage(g.msg, packet.Discover, 1, mac, nil)) != nil {
		time.Sleep(limit) // nobody listens yet
		return false
	}
	a, err := g.Receive()
	return err == nil && a.Kind == packet.Offer
}

// delays says how long REQUESTs waited for their ACKs.
type delays struct {
	rate int             // clients a second
	sent int             // clients
	acks []time.Duration // sorted
	late time.Duration   // the most that the generator itself was late with a DISCOVER
}

// at returns the delay that a part of all clients, 0 to 1, did not exceed. Those without a lease waited for
// ever: ok is false if that many were.
func (d *delays) at(part float64) (delay time.Duration, ok bool) {
	i := int(part * float64(d.sent-1))
	if i < 0 || i >= len(d.acks) {
		return 0, false
	}
	return d.acks[i], true
}

// answerTime is how long the last clients may wait.
const answerTime = time.Second

// load has new clients take leases for a while, at a rate.
func (g *generator) load(rate int, long time.Duration) (delays, error) {
	n := max(1, int(float64(rate)*long.Seconds()))
	first := g.network.next
	g.network.next += uint32(n)
	asked := make([]atomic.Int64, n) // when each sent its REQUEST, Unix time in nanoseconds
	ended := make(chan received, 1)
	var stop atomic.Bool
	go func() { ended <- g.answer(first, asked, &stop) }()
	late, err := g.discover(first, n, time.Second/time.Duration(rate))
	for end := time.Now().Add(answerTime); err == nil && time.Now().Before(end) && len(ended) == 0; {
		time.Sleep(tick)
	}
	stop.Store(true)
	got := <-ended
	slices.Sort(got.acks)
	return delays{sent: n, acks: got.acks, late: late, rate: rate}, errors.Join(err, got.err)
}

// discover sends the DISCOVERs, each at its time.
func (g *generator) discover(first uint32, n int, every time.Duration) (late time.Duration, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := time.Now()
	for i := range n {
		due := time.Duration(i) * every
		if wait := due - time.Since(start); wait > 0 {
			t := unix.NsecToTimespec(int64(wait))
			_ = unix.Nanosleep(&t, nil) // the runtime's own timers are not as exact
		} else {
			late = max(late, -wait)
		}
		xid := first + uint32(i)
		if err := g.Send(wire.AppendMessage(g.msg, packet.Discover, xid, cardOf(xid), nil)); err != nil {
			return late, fmt.Errorf("send a DISCOVER: %w", err)
		}
	}
	return late, nil
}

type received struct {
	acks []time.Duration
	err  error
}

// answer sends a REQUEST for each OFFER and notes the ACKs.
func (g *generator) answer(first uint32, asked []atomic.Int64, stop *atomic.Bool) (r received) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if r.err = g.SetWait(tick); r.err != nil {
		return r
	}
	out := make([]byte, 0, 512)
	r.acks = make([]time.Duration, 0, len(asked))
	for !stop.Load() && len(r.acks) < len(asked) {
		a, err := g.Receive()
		if wire.Nothing(err) {
			continue
		}
		if err != nil {
			r.err = fmt.Errorf("receive an answer: %w", err)
			return r
		}
		i := a.XID - first
		if i >= uint32(len(asked)) {
			continue // it is late, of an earlier load
		}
		switch a.Kind {
		case packet.Offer:
			asked[i].Store(time.Now().UnixNano())
			if r.err = g.Send(wire.AppendMessage(out, packet.Request, a.XID, cardOf(a.XID),
				&a)); r.err != nil {
				return r
			}
		case packet.ACK:
			if at := asked[i].Swap(0); at != 0 {
				r.acks = append(r.acks, time.Duration(a.At-at))
			}
		case packet.NAK:
			r.err = fmt.Errorf("the server refuses %s what it has offered", cardOf(a.XID))
			return r
		}
	}
	return r
}

// cardOf returns the card of a client: one that perfdhcp does not use.
func cardOf(client uint32) lease.MAC {
	mac := lease.MAC{6, 0}
	binary.BigEndian.PutUint32(mac[2:], client)
	return mac
}
