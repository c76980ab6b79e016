package run

import (
	"bytes"
	"context"
	"errors"
	"net"
	"runtime"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

const (
	// maxBatch bounds how many messages share one sync.
	maxBatch = 1024
	// batchCap is what a batch that has room for one more may come to: by all messages
	// that wait for a probe, and an address that is put aside.
	batchCap = maxBatch + maxProbes + 2
	// bufferSize is more than any datagram that fits into an Ethernet frame.
	bufferSize = 2048
	// turn is how long a goroutine may go on before it gives others a turn. After ten milliseconds Go's
	// scheduler would take it, and then look for more to take some thousand times a second.
	turn = 4 * time.Millisecond
	// readPause keeps a socket that fails at once from taking all the time.
	readPause = 100 * time.Millisecond
)

// A message is what came in by a link.
type message struct {
	link string
	from lease.MAC // the card that sent it; zero: it is not known
	data []byte
}

// clone returns m with memory of its own.
func (m message) clone() message { return message{m.link, m.from, bytes.Clone(m.data)} }

// An item is a message that was decided.
type item struct {
	link string // that its message came by
	lan  *lan   // that it is about
	out  *dhcp.Outcome
}

// read receives on one link until its socket is closed. Two do for each link: while one stores the other
// reads on.
func (s *Service) read(ctx context.Context, k *sockets) {
	buf, began := make([]byte, bufferSize), time.Now()
	for {
		if now := time.Now(); now.Sub(began) > turn {
			runtime.Gosched()
			began = now
		}
		var c *leasefile.Commit
		err := k.conn.Wait()
		if err == nil {
			c, err = s.take(k, buf)
		}
		switch {
		case err == nil:
			s.store(c)
			continue
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed) || errors.Is(err, errOver):
			return
		case !k.failing.Swap(true):
			s.log.Error("cannot receive", "subnet", k.subnet, "err", err)
		}
		pause(ctx, readPause)
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

// take decides about the next message, and returns what is to be made durable now. A reply that no lease
// depends on goes out at once, another when its lease is durable: all that are decided while one sync is
// under way share the next.
func (s *Service) take(k *sockets, buf []byte) (c *leasefile.Commit, err error) {
	over := s.when(s.hasRoom, func(now time.Time) {
		var n int
		var from lease.MAC
		if n, from, err = k.conn.Read(buf); n > 0 {
			k.failing.Store(false)
			s.decide(now, message{k.link, from, buf[:n]})
			c = s.next()
		}
	})
	return c, errors.Join(over, err)
}

// when runs f as soon as it may, alone; or returns errOver: the service ends before.
func (s *Service) when(may func() bool, f func(now time.Time)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.ended && !may() {
		s.turned.Wait()
	}
	if s.ended {
		return errOver
	}
	f(s.clock.now())
	return nil
}

func always() bool { return true }

// hasRoom reports whether what comes need not wait for the disk.
func (s *Service) hasRoom() bool { return len(s.batch) < maxBatch }

// own does what time brings, until ctx ends.
func (s *Service) own(ctx context.Context) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			_ = s.when(always, s.shorten)
			_ = s.when(always, s.date)
		case <-s.probes.timer.C:
			_ = s.when(s.hasRoom, s.unanswered)
		}
	}
}

// end has nothing be begun any more.
func (s *Service) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.turned.Broadcast()
}

// finish concludes what is under way: two batches at most.
func (s *Service) finish() {
	s.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.journal.committing {
		s.turned.Wait()
	}
}

// handle decides about a message that has waited.
func (s *Service) handle(now time.Time, m message) {
	s.decide(now, m)
	s.commit()
}

// decide decides about one message, unless its address must be looked for first.
func (s *Service) decide(now time.Time, m message) {
	at := s.byLink[m.link]
	if at == nil { // it waited while its network was taken out of the configuration
		return
	}
	it := s.spare(m.link)
	s.engine.Handle(now, at.index, m.from, m.data, it.out)
	it.lan = s.lans[it.out.Subnet]
	if it.out.Probe.IsValid() {
		if s.probe(now, m, it) {
			return
		}
		s.engine.Probed(now, it.out.Subnet, it.out.Probe, false, lease.MAC{}, it.out)
		s.engine.Handle(now, at.index, m.from, m.data, it.out)
	}
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

// do runs f alone. It waits until Run serves.
func (s *Service) do(ctx context.Context, f func()) error {
	select {
	case <-s.serving:
	case <-s.over:
		return errOver
	case <-ctx.Done():
		return ctx.Err()
	}
	for !s.mu.TryLock() { // it may hang, and who asks is to be told
		pause(ctx, time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	defer s.mu.Unlock()
	if s.ended {
		return errOver
	}
	f()
	return nil
}
