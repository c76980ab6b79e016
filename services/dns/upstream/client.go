// Package upstream asks resolvers of others. It takes plain questions as octets and returns answers as
// octets.
//
// Guaranteed: an answer is one to the question that was asked, by the server that was asked: source, random
// port, random id and question match, and with TLS the certificate is for the name in the Config. It is
// well-formed as far as names and lengths go; AD is set only if it came over TLS; the OPT record is there
// only if the query had one, with the extended error (RFC 8914) as its only option. What a client's options
// say goes to nobody. Every question ends after 4 seconds at the latest; at most 256 are on their way; a
// server gets at most 256 at a time and has at most two connections.
//
// Servers are asked in the order of their measured latency. A second one is asked when the first is slower
// than it usually is, for a tenth of the questions at most; another when nothing came for 400 ms, 1.2 s,
// 2.8 s; and at once when a server fails. A connection that is silent while questions are outstanding is
// probed and given up within a second. A server that fails is left out for 0.25 to 30 s, unless there is no
// other.
//
// Left to the caller: caches, equal questions asked at once, the size that a client can take (an answer may
// have 65,535 octets), cookies, local names, what is done with SERVFAIL, private addresses (Rebind is for
// that), and CNAME chains: an answer may end with a CNAME whose target is to be asked for. There is no
// validation of DNSSEC.
//
// While the clock is certainly wrong (Options.Epoch), or nobody has set it yet and a certificate's dates are
// against it (Options.Unset), dates do not count: else a box without a clock has no names, without names no
// servers of time, and without those no clock. AD is not believed then, and connections that were made so end
// with the first question after the clock is right.
package upstream

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// Bounds of what goes on at once, and of how long.
const (
	maxAsking   = 256 // questions on their way
	maxInFlight = 256 // of them at one server, those asked again counted twice
	patience    = 4 * time.Second
)

// Errors of Ask. Others wrap the reasons of the servers.
var (
	ErrBusy     = errors.New("too many questions are on their way")
	ErrNoServer = errors.New("there is no server to ask")
	ErrNoAnswer = errors.New("no server answered")
	ErrClosed   = errors.New("the client is closed")
)

// Options are what a Client has of the world. The zero value is that of the machine.
type Options struct {
	// Dial connects to a server, network being "udp" or "tcp". With udp it does not wait. It binds the
	// source, if there is one to bind to. Nil: by the routes of the machine.
	Dial func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error)
	// Now is the wall clock, by which certificates are valid. Nil: time.Now.
	Now func() time.Time
	// Epoch is a time that is past. While Now is before it the clock is wrong, and the dates of certificates
	// are not looked at, but for what had expired by Epoch; who has signed them and for whom is. Zero: dates
	// count always.
	Epoch time.Time
	// Unset reports that the clock is to be set by others and was not yet: it is believed where the dates of
	// a certificate agree with it, and where they do not they are not looked at. Nil: nobody sets it.
	Unset func() bool
	// Log is told when a server fails and when it answers again, which may be often: bound it. Nil: nobody
	// is.
	Log *slog.Logger
	// Rand returns 64 bits that nobody can foresee. It may be called by several goroutines. Nil: crypto/rand.
	Rand func() uint64
	// Roots returns the authorities that certificates may be signed by. It is called for servers with a
	// certificate only, since such a pool has half a megabyte. Nil: those of the system.
	Roots func() *x509.CertPool
}

// complete fills in what was left out.
func (o Options) complete() Options {
	if o.Dial == nil {
		o.Dial = dial
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Unset == nil {
		o.Unset = func() bool { return false }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Rand == nil {
		o.Rand = random
	}
	if o.Roots == nil {
		o.Roots = func() *x509.CertPool { return nil }
	}
	return o
}

func dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	if network == "udp" { // without the detour through texts; the kernel takes a random port
		return net.DialUDP(network, nil, net.UDPAddrFromAddrPort(to))
	}
	var d net.Dialer
	return d.DialContext(ctx, network, to.String())
}

func random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.NativeEndian.Uint64(b[:])
}

// A Client asks the servers of its Config. Its methods may be called by several goroutines.
type Client struct {
	world *world
	table atomic.Pointer[table]
	load  atomic.Int64 // questions on their way
	spare atomic.Int64 // what hedging may cost, see hedge

	mu     sync.Mutex // for changes of the table
	closed bool
}

