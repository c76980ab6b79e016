package upstream

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"
)

// Connections of a server.
const (
	maxStreams   = 2
	maxWaiting   = 128             // questions outstanding on one
	connectTime  = 3 * time.Second // with the handshake
	writeTime    = 3 * time.Second
	quietMin     = 400 * time.Millisecond // of silence, then a probe; as long again: it is cut
	quietMax     = 2 * time.Second        // the same where the path itself takes long
	idleDefault  = 10 * time.Second       // of a connection, if its server says nothing
	idleMax      = 2 * time.Minute        // if it says something longer
	maxStreamBad = 16                     // answers to what was not asked, and the connection is given up
)

// A stream is one connection to a server, by TCP or TLS: questions are sent without waiting for answers,
// which come in any order (RFC 7766 section 6.2.1.1). It is usable before it is there. Its fields are
// guarded by the mutex of its peer.
type stream struct {
	p      *peer
	wake   chan struct{} // there is something in out
	over   chan struct{} // closed at its end
	cancel context.CancelFunc

	began    time.Time
	conn     net.Conn // nil while it is being made
	raw      net.Conn // below TLS
	out      []byte   // what is to be written
	waiting  map[uint16]*attempt
	quiet    time.Duration
	heard    time.Time // when something came last, or the first of those who wait was sent
	used     time.Time // when somebody waited last
	idle     time.Duration
	probed   bool // since it was heard
	retired  bool // takes no more questions
	undated  bool // the dates of the certificate are not looked at, or, once it is there, were not
	ended    bool
	answered int
	bad      int
	timer    *time.Timer
}

// attach sends an attempt over a connection of the peer, which is locked; it makes one if there is none
// that is fit, and no more than two.
func (p *peer) attach(a *attempt) {
	a.streamed = true
	var best *stream
	for _, s := range p.streams {
		if !s.retired && len(s.waiting) < maxWaiting && (best == nil || s.better(best)) {
			best = s
		}
	}
	if (best == nil || best.probed) && len(p.streams) < maxStreams && p.gone == nil {
		best = p.connect()
	}
	if best == nil {
		err := errBusy
		if p.gone != nil {
			err = p.gone
		}
		p.settle(a, err)
		a.deliver(result{peer: p, err: err})
		return
	}
	best.send(a)
}

// better reports whether a stream is fitter than another: not silent, and less used.
func (s *stream) better(than *stream) bool {
	if s.probed != than.probed {
		return than.probed
	}
	return len(s.waiting) < len(than.waiting)
}

// connect starts a connection of the peer, which is locked.
func (p *peer) connect() *stream {
	ctx, cancel := context.WithTimeout(p.world.ctx, connectTime)
	s := &stream{
		p: p, wake: make(chan struct{}, 1), over: make(chan struct{}), cancel: cancel,
		began: time.Now(), waiting: map[uint16]*attempt{}, idle: idleDefault,
		undated: p.tls != nil && p.world.doubtful(),
	}
	if s.undated {
		p.world.undated.Store(true)
	}
	p.streams = append(p.streams, s)
	p.world.running.Add(1)
	go s.run(ctx)
	return s
}

// send queues an attempt. The peer is locked.
func (s *stream) send(a *attempt) {
	now := time.Now()
	for {
		a.id = uint16(s.p.world.Rand())
		if _, taken := s.waiting[a.id]; !taken {
			break
		}
	}
	if len(s.waiting) == 0 && s.conn != nil {
		s.heard = now
		s.timer.Reset(s.quiet)
	}
	s.waiting[a.id] = a
	size := len(s.out)
	s.out = a.q.append(append(s.out, 0, 0), a.id, a.raw, s.p.form(true))
	binary.BigEndian.PutUint16(s.out[size:], uint16(len(s.out)-size-2))
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run makes the connection and reads from it until its end.
func (s *stream) run(ctx context.Context) {
	defer s.p.world.running.Done()
	defer s.cancel()
	raw, err := s.p.world.Dial(ctx, "tcp", s.p.server.Endpoint())
	path, conn, undated := time.Since(s.began), raw, s.undated
	if err == nil && s.p.tls != nil {
		conn, undated, err = s.p.handshake(ctx, raw, undated)
	}
	switch {
	case err == nil:
	case ctx.Err() == context.DeadlineExceeded:
		s.end(fmt.Errorf("no connection within %s", connectTime))
		return
	default:
		s.end(err)
		return
	}
	if !s.opened(conn, raw, path, undated) {
		_ = conn.Close()
		return
	}
	s.end(s.read(conn))
}

// opened takes the connection when it is there, and sends what has been queued. It reports false if it is
// over already.
func (s *stream) opened(conn, raw net.Conn, path time.Duration, undated bool) bool {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if s.ended {
		return false
	}
	now := time.Now()
	s.conn, s.raw, s.heard, s.used, s.undated = conn, raw, now, now, undated
	s.quiet = min(max(2*path, quietMin), quietMax)
	for _, a := range s.waiting {
		if !a.sent.IsZero() {
			a.sent = now
		}
	}
	s.timer = time.AfterFunc(s.quiet, s.look)
	s.p.world.running.Add(1)
	go s.write(conn)
	return true
}

// write sends what is queued, all of it at once.
func (s *stream) write(conn net.Conn) {
	defer s.p.world.running.Done()
	var b []byte
	for {
		select {
		case <-s.wake:
		case <-s.over:
			return
		}
		s.p.mu.Lock()
		b, s.out = s.out, b[:0]
		s.p.mu.Unlock()
		_ = conn.SetWriteDeadline(time.Now().Add(writeTime))
		if _, err := conn.Write(b); err != nil {
			s.end(err)
			return
		}
	}
}

// read gives answers to those who wait for them until the connection ends, and returns why it did.
func (s *stream) read(conn net.Conn) error {
	in := bufio.NewReaderSize(conn, 4096)
	for {
		var size [2]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return err
		}
		n := u16(size[:], 0)
		if n < headerLen {
			return fmt.Errorf("%w: it has %d octets", errGarbage, n)
		}
		b := make([]byte, n, n+fixedLen+1) // room for an OPT record
		if _, err := io.ReadFull(in, b); err != nil {
			return err
		}
		if err := s.take(b); err != nil {
			return err
		}
	}
}

