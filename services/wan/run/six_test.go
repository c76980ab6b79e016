package run

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// An upstream is a link with a router and a DHCPv6 server at its other end.
type upstream struct {
	mu         sync.Mutex
	absent     bool
	silent     bool
	prefix     string
	managed    bool
	other      bool
	stateless  bool         // no server leases anything
	duplicate  bool         // others have what is asked for next
	duplicates []netip.Addr // that was
	conns      []*wires6
	sent       []dhcpv6.MessageType
	solicited  int
	mute       bool // the router answers no probe
	probed     int
}

// Wires6 are the sockets on that link.
type wires6 struct {
	u       *upstream
	adverts chan *advert.Advertisement
	answers chan netip.Addr
	in      chan []byte
	closed  chan struct{}
}

func (u *upstream) open(string) (Conn6, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.absent {
		return nil, links.ErrAbsent
	}
	c := &wires6{u: u, adverts: make(chan *advert.Advertisement, 16), answers: make(chan netip.Addr, 16), in: make(chan []byte, 16), closed: make(chan struct{})}
	u.conns = append(u.conns, c)
	return c, nil
}

var router = netip.MustParseAddr("fe80::1")

func (c *wires6) EachAdvertisement(heard func(netip.Addr, *advert.Advertisement), answered func(netip.Addr)) error {
	for {
		select {
		case a := <-c.adverts:
			heard(router, a)
		case by := <-c.answers:
			answered(by)
		case <-c.closed:
			return net.ErrClosed
		}
	}
}

func (c *wires6) ReadMessage() ([]byte, netip.Addr, error) {
	select {
	case b := <-c.in:
		return b, router, nil
	case <-c.closed:
		return nil, netip.Addr{}, net.ErrClosed
	}
}

func (c *wires6) Solicit() error {
	c.u.mu.Lock()
	defer c.u.mu.Unlock()
	c.u.solicited++
	if !c.u.silent {
		c.adverts <- &advert.Advertisement{Lifetime: 30 * time.Minute, Managed: c.u.managed, Other: c.u.other, MTU: 1492, Prefixes: []advert.Prefix{{
			Prefix: netip.MustParsePrefix("2001:db8:5::/64"), OnLink: true, Autonomous: true, Valid: 24 * time.Hour, Preferred: 4 * time.Hour,
		}}}
	}
	return nil
}

func (c *wires6) Probe(of netip.Addr) error {
	c.u.mu.Lock()
	defer c.u.mu.Unlock()
	if c.u.probed++; of == router && !c.u.silent && !c.u.mute {
		c.answers <- of
	}
	return nil
}

func (c *wires6) Send(b []byte) error {
	c.u.mu.Lock()
	defer c.u.mu.Unlock()
	m, err := dhcpv6.Read(b)
	if err != nil {
		return err
	}
	c.u.sent = append(c.u.sent, m.Type)
	if c.u.silent {
		return nil
	}
	r := dhcpv6.Message{Type: dhcpv6.Reply, ID: m.ID}
	if m.Type == dhcpv6.Solicit {
		r.Type = dhcpv6.Advertise
	}
	r.Options.Add(dhcpv6.OptionClientID, m.Options.Get(dhcpv6.OptionClientID))
	r.Options.Add(dhcpv6.OptionServerID, dhcpv6.UUIDDUID([16]byte{1}))
	if data := m.Options.Get(dhcpv6.OptionIAPD); data != nil && !c.u.stateless {
		ia, _ := dhcpv6.ReadIA(data)
		p := dhcpv6.Prefix{Prefix: netip.MustParsePrefix(c.u.prefix), Preferred: time.Hour, Valid: 2 * time.Hour}
		ia.Options = dhcpv6.Options{{Code: dhcpv6.OptionIAPrefix, Data: p.Append(nil)}}
		r.Options.Add(dhcpv6.OptionIAPD, ia.Append(nil))
	}
	if data := m.Options.Get(dhcpv6.OptionIANA); data != nil && !c.u.stateless {
		ia, _ := dhcpv6.ReadIA(data)
		a := dhcpv6.Address{Addr: netip.MustParseAddr("2001:db8:5::99"), Preferred: time.Hour, Valid: 2 * time.Hour}
		ia.Options = dhcpv6.Options{{Code: dhcpv6.OptionIAAddr, Data: a.Append(nil)}}
		r.Options.Add(dhcpv6.OptionIANA, ia.Append(nil))
	}
	r.Options.Add(dhcpv6.OptionDNS, dhcpv6.AppendAddrs(nil, []netip.Addr{netip.MustParseAddr("2001:db8::53")}))
	c.in <- r.Append(nil)
	return nil
}

