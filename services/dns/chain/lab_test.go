package chain

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"github.com/gatehouse-os/gatehouse/services/dns/wire"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

var _ resolver.Chain = (*Chain)(nil)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// client is who asks.
var client = netip.MustParseAddrPort("192.168.32.50:4711")

// home is a house with something of everything that matters here.
func home() zone.Config {
	many := []zone.SRV{}
	for i := range 100 {
		many = append(many, zone.SRV{Priority: uint16(i), Weight: 1, Port: 389, Target: "web1"})
	}
	return zone.Config{
		Domain: "home.example",
		Router: zone.Host{Name: "firewall", Addrs: []netip.Addr{addr("192.168.32.1")}},
		Hosts: []zone.Host{
			{Name: "web1", Aliases: []string{"www"}, Addrs: []netip.Addr{addr("192.168.32.11"), addr("2001:db8:0:20::11")}},
			{Name: "pc1", Clients: []string{"00:16:3e:20:00:21"}},
		},
		Networks: []netip.Prefix{netip.MustParsePrefix("192.168.32.0/24")},
		Records: []zone.Record{
			{Name: "shop", CNAME: "shops.far.org."},
			{Name: "shop2", CNAME: "shop"},
			{Name: "*.apps", CNAME: "web1"},
			{Name: "_ldap._tcp", SRV: many},
			{Name: "@", MX: []zone.MX{{Preference: 10, Host: "web1"}}, TXT: []string{"v=spf1 -all"}},
			{Name: "back.out.net.", CNAME: "shops.far.org."},
		},
		Serial: 42,
	}
}

// A world is an upstream in memory: what each name has, and how it fails.
type world struct {
	t       testing.TB
	table   *zone.Table
	records map[string][]string // by name, in text
	change  func(m *dns.Msg)    // of each answer
	raw     func(query []byte) []byte
	err     error

	mu    sync.Mutex
	asked []string
	log   bytes.Buffer
}

func newWorld(t testing.TB) *world {
	table, err := zone.Build(home())
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, table: table, records: map[string][]string{}}
}

// has gives a name of the world records.
func (w *world) has(records ...string) *world {
	for _, r := range records {
		name, _, _ := strings.Cut(r, " ")
		w.records[name] = append(w.records[name], r)
	}
	return w
}

// Write takes lines of the log.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

// Ask answers as a server that follows no alias.
func (w *world) Ask(_ context.Context, query []byte) (upstream.Answer, error) {
	var m dns.Msg
	if err := m.Unpack(query); err != nil {
		w.t.Errorf("the upstream is asked %x: %v", query, err)
	}
	q := m.Question[0]
	name := strings.ToLower(q.Name)
	w.mu.Lock()
	w.asked = append(w.asked, name+" "+dns.TypeToString[q.Qtype])
	w.mu.Unlock()
	said := upstream.Answer{From: servers.Server{Address: addr("192.0.2.53"), Kind: servers.Plain}}
	switch {
	case w.err != nil:
		return upstream.Answer{}, w.err
	case w.raw != nil:
		said.Message = w.raw(query)
		return said, nil
	}
	answer := new(dns.Msg)
	answer.SetReply(&m)
	answer.RecursionAvailable = true
	for _, text := range w.records[name] {
		rr, err := dns.NewRR(text)
		if err != nil {
			w.t.Fatal(err)
		}
		if rr.Header().Rrtype == q.Qtype || rr.Header().Rrtype == dns.TypeCNAME {
			answer.Answer = append(answer.Answer, rr)
		}
	}
	if len(answer.Answer) == 0 {
		soa, _ := dns.NewRR(". 300 SOA a.root. b.root. 1 2 3 4 300")
		answer.Ns = []dns.RR{soa}
		if len(w.records[name]) == 0 {
			answer.Rcode = dns.RcodeNameError
		}
	}
	answer.SetEdns0(1232, m.IsEdns0() != nil && m.IsEdns0().Do())
	if w.change != nil {
		w.change(answer)
	}
	b, err := answer.Pack()
	said.Message = b
	return said, err
}

