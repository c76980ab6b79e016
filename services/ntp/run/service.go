// Package run is the time service as a process: it joins the engines to the kernel's clock, to sockets, and
// to what is remembered.
//
// One goroutine, the owner, has the engines. Others hand it functions:
//
//	answers of servers, addresses of names ─┐             ┌─► questions, names to be resolved
//	another Config, questions of people ────┼─► owner ────┼─► the kernel's clock
//	the next moment ────────────────────────┘             ├─► what the server says of it
//	                                                      └─► /perm/ntp/clock
//	questions of LANs ─ one thread a family and a link ─► ntp/server ─► answers
//
// It guarantees that a clock which is before the last time that it was right, or before what the program
// itself knows to be past, is set forward to that at the start, before anybody is served or asked; and that
// it serves on when nothing can be stored, and says so.
package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/conn"
	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel"
	"github.com/gatehouse-os/gatehouse/services/ntp/server"
)

// A Kernel is a clock that can be corrected.
type Kernel interface {
	Now() kernel.Reading
	// Ahead is how far it is ahead of the clock by which the kernel marks packets.
	Ahead() time.Duration
	Read() (kernel.State, error)
	Step(by time.Duration) error
	Tune(discipline.Tune) error
}

// Options are the world of a service.
type Options struct {
	Log *slog.Logger
	// StateDir is where it is kept how the clock runs.
	StateDir string
	// Uptime is CLOCK_BOOTTIME.
	Uptime func() time.Duration
	// NotBefore is a moment that is past for certain: no clock is right that is before it.
	NotBefore time.Time
	// Rand returns 64 bits that nobody can foresee.
	Rand func() uint64
	// Changed tells that links or addresses may have changed.
	Changed <-chan struct{}
	// Resolver is who knows names; zero: the appliance's own.
	Resolver netip.AddrPort
	// Kernel is the clock; nil: the kernel's.
	Kernel Kernel
	// WatchSet calls a function when the clock was set, until its context ends. Nil: of the kernel's clock.
	WatchSet func(context.Context, func()) error
	// Port is where LANs ask and sources are asked; 0: that of NTP.
	Port uint16
}

func (o Options) withDefaults() Options {
	if !o.Resolver.IsValid() {
		const dns = 53
		o.Resolver = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), dns)
	}
	if o.Kernel == nil {
		o.Kernel = kernel.New()
	}
	if o.WatchSet == nil {
		o.WatchSet = kernel.WatchSet
	}
	if o.Port == 0 {
		o.Port = ntpPort
	}
	o.Log = slog.New(ratelimit.Handler(o.Log.Handler(), logBurst, logEvery, time.Now))
	return o
}

const (
	ntpPort  = 123
	logBurst = 30
	logEvery = time.Second
)

// A Service keeps the clock, and serves it.
type Service struct {
	o       Options
	log     *slog.Logger
	server  *server.Server
	links   *links.Keeper[*conn.Sockets]
	asker   *conn.Asker
	lookup  func(context.Context, string) ([]netip.Addr, error)
	inputs  chan func()
	over    chan struct{} // closed when there is no owner any more
	helpers sync.WaitGroup
	host    *kernel.Host // the clock of the machine below, nil: there is none
	tied    bool         // to the host's, which sets it

	// What follows belongs to the owner.
	conf ntp.Config
	life context.Context
	clock
	engines
}

// Open opens the sockets of those links that are there.
func Open(conf ntp.Config, o Options) (*Service, error) {
	if err := conf.Check(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	s := &Service{
		o: o, log: o.Log, conf: conf, server: server.New(server.Limits{}, o.Rand()),
		asker: conn.NewAsker(o.Kernel), lookup: lookup(o.Resolver),
		inputs: make(chan func()), over: make(chan struct{}),
	}
	s.machine()
	s.links = links.New(o.Log, took)
	if err := s.links.Set(s.openings(conf)); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *Service) close() error {
	err := s.links.Close()
	if s.host != nil {
		err = errors.Join(err, s.host.Close())
	}
	return err
}

// machine looks at the one below, while that can be done.
func (s *Service) machine() {
	host, err := kernel.OpenHost()
	if err != nil {
		s.log.Warn("the host's clock is not looked at", "cause", err)
	}
	s.host, s.tied = host, kernel.Tied()
}

// openings have a link's name as their key.
func (s *Service) openings(c ntp.Config) (all []links.Opening[*conn.Sockets]) {
	for _, link := range c.Links {
		all = append(all, links.Opening[*conn.Sockets]{Key: link, Name: link,
			Open: func() (*conn.Sockets, error) {
				return conn.Listen(link, conn.Options{
					Server: s.server, Uptime: s.o.Uptime, Offset: s.o.Kernel.Ahead, Log: s.log,
					Port: s.o.Port,
				})
			}})
	}
	return all
}

// took has sockets serve. Until the owner has looked at the clock, they say that it is not synchronised.
func took(_ links.Opening[*conn.Sockets], c *conn.Sockets, _ error) {
	if c != nil {
		c.Serve()
	}
}

// Run calls drop, which gives up privileges, looks at the clock, calls ready, and serves until ctx ends. It
// may be called once.
func (s *Service) Run(ctx context.Context, drop, ready func() error) (err error) {
	defer func() { err = errors.Join(err, s.close()) }()
	defer close(s.over)
	if err := drop(); err != nil {
		return fmt.Errorf("drop privileges: %w", err)
	}
	life, cancel := context.WithCancel(ctx)
	defer s.helpers.Wait()
	defer cancel()
	s.life = life
	if err := s.start(); err != nil {
		return err
	}
	s.helpers.Go(func() { s.links.Run(life, s.split(life)) })
	s.helpers.Go(func() { s.watch(life) })
	if err := ready(); err != nil {
		return err
	}
	s.own(ctx)
	s.stop()
	return nil
}

// own owns the engines until ctx ends.
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
			s.tick()
		}
		timer.Reset(s.pause())
	}
}

var errOver = errors.New("the service has ended")

// do has the owner call f, and waits for it.
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

// Reconfigure makes conf the configuration; it waits until Run serves. With an error all is as before.
func (s *Service) Reconfigure(conf ntp.Config) error {
	if err := conf.Check(); err != nil {
		return err
	}
	before, err := s.adopt(conf)
	if err != nil {
		return err
	}
	if err := s.links.Set(s.openings(conf)); err != nil {
		_, again := s.adopt(before)
		return errors.Join(err, again, s.links.Set(s.openings(before)))
	}
	return nil
}

// adopt has the owner go on with conf, and returns what was before.
func (s *Service) adopt(conf ntp.Config) (before ntp.Config, err error) {
	err = s.do(context.Background(), func() {
		before, s.conf = s.conf, conf
		s.renew(before)
	})
	return before, err
}

// split has links and the engines know of a change: who could not be asked can be now, perhaps.
func (s *Service) split(ctx context.Context) <-chan struct{} {
	changed := make(chan struct{}, 1)
	s.helpers.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-s.o.Changed:
			}
			select {
			case changed <- struct{}{}:
			default:
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(links.Settle):
			}
			_ = s.do(ctx, s.online) // without an owner nobody is to know
		}
	})
	return changed
}

// watch has the engines look at once when the clock was set.
func (s *Service) watch(ctx context.Context) {
	if err := s.o.WatchSet(ctx, func() { _ = s.do(ctx, s.tick) }); err != nil {
		s.log.Error("that the clock is set is noticed two seconds later", "cause", err)
	}
}
