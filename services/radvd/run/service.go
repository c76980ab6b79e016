// Package run is the service that advertises the appliance as the router of its LANs, as a process: it joins
// the engine (radvd) to its sockets (internal/advert/conn) and to what is remembered.
//
//	solicitations, others' advertisements ─ one reader a LAN ─┐            ┌─► /perm/radvd/prefixes, first
//	time ────────────────────────────────── Run ──────────────┼─► House ───┤
//	another Config, links that come and go ───────────────────┘  (one at   └─► advertisements
//	                                                           a time: mu)
//	Information-requests (DHCPv6) ─ one reader a LAN ─► radvd/stateless ─────► Replies
//	who claims our addresses ─ one reader a link, the WAN too ─► House ──────► problems
//
// What hosts are to be told of a prefix is on stable storage before they are told. Where it cannot be stored
// they are told all the same, and the problem is said: a LAN without prefixes is worse than an old one that
// is not taken back. A LAN whose link, or whose link-local address, is not there is not served, and the
// others are; appliance/links opens its socket when it is.
package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/advert/conn"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
	"github.com/gatehouse-os/gatehouse/services/radvd"
	"github.com/gatehouse-os/gatehouse/services/radvd/stations/keep"
)

// A Conn is the socket on the link of one LAN.
type Conn interface {
	// Each calls f with what comes in, until Close.
	Each(f func(m *conn.Message)) error
	// Send sends octets to an address or group of the link, and never waits.
	Send(octets []byte, to netip.Addr) error
	MAC() ethernet.MAC
	Local() netip.Addr // the link-local address that is sent from
	Refused() uint64   // messages that pass no check
	links.Socket
}

// Options are what a Service needs besides its Config.
type Options struct {
	Log *slog.Logger
	// StateDir is where what hosts may hold is remembered.
	StateDir string
	// Uptime is CLOCK_BOOTTIME.
	Uptime func() time.Duration
	// Wall is the time of day, which is in the file of stations.
	Wall func() time.Time
	// Rand returns 64 bits by chance.
	Rand func() uint64
	// Changed tells that links or addresses may have changed.
	Changed <-chan struct{}
	// Open opens the socket on a link; with links.ErrAbsent it is opened when it is there. Nil: that of
	// internal/advert/conn.
	Open func(link string) (Conn, error)
	// Watch opens what hears who claims addresses on a link, likewise.
	Watch func(link string) (Watch, error)
	// Neighbours opens the kernel's table of neighbours. Nil: that of appliance/neighbours.
	Neighbours func() (keep.Neighbours, error)
	// Look returns how the kernel has a link. Nil: as that package sees it.
	Look func(link string) radvd.LinkState
}

const (
	// lookEvery is how often links are looked at that nobody has said anything of.
	lookEvery = 30 * time.Second
	// farewell is how long the last advertisements may take: 3 s lie between two, and a service has 5 to end.
	farewell = 4 * time.Second
	logBurst = 20
	logEvery = 10 * time.Second
)

// A Service advertises on all LANs.
type Service struct {
	o        Options
	log      *slog.Logger
	events   *slog.Logger // what others on the links cause
	links    *links.Keeper[Conn]
	changed  chan struct{} // for links
	wake     chan struct{} // for Run: something is due sooner
	readers  sync.WaitGroup
	stations *keep.Keeper
	inform   *informers
	watches  watches

	reconfiguring sync.Mutex

	mu      sync.Mutex // what follows
	conf    radvd.Config
	house   *radvd.House // nil until Run
	lans    map[string]*socket
	due     time.Duration
	kept    error // why what hosts hold could not be stored, nil if it could
	stopped bool  // nothing is sent any more
}

// A socket is that of a LAN, with the octets of what was sent last.
type socket struct {
	Conn
	set    *radvd.Set
	octets [][]byte
}