// take finds who waits for an answer. It fails when too many are for nobody.
func (s *stream) take(b []byte) error {
	s.p.mu.Lock()
	s.heard, s.probed = time.Now(), false
	id := binary.BigEndian.Uint16(b)
	a := s.waiting[id]
	like := stranger
	if a != nil {
		like = compare(b, id, a.raw, false)
	}
	if like == stranger {
		s.p.count.Strays++
		s.bad++
		bad := s.bad
		s.p.mu.Unlock()
		if bad > maxStreamBad {
			return errSpoofed
		}
		return nil
	}
	delete(s.waiting, id)
	s.used = s.heard
	s.answered++
	s.p.mu.Unlock()
	r, err := a.q.read(b, s.p.tls != nil && !s.undated)
	switch {
	case err != nil:
		s.p.garbage()
	case u16(b, 2)&flagTC != 0:
		err = fmt.Errorf("%w: it is truncated, over TCP", errGarbage)
	case r.keepalive >= 0:
		s.keep(r.keepalive)
	}
	s.p.finish(a, r, err)
	return nil
}

// keep notes how long the server keeps an idle connection. Zero means: no more questions (RFC 7828 section
// 3.4).
func (s *stream) keep(idle time.Duration) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.idle, s.retired = min(idle, idleMax), idle == 0
	if !s.ended && len(s.waiting) == 0 {
		s.timer.Reset(s.idle)
	}
}

// look is called by the timer: it finds a connection that is silent, and closes one that is idle.
func (s *stream) look() {
	s.p.mu.Lock()
	if s.ended {
		s.p.mu.Unlock()
		return
	}
	now := time.Now()
	late := s.late(now)
	var end error
	switch silent := now.Sub(s.heard); {
	case len(s.waiting) == 0 && now.Sub(s.used) >= s.idle:
		end = errMoved
	case len(s.waiting) == 0:
		s.timer.Reset(s.idle - now.Sub(s.used))
	case silent >= 2*s.quiet:
		end = errCut
	case silent >= s.quiet:
		s.probed = true
		s.timer.Reset(2*s.quiet - silent)
		s.send(s.p.probe(patience))
	default:
		s.timer.Reset(s.quiet - silent)
	}
	s.p.mu.Unlock()
	for _, a := range late {
		s.p.finish(a, reply{}, errTimeout)
	}
	if end != nil {
		s.end(end)
	}
}

// late takes those out who no longer wait. Their answers, if they come, are strays.
func (s *stream) late(now time.Time) (late []*attempt) {
	for id, a := range s.waiting {
		if !now.Before(a.deadline) {
			late = append(late, a)
			delete(s.waiting, id)
			s.used = now
		}
	}
	return late
}

// end ends the connection for a reason, and all who wait with it.
func (s *stream) end(why error) {
	s.p.mu.Lock()
	if s.ended {
		s.p.mu.Unlock()
		return
	}
	s.ended = true
	close(s.over)
	if s.timer != nil {
		s.timer.Stop()
	}
	s.p.streams = slices.DeleteFunc(s.p.streams, func(other *stream) bool { return other == s })
	waiting, conn := s.waiting, s.raw
	if len(waiting) == 0 && errors.Is(why, errMoved) && s.p.gone == nil {
		conn = s.conn // with a farewell; on a path that is cut, that would take long
	}
	s.waiting = nil
	why = s.judge(why)
	s.p.mu.Unlock()
	s.cancel()
	if conn != nil {
		_ = conn.Close()
	}
	for _, a := range waiting {
		s.p.finish(a, reply{}, why)
	}
}

// isFault reports whether a connection ended because of how its server behaved on it.
func isFault(why error) bool {
	return errors.Is(why, errCut) || errors.Is(why, errSpoofed) || errors.Is(why, errGarbage)
}

// judge says what the end of a connection means for its server and for those who wait. The peer is locked.
func (s *stream) judge(why error) error {
	closed := errors.Is(why, io.EOF) || errors.Is(why, os.ErrClosed) || errors.Is(why, net.ErrClosed)
	switch {
	case s.p.gone != nil:
		return s.p.gone
	case errors.Is(why, errMoved):
		return errMoved
	case s.answered > 0 && !isFault(why):
		return errMoved // servers close what they think idle at any time: RFC 7766 section 6.2.3
	case closed:
		why = errors.New("it closes the connection without an answer")
	}
	if s.p.tls == nil {
		return why // UDP tells whether it is there
	}
	s.p.fail(why)
	if errors.Is(why, errCut) && len(s.p.streams) == 0 {
		s.p.connect().send(s.p.probe(patience)) // maybe only the connection was lost, in a NAT on the way
	}
	return why
}
