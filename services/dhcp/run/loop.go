package run

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
)

const (
	// queueLen bounds the messages between the readers and the owner. More wait in
	// the sockets' buffers, and what does not fit there the kernel drops.
	queueLen = 512
	// maxBatch bounds how many messages share one sync.
	maxBatch = 256
	// bufferSize is more than any datagram that fits into an Ethernet frame.
	bufferSize = 2048
	// readPause keeps a socket that fails at once from taking all the time.
	readPause = 100 * time.Millisecond
)

// A message is what came in: n bytes in a buffer that goes back to s.buffers.
type message struct {
	subnet int
	buf    []byte
	n      int
}

// An item is a message that was decided.
type item struct {
	subnet int
	out    *dhcp.Outcome
}

// read receives on one link until its socket is closed.
func (s *Service) read(ctx context.Context, subnet int, c Conn) {
	failed := false
	for {
		var buf []byte
		select {
		case buf = <-s.buffers:
		case <-ctx.Done():
			return
		}
		n, err := c.Read(buf)
		if err != nil {
			s.buffers <- buf // never waits: there are no more buffers than fit
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			if !failed {
				s.log.Error("cannot receive", "subnet", s.conf.Subnets[subnet].Name, "err", err)
			}
			failed = true
			pause(ctx, readPause)
			continue
		}
		failed = false
		select {
		case s.queue <- message{subnet, buf, n}:
		case <-ctx.Done():
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// own is the owner's loop.
func (s *Service) own(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-s.calls:
			f()
		case m := <-s.queue:
			s.handle(m)
		}
	}
}

// handle decides about first and all that has queued up behind it. Replies that no
// lease depends on go out at once, the others after one sync for all.
func (s *Service) handle(first message) {
	now := s.now()
	s.batch = s.batch[:0]
	for n, m, more := 1, first, true; more; n++ {
		it := s.spare(m.subnet)
		s.engine.Handle(now, m.subnet, m.buf[:m.n], it.out)
		s.buffers <- m.buf // never waits: there are no more buffers than fit
		if len(it.out.Records) > 0 {
			s.batch = append(s.batch, it)
		} else {
			s.conclude(now, it)
		}
		m, more = s.next(n)
	}
	if len(s.batch) == 0 {
		return
	}
	err := s.store(now)
	for _, it := range s.batch {
		if err != nil {
			it.out.Drop, it.out.Reason = dhcp.DropNotStored, err.Error()
		}
		s.conclude(now, it)
	}
	s.compact(now)
}

// next returns a message that waits, if there is one and the batch of n has room.
func (s *Service) next(n int) (m message, ok bool) {
	if n == maxBatch {
		return message{}, false
	}
	select {
	case m = <-s.queue:
		return m, true
	default:
		return message{}, false
	}
}

// spare returns an item to decide into. Its outcome is that of an earlier batch.
func (s *Service) spare(subnet int) item {
	n := len(s.batch)
	it := s.batch[:n+1][n]
	if it.out == nil {
		it.out = new(dhcp.Outcome)
	}
	it.subnet = subnet
	s.batch[:n+1][n] = it
	return it
}

// conclude sends the reply, if one may be sent, and remembers what happened.
func (s *Service) conclude(now time.Time, it item) {
	if it.out.Drop == 0 && len(it.out.Reply) > 0 {
		if err := s.conns[it.subnet].Send(it.out.To, it.out.Reply); err != nil {
			it.out.Drop, it.out.Reason = dhcp.DropNotSent, err.Error()
		}
	}
	s.counts[it.subnet].add(it.out)
	s.recent.add(now, it.subnet, it.out)
	s.report(now, it)
}

// do has the owner run f and waits for it.
func (s *Service) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case s.calls <- func() { f(); close(done) }:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
