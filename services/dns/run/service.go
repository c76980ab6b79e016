// Package run is the DNS service as a process: it joins the names of the house and the cache (resolver) to
// the sockets (front), to the full server (chain), to those who are asked (upstream), to the journal of the
// DHCP service, whose clients have names too, and to the file of stations, the IPv6 addresses that hosts
// make.
//
//	client ─ front ─ resolver ─┬─ zone.Table ◄── names ◄── journal of leases, file of stations
//	                           ├─ wire.Cache
//	                           └─ chain ── upstream ── resolvers of others
//
// It guarantees that the names of leases are there with the first answer, and within a tenth of a second of
// their ACK; that a link that is not there keeps no other from being served; and that another Config is taken
// while it serves, all of it or nothing, without an unanswered question.
package run

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
	"github.com/gatehouse-os/gatehouse/internal/trust"
	"github.com/gatehouse-os/gatehouse/services/dns"
	"github.com/gatehouse-os/gatehouse/services/dns/chain"
	"github.com/gatehouse-os/gatehouse/services/dns/front"
	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"github.com/gatehouse-os/gatehouse/services/dns/wire"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// loopback is served always: the appliance's own commands ask there.
const loopback = "lo"

// A client's share of questions that are not answered here at once: so many, and then one each time. A page
// with 60 names of three types each is 180.
const (
	shareBurst   = 400
	shareEvery   = 10 * time.Millisecond
	shareClients = 1024 // that are short of some at the same time
)

// How many events are logged.
const (
	logBurst = 50
	logEvery = time.Second
)

// Options are what a Service needs besides its Config.
type Options struct {
	Log *slog.Logger
	// Follow opens the journal of leases in a directory, which need not exist yet. It is called after the
	// drop.
	Follow func(dir string) Journal
	// Stations opens the file of stations in a directory, likewise; with temporary, also those are wanted of
	// which it is not known that their host keeps them.
	Stations func(dir string, temporary bool) Stations
	// Changed tells that links, addresses or routes may have changed; nil: they never do.
	Changed <-chan struct{}
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Synchronised reports whether somebody who knows the time has set it; nil: nobody ever does.
	Synchronised func() bool
	// Port is where clients ask; 0: 53.
	Port uint16
	// Upstream is what upstream needs of the world; its zero value is that of the machine, with the
	// authorities of package trust and the date of those.
	Upstream upstream.Options
}

// A Service is the DNS server of all LANs.
type Service struct {
	o        Options
	log      *slog.Logger
	resolver *resolver.Resolver
	chain    *chain.Chain
	upstream *upstream.Client
	links    *links.Keeper[*front.Sockets]
	names    *names
	observer *observer
	watch    *watch
	started  time.Time
	timed    atomic.Bool // others keep the clock
	right    atomic.Bool // they have set it

	reconfiguring sync.Mutex

	mu sync.Mutex
	parts
	served  map[string]*link
	serving bool   // what is opened is used at once
	sources string // the addresses by which those upstream are asked
}