// world is what all servers of a Client share.
type world struct {
	Options
	ctx     context.Context // of connections
	cancel  context.CancelFunc
	running sync.WaitGroup
	buffers sync.Pool   // *[datagramSize]byte
	undated atomic.Bool // a connection was made without looking at dates
}

// clockless reports whether the clock is certainly wrong.
func (w *world) clockless() bool { return w.Now().Before(w.Epoch) }

// doubtful reports whether it may be.
func (w *world) doubtful() bool { return w.clockless() || w.Unset() }

// A table says who is asked for what. It does not change.
type table struct {
	all     []*peer
	root    []*peer
	domains map[string][]*peer // as they are on the wire, in lower case
	mixed   bool
}

// route returns the servers for a name.
func (t *table) route(name []byte) []*peer {
	if len(t.domains) == 0 {
		return t.root
	}
	var room [servers.MaxName]byte
	if peers, ok := longest(t.domains, append(room[:0], name...)); ok {
		return peers
	}
	return t.root
}

// New returns a Client. Nothing is connected before something is asked. The error is that of Check.
func New(c servers.Config, o Options) (*Client, error) {
	u := &Client{world: &world{Options: o.complete()}}
	u.world.ctx, u.world.cancel = context.WithCancel(context.Background())
	u.world.buffers.New = func() any { return new([datagramSize]byte) }
	u.table.Store(&table{})
	u.spare.Store(hedgeMost)
	if err := u.Reconfigure(c); err != nil {
		return nil, err
	}
	return u, nil
}

// Reconfigure takes another Config. Servers that are in both keep their connections and what is known of
// them; what is outstanding at one that is gone is asked elsewhere. With an error, that of Check, nothing
// changes.
func (u *Client) Reconfigure(c servers.Config) error {
	if err := c.Check(); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return ErrClosed
	}
	old := u.table.Load()
	known := map[servers.Server]*peer{}
	for _, p := range old.all {
		known[p.server] = p
	}
	t := &table{domains: map[string][]*peer{}, mixed: c.MixedCase}
	kept := map[servers.Server]*peer{}
	peers := func(asked []servers.Server) (list []*peer) {
		for _, s := range asked {
			s.Port = s.Endpoint().Port()
			p := kept[s]
			if p == nil {
				if p = known[s]; p == nil {
					p = newPeer(s, u.world)
				}
				kept[s], t.all = p, append(t.all, p)
			}
			list = append(list, p)
		}
		return list
	}
	t.root = peers(c.Servers)
	for _, f := range c.Forward {
		name, _ := servers.WireName(f.Domain) // checked
		t.domains[string(name)] = peers(f.Servers)
	}
	u.table.Store(t)
	for _, p := range old.all {
		if kept[p.server] == nil {
			p.leave(errMoved)
		}
	}
	return nil
}

// PathChanged drops all connections and sockets and forgets how servers were: the WAN is another now. What is
// outstanding is asked again.
func (u *Client) PathChanged() {
	for _, p := range u.table.Load().all {
		p.moved()
	}
}

// redate ends connections that were made without looking at dates, once the clock is right.
func (u *Client) redate() {
	if !u.world.undated.Load() || u.world.doubtful() || !u.world.undated.CompareAndSwap(true, false) {
		return
	}
	for _, p := range u.table.Load().all {
		p.redate()
	}
}

// Close ends what is outstanding and all connections, and waits for their goroutines.
func (u *Client) Close() {
	u.mu.Lock()
	u.closed = true
	old := u.table.Swap(&table{})
	u.mu.Unlock()
	u.world.cancel()
	for _, p := range old.all {
		p.leave(ErrClosed)
	}
	u.world.running.Wait()
}

// Hedging costs the servers a tenth more questions than there are, and a burst of 20.
const (
	hedgeCost = 10
	hedgeMost = 20 * hedgeCost
)

// earn counts a question that may be hedged, or some other.
func (u *Client) earn() {
	if u.spare.Load() < hedgeMost {
		u.spare.Add(1)
	}
}

// hedge reports whether one more question may be asked twice.
func (u *Client) hedge() bool {
	if u.spare.Add(-hedgeCost) >= 0 {
		return true
	}
	u.spare.Add(hedgeCost)
	return false
}