func (c *wires6) Duplicates(all []netip.Addr) (found []netip.Addr, err error) {
	c.u.mu.Lock()
	defer c.u.mu.Unlock()
	if !c.u.duplicate {
		return nil, nil
	}
	c.u.duplicate, c.u.duplicates = false, all
	return all, nil
}

func (c *wires6) Card() wan.MAC { return wan.MAC{2, 0, 0, 0, 0, 1} }

func (c *wires6) Check() error {
	c.u.mu.Lock()
	defer c.u.mu.Unlock()
	if c.u.absent || c != c.u.conns[len(c.u.conns)-1] {
		return links.ErrAbsent
	}
	return nil
}

func (c *wires6) Close() error { close(c.closed); return nil }

func (u *upstream) set(f func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f()
}

// did returns what was sent since the last call.
func (u *upstream) did() (all []dhcpv6.MessageType) {
	u.mu.Lock()
	defer u.mu.Unlock()
	all, u.sent = u.sent, nil
	return all
}

// lab6 is a service with IPv6, in virtual time.
type lab6 struct {
	*lab
	upstream *upstream
	conf     wan.Config
	boot     string
}

func newLab6(t *testing.T) *lab6 {
	return &lab6{
		lab:      &lab{t: t, dir: t.TempDir(), provider: &provider{carrier: true, addr: netip.MustParseAddr("192.0.2.10")}},
		upstream: &upstream{prefix: "2001:db8:100::/56"}, boot: "boot",
		conf: wan.Config{Link: "eth0", Static4: true, IPv6: wan.IPv6{RouterDiscovery: true, Address: true, Delegation: &wan.Wish{Length: 56}}},
	}
}

// run starts the service, and follows it.
func (l *lab6) run() *lab6 {
	l.t.Helper()
	l.changed = make(chan struct{}, 1)
	zero := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	var err error
	n := uint64(0)
	l.Service, err = Open(l.conf, Options{
		Log: slog.New(slog.DiscardHandler), StateDir: l.dir, Boot: l.boot, Changed: l.changed, Open: l.provider.open,
		Open6: l.upstream.open, Carrier: l.provider.watchCarrier,
		Uptime: func() time.Duration { return time.Since(zero) + time.Minute },
		Wall:   func() (time.Time, bool) { return time.Now().AddDate(26, 0, 0), true },
		Rand:   func() uint64 { n++; return n * 0x9e3779b97f4a7c15 },
	})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- l.Run(ctx, func() error { return nil }, func() error { close(ready); return nil })
	}()
	<-ready
	go l.answerFollow(ctx, nil, func(v any) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.reports = append(l.reports, v.(Report))
		return nil
	})
	l.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			l.t.Error(err)
		}
	}
	return l
}

// holds checks the last report, and returns it.
func (l *lab6) holds(what, delegated string, gateway netip.Addr) *wan.Facts6 {
	l.t.Helper()
	r, n := l.last()
	if n == 0 || r.Facts6 == nil || r.Pending6 || r.Decided6 == (delegated == "") {
		l.t.Fatalf("%s: %d reports, the last %+v", what, n, r.Six)
	}
	var got []string
	for _, d := range r.Facts6.Delegated {
		got = append(got, d.Prefix.String())
	}
	if strings.Join(got, " ") != delegated || r.Facts6.Gateway != gateway {
		l.t.Errorf("%s: %+v", what, r.Facts6)
	}
	return r.Facts6
}

