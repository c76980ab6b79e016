// Package run is the DHCP service as a process: it joins the engine (dhcp) to the
// sockets (conn) and to the lease journal (leasefile).
//
//	messages ──── two goroutines a LAN ───┐            ┌─► OFFER, NAK, … at once
//	who has it ── one goroutine a prober ─┼─► engine ──┤
//	time, calls, another Config ──────────┘ (one at    └─► records ─► store ─► synced ─► ACK
//	                                         a time: mu)    (one batch at a time)
//
// Replies that no lease depends on are sent at once. Changed leases are made durable, all that have come up
// during one sync with the next, and only then the replies that depend on them are sent. While the journal
// cannot be written such replies are not sent; it is tried again with the messages that come, and goes on by
// itself when the disk does.
//
// Who has read a message does all that there is to do for it, the sync too, while the other goroutine of its
// LAN reads on: to wake another costs more than the engine does. Messages of a LAN are decided in the order
// in which they came: they are read one at a time, too.
//
// A LAN whose link is not there is not served, and the others are; appliance/links
// opens its sockets again when it is back.
//
// A service takes another Config while it runs: Reconfigure.
//
// Nothing waits with mu held: an address that must be looked for waits with
// its message in a list of bounded length, and the journal is shortened beside.
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
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

// Processors is what runtime.GOMAXPROCS should be, whatever the machine has. Each goroutine that waits in the
// kernel holds one until it has waited for ten milliseconds, and while none is free, Go's scheduler takes one
// from them all the time. So these are those of two busy LANs, one for the rest, and a free one.
const Processors = 6

// A Conn is the sockets on one LAN. All but two Reads, or two Sends, may run at the same time.
type Conn interface {
	// Wait waits until there is a message to be read; another may be the first to do so. After Close the
	// error is net.ErrClosed.
	Wait() error
	// Watch has Read tell which card sent a message, or not: it may cost something.
	Watch(on bool) error
	// Read copies the next message to p, and tells which card sent it; zero: it is not known. It does not
	// wait: without one n is 0.
	Read(p []byte) (n int, from lease.MAC, err error)
	Send(to dhcp.Destination, reply []byte) error
	// Check returns links.ErrAbsent when the link that it was opened on is gone.
	Check() error
	Close() error
}

// Options are what a Service needs besides its Config.
type Options struct {
	// FS is the directory of the lease journal, /perm/dhcp on the appliance. It must
	// be writable after the privilege drop.
	FS  leasefile.FS
	Log *slog.Logger
	// Probe opens what a subnet is probed with; nil: ARP on a link, ICMP for a relayed one.
	Probe func(sub *dhcp.Subnet) (Prober, error)
	// Listen opens the sockets on a link; nil: conn.Open. With the error links.ErrAbsent
	// the subnet is not served until Changed.
	Listen func(link string, source netip.Addr) (Conn, error)
	// Changed tells that links or addresses may have changed; nil: they never do.
	Changed <-chan struct{}
	// Neighbours are those that answer on links of this machine; nil: who answers for whose address is not
	// asked.
	Neighbours func() ([]Neighbour, error)
	// NeighboursEvery is how often they are looked at; 0: twice a minute.
	NeighboursEvery time.Duration
	// Now is the wall clock, by which times are shown and stored; nil: time.Now.
	Now func() time.Time
	// Uptime is CLOCK_BOOTTIME, by which leases run, whatever is done to the wall clock; nil: that is always
	// right.
	Uptime func() time.Duration
}

// A Service is the DHCP server of all LANs.
type Service struct {
	o      Options
	log    *slog.Logger
	events *slog.Logger // what clients cause: bounded, since they decide how much there is to log
	clock  clock
	links  *links.Keeper[*sockets]

	readers sync.WaitGroup
	serving chan struct{} // closed when Run serves
	over    chan struct{} // closed when Run has ended

	reconfiguring sync.Mutex

	mu      sync.Mutex      // what follows
	turned  sync.Cond       // of mu: a batch, a rewrite or the service has ended
	ended   bool            // nothing is begun any more
	reading context.Context // of what reads; nil: nobody does yet
	conf    *dhcp.Config    // never changed, only replaced
	engine  *dhcp.Server
	lans    []*lan          // by subnet
	byLink  map[string]*lan // by link, without the relayed ones
	journal journal
	batch   []item // decided, their records not yet on their way to the disk
	flying  []item // on their way
	probes  probes
	history history
	claims  claims
	started time.Time
}

// Open checks conf and opens the sockets of those links that are there. Those of others
// are opened later, which needs CAP_NET_RAW and CAP_NET_BIND_SERVICE.
func Open(conf dhcp.Config, o Options) (*Service, error) {
	engine, err := dhcp.New(conf)
	if err != nil {
		return nil, fmt.Errorf("dhcp configuration: %w", err)
	}
	o = o.withDefaults()
	s := &Service{
		o: o, log: o.Log, clock: newClock(o.Now, o.Uptime), conf: &conf, engine: engine,
		serving: make(chan struct{}), over: make(chan struct{}),
		batch: make([]item, 0, batchCap), flying: make([]item, 0, batchCap), history: newHistory(),
	}
	s.turned.L = &s.mu
	s.links = links.New(o.Log, s.took)
	s.probes.timer = time.NewTimer(0)
	uptime := s.clock.uptime // anybody logs, and the clock is set by the journal
	s.events = slog.New(ratelimit.Handler(o.Log.Handler(), logBurst, time.Second/logRate,
		func() time.Time { return time.Unix(0, 0).Add(uptime()) }))
	s.lans, s.byLink = lansOf(&conf, nil)
	if err := s.links.Set(o.openings(&conf)); err != nil {
		return nil, errors.Join(err, s.links.Close())
	}
	return s, nil
}

// Run calls drop, which gives up privileges, reads the journal, calls ready, and
// serves until ctx ends; then it returns nil. It may be called once.
func (s *Service) Run(ctx context.Context, drop, ready func() error) (err error) {
	defer func() { err = errors.Join(err, s.links.Close()) }()
	defer close(s.over)
	if err := drop(); err != nil {
		return fmt.Errorf("drop privileges: %w", err)
	}
	if err := s.load(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.journal.file.Close()) }()
	s.started = s.clock.now()
	if err := ready(); err != nil {
		return err
	}
	// What reads and looks after links ends after what is under way, which may be sending.
	stop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var attending sync.WaitGroup
	s.serve(stop)
	attending.Go(func() { s.links.Run(stop, s.o.Changed) })
	attending.Go(func() { s.watch(stop) })
	defer context.AfterFunc(ctx, s.end)()
	s.own(ctx)
	s.finish()
	cancel()
	attending.Wait()
	err = errors.Join(err, s.links.Close())
	s.readers.Wait()
	s.giveUp()
	return err
}

// serve has everybody begin.
func (s *Service) serve(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = ctx
	for _, l := range s.lans {
		if l.sockets != nil {
			s.receive(l.sockets)
		}
	}
	s.commit() // what load has found to say
	close(s.serving)
}
