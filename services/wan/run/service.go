// Package run is the clients of the way out as a process: it joins the engines (client; discover6 and
// client6, for IPv6) to their sockets and to what is kept, and tells init what the way out is. It sets no
// address and no route: init does, from what is told.
//
//	messages, carrier, conflicts ─┐                         ┌─► sockets: messages, probes, announcements
//	time ─────────────────────────┼─► owner ─ client ─ do ──┼─► /perm/wan/lease
//	renew, release, status ───────┤                         └─► Report, to whoever follows (init)
//	advertisements, DHCPv6 ───────┴─► owner ─ six: discover6, client6 ─► sockets, /perm/wan/lease6, Report
//
// One goroutine owns the engines. A lease is on stable storage before it is told; where it cannot be kept it
// is told all the same, and the problem is said. A link that goes and comes back is asked on anew.
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
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	"github.com/gatehouse-os/gatehouse/services/wan/conn"
)

// A Conn is the sockets on the link. Read and the others may run at the same time; Close ends Read, whose
// error is net.ErrClosed.
type Conn interface {
	// Read waits for a message to the client's port, which is valid until the next Read, and says who sent
	// it.
	Read() (Message, error)
	// Send sends a message; to a server it may wait until it is known that nobody is there.
	Send(ctx context.Context, m client.Send, by Way) error
	// Probe looks for an address and a gateway until it is over, or something was found.
	Probe(ctx context.Context, p client.Probe) (client.Finding, error)
	// Announce says so many times that an address is ours.
	Announce(ctx context.Context, addr netip.Addr, times int) error
	// Seek asks the link for the gateway, from an address of ours, until it answers or for seconds.
	Seek(ctx context.Context, s client.Seek) error
	// Watch tells of other stations that say to have an address of ours, until ctx ends.
	Watch(ctx context.Context, addr netip.Addr, tell func(by wan.MAC)) error
	MAC() wan.MAC
	links.Socket
}

// A Message is what came to the client's port.
type Message struct {
	Payload []byte
	From    netip.Addr
	MAC     wan.MAC // the station that it came from
}

// A Way is how a message gets to a server, whatever the routes say.
type Way struct {
	Network netip.Prefix // that our address is in
	Gateway netip.Addr   // by which servers elsewhere are reached; the zero Addr: there is none
	MAC     wan.MAC      // the station that its messages came from; zero: not known
}

// Options are what a Service needs besides its Config.
type Options struct {
	Log *slog.Logger
	// StateDir is where the lease is kept.
	StateDir string
	// Boot names the run of the machine: boot_id of random(4).
	Boot string
	// Uptime is CLOCK_BOOTTIME.
	Uptime func() time.Duration
	// Wall is the time of day, and whether it can be right.
	Wall func() (now time.Time, known bool)
	// Rand returns 64 bits that nobody can foresee.
	Rand func() uint64
	// Open opens the sockets on a link; with links.ErrAbsent it is opened when it comes. Nil: those of
	// package conn.
	Open func(link string) (Conn, error)
	// Open6 opens those for IPv6, as soon as the link has a link-local address. Nil: those of package conn.
	Open6 func(link string) (Conn6, error)
	// Carrier tells whether a link has carrier, at first and at each change, until ctx ends. Nil: by package
	// conn.
	Carrier func(ctx context.Context, link string, tell func(up bool)) error
	// Changed tells that links may have changed.
	Changed <-chan struct{}
}

// A Service is the client of one link.
type Service struct {
	o     Options
	log   *slog.Logger
	links *links.Keeper[Conn]

	// Until Run, hand runs what is for the owner, and nobody reads.
	hand    func(func())
	life    context.Context
	started bool

	inputs chan func()   // for the owner
	over   chan struct{} // closed when there is no owner any more

	reports   reports
	attending sync.WaitGroup // those that hand something to the owner

	// What follows belongs to the owner.
	conf     wan.Config
	client   *client.Client // nil: the link has not been there yet
	mac      wan.MAC        // that client was made with
	conn     Conn           // nil: the link is not there
	up       bool           // the link has carrier
	carrier  bool           // as the engine knows it
	heard    heard
	sending  context.CancelFunc // of the message under way to a server
	watching context.CancelFunc // of the carrier
	probing  context.CancelFunc // of the Probe under way
	guarding context.CancelFunc // of the look for who else uses our address
	history  history
	garbage  uint64 // messages that nobody can read
	kept     error  // why the lease could not be kept, nil if it could
	six      six    // all of IPv6
}