func TestSixObtained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab6(t).run()
		time.Sleep(10 * time.Second)
		f := l.holds("at first", "2001:db8:100::/56", router)
		if len(f.Addrs) != 1 || f.MTU != 1492 || len(f.DNS) != 1 {
			t.Errorf("%+v", f)
		}
		if got := l.upstream.did(); !slices.Equal(got, []dhcpv6.MessageType{dhcpv6.Solicit, dhcpv6.Request}) {
			t.Errorf("sent %v", got)
		}
		if sent := l.provider.did(); len(sent) > 0 {
			t.Errorf("over IPv4 %v", sent)
		}
		st := l.ask(t)
		if st.Client != nil || st.Absent || st.IPv6 == nil || st.IPv6.Client.Lease == nil || len(st.IPv6.Discovery.Routers) != 1 || len(st.IPv6.Events) < 2 {
			t.Errorf("%+v", st)
		}
		time.Sleep(5 * time.Minute)
		if p := l.ask(t).Problems; len(p) > 0 {
			t.Errorf("problems %q", p)
		}
		// An address is asked for as soon as routers say that there are any.
		l.upstream.set(func() { l.upstream.managed = true })
		time.Sleep(25 * time.Minute)
		f = l.holds("managed", "2001:db8:100::/56", router)
		if len(f.Addrs) != 2 || f.Addrs[0].String() != "2001:db8:5::99/128" {
			t.Errorf("%+v", f)
		}
		// What others have is given up, of either kind, and another one made of the prefix.
		l.upstream.set(func() { l.upstream.duplicate = true })
		l.Reconfigure(l.conf)
		time.Sleep(10 * time.Second)
		f = l.holds("duplicates", "2001:db8:100::/56", router)
		if len(f.Addrs) != 1 || slices.Contains(l.upstream.duplicates, f.Addrs[0].Addr()) || len(l.upstream.duplicates) != 2 {
			t.Errorf("%+v, others have %s", f, l.upstream.duplicates)
		}
		l.stop()
	})
}

// TestSixPromises: where routers promise addresses by DHCPv6 (M) and no server gives any, what else it knows
// (O) is known.
func TestSixPromises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab6(t)
		l.upstream.managed, l.upstream.other, l.upstream.stateless = true, true, true
		l.conf.IPv6.Delegation = nil
		l.run()
		time.Sleep(time.Minute)
		if r, _ := l.last(); r.Facts6 == nil || len(r.Facts6.DNS) != 1 || r.Facts6.Gateway != router {
			t.Errorf("%+v: sent %v", r.Facts6, l.upstream.did())
		}
		l.stop()
	})
}

// TestSixRestarts: whoever follows is told nothing that is less than he knows, and addresses and DUID stay.
func TestSixRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab6(t).run()
		time.Sleep(10 * time.Second)
		before := l.holds("at first", "2001:db8:100::/56", router)
		duid := l.ask(t).IPv6.Client.DUID.String()
		l.stop()
		l.run()
		time.Sleep(10 * time.Second)
		l.mu.Lock()
		for _, r := range l.reports {
			if !r.Pending6 && (r.Facts6 == nil || !r.Decided6 || !r.Facts6.Gateway.IsValid() || len(r.Facts6.Delegated) == 0) {
				t.Errorf("told %+v", r.Six)
			}
		}
		l.mu.Unlock()
		after := l.holds("after a restart", "2001:db8:100::/56", router)
		if !slices.Equal(before.Addrs, after.Addrs) || l.ask(t).IPv6.Client.DUID.String() != duid {
			t.Errorf("%+v, before %+v", after, before)
		}
		// Nobody there any more: what is kept is used, and what cannot be known is said.
		l.stop()
		l.upstream.set(func() { l.upstream.silent = true })
		l.boot = "another"
		l.run()
		time.Sleep(9 * time.Second)
		if r, n := l.last(); n == 0 || r.Decided6 || r.Facts6 != nil {
			t.Errorf("it is asked for: %+v", r.Six)
		}
		time.Sleep(6 * time.Second)
		l.holds("nobody answers", "2001:db8:100::/56", netip.Addr{})
		time.Sleep(2 * time.Minute)
		if p := l.ask(t).Problems; len(p) != 2 || !strings.Contains(p[0], "confirmed") || !strings.Contains(p[1], "router") {
			t.Errorf("problems %q", p)
		}
		time.Sleep(3 * time.Hour)
		if r, n := l.last(); n == 0 || r.Facts6 != nil {
			t.Errorf("after its end: %+v", r.Six)
		}
		l.stop()
	})
}