// Open checks conf and opens the sockets of those links that are there.
func Open(conf radvd.Config, o Options) (*Service, error) {
	if err := conf.Check(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	s := &Service{
		o: o, log: o.Log, conf: conf, lans: map[string]*socket{}, due: radvd.Never,
		changed: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		watches: watches{changed: make(chan struct{}, 1), open: map[string]Watch{}},
	}
	now := func() time.Time { return time.Time{}.Add(o.Uptime()) }
	s.events = slog.New(ratelimit.Handler(o.Log.Handler(), logBurst, logEvery, now))
	s.links, s.inform = links.New(o.Log, s.took), s.newInformers()
	s.watches.links = links.New(o.Log, s.watchOn)
	var err error
	s.stations, err = keep.Open(stationsOf(&conf), keep.Options{
		Log: o.Log, Events: s.events, Dir: o.StateDir, Uptime: o.Uptime, Wall: o.Wall, Open: o.Neighbours,
	})
	if err != nil {
		return nil, err
	}
	if err := s.links.Set(s.openings(&conf)); err != nil {
		return nil, errors.Join(err, s.links.Close(), s.stations.Close())
	}
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Open == nil {
		o.Open = openSocket
	}
	if o.Watch == nil {
		o.Watch = openWatch
	}
	if o.Look == nil {
		o.Look = lookAt
	}
	return o
}

// openings have a LAN's name and its link's as their keys.
func (s *Service) openings(c *radvd.Config) (all []links.Opening[Conn]) {
	for _, l := range c.Links {
		all = append(all, links.Opening[Conn]{
			Key: l.Network + "\n" + l.Name, Name: l.Name, Open: func() (Conn, error) {
				return s.o.Open(l.Name)
			},
		})
	}
	return all
}

// took has the socket of a LAN used, or none.
func (s *Service) took(o links.Opening[Conn], c Conn, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lan, _, _ := strings.Cut(o.Key, "\n")
	if c == nil {
		delete(s.lans, lan)
		if s.house != nil {
			s.house.Down(lan)
		}
		return
	}
	s.lans[lan] = &socket{Conn: c}
	if s.house != nil {
		s.use(lan)
	}
}

// use begins to advertise on a LAN.
func (s *Service) use(lan string) {
	c := s.lans[lan]
	s.house.Up(s.o.Uptime(), lan, c.MAC(), c.Local())
	s.readers.Go(func() { s.read(lan, c) })
	s.hurry()
}

// Run calls drop, which gives up privileges, takes what is remembered, calls ready, and serves until ctx
// ends; then it says so on all LANs, and returns nil. It may be called once.
func (s *Service) Run(ctx context.Context, drop, ready func() error) (err error) {
	defer s.readers.Wait()
	defer func() { err = errors.Join(err, s.links.Close()) }()
	if err := drop(); err != nil {
		return fmt.Errorf("drop privileges: %w", err)
	}
	s.start()
	s.inform.set(&s.conf)
	s.setWatches(&s.conf)
	defer func() { err = errors.Join(err, s.inform.close(), s.watches.links.Close()) }()
	stop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var attending sync.WaitGroup
	attending.Go(func() { s.links.Run(stop, s.changed) })
	attending.Go(func() { s.inform.links.Run(stop, s.inform.changed) })
	attending.Go(func() { s.watches.links.Run(stop, s.watches.changed) })
	attending.Go(func() { s.watch(stop) })
	attending.Go(func() { s.stations.Run(ctx) })
	defer attending.Wait()
	defer cancel()
	if err := ready(); err != nil {
		return err
	}
	s.serve(ctx, s.tick)
	s.stop()
	return nil
}

// start begins with what is remembered, on the LANs that are there.
func (s *Service) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, err := readKept(s.o.StateDir)
	if err != nil {
		s.log.Error("what hosts may hold cannot be read: prefixes that are gone are not taken back", "cause",
			err)
	}
	s.house = radvd.New(s.o.Uptime(), s.conf, kept, s.o.Rand)
	for lan := range s.lans {
		s.use(lan)
	}
	s.look()
}

// serve does what is due until ctx ends, or tick says that it is over.
func (s *Service) serve(ctx context.Context, tick func() (pause time.Duration, over bool)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
		pause, over := tick()
		if over {
			return
		}
		timer.Reset(pause)
	}
}

// tick does what is due, and returns how long there is nothing.
func (s *Service) tick() (pause time.Duration, over bool) {
	const look = time.Minute // a timer does not run while the machine is suspended
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Uptime()
	if s.kept != nil {
		s.keep(now)
	}
	s.carryOut(now, s.house.Tick(now))
	s.due = s.house.Next(now)
	return min(look, max(0, s.due-now)), false
}

// stop says on all LANs that this is no router any more.
func (s *Service) stop() {
	s.mu.Lock()
	s.house.Stop(s.o.Uptime())
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	s.hurry()
	s.serve(ctx, func() (time.Duration, bool) {
		pause, _ := s.tick()
		s.mu.Lock()
		defer s.mu.Unlock()
		return pause, s.house.Stopped()
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}

// hurry has Run look at what is due.
func (s *Service) hurry() { wake(s.wake) }

// wake makes sure that something is in a channel that holds one.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// watch looks at the links when they change, and now and then.
func (s *Service) watch(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.o.Changed:
			wake(s.changed)
			wake(s.inform.changed)
			wake(s.watches.changed)
			select {
			case <-time.After(links.Settle):
			case <-ctx.Done():
				return
			}
		}
		s.mu.Lock()
		s.look()
		s.mu.Unlock()
	}
}

// look has the engine know how the kernel has the links.
func (s *Service) look() {
	for _, l := range s.conf.Links {
		s.house.Look(s.o.Uptime(), l.Network, s.o.Look(l.Name))
	}
	for _, link := range s.conf.Watched {
		s.house.Watching(link, s.o.Look(link))
	}
	for link, w := range s.watches.open {
		w.Own(s.o.Look(link).Own)
	}
	s.hurry()
	s.stations.Set(stationsOf(&s.conf))
}
