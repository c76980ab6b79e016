// Package run is the DHCP service as a process: it joins the engine (dhcp) to the
// sockets (conn) and to the lease journal (leasefile).
//
// One goroutine per LAN reads messages into a bounded queue; one goroutine owns the
// engine, the journal and all sending. It takes what has queued up as one batch,
// decides all of it, makes the changed leases durable with one sync, and only then
// sends the replies that depend on them. While the journal cannot be written such
// replies are not sent; it is tried again with the messages that come, and goes on
// by itself when the disk does.
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

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/conn"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

// A Conn is the sockets on one LAN. Read and Send may run at the same time; Close
// ends a Read, whose error is net.ErrClosed.
type Conn interface {
	Read(p []byte) (n int, err error)
	Send(to dhcp.Destination, reply []byte) error
	Close() error
}

// Options are what a Service needs besides its Config.
type Options struct {
	// FS is the directory of the lease journal, /perm/dhcp on the appliance. It must
	// be writable after the privilege drop.
	FS  leasefile.FS
	Log *slog.Logger
	// Probe opens what a subnet is probed with, by its index; nil: ARP on a link, ICMP
	// for a relayed one.
	Probe func(sub *dhcp.Subnet, index int) (Prober, error)
	// Listen opens the sockets on a link; nil: conn.Open.
	Listen func(link string, source netip.Addr) (Conn, error)
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// A Service is the DHCP server of all LANs.
type Service struct {
	conf  dhcp.Config
	log   *slog.Logger
	limit logLimit
	now   func() time.Time
	fs    leasefile.FS
	conns []Conn // by subnet; nil: relayed

	queue   chan message
	buffers chan []byte
	calls   chan func() // to be run by the owner

	// What follows belongs to the owner.
	engine  *dhcp.Server
	journal journal
	batch   []item
	counts  []counts // per subnet
	probes  probes
	history history
	started time.Time
}

// Open checks conf and opens the sockets: all that needs privileges.
func Open(conf dhcp.Config, o Options) (*Service, error) {
	engine, err := dhcp.New(conf)
	if err != nil {
		return nil, fmt.Errorf("dhcp configuration: %w", err)
	}
	s := &Service{
		conf: conf, log: o.Log, now: o.Now, fs: o.FS, engine: engine,
		queue: make(chan message, queueLen), buffers: make(chan []byte, queueLen), calls: make(chan func()),
		batch: make([]item, 0, maxBatch+1), counts: make([]counts, len(conf.Subnets)), history: newHistory(),
	}
	s.probes = probes{answers: make(chan answer), timer: time.NewTimer(0)}
	s.journal.rewritten = make(chan rewritten, 1)
	if s.now == nil {
		s.now = time.Now
	}
	for range queueLen {
		s.buffers <- make([]byte, bufferSize)
	}
	listen := o.Listen
	if listen == nil {
		listen = func(link string, source netip.Addr) (Conn, error) { return conn.Open(link, source) }
	}
	for i := range conf.Subnets {
		if err := s.open(&conf.Subnets[i], i, listen, o.Probe); err != nil {
			return nil, errors.Join(fmt.Errorf("subnet %s: %w", conf.Subnets[i].Name, err), s.closeConns())
		}
	}
	return s, nil
}

// open opens the sockets of one subnet.
func (s *Service) open(sub *dhcp.Subnet, index int, listen func(string, netip.Addr) (Conn, error), probe func(*dhcp.Subnet, int) (Prober, error)) (err error) {
	var c Conn
	if !sub.Relayed {
		if c, err = listen(sub.Interface, sub.Address); err != nil {
			return err
		}
	}
	s.conns = append(s.conns, c)
	if probe == nil {
		probe = openProber
	}
	var p Prober
	if sub.Probe > 0 {
		p, err = probe(sub, index)
	}
	if err == nil {
		s.probes.probers = append(s.probes.probers, p)
	}
	return err
}

// Run calls drop, which gives up privileges, reads the journal, calls ready, and
// serves until ctx ends; then it returns nil. It may be called once.
func (s *Service) Run(ctx context.Context, drop, ready func() error) (err error) {
	defer func() { err = errors.Join(err, s.closeConns()) }()
	if err := drop(); err != nil {
		return fmt.Errorf("drop privileges: %w", err)
	}
	if err := s.load(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.journal.file.Close()) }()
	s.started = s.now()
	var readers sync.WaitGroup
	stop, cancel := context.WithCancel(ctx)
	for i, c := range s.conns {
		if c != nil {
			readers.Go(func() { s.read(stop, i, c) })
		}
		if p := s.probes.probers[i]; p != nil {
			readers.Go(func() { s.listen(stop, i, p) })
		}
	}
	if err = ready(); err == nil {
		s.own(ctx)
	}
	// The owner is done with sending: now the sockets may go, and the readers with them.
	cancel()
	err = errors.Join(err, s.closeConns())
	readers.Wait()
	s.journal.wait()
	return err
}

func (s *Service) closeConns() error {
	var errs []error
	for _, c := range s.conns {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	for _, p := range s.probes.probers {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	s.conns, s.probes.probers = nil, nil
	return errors.Join(errs...)
}
