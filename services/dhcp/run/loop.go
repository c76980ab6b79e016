package run

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

const (
	// queueLen bounds the messages between the readers and the owner. More wait in
	// the sockets' buffers, and what does not fit there the kernel drops.
	queueLen = 512
	// burst is how many messages are decided before the owner looks what else there is.
	burst = 64
	// maxBatch bounds how many messages share one sync.
	maxBatch = 1024
	// batchCap is what a batch that has room for one more may come to: by all messages
	// that wait for a probe, and an address that is put aside.
	batchCap = maxBatch + maxProbes + 2
	// bufferSize is more than any datagram that fits into an Ethernet frame.
	bufferSize = 2048
	// readPause keeps a socket that fails at once from taking all the time.
	readPause = 100 * time.Millisecond
)

// A message is what came in: n bytes in a buffer that goes back to s.buffers.
type message struct {
	link string // that it came by
	buf  []byte
	n    int
}

// An item is a message that was decided.
type item struct {
	link string // that its message came by
	lan  *lan   // that it is about
	out  *dhcp.Outcome
}

// read receives on one link until its socket is closed.
func (s *Service) read(ctx context.Context, k *sockets) {
	failed := false
	for {
		var buf []byte
		select {
		case buf = <-s.buffers:
		case <-ctx.Done():
			return
		}
		n, err := k.conn.Read(buf)
		if err != nil {
			s.buffers <- buf // never waits: there are no more buffers than fit
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			if !failed {
				s.log.Error("cannot receive", "subnet", k.subnet, "err", err)
			}
			failed = true
			pause(ctx, readPause)
			continue
		}
		failed = false
		select {
		case s.queue <- message{k.link, buf, n}:
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
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	s.commit() // what load has found to say
	for {
		queue, rewritten := s.queue, s.journal.rewritten
		answers, timer := s.probes.answers, s.probes.timer.C
		if len(s.batch) >= maxBatch { // what comes waits for the disk
			queue, answers, timer = nil, nil, nil
		}
		if s.journal.committing {
			rewritten = nil // settle looks after it
		}
		select {
		case <-ctx.Done():
			return
		case f := <-s.calls:
			f()
		case <-look.C:
			s.compact(s.clock.now())
		case m := <-queue:
			s.handle(m)
		case c := <-s.journal.committed:
			s.settle(c)
		case a := <-answers:
			s.answered(s.clock.now(), a)
		case <-timer:
			s.unanswered(s.clock.now())
		case r := <-rewritten:
			s.replaceJournal(s.clock.now(), r)
		}
	}
}

// finish concludes what the owner leaves behind: two batches at most.
func (s *Service) finish() {
	for s.journal.committing {
		s.settle(<-s.journal.committed)
	}
}

// handle decides about first and what has queued up behind it, some messages at a
// time. Replies that no lease depends on go out at once, the others when their leases
// are durable: all that are decided while one sync is under way share the next.
func (s *Service) handle(first message) {
	now := s.clock.now()
	for n, m, more := 1, first, true; more; n++ {
		s.decide(now, m)
		m, more = s.next(n)
	}
	s.commit()
}

// next returns a message that waits, if there is one, it is not the turn of something
// else after n of them, and the batch has room.
func (s *Service) next(n int) (m message, ok bool) {
	if n == burst || len(s.batch) >= maxBatch {
		return message{}, false
	}
	select {
	case m = <-s.queue:
		return m, true
	default:
		return message{}, false
	}
}

// decide decides about one message, unless its address must be looked for first.
func (s *Service) decide(now time.Time, m message) {
	at := s.byLink[m.link]
	if at == nil { // it waited while its network was taken out of the configuration
		s.buffers <- m.buf
		return
	}
	it := s.spare(m.link)
	s.engine.Handle(now, at.index, m.buf[:m.n], it.out)
	it.lan = s.lans[it.out.Subnet]
	if it.out.Probe.IsValid() {
		if s.probe(now, m, it) {
			return
		}
		s.engine.Probed(now, it.out.Subnet, it.out.Probe, false, lease.MAC{}, it.out)
		s.engine.Handle(now, at.index, m.buf[:m.n], it.out)
	}
	s.buffers <- m.buf // never waits: there are no more buffers than fit
	s.dispose(now, it)
}

// dispose has an item wait for its records, or concludes it. While the disk fails
// nothing waits.
func (s *Service) dispose(now time.Time, it item) {
	j := &s.journal
	switch {
	case len(it.out.Records) == 0:
	case j.err != nil && now.Before(j.retryAt):
		it.out.Drop, it.out.Reason = dhcp.DropNotStored, j.err.Error()
	default:
		s.batch = append(s.batch, it)
		return
	}
	s.conclude(now, it)
}

// spare returns an item to decide into. Its outcome is that of an earlier batch.
func (s *Service) spare(link string) item {
	n := len(s.batch)
	it := s.batch[:n+1][n]
	if it.out == nil {
		it.out = new(dhcp.Outcome)
	}
	it.link = link
	s.batch[:n+1][n] = it
	return it
}

// conclude sends the reply, if one may be sent, and remembers what happened.
func (s *Service) conclude(now time.Time, it item) {
	if it.lan == nil { // what load has found to say: nobody waits for it
		it.out.Records = nil
		return
	}
	if it.out.Drop == 0 && len(it.out.Reply) > 0 {
		if err := s.send(it); err != nil {
			it.out.Drop, it.out.Reason = dhcp.DropNotSent, err.Error()
		}
	}
	it.lan.counts.add(it.out)
	s.history.add(now, it.lan.Name, it.out)
	s.report(now, it.lan, it.out)
}

// send sends the reply by the link that its message came by.
func (s *Service) send(it item) error {
	at := s.byLink[it.link]
	if at == nil || at.sockets == nil {
		return links.ErrAbsent
	}
	return at.sockets.conn.Send(it.out.To, it.out.Reply)
}

var errOver = errors.New("the service has ended")

// do has the owner run f and waits for it. It waits until Run serves, too.
func (s *Service) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case s.calls <- func() { f(); close(done) }:
		<-done // the owner has it, and does not wait
		return nil
	case <-s.over:
		return errOver
	case <-ctx.Done():
		return ctx.Err()
	}
}
