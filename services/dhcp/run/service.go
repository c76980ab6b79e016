// Package run is the DHCP service as a process: it joins the engine (dhcp) to the
// sockets (conn) and to the lease journal (leasefile).
//
// One goroutine per LAN reads messages into a bounded queue; one goroutine owns the
// engine, the journal and all sending. It decides what comes and sends replies that no
// lease depends on at once. Changed leases are made durable beside it, all that have
// come up meanwhile with one sync, and only then the replies that depend on them are
// sent. While the journal cannot be written such replies are not sent; it is tried
// again with the messages that come, and goes on by itself when the disk does.
//
// A LAN whose link is not there is not served, and the others are; appliance/links
// opens its sockets again when it is back.
//
// A service takes another Config while it runs: Reconfigure.
//
// Nothing else stops the owner either: an address that must be looked for waits with
// its message in a list of bounded length, and the journal is shortened beside it.
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
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

// A Conn is the sockets on one LAN. Read, Send and Check may run at the same time; Close
// ends a Read, whose error is net.ErrClosed.
type Conn interface {
	Read(p []byte) (n int, err error)
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
	// Neighbours are those that answer on links of this machine; nil: who answers for whose address is not asked.
	Neighbours func() ([]Neighbour, error)
	// NeighboursEvery is how often they are looked at; 0: twice a minute.
	NeighboursEvery time.Duration
	// Now is the wall clock, by which times are shown and stored; nil: time.Now.
	Now func() time.Time
	// Uptime is CLOCK_BOOTTIME, by which leases run, whatever is done to the wall clock; nil: that is always right.
	Uptime func() time.Duration
}

// A Service is the DHCP server of all LANs.
type Service struct {
	o      Options
	log    *slog.Logger
	events *slog.Logger // what clients cause: bounded, since they decide how much there is to log
	clock  clock
	links  *links.Keeper[*sockets]

	queue   chan message
	buffers chan []byte
	calls   chan func()   // to be run by the owner
	over    chan struct{} // closed when there is no owner any more

	reconfiguring sync.Mutex

	// Until Run, hand runs what is for the owner, and nobody reads.
	hand    func(func())
	reading context.Context

	// What follows belongs to the owner.
	conf    *dhcp.Config // never changed, only replaced
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
		queue: make(chan message, queueLen), buffers: make(chan []byte, queueLen),
		calls: make(chan func()), over: make(chan struct{}),
		batch: make([]item, 0, batchCap), flying: make([]item, 0, batchCap), history: newHistory(),
		hand: func(f func()) { f() },
	}
	s.links = links.New(o.Log, s.took)
	s.probes = probes{answers: make(chan answer), timer: time.NewTimer(0)}
	s.journal.rewritten, s.journal.committed = make(chan rewritten, 1), make(chan *leasefile.Commit, 1)
	uptime := s.clock.uptime // anybody logs, and only the owner has the clock
	s.events = slog.New(ratelimit.Handler(o.Log.Handler(), logBurst, time.Second/logRate,
		func() time.Time { return time.Unix(0, 0).Add(uptime()) }))
	for range queueLen {
		s.buffers <- make([]byte, bufferSize)
	}
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
	// What reads and looks after links ends after the owner, which may be sending.
	stop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s.hand, s.reading = func(f func()) { _ = s.do(stop, f) }, stop // when that fails there is no owner to tell
	for _, l := range s.lans {
		if l.sockets != nil {
			s.receive(stop, l.sockets)
		}
	}
	var attending sync.WaitGroup
	attending.Go(func() { s.links.Run(stop, s.o.Changed) })
	attending.Go(func() { s.watch(stop) })
	if err = ready(); err == nil {
		s.own(ctx)
		s.finish()
	}
	cancel()
	attending.Wait()
	err = errors.Join(err, s.links.Close())
	s.journal.wait()
	return err
}