// Open checks conf and opens the sockets of those links that are there. Those of others are opened later,
// which needs CAP_NET_RAW and CAP_NET_BIND_SERVICE.
func Open(conf dns.Config, o Options) (*Service, error) {
	o = o.withDefaults()
	made, err := partsOf(conf)
	if err != nil {
		return nil, err
	}
	s := &Service{o: o, log: o.Log, parts: made, observer: newObserver(), served: map[string]*link{}}
	s.timed.Store(conf.Timed)
	o.Upstream.Unset = s.unset
	if s.upstream, err = upstream.New(conf.Upstream, o.Upstream); err != nil {
		return nil, fmt.Errorf("dns configuration: %w", err)
	}
	if err := s.join(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.names = newNames(s.resolver.SetTable, &s.o)
	if s.watch, err = newWatch(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.follow(&conf)
	s.links = links.New(o.Log, s.took)
	if err := s.links.Set(s.openings(s.conf)); err != nil {
		return nil, errors.Join(err, s.watch.Close(), s.close())
	}
	return s, nil
}

// unset reports whether the clock is one that others are to set, and have not yet. Once they have, it is
// right: later outages make it wrong by little, and dates count again.
func (s *Service) unset() bool {
	if !s.timed.Load() || s.right.Load() || s.o.Synchronised == nil {
		return false
	}
	s.right.Store(s.o.Synchronised())
	return !s.right.Load()
}

// join makes chain and resolver, which ask each other.
func (s *Service) join() (err error) {
	s.chain, err = chain.New(chain.Options{
		Table: func() *zone.Table { return s.resolver.Table() },
		Lookup: func(ctx context.Context, name []byte, typ uint16, do, cd bool) ([]byte, error) {
			return s.resolver.Lookup(ctx, name, typ, do, cd)
		},
		Upstream: s.upstream, Rebind: s.rebind, Log: s.o.Upstream.Log,
		Cookie: func(q *wire.Query, client netip.Addr) wire.ServerCookie {
			return s.resolver.Cookie(q, client)
		},
	})
	if err != nil {
		return err
	}
	var secret [32]byte
	rand.Read(secret[:]) // never fails
	s.resolver = resolver.New(resolver.Options{
		Chain: s.chain, Table: s.table, Limits: resolver.Limits{CacheBytes: s.conf.CacheBytes},
		Secret: secret, Shares: ratelimit.NewShares(shareBurst, shareEvery, shareClients,
			binary.NativeEndian.Uint64(secret[:]), s.o.Now()),
		Now: s.o.Now, Observe: s.observer.observe,
	})
	return nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Port == 0 {
		o.Port = 53
	}
	if o.Upstream.Log == nil {
		o.Upstream.Log = slog.New(ratelimit.Handler(o.Log.Handler(), logBurst, logEvery, o.Now))
	}
	if o.Upstream.Now == nil {
		o.Upstream.Now = o.Now
	}
	if o.Upstream.Epoch.IsZero() {
		o.Upstream.Epoch = trust.Date()
	}
	if o.Upstream.Roots == nil {
		o.Upstream.Roots = sync.OnceValue(func() *x509.CertPool {
			roots, err := trust.Roots()
			if err != nil {
				o.Log.Error("an authority for certificates cannot be read", "cause", err)
			}
			return roots
		})
	}
	return o
}

// parts are a Config, but for what of the house is in its table only, and what is made of it. None of them is
// ever changed, only replaced.
type parts struct {
	conf   *dns.Config
	table  *zone.Table // without leases
	rebind *upstream.Rebind
}

// partsOf checks a Config, and makes of it what takes long.
func partsOf(conf dns.Config) (p parts, err error) {
	if p.table, err = conf.Table(); err != nil {
		return p, fmt.Errorf("dns configuration: %w", err)
	}
	exceptions := slices.Clone(conf.Private)
	for _, f := range conf.Upstream.Forward {
		exceptions = append(exceptions, f.Domain)
	}
	if p.rebind, err = upstream.NewRebind(exceptions); err != nil {
		return p, fmt.Errorf("dns configuration: %w", err)
	}
	conf.House = zone.Config{Domain: conf.House.Domain, Router: conf.House.Router}
	p.conf = &conf
	return p, nil
}

// Run calls drop, which gives up privileges, reads the leases, calls ready, and serves until ctx ends; then
// it returns nil. It may be called once.
func (s *Service) Run(ctx context.Context, drop, ready func() error) (err error) {
	defer func() { err = errors.Join(err, s.close()) }()
	if err := drop(); err != nil {
		return fmt.Errorf("drop privileges: %w", err)
	}
	s.started = s.o.Now()
	s.names.adopt(s.resolver.Table(), s.conf)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(s.watch.run)
	defer s.watch.Close() // which ends that
	running.Go(func() { s.names.run(ctx, s.watch.written) })
	changed := make(chan struct{}, 1)
	running.Go(func() { s.relay(ctx, changed) })
	running.Go(func() { s.links.Run(ctx, changed) })
	s.serve()
	if err := ready(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// close ends everything. It may be called again.
func (s *Service) close() error {
	var err error
	if s.links != nil {
		err = s.links.Close()
	}
	s.upstream.Close()
	if s.resolver != nil {
		s.resolver.Close()
	}
	return err
}

// follow has the kernel tell when the journal of leases, or the file of stations, is written to.
func (s *Service) follow(conf *dns.Config) {
	if err := s.watch.set(conf.Leases, conf.Stations); err != nil {
		s.log.Error("leases and addresses are looked at once a second", "cause", err)
	}
}

// relay hands changes of links on, and looks whether those upstream are asked by another way than before.
func (s *Service) relay(ctx context.Context, changed chan<- struct{}) {
	for {
		select {
		case <-s.o.Changed:
		case <-ctx.Done():
			return
		}
		select {
		case changed <- struct{}{}:
		default:
		}
		s.lookAtPath()
	}
}

// lookAtPath has everything outside asked anew when the addresses by which it is asked are others.
func (s *Service) lookAtPath() {
	s.mu.Lock()
	sources := s.sourcesOf(s.conf.Upstream)
	other := sources != s.sources
	s.sources = sources
	s.mu.Unlock()
	if other {
		s.upstream.PathChanged()
		s.resolver.PathChanged()
	}
}

// sourcesOf are the addresses by which the kernel would ask those upstream now. Nothing is sent.
func (s *Service) sourcesOf(c servers.Config) (all string) {
	asked := slices.Clone(c.Servers)
	for _, f := range c.Forward {
		asked = append(asked, f.Servers...)
	}
	for _, server := range asked {
		if conn, err := s.o.dial("udp", server.Endpoint()); err == nil {
			all += conn.LocalAddr().String() + " "
			conn.Close()
		}
	}
	return all
}
