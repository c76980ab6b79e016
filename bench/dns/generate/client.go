package generate

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/mmsg"
)

const (
	// batchSize is how many datagrams are sent or received at most at a time.
	batchSize = 32
	// Patience is how long a query waits for its answer before it counts as lost.
	Patience = 500 * time.Millisecond
	// messageSize is room for a query or an answer.
	messageSize = 4096
	// buffer is what the kernel may hold of answers, in octets, if the system's limit allows.
	buffer = 4 << 20
)

// A client is one socket that is connected to the server.
type client struct {
	Result
	fd      int
	queries [][]byte
	turn    int // the next of queries
	id      uint16
	began   time.Time
	last    time.Time // when the last answer came

	// sent is when the query of each id went, in nanoseconds since began and never 0; 0: none is outstanding.
	// It is all that sending and receiving have in common.
	sent [1 << 16]atomic.Int64

	out, in batch
}

// A batch is headers with room for messages.
type batch struct {
	headers  [batchSize]unix.Mmsghdr
	vectors  [batchSize]unix.Iovec
	messages [batchSize][messageSize]byte
}

func newClient(server netip.AddrPort, from netip.Addr, queries [][]byte, turn int) (*client, error) {
	c := &client{queries: queries, turn: turn}
	for _, b := range []*batch{&c.out, &c.in} {
		for i := range b.headers {
			b.vectors[i] = mmsg.Vector(b.messages[i][:])
			b.headers[i].Hdr.Iov = &b.vectors[i]
			b.headers[i].Hdr.SetIovlen(1)
		}
	}
	for _, q := range queries {
		if len(q) < 12 || len(q) > messageSize {
			return nil, fmt.Errorf("generate: a query of %d octets", len(q))
		}
	}
	return c, c.open(server, from)
}

func (c *client) open(server netip.AddrPort, from netip.Addr) (err error) {
	domain := unix.AF_INET
	if server.Addr().Is6() {
		domain = unix.AF_INET6
	}
	if c.fd, err = unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return os.NewSyscallError("socket", err)
	}
	if unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
		_ = unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
	}
	if from.IsValid() {
		err = os.NewSyscallError("bind", unix.Bind(c.fd, sockaddr(netip.AddrPortFrom(from, 0))))
	}
	if err == nil {
		err = os.NewSyscallError("connect", unix.Connect(c.fd, sockaddr(server)))
	}
	if err == nil {
		limit := unix.NsecToTimeval(int64(Patience))
		err = os.NewSyscallError("time limit",
			unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("generate: %w", err), unix.Close(c.fd))
	}
	return nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

func (c *client) close() error { return unix.Close(c.fd) }

// forget makes the client ready to begin.
func (c *client) forget() {
	c.Result = Result{}
	c.began, c.last = time.Now(), time.Now()
	for i := range c.sent {
		c.sent[i].Store(0)
	}
}

// send asks the next n questions, a batch at most, and returns how many went.
func (c *client) send(n int) (int, error) {
	now := max(1, int64(time.Since(c.began)))
	for i := range n {
		m := c.out.messages[i][:copy(c.out.messages[i][:], c.queries[c.turn])]
		binary.BigEndian.PutUint16(m, c.id)
		c.out.vectors[i].SetLen(len(m))
		if c.sent[c.id].Swap(now) != 0 {
			c.Lost++ // 65,536 queries ago
		}
		c.id++
		c.turn = (c.turn + 1) % len(c.queries)
	}
	for went := 0; went < n; {
		k, errno := mmsg.Send(c.fd, c.out.headers[went:n], 0)
		if errno == unix.ECONNREFUSED { // told once, of an earlier one: this one goes
			continue
		}
		if errno != 0 {
			return went, fmt.Errorf("generate: %w", os.NewSyscallError("sendmmsg", errno))
		}
		went += k
		c.Sent += uint64(k)
	}
	return n, nil
}

// receive waits for answers and notes them. It returns how many queries were answered, and whether nothing
// came in time.
func (c *client) receive(latency bool) (answered int, silence bool, err error) {
	n, errno := mmsg.Receive(c.fd, c.in.headers[:], unix.MSG_WAITFORONE)
	if errno != 0 && errno != unix.EAGAIN && errno != unix.ECONNREFUSED {
		return 0, false, fmt.Errorf("generate: %w", os.NewSyscallError("recvmmsg", errno))
	}
	now := time.Now()
	for i := range n {
		m := c.in.messages[i][:c.in.headers[i].Len]
		if len(m) < 12 || m[2]&0x80 == 0 {
			c.Strange++
			continue
		}
		sent := c.sent[binary.BigEndian.Uint16(m)].Swap(0)
		if sent == 0 {
			c.Strange++
			continue
		}
		answered++
		c.Rcodes[m[3]&0xf]++
		if latency {
			c.Latency = append(c.Latency, now.Sub(c.began)-time.Duration(sent))
		}
	}
	if answered > 0 {
		c.Answered += uint64(answered)
		c.last = now
	}
	return answered, errno == unix.EAGAIN, nil
}

// flood keeps window queries outstanding until total were sent, or ctx ends.
func (c *client) flood(ctx context.Context, window, total int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	outstanding := 0
	for {
		more := window - outstanding
		if total > 0 {
			more = min(more, total-int(c.Sent))
		}
		if ctx.Err() != nil {
			more = 0
		}
		if more = min(more, batchSize); more > 0 {
			lost := c.Lost
			n, err := c.send(more)
			if err != nil {
				return err
			}
			outstanding -= int(c.Lost - lost)
			if outstanding += n; outstanding < window && n == batchSize {
				continue // fill the window
			}
		}
		if outstanding == 0 {
			return nil
		}
		n, silence, err := c.receive(false)
		if err != nil {
			return err
		}
		if outstanding -= n; silence {
			c.Lost += uint64(outstanding)
			outstanding = 0
			c.drop()
		}
	}
}

// drop has no query outstanding any more: what comes now is strange.
func (c *client) drop() (dropped uint64) {
	for i := range c.sent {
		if c.sent[i].Swap(0) != 0 {
			dropped++
		}
	}
	return dropped
}

// pace sends a query at each turn of every, the first after offset.
func (c *client) pace(ctx context.Context, every, offset time.Duration) error {
	var receiver sync.WaitGroup
	var done atomic.Bool
	var received error
	receiver.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for {
			over := done.Load() // before: what was sent then has had its time
			_, silence, err := c.receive(true)
			if err != nil || silence && over {
				received = err
				return
			}
		}
	})
	err := c.ask(ctx, every, offset)
	done.Store(true)
	receiver.Wait()
	c.Lost += c.drop()
	return errors.Join(err, received)
}

// ask sends what is due, again and again.
func (c *client) ask(ctx context.Context, every, offset time.Duration) error {
	runtime.LockOSThread() // a thread that sleeps in the kernel wakes earlier than a goroutine does
	defer runtime.UnlockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)                    // ns: not 50 µs later than asked
	defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }() // the default again
	for ctx.Err() == nil {
		next := offset + time.Duration(c.Sent)*every // when the next is due
		late := time.Since(c.began) - next
		if late < 0 {
			rest := unix.NsecToTimespec(int64(-late))
			_ = unix.Nanosleep(&rest, nil) // woken early, it looks again
			continue
		}
		c.Behind = max(c.Behind, late)
		if _, err := c.send(int(min(late/every+1, batchSize))); err != nil {
			return err
		}
	}
	return nil
}
