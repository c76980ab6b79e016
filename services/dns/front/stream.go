package front

import (
	"bufio"
	"encoding/binary"
	"errors"
	"math"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
)

// A stream is one connection (RFC 7766). Two goroutines have it: one reads and answers, one writes. Answers
// go in the order in which they are there (6.2.1.1).
type stream struct {
	conn   net.Conn
	from   netip.AddrPort
	limits Limits
	counts *counters
	over   chan struct{} // closed when both have ended

	taken *laterStream // by the worker, of the message that it has now

	mu      sync.Mutex
	changed sync.Cond // of what is below
	out     []byte    // answers to be written, each with its length before it
	waiting int       // how many answers are in out
	pending int       // queries that came and have no written answer, with those
	ended   bool      // no more is read
	closed  bool
	active  time.Time // when the last query came or the last answer went
	timer   *time.Timer
}

// keep is how large a buffer may be to be used again.
const keep = 16 << 10

func newStream(conn net.Conn, from netip.AddrPort, l Limits, c *counters) *stream {
	s := &stream{conn: conn, from: from, limits: l, counts: c, over: make(chan struct{}), active: time.Now()}
	s.changed.L = &s.mu
	s.mu.Lock() // look may be first
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(l.Idle, s.look)
	return s
}

// serve answers queries until the client sends no more and has all its answers, or takes too long.
func (s *stream) serve(w Worker) {
	defer close(s.over)
	var writer sync.WaitGroup
	writer.Go(s.write)
	s.read(w)
	s.mu.Lock()
	s.ended = true
	s.changed.Broadcast()
	s.mu.Unlock()
	writer.Wait()
	s.close()
}

// close ends the connection at once.
func (s *stream) close() {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.timer.Stop()
	s.changed.Broadcast()
	s.mu.Unlock()
	if first {
		_ = s.conn.Close() // there is nobody to be told
	}
}

// look closes the connection if it has been idle for too long.
func (s *stream) look() {
	s.mu.Lock()
	limit := s.limits.Idle
	if s.pending > 0 {
		limit = s.limits.Waiting
	}
	left := limit - time.Since(s.active)
	if left > 0 && !s.closed {
		s.timer.Reset(left)
	}
	s.mu.Unlock()
	if left <= 0 {
		s.close()
	}
}

// idle returns since when nothing has happened, and whether nothing is under way.
func (s *stream) idle() (since time.Time, quiet bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active, s.pending == 0
}

// read reads messages and has them answered.
func (s *stream) read(w Worker) {
	in := bufio.NewReaderSize(s.conn, 2+MaxQuery)
	var reply []byte
	for s.ready() {
		msg, err := s.next(in)
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				s.counts.slow.Add(1)
			}
			return
		}
		s.counts.tcp.queries.Add(1)
		s.taken = nil
		reply = w.Respond(time.Now(), reply[:0], msg, s)
		switch t := s.taken; {
		case t == nil:
			s.answer(reply)
		case len(reply) > 0 && !t.sent.Swap(true): // it came all the same
			s.answer(reply)
		}
		if _, err := in.Discard(2 + len(msg)); err != nil {
			return
		}
		if cap(reply) > keep {
			reply = nil
		}
	}
}

// ready waits until another query may be read.
func (s *stream) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.pending >= s.limits.Outstanding && !s.closed {
		s.changed.Wait()
	}
	return !s.closed
}

var errOversized = errors.New("the message is too long")

// next reads the next message. It is valid until something is read again.
func (s *stream) next(in *bufio.Reader) ([]byte, error) {
	if _, err := in.Peek(1); err != nil { // for as long as the connection may be idle
		return nil, err
	}
	n, err := s.whole(in)
	if err != nil {
		return nil, err
	}
	b, err := in.Peek(2 + n)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.pending++
	s.active = time.Now()
	s.mu.Unlock()
	return b[2:], nil
}

// whole waits until a message is there whose first octet is, and returns its length.
func (s *stream) whole(in *bufio.Reader) (n int, err error) {
	limited := false
	limit := func(octets int) error {
		if limited || in.Buffered() >= octets {
			return nil
		}
		limited = true
		return s.conn.SetReadDeadline(time.Now().Add(s.limits.Message))
	}
	if err := limit(2); err != nil {
		return 0, err
	}
	length, err := in.Peek(2)
	if err != nil {
		return 0, err
	}
	n = int(binary.BigEndian.Uint16(length))
	if n > MaxQuery {
		s.counts.oversized.Add(1)
		return 0, errOversized
	}
	if err := limit(2 + n); err != nil {
		return 0, err
	}
	if _, err := in.Peek(2 + n); err != nil {
		return 0, err
	}
	if limited {
		err = s.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// From implements resolver.Sender.
func (s *stream) From() netip.AddrPort { return s.from }

// Stream implements resolver.Sender.
func (s *stream) Stream() bool { return true }

// Later implements resolver.Sender.
func (s *stream) Later() resolver.Later {
	if s.taken == nil {
		s.taken = &laterStream{s: s}
	}
	return s.taken
}

// laterStream sends the answer to one query.
type laterStream struct {
	s    *stream
	sent atomic.Bool
}

// Send implements resolver.Later.
func (l *laterStream) Send(reply []byte) {
	if !l.sent.Swap(true) {
		l.s.answer(reply)
	}
}

// answer has the answer to a query written; an empty one is none. A client that leaves more untaken than it
// may loses its connection.
func (s *stream) answer(reply []byte) {
	if len(reply) > math.MaxUint16 {
		reply = nil
	}
	s.mu.Lock()
	full := !s.closed && len(s.out)+len(reply) > s.limits.Unread
	switch {
	case s.closed:
		s.counts.untaken.Add(uint64(min(len(reply), 1)))
	case len(reply) == 0:
		s.pending--
		s.active = time.Now()
	case !full:
		s.out = binary.BigEndian.AppendUint16(s.out, uint16(len(reply)))
		s.out = append(s.out, reply...)
		s.waiting++
	}
	s.changed.Broadcast()
	s.mu.Unlock()
	if full {
		s.counts.slow.Add(1)
		s.close()
	}
}

// write writes answers, all that there are at a time: lengths and messages so leave together (RFC 7766 8).
func (s *stream) write() {
	var b []byte
	for {
		var n int
		if b, n = s.take(b); n == 0 {
			return
		}
		err := s.conn.SetWriteDeadline(time.Now().Add(s.limits.Write))
		if err == nil {
			_, err = s.conn.Write(b)
		}
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				s.counts.slow.Add(1)
			}
			s.counts.untaken.Add(uint64(n))
			s.close()
			return
		}
		s.counts.tcp.replies.Add(uint64(n))
		s.wrote(n)
	}
}

// take waits for answers and returns them; 0: there will be none. written is a buffer for more.
func (s *stream) take(written []byte) (b []byte, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.waiting == 0 && !s.closed && (s.pending > 0 || !s.ended) {
		s.changed.Wait()
	}
	if s.closed {
		s.counts.untaken.Add(uint64(s.waiting))
		return nil, 0
	}
	if cap(written) > keep {
		written = nil
	}
	b, n = s.out, s.waiting
	s.out, s.waiting = written[:0], 0
	return b, n
}

// wrote notes that so many queries have their answer.
func (s *stream) wrote(n int) {
	s.mu.Lock()
	s.pending -= n
	s.active = time.Now()
	s.changed.Broadcast()
	s.mu.Unlock()
}
