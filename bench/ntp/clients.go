package main

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/bench/wire"
	"github.com/gatehouse-os/gatehouse/internal/mmsg"
)

const (
	// sources is how many clients there are, each with an address of network, which is the clients'
	// machine's.
	sources = 10_000
	network = "10.77.0.0/16"
	// patience is how long an answer is waited for.
	patience = 300 * time.Millisecond
	// batchSize is how many messages are sent or received at a time.
	batchSize = 16
	// slots is how many questions may be outstanding.
	slots = 1 << 16
	// size is that of a question, and of an answer.
	size = 48
)

// A result is what came of asking.
type result struct {
	answered int
	strange  int // among them, answers that say no time
	took     time.Duration
	latency  []time.Duration // in order
}

func (r *result) percentile(percent int) time.Duration {
	if len(r.latency) == 0 {
		return 0
	}
	return r.latency[min(len(r.latency)*percent/100, len(r.latency)-1)]
}

// clients ask by one socket, from all their addresses.
type clients struct {
	fd   int
	next uint64 // the number of the next question
	// sent is when the question of each slot went, in nanoseconds since began and never 0; 0: none is
	// outstanding.
	sent    [slots]atomic.Int64
	began   time.Time
	out, in batch
	result
}

// A batch is headers with room for messages, and for the address that each is sent from.
type batch struct {
	headers  [batchSize]unix.Mmsghdr
	vectors  [batchSize]unix.Iovec
	messages [batchSize][size]byte
	from     [batchSize]struct {
		head unix.Cmsghdr
		info unix.Inet4Pktinfo
	}
}

func newClients(n *wire.Network) (*clients, error) {
	c := &clients{}
	for _, b := range []*batch{&c.out, &c.in} {
		for i := range b.headers {
			b.vectors[i] = mmsg.Vector(b.messages[i][:])
			h, from := &b.headers[i].Hdr, &b.from[i]
			h.Iov = &b.vectors[i]
			h.SetIovlen(1)
			if b == &c.out {
				from.head = unix.Cmsghdr{Len: uint64(unix.CmsgLen(unix.SizeofInet4Pktinfo)),
					Level: unix.IPPROTO_IP, Type: unix.IP_PKTINFO}
				h.Control = (*byte)(unsafe.Pointer(from))
				h.SetControllen(int(unsafe.Sizeof(*from)))
			}
		}
	}
	return c, n.Among(c.open)
}

func (c *clients) open() (err error) {
	if c.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return os.NewSyscallError("socket", err)
	}
	const ntp, buffer = 123, 4 << 20
	// Not connected, or it would have one address. All go to one place.
	peer := &unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: netip.MustParseAddr(wire.ServerAddr).As4()}
	peer.Port = binary.NativeEndian.Uint16([]byte{ntp >> 8, ntp & 0xff})
	for i := range c.out.headers {
		h := &c.out.headers[i].Hdr
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(peer)), uint32(unsafe.Sizeof(*peer))
	}
	return errors.Join(
		unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer),
		unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 20_000}))
}

func (c *clients) close() error { return unix.Close(c.fd) }

// forget makes ready to begin.
func (c *clients) forget() {
	c.result, c.began = result{}, time.Now()
	for i := range c.sent {
		c.sent[i].Store(0)
	}
}

// send asks n questions, a batch at most, each from the next client.
func (c *clients) send(n int) error {
	now := max(1, int64(time.Since(c.began)))
	for i := range n {
		m, host := &c.out.messages[i], c.next%sources
		m[0] = 4<<3 | 3 // version 4, client
		binary.BigEndian.PutUint64(m[40:], c.next+1)
		c.out.from[i].info.Spec_dst = [4]byte{10, 77, byte(host >> 8), byte(host)}
		c.sent[(c.next+1)%slots].Store(now)
		c.next++
	}
	for went := 0; went < n; {
		k, errno := mmsg.Send(c.fd, c.out.headers[went:n], 0)
		if errno != 0 && errno != unix.ECONNREFUSED {
			return os.NewSyscallError("sendmmsg", errno)
		}
		went += k
	}
	return nil
}

// receive waits for answers and notes them; 0: none came in time.
func (c *clients) receive(latency bool) (int, error) {
	n, errno := mmsg.Receive(c.fd, c.in.headers[:], unix.MSG_WAITFORONE)
	if errno != 0 && errno != unix.EAGAIN && errno != unix.ECONNREFUSED {
		return 0, os.NewSyscallError("recvmmsg", errno)
	}
	now, got := time.Since(c.began), 0
	for i := range n {
		m := &c.in.messages[i]
		sent := c.sent[binary.BigEndian.Uint64(m[24:])%slots].Swap(0)
		if c.in.headers[i].Len != size || m[0]&7 != 4 || sent == 0 {
			continue
		}
		got++
		if m[1] != localStratum || m[0]>>6 == 3 {
			c.strange++
		}
		if latency {
			c.latency = append(c.latency, now-time.Duration(sent))
		}
	}
	c.answered += got
	return got, nil
}

// flood asks as fast as it can for some time, which is faster than a server answers, and leaves the answers
// unread: what it costs to read them would be the server's. answers counts them.
func (c *clients) flood(ctx context.Context, limit time.Duration, answers func() (int, error)) (result,
	error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c.forget()
	before, err := answers()
	for err == nil && ctx.Err() == nil && time.Since(c.began) < limit {
		err = c.send(batchSize)
	}
	after, counted := answers()
	c.took = time.Since(c.began)
	c.answered = after - before
	for err == nil { // those that had a place
		n, errno := mmsg.Receive(c.fd, c.in.headers[:], unix.MSG_WAITFORONE)
		if n == 0 || errno != 0 {
			break
		}
	}
	return c.result, errors.Join(err, counted, ctx.Err())
}

// pace asks so many questions, so many a second, whatever is answered, and waits for the answers.
func (c *clients) pace(ctx context.Context, asked, pace int) (result, error) {
	c.forget()
	var receiver sync.WaitGroup
	var over atomic.Bool
	var failed error
	receiver.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for c.answered < asked && !over.Load() {
			if _, err := c.receive(true); err != nil {
				failed = err
				return
			}
		}
	})
	err := c.ask(ctx, asked, pace)
	timer := time.AfterFunc(patience, func() { over.Store(true) })
	receiver.Wait()
	timer.Stop()
	c.took = time.Since(c.began)
	slices.Sort(c.latency)
	return c.result, errors.Join(err, failed)
}

// ask sends each at its time.
func (c *clients) ask(ctx context.Context, asked, pace int) error {
	runtime.LockOSThread() // a thread that sleeps in the kernel wakes earlier than a goroutine does
	defer runtime.UnlockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)                    // ns: not 50 µs later than asked
	defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }() // the default again
	every := time.Second / time.Duration(pace)
	for sent := 0; sent < asked && ctx.Err() == nil; {
		late := time.Since(c.began) - time.Duration(sent)*every
		if late < 0 {
			rest := unix.NsecToTimespec(int64(-late))
			_ = unix.Nanosleep(&rest, nil)
			continue
		}
		n := int(min(late/every+1, batchSize, time.Duration(asked-sent)))
		if err := c.send(n); err != nil {
			return err
		}
		sent += n
	}
	return ctx.Err()
}
