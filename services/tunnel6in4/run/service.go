// Package run is the service that watches the tunnel for IPv6 and tells its broker where the appliance is: it
// joins the engine, the echoes and the API. It changes nothing of the network, and reports whether the tunnel
// is up, for init.
//
// One goroutine, the owner, has the engine. Others hand it functions:
//
//	echoes of each family ─┐
//	an answer of the API ──┼─► inputs ─► owner ─► engine ─► actions: a probe, a request, the state file, a report
//	questions of people ───┘               ▲
//	the next moment ───────────────────────┘
package run

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
	"github.com/gatehouse-os/gatehouse/internal/trust"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4/broker"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4/echo"
)

// Sockets send echo requests.
type Sockets interface {
	Send(to, from netip.Addr, seq uint16) error
	Read(v6 bool, tell func(echo.Answer)) error
	Close() error
}

// Options are the world of a service.
type Options struct {
	Log *slog.Logger
	// StateDir is where it is kept what the broker was told.
	StateDir string
	// Uptime is CLOCK_BOOTTIME.
	Uptime func() time.Duration
	// Wall is the time of day, and whether it can be right.
	Wall func() (now time.Time, known bool)
	// Rand returns 64 bits that nobody can foresee.
	Rand func() uint64
	// Resolver is who knows names; zero: the appliance's own.
	Resolver netip.AddrPort
	// Roots vouch for the broker's API; nil: those of package trust.
	Roots *x509.CertPool
	// Open opens the sockets for probes; nil: those of package echo.
	Open func(random uint64) (Sockets, error)
	// Ask tells the broker; nil: by package broker.
	Ask func(context.Context, tunnel6in4.Tell) tunnel6in4.Outcome
}

// Service is the service.
type Service struct {
	o       Options
	log     *slog.Logger
	sockets Sockets
	inputs  chan func()
	over    chan struct{} // closed when there is no owner any more
	reports reports
	helpers sync.WaitGroup

	// What follows belongs to the owner.
	engine  *tunnel6in4.Engine
	conf    tunnel6in4.Config
	life    context.Context
	asking  context.CancelFunc // of the request under way
	kept    error              // why the state could not be kept
	failing string             // why probes are not sent, as it was logged
}

// Open opens the sockets.
func Open(conf tunnel6in4.Config, o Options) (*Service, error) {
	if err := conf.Check(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	sockets, err := o.Open(o.Rand())
	if err != nil {
		return nil, err
	}
	s := &Service{o: o, log: o.Log, sockets: sockets, conf: conf, inputs: make(chan func()),
		over: make(chan struct{})}
	s.reports.changed = make(chan struct{})
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Open == nil {
		o.Open = func(random uint64) (Sockets, error) { return echo.Open(random) }
	}
	if !o.Resolver.IsValid() {
		const dns = 53
		o.Resolver = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), dns)
	}
	if o.Ask == nil {
		o.Ask = o.ask
	}
	o.Log = slog.New(ratelimit.Handler(o.Log.Handler(), logBurst, logRate, time.Now))
	return o
}

// A tunnel that comes and goes is no flood of lines.
const (
	logRate  = time.Second
	logBurst = 30
)

// ask asks with the authorities that everybody believes, which are read for each request: they are seldom
// made, and what they take is given back. No clock is right that is before the list of them.
func (o Options) ask(ctx context.Context, t tunnel6in4.Tell) tunnel6in4.Outcome {
	roots := o.Roots
	if roots == nil {
		var err error
		if roots, err = trust.Roots(); err != nil {
			o.Log.Warn("an authority cannot be read", "cause", err)
		}
	}
	return broker.Ask(ctx, t, broker.Options{Resolver: o.Resolver, Roots: roots, Time: o.date})
}

func (o Options) date() time.Time {
	now, known := o.Wall()
	if least := trust.Date(); !known || now.Before(least) {
		return least
	}
	return now
}

// Run serves until ctx ends.
func (s *Service) Run(ctx context.Context, drop, ready func() error) (err error) {
	defer s.helpers.Wait()
	defer func() { err = errors.Join(err, s.sockets.Close()) }()
	defer close(s.over)
	if err := drop(); err != nil {
		return fmt.Errorf("drop privileges: %w", err)
	}
	kept, err := s.readKept()
	if err != nil {
		s.log.Error("what the broker was told before cannot be read", "cause", err)
	}
	life, cancel := context.WithCancel(ctx)
	defer cancel()
	s.life, s.engine = life, tunnel6in4.New(s.conf, kept, s.o.Rand)
	s.carryOut(s.engine.Start(s.now()))
	for _, v6 := range []bool{false, true} {
		s.helpers.Go(func() { s.read(v6) })
	}
	if err := ready(); err != nil {
		return err
	}
	s.own(ctx)
	return nil
}

func (s *Service) read(v6 bool) {
	err := s.sockets.Read(v6, func(a echo.Answer) {
		_ = s.do(s.life, func() { s.carryOut(s.engine.Echo(s.now(), a.From, a.Seq)) })
	})
	if err != nil {
		s.log.Error("answers are not heard", "cause", err)
	}
}

// own is the owner's loop.
func (s *Service) own(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-s.inputs:
			f()
		case <-timer.C:
			s.carryOut(s.engine.Tick(s.now()))
		}
		const look = time.Minute // a timer does not run while the machine is suspended
		timer.Reset(min(look, max(s.engine.Next()-s.o.Uptime(), 0)))
	}
}

func (s *Service) now() tunnel6in4.Now {
	now := tunnel6in4.Now{Up: s.o.Uptime()}
	if wall, known := s.o.Wall(); known {
		now.Wall = wall
	}
	return now
}

var errOver = errors.New("the service has ended")

// do has the owner run f, and waits for it.
func (s *Service) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case s.inputs <- func() { defer close(done); f() }:
		<-done
		return nil
	case <-s.over:
		return errOver
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Reconfigure makes conf the configuration; it waits until Run serves.
func (s *Service) Reconfigure(conf tunnel6in4.Config) error {
	if err := conf.Check(); err != nil {
		return err
	}
	return s.do(context.Background(), func() {
		s.conf = conf
		s.carryOut(s.engine.Reconfigure(s.now(), conf))
	})
}
