package run

import (
	"context"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/client"
	"github.com/gatehouse-os/gatehouse/services/ntp/conn"
	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
)

// engines are those of a Service, which belong to its owner.
type engines struct {
	client     *client.Client
	discipline *discipline.Discipline
	asking     map[uint64]context.CancelFunc // exchanges that wait for an answer
	known      bool                          // the client knows the time
}

// renew goes on with another Config. Engines that it does not change stay: what they have measured is worth
// minutes.
func (s *Service) renew(before ntp.Config) {
	if before.Limit() != s.conf.Limit() {
		s.tend(s.discipline.Stop(s.moment()))
		s.discipline = discipline.New(s.conf.Limit(), s.kept.forEngine(s.o.NotBefore))
		s.tend(s.discipline.Start(s.moment()))
		if e, known := s.client.Estimate(); known {
			s.tend(s.discipline.Follow(s.moment(), e))
		}
	}
	if !reflect.DeepEqual(before.Sources, s.conf.Sources) {
		actions, err := s.client.Reconfigure(s.moment().Free, &s.conf)
		if err != nil {
			s.log.Error("other sources are not asked", "cause", err) // conf was checked
		}
		s.act(actions)
	}
	s.publish()
}

// begin begins to ask the sources.
func (s *Service) begin() error {
	s.asking = map[uint64]context.CancelFunc{}
	c, err := client.New(&s.conf, s.o.NotBefore.UnixNano(), s.kept.forEngine(s.o.NotBefore).Prior(), s.o.Rand)
	if err != nil {
		return err
	}
	s.client = c
	s.lookAround()
	s.act(c.Tick(s.moment().Free))
	return nil
}

// moment is now, for the engines.
func (s *Service) moment() discipline.Now {
	r := s.o.Kernel.Now()
	return discipline.Now{Free: r.Free, Wall: r.Real}
}

// tick does what is due.
func (s *Service) tick() {
	now := s.moment()
	s.tend(s.discipline.Tick(now))
	if s.client.Next() <= now.Free {
		s.act(s.client.Tick(now.Free))
	}
	s.publish()
}

// pause is how long there is nothing to do if nothing comes.
func (s *Service) pause() time.Duration {
	next := min(s.client.Next(), s.discipline.Next())
	return max(0, next-s.o.Kernel.Now().Free)
}

// online says that the network may be another.
func (s *Service) online() {
	s.lookAround()
	s.act(s.client.Online(s.moment().Free))
}

// stop ends with what is to be remembered.
func (s *Service) stop() { s.tend(s.discipline.Stop(s.moment())) }

// act carries out what the client wants, in its order.
func (s *Service) act(actions []client.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case client.Ask:
			s.ask(a)
		case client.Drop:
			s.drop(a.Exchange)
		case client.Resolve:
			s.resolve(a.Name)
		case client.Follow:
			s.tend(s.discipline.Follow(s.moment(), a.Estimate))
		}
	}
	before := s.known
	if _, s.known = s.client.Estimate(); before && !s.known {
		s.tend(s.discipline.Lost(s.moment()))
	}
	if before != s.known {
		s.publish()
	}
}

// tend carries out what the discipline wants, in its order.
func (s *Service) tend(actions []discipline.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case discipline.Step:
			s.step(a.By)
		case discipline.Tune:
			s.told(s.o.Kernel.Tune(a))
		case discipline.Store:
			s.keep(a.Kept)
		case discipline.Remeasure:
			s.log.Warn("others have set the clock, or the machine did not run: the time is measured anew",
				"by", signed(a.By))
			s.act(s.client.Jumped(s.moment().Free))
		case discipline.Shift:
			s.log.Info("a leap second", "by", signed(a.By))
			s.client.Shift(a.By)
		}
	}
}

const (
	// askTime ends an exchange that the client has not dropped by then.
	askTime = 10 * time.Second
	// kernelError and ownError are by how much times of packets are off, those of the kernel and those that
	// the program takes itself: one standard deviation.
	kernelError = 2 * time.Microsecond
	ownError    = 30 * time.Microsecond
)

// ask sends a question, and hands to the client what comes, until it wants no more.
func (s *Service) ask(a client.Ask) {
	ctx, cancel := context.WithTimeout(s.life, askTime)
	s.asking[a.Exchange] = cancel
	to := netip.AddrPortFrom(a.To, s.o.Port)
	s.helpers.Go(func() {
		defer cancel()
		err := s.asker.Ask(ctx, to, a.Packet[:], func(got conn.Answer) bool {
			answer := client.Answer{
				Exchange: a.Exchange, Packet: slices.Clone(got.Octets), Sent: got.Sent.Free,
				Received: got.Received.Free, Error: timesError(got),
			}
			_ = s.do(ctx, func() { // without an owner nobody is to know
				if ctx.Err() == nil {
					s.act(s.client.Receive(s.moment().Free, answer))
				}
			})
			return ctx.Err() != nil
		})
		if err == nil || ctx.Err() != nil {
			return
		}
		s.log.Debug("a source was not asked", "address", to.String(), "cause", err)
		_ = s.do(ctx, func() {
			if ctx.Err() == nil {
				s.act(s.client.Failed(s.moment().Free, a.Exchange))
			}
		})
	})
}

// timesError is that of both times of an exchange together.
func timesError(a conn.Answer) time.Duration {
	sum := a.Sent.Spread/2 + a.Received.Spread/2
	for _, m := range [...]conn.Moment{a.Sent, a.Received} {
		if m.Kernel {
			sum += kernelError
		} else {
			sum += ownError
		}
	}
	return sum
}

// drop ends an exchange.
func (s *Service) drop(id uint64) {
	if cancel := s.asking[id]; cancel != nil {
		cancel()
	}
	delete(s.asking, id)
}

// resolve asks for the addresses of a name. The way is the same whether the time is known or not: the
// appliance's own DNS service looks at no dates until it is.
func (s *Service) resolve(name string) {
	ctx := s.life
	s.helpers.Go(func() {
		addrs, err := s.lookup(ctx, name)
		cause := ""
		if err != nil {
			cause = err.Error()
		}
		_ = s.do(ctx, func() { s.act(s.client.Resolved(s.moment().Free, name, addrs, cause)) })
	})
}
