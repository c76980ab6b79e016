package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/services/dhcp/packet"
)

// A generator is a relay agent with clients, as perfdhcp is, but says of each ACK how long it took. Its clients come at
// a fixed rate whatever the server does (an open loop), and the arrival of an answer is what the kernel says, not when
// the generator got around to it.
type generator struct {
	fd      int
	network *network
	msg     []byte // of the sender
	reply   []byte // of the receiver
	control []byte
}

// socketBuffer is room for more answers than a server sends while the generator does not look.
const socketBuffer = 32 << 20

// tick is how long the receiver waits before it looks whether it is to end.
const tick = 50 * time.Millisecond

func newGenerator(n *network) (*generator, error) {
	g := &generator{network: n, msg: make([]byte, 0, 512), reply: make([]byte, 2048), control: make([]byte, unix.CmsgSpace(timeLen))}
	return g, n.among(func() (err error) {
		if g.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		wait := unix.NsecToTimeval(int64(tick))
		err = errors.Join(
			unix.SetsockoptInt(g.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer),
			unix.SetsockoptInt(g.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
			unix.SetsockoptTimeval(g.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait),
			unix.Bind(g.fd, &unix.SockaddrInet4{Port: 67, Addr: netip.MustParseAddr(relayAddr).As4()}),
			unix.Connect(g.fd, &unix.SockaddrInet4{Port: 67, Addr: netip.MustParseAddr(serverAddr).As4()}))
		if err != nil {
			return fmt.Errorf("socket of the load generator: %w", errors.Join(err, unix.Close(g.fd)))
		}
		return nil
	})
}

func (g *generator) close() { _ = unix.Close(g.fd) }

// offered asks once, as a client that has a lease if anybody has, and reports whether an OFFER comes within limit.
func (g *generator) offered(limit time.Duration) bool {
	wait := unix.NsecToTimeval(int64(limit))
	if unix.SetsockoptTimeval(g.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait) != nil {
		return false
	}
	_, mac := holder(0)
	if unix.Send(g.fd, appendMessage(g.msg, packet.Discover, 1, mac, nil), 0) != nil {
		time.Sleep(limit) // nobody listens yet
		return false
	}
	a, err := g.receive()
	return err == nil && a.kind == packet.Offer
}

// delays says how long REQUESTs waited for their ACKs.
type delays struct {
	rate int             // clients a second
	sent int             // clients
	acks []time.Duration // sorted
	late time.Duration   // the most that the generator itself was late with a DISCOVER
}

// at returns the delay that a part of all clients, 0 to 1, did not exceed. Those without a lease waited for ever: ok
// is false if that many were.
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
		if err := unix.Send(g.fd, appendMessage(g.msg, packet.Discover, xid, cardOf(xid), nil), 0); err != nil {
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
	wait := unix.NsecToTimeval(int64(tick))
	if r.err = unix.SetsockoptTimeval(g.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); r.err != nil {
		return r
	}
	out := make([]byte, 0, 512)
	r.acks = make([]time.Duration, 0, len(asked))
	for !stop.Load() && len(r.acks) < len(asked) {
		a, err := g.receive()
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNREFUSED) {
			continue
		}
		if err != nil {
			r.err = fmt.Errorf("receive an answer: %w", err)
			return r
		}
		i := a.xid - first
		if i >= uint32(len(asked)) {
			continue // it is late, of an earlier load
		}
		switch a.kind {
		case packet.Offer:
			asked[i].Store(time.Now().UnixNano())
			if r.err = unix.Send(g.fd, appendMessage(out, packet.Request, a.xid, cardOf(a.xid), &a), 0); r.err != nil {
				return r
			}
		case packet.ACK:
			if at := asked[i].Swap(0); at != 0 {
				r.acks = append(r.acks, time.Duration(a.at-at))
			}
		case packet.NAK:
			r.err = fmt.Errorf("the server refuses %s what it has offered", cardOf(a.xid))
			return r
		}
	}
	return r
}

// receive waits for an answer.
func (g *generator) receive() (a answer, err error) {
	n, nc, _, _, err := unix.Recvmsg(g.fd, g.reply, g.control, 0)
	if err != nil {
		return a, err
	}
	if a, err = parseAnswer(g.reply[:n]); err != nil {
		return a, err
	}
	a.at, err = parseTimestamp(g.control[:nc])
	return a, err
}

// timeLen is the length of a timestamp: two 64-bit numbers.
const timeLen = 16

// parseTimestamp reads SO_TIMESTAMPNS: Unix time in nanoseconds.
func parseTimestamp(control []byte) (int64, error) {
	all, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(all) != 1 || all[0].Header.Type != unix.SCM_TIMESTAMPNS || len(all[0].Data) < timeLen {
		return 0, errors.Join(errors.New("an answer without the time of its arrival"), err)
	}
	seconds, rest := binary.NativeEndian.Uint64(all[0].Data), binary.NativeEndian.Uint64(all[0].Data[8:])
	return int64(seconds)*int64(time.Second) + int64(rest), nil
}