// Open checks conf and opens the sockets of its link, if it is there.
func Open(conf wan.Config, o Options) (*Service, error) {
	o = o.withDefaults()
	if err := conf.Check(); err != nil {
		return nil, err
	}
	s := &Service{o: o, log: o.Log, conf: conf, inputs: make(chan func()), over: make(chan struct{})}
	s.reports.changed = make(chan struct{})
	s.hand = func(f func()) { f() }
	s.links = links.New(o.Log, s.took)
	s.six.links = links.New(o.Log, s.six.took)
	s.six.s = s
	if err := errors.Join(s.links.Set(s.openings(conf)), s.six.links.Set(s.six.openings(conf))); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// close closes all sockets.
func (s *Service) close() error { return errors.Join(s.links.Close(), s.six.links.Close()) }

// openings are the sockets of the DHCPv4 client, if there is one.
func (s *Service) openings(conf wan.Config) []links.Opening[Conn] {
	if conf.Static4 {
		return nil
	}
	link := conf.Link
	return []links.Opening[Conn]{{Key: link, Name: link, Open: func() (Conn, error) {
		return s.o.Open(link)
	}}}
}

// took has the owner use the sockets of the link, or none.
func (s *Service) took(_ links.Opening[Conn], k Conn, _ error) {
	s.hand(func() { s.use(k) })
}

// Run calls drop, which gives up privileges, takes the kept lease, calls ready, and serves until ctx ends;
// then it returns nil. It may be called once.
func (s *Service) Run(ctx context.Context, drop, ready func() error) (err error) {
	defer func() { err = errors.Join(err, s.close()) }()
	defer close(s.over)
	if err := drop(); err != nil {
		return fmt.Errorf("drop privileges: %w", err)
	}
	// What reads and looks after the link ends after the owner, which may be using it.
	stop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer s.attending.Wait()
	defer cancel()
	s.hand, s.life = func(f func()) { _ = s.do(stop, f) }, stop // when that fails there is no owner to tell
	s.start()
	changed := s.split(stop)
	s.attending.Go(func() { s.links.Run(stop, changed[0]) })
	s.attending.Go(func() { s.six.links.Run(stop, changed[1]) })
	if err := ready(); err != nil {
		return err
	}
	s.own(ctx)
	return nil
}

// start begins with what is there.
func (s *Service) start() {
	s.started = true
	s.watchLink()
	if s.conn != nil {
		s.attach()
	}
	s.six.start()
	s.reports.settle()
}

// own owns the engine until ctx ends.
func (s *Service) own(ctx context.Context) {
	timer := time.NewTimer(0)
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-s.inputs:
			f()
		case <-timer.C:
		}
		// What came may leave something to do at once, which does not wait for a timer.
		if s.client != nil && s.client.Next() <= s.o.Uptime() {
			s.carryOut(s.client.Tick(s.now()))
		}
		s.six.tick()
		timer.Reset(s.pause())
	}
}

// pause is how long there is nothing to do if nothing comes. Time that passed while the machine slept counts.
func (s *Service) pause() time.Duration {
	const look = time.Minute // a timer does not run while the machine is suspended
	next := s.six.next()
	if s.client != nil {
		next = min(next, s.client.Next())
	}
	return min(look, max(next-s.o.Uptime(), 0))
}

// now is the moment for the engine.
func (s *Service) now() client.Now {
	now := client.Now{Up: s.o.Uptime()}
	if wall, known := s.o.Wall(); known {
		now.Wall = wall
	}
	return now
}

var errOver = errors.New("the service has ended")

// do has the owner call f.
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

// watchLink has the owner know whether the link has carrier.
func (s *Service) watchLink() {
	if s.watching != nil {
		s.watching()
	}
	ctx, cancel := context.WithCancel(s.life)
	s.watching, s.up = cancel, false
	s.lookAtCarrier()
	link := s.conf.Link
	s.attending.Go(func() {
		tell := func(up bool) {
			s.hand(func() {
				if ctx.Err() == nil {
					s.up = up
					s.lookAtCarrier()
				}
			})
		}
		err := s.o.Carrier(ctx, link, tell)
		if err != nil && ctx.Err() == nil {
			s.log.Error("the carrier of the link is not watched", "link", link, "cause", err)
			tell(true) // what is sent in vain is sent again
		}
	})
}

func (o Options) withDefaults() Options {
	if o.Open == nil {
		o.Open = openSockets
	}
	if o.Open6 == nil {
		o.Open6 = openSockets6
	}
	if o.Carrier == nil {
		o.Carrier = conn.WatchCarrier
	}
	return o
}