// TestSixLinkAndWishes: a link without an address at first, that goes and comes; release and renew; another
// configuration.
func TestSixLinkAndWishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab6(t)
		l.conf.Static4 = false
		l.upstream.absent = true
		l.run()
		time.Sleep(30 * time.Second)
		if r, _ := l.last(); r.Facts == nil || r.Facts6 != nil || r.Pending6 {
			t.Errorf("without a link-local address: %+v", r)
		}
		l.upstream.set(func() { l.upstream.absent = false })
		l.changed <- struct{}{}
		time.Sleep(10 * time.Second)
		l.holds("with one", "2001:db8:100::/56", router)
		l.upstream.did()
		ask := func(what string) {
			t.Helper()
			if err := l.Methods()[what](t.Context(), nil, func(any) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		ask("release")
		time.Sleep(10 * time.Second)
		if r, _ := l.last(); r.Facts != nil || r.Facts6 == nil || len(r.Facts6.Delegated) > 0 || !r.Facts6.Gateway.IsValid() {
			t.Errorf("released: %+v", r)
		}
		if _, err := os.Stat(filepath.Join(l.dir, leaseFile6)); !errors.Is(err, os.ErrNotExist) {
			t.Error("the lease is kept")
		}
		ask("renew")
		time.Sleep(10 * time.Second)
		l.holds("renewed", "2001:db8:100::/56", router)
		// The card is gone and comes back, on another network.
		l.upstream.set(func() { l.upstream.absent, l.upstream.prefix = true, "2001:db8:200::/56" })
		l.changed <- struct{}{}
		time.Sleep(5 * time.Second)
		if st := l.ask(t); !st.IPv6.Absent || st.IPv6.Client.Lease == nil {
			t.Errorf("%+v", st.IPv6)
		}
		l.upstream.set(func() { l.upstream.absent = false })
		l.changed <- struct{}{}
		time.Sleep(10 * time.Second)
		l.holds("back", "2001:db8:200::/56 2001:db8:100::/56", router)
		// A LAN of the house takes the prefix: it is not used any more. Then there is no IPv6 at all.
		conf := l.conf
		conf.IPv6.LANs = []wan.LAN{{Name: "lan", Network: netip.MustParsePrefix("2001:db8:200:1::/64"), Address: netip.MustParseAddr("2001:db8:200:1::1")}}
		if err := l.Reconfigure(conf); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		l.holds("a new lan", "2001:db8:100::/56", router)
		conf.IPv6 = wan.IPv6{}
		if err := l.Reconfigure(conf); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if r, n := l.last(); n == 0 || r.Facts6 != nil || r.Facts == nil || l.ask(t).IPv6 != nil {
			t.Errorf("without IPv6: %+v", r)
		}
		l.stop()
	})
}

// TestSixSilentRouter: a router that answers no more is no way out, which is said; all else stays. A service
// that has just started keeps what it knew.
func TestSixSilentRouter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab6(t).run()
		time.Sleep(2 * time.Minute)
		before := *l.holds("at first", "2001:db8:100::/56", router)
		l.upstream.set(func() { l.upstream.silent = true })
		time.Sleep(14 * time.Second)
		f := l.holds("silent", "2001:db8:100::/56", netip.Addr{})
		if f.MTU != before.MTU || !slices.Equal(f.Addrs, before.Addrs) || !slices.Equal(f.DNS, before.DNS) {
			t.Errorf("%+v, before %+v", f, before)
		}
		st := l.ask(t)
		if len(st.Problems) != 1 || !strings.HasPrefix(st.Problems[0], "No IPv6 leads out: router fe80::1 has not answered for ") {
			t.Errorf("problems %q", st.Problems)
		}
		if e := st.IPv6.Events[len(st.IPv6.Events)-1]; e.Name != "norouter6" || !strings.HasSuffix(e.Text, "fe80::1 does not answer") {
			t.Errorf("%+v", e)
		}
		if r := st.IPv6.Discovery.Routers; len(r) != 1 || r[0].Silent == 0 || r[0].InUse {
			t.Errorf("%+v", r)
		}
		l.upstream.set(func() { l.upstream.silent = false })
		time.Sleep(time.Second)
		l.holds("back", "2001:db8:100::/56", router)
		time.Sleep(5 * time.Second)
		if p := l.ask(t).Problems; len(p) > 0 {
			t.Errorf("problems %q", p)
		}
		// One that answers nobody, and never did.
		l.stop()
		l.upstream.set(func() { l.upstream.mute = true })
		l.run()
		time.Sleep(10 * time.Minute)
		l.holds("mute", "2001:db8:100::/56", router)
		l.stop()
	})
}

// TestSixIsJSON: a Report is read as it was written.
func TestSixIsJSON(t *testing.T) {
	r := Report{Six: Six{Facts6: &wan.Facts6{Gateway: router, Delegated: []wan.Delegation{{Prefix: netip.MustParsePrefix("2001:db8::/56"), Preferred: 5, Valid: wan.Never}}}}}
	b, err := json.Marshal(r)
	var again Report
	if err := errors.Join(err, json.Unmarshal(b, &again)); err != nil || again.Facts6 == nil || !again.Facts6.Equal(r.Facts6) {
		t.Errorf("%s: %v", b, err)
	}
}