// lookup is the resolver, without its cache.
func (w *world) lookup(c *Chain) func(context.Context, []byte, uint16, bool, bool) ([]byte, error) {
	return func(ctx context.Context, name []byte, typ uint16, do, cd bool) ([]byte, error) {
		var q wire.Query
		if !q.Ask(name, typ, 0) {
			w.t.Errorf("%x is looked up", name)
		}
		q.EDNS, q.DO, q.CD, q.AD = true, do, cd, true
		said, err := c.Ask(ctx, q.AppendQuery(nil))
		return said.Message, err
	}
}

// chain makes one of this world. except are domains with private addresses.
func (w *world) chain(except ...string) *Chain {
	w.t.Helper()
	rebind, err := upstream.NewRebind(except)
	if err != nil {
		w.t.Fatal(err)
	}
	o := Options{
		Table: func() *zone.Table { return w.table }, Upstream: w, Rebind: rebind,
		Log: slog.New(slog.NewTextHandler(w, nil)),
	}
	var c *Chain
	o.Lookup = func(ctx context.Context, name []byte, typ uint16, do, cd bool) ([]byte, error) {
		return w.lookup(c)(ctx, name, typ, do, cd)
	}
	if c, err = New(o); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// question is a client's.
func question(name string, typ uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), typ)
	return m
}

func packed(t testing.TB, m *dns.Msg) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// serve asks the full server, and has another's library read the reply.
func serve(t testing.TB, c *Chain, m *dns.Msg, stream bool) *dns.Msg {
	t.Helper()
	b := c.Serve(t.Context(), packed(t, m), client, stream)
	limit := 65535
	if !stream {
		limit = 512
		if opt := m.IsEdns0(); opt != nil {
			limit = min(max(512, int(opt.UDPSize())), wire.MaxUDP)
		}
	}
	if len(b) > limit {
		t.Errorf("the reply has %d bytes, and %d fit", len(b), limit)
	}
	r := new(dns.Msg)
	if err := r.Unpack(b); err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	if r.Id != m.Id || !r.Response || r.Opcode != m.Opcode || (r.IsEdns0() != nil) != (m.IsEdns0() != nil) {
		t.Errorf("the reply to\n%v\nis\n%v", m, r)
	}
	return r
}

// ask asks those outside.
func ask(t testing.TB, c *Chain, name string, typ uint16) (*dns.Msg, string) {
	t.Helper()
	m := question(name, typ)
	said, err := c.Ask(t.Context(), packed(t, m))
	if err != nil {
		t.Fatal(err)
	}
	r := new(dns.Msg)
	if err := r.Unpack(said.Message); err != nil {
		t.Fatalf("%x: %v", said.Message, err)
	}
	if r.Id != m.Id || r.Question[0] != m.Question[0] {
		t.Errorf("the answer to\n%v\nis\n%v", m, r)
	}
	return r, said.Server
}

// words makes one line of a message.
func words(m *dns.Msg) string {
	parts := []string{resultName(m.Rcode)}
	for _, f := range []struct {
		set  bool
		name string
	}{{m.Authoritative, "aa"}, {m.Truncated, "tc"}, {m.AuthenticatedData, "ad"}} {
		if f.set {
			parts = append(parts, f.name)
		}
	}
	for _, rr := range append(slices.Clone(m.Answer), m.Ns...) {
		h := rr.Header()
		data := strings.TrimPrefix(rr.String(), h.String())
		if h.Rrtype == dns.TypeSOA {
			data = "-"
		}
		parts = append(parts, fmt.Sprintf("%s %s %s", h.Name, dns.TypeToString[h.Rrtype], data))
	}
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				parts = append(parts, fmt.Sprintf("ede %d", e.InfoCode))
			}
		}
	}
	return strings.Join(parts, ", ")
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s\n is   %s\n want %s", what, got, want)
	}
}
