package run

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/conn"
)

const (
	// linkPause is how long to wait for what comes along with a change of links.
	linkPause = 100 * time.Millisecond
	// firstRetry, and twice as much each time up to lastRetry, is how long until sockets
	// that could not be opened for another reason than a missing link are tried again.
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// A lan is one subnet with what is open for it.
type lan struct {
	conn    Conn           // nil: not served by sockets of its own
	prober  Prober         // nil: not probed
	readers sync.WaitGroup // of both
	told    string         // what the log was last told
}

// An opener opens the sockets of a subnet, the one of that index.
type opener func(sub *dhcp.Subnet, index int) (Conn, Prober, error)

// opener returns what o opens sockets with.
func (o *Options) opener() opener {
	listen, probe := o.Listen, o.Probe
	if listen == nil {
		listen = func(link string, source netip.Addr) (Conn, error) { return conn.Open(link, source) }
	}
	if probe == nil {
		probe = openProber
	}
	return func(sub *dhcp.Subnet, index int) (c Conn, p Prober, err error) {
		if !sub.Relayed {
			if c, err = listen(sub.Interface, sub.Address); err != nil {
				return nil, nil, err
			}
		}
		if sub.Probe > 0 {
			p, err = probe(sub, index)
		}
		switch {
		case err == nil:
			return c, p, nil
		case c != nil:
			err = errors.Join(err, c.Close())
		}
		return nil, nil, err
	}
}

// begin opens the sockets of a subnet for the first time. A missing link is no error.
func (s *Service) begin(i int) error {
	c, p, err := s.open(&s.conf.Subnets[i], i)
	if err != nil && !errors.Is(err, conn.ErrAbsent) {
		return err
	}
	s.tell(i, err)
	s.lans[i].conn, s.lans[i].prober = c, p
	s.conns[i], s.probes.probers[i], s.absent[i] = c, p, reason(err)
	return nil
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// attend reads from the sockets of all LANs, and keeps them those of the links that
// are there, until ctx ends.
func (s *Service) attend(ctx context.Context) {
	for i := range s.lans {
		s.receive(ctx, i)
	}
	var retry <-chan time.Time
	var delay time.Duration
	for {
		select {
		case <-ctx.Done():
			return
		case <-retry:
		case <-s.changed:
			pause(ctx, linkPause)
			delay = 0
		}
		retry = nil
		if !s.tendAll(ctx) {
			delay = min(max(firstRetry, 2*delay), lastRetry)
			retry = time.After(delay)
		}
	}
}

// tendAll tends all LANs. It reports false when that is to be tried again.
func (s *Service) tendAll(ctx context.Context) bool {
	done := true
	for i := range s.lans {
		done = s.tend(ctx, i) && done
	}
	return done
}

// receive starts to read from the sockets of a subnet.
func (s *Service) receive(ctx context.Context, i int) {
	l := &s.lans[i]
	if c := l.conn; c != nil {
		l.readers.Go(func() { s.read(ctx, i, c) })
	}
	if p := l.prober; p != nil {
		l.readers.Go(func() { s.listen(ctx, i, p) })
	}
}

// tend looks at one LAN: closes sockets of a link that is gone, opens those of one
// that is there. Its result is that of tendAll.
func (s *Service) tend(ctx context.Context, i int) bool {
	sub, l := &s.conf.Subnets[i], &s.lans[i]
	if sub.Relayed {
		return true
	}
	if l.conn != nil {
		err := l.conn.Check()
		if !errors.Is(err, conn.ErrAbsent) {
			return err == nil
		}
		s.tell(i, err)
		if s.hand(ctx, i, nil, nil, err) != nil {
			return false
		}
		_ = l.close() // of a link that is gone: there is nothing to lose
	}
	c, p, err := s.open(sub, i)
	s.tell(i, err)
	l.conn, l.prober = c, p
	if s.hand(ctx, i, c, p, err) == nil && err == nil {
		s.receive(ctx, i)
	}
	return err == nil || errors.Is(err, conn.ErrAbsent)
}

// hand gives the owner the sockets of a subnet, or none and the reason. Its error is
// that of ctx.
func (s *Service) hand(ctx context.Context, i int, c Conn, p Prober, why error) error {
	return s.do(ctx, func() { s.conns[i], s.probes.probers[i], s.absent[i] = c, p, reason(why) })
}

// tell logs when a LAN is served no longer, or again; once, whatever else is said of
// its link.
func (s *Service) tell(i int, err error) {
	l, name, news := &s.lans[i], s.conf.Subnets[i].Name, ""
	switch {
	case errors.Is(err, conn.ErrAbsent):
		news = "absent"
	case err != nil:
		news = "failed"
	}
	if news == l.told {
		return
	}
	l.told = news
	switch news {
	case "absent":
		s.log.Warn("not served until its link is there", "subnet", name, "why", err)
	case "failed":
		s.log.Error("not served, is tried again", "subnet", name, "err", err)
	default:
		s.log.Info("served", "subnet", name)
	}
}

// close closes the sockets of all LANs and waits for their readers.
func (s *Service) close() error {
	var errs []error
	for i := range s.lans {
		errs = append(errs, s.lans[i].close())
	}
	return errors.Join(errs...)
}

// close closes the sockets and waits for their readers; again, it does nothing.
func (l *lan) close() error {
	var errs []error
	if l.conn != nil {
		errs = append(errs, l.conn.Close())
	}
	if l.prober != nil {
		errs = append(errs, l.prober.Close())
	}
	l.conn, l.prober = nil, nil
	l.readers.Wait()
	return errors.Join(errs...)
}
