package conn

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/ndp"

	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

var (
	mac   = ethernet.MAC{2, 0, 0, 0, 0, 1}
	local = netip.MustParseAddr("fe80::1")
	heard = header{from: local, to: AllNodes, hopLimit: 255}
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// full has each option, and what ndp alone cannot say or read: a route that is no multiple of eight bits
// long, and more resolvers and names than one option has room for.
func full() advert.Advertisement {
	a := advert.Advertisement{
		HopLimit: 64, Managed: true, Other: true, Preference: advert.Low, Lifetime: 2700 * time.Second,
		Reachable: 30 * time.Second, Retransmit: 1500 * time.Millisecond, Source: mac, MTU: 1480,
		Prefixes: []advert.Prefix{
			{Prefix: prefix("2001:db8:1::/64"), OnLink: true, Autonomous: true, Valid: 5400 * time.Second, Preferred: 2700 * time.Second},
			{Prefix: prefix("2001:db8:2::/64"), OnLink: true},
			{Prefix: prefix("fd00::/48"), Valid: advert.Infinite, Preferred: advert.Infinite},
		},
		Routes: []advert.Route{
			{Prefix: prefix("2001:db8:30::/44"), Preference: advert.High, Lifetime: 1800 * time.Second},
			{Prefix: prefix("::/0"), Lifetime: advert.Infinite},
			{Prefix: prefix("2001:db8::5/128"), Preference: advert.Low},
		},
		Resolvers:     []advert.Resolvers{{Lifetime: 1800 * time.Second}},
		Search:        []advert.Search{{Domains: []string{"home.arpa", "xn--bcher-kva.example"}, Lifetime: 1800 * time.Second}},
		CaptivePortal: "https://portal.example/api",
		NAT64:         []advert.NAT64{{Prefix: prefix("64:ff9b::/96"), Lifetime: 1800 * time.Second}},
	}
	for i := range maxServers {
		a.Resolvers[0].Servers = append(a.Resolvers[0].Servers, netip.AddrFrom16([16]byte{0xfd, 15: byte(i)}))
	}
	return a
}

func TestRoundTrip(t *testing.T) {
	want := full()
	b, err := Marshal(&want)
	if err != nil {
		t.Fatal(err)
	}
	m, err := parse(heard, b)
	if err != nil || m.Kind != IsAdvertisement || m.From != local || !reflect.DeepEqual(m.Advertisement, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, m.Advertisement, want)
	}
	// ndp reads the same, but for the route.
	theirs, err := ndp.ParseMessage(b)
	if err != nil {
		t.Fatal(err)
	}
	ra := theirs.(*ndp.RouterAdvertisement)
	if ra.RouterLifetime != want.Lifetime || ra.RouterSelectionPreference != ndp.Low || len(ra.Options) != 12 {
		t.Errorf("ndp reads %+v", ra)
	}
}

// TestLong has lists that are longer than an option, and what is too long for any.
func TestLong(t *testing.T) {
	var a advert.Advertisement
	a.Resolvers = []advert.Resolvers{{Servers: make([]netip.Addr, maxServers+2)}}
	for i := range a.Resolvers[0].Servers {
		a.Resolvers[0].Servers[i] = netip.AddrFrom16([16]byte{0xfd, 15: byte(i)})
	}
	a.Search = []advert.Search{{Domains: []string{strings.Repeat("a.", 100) + "b", strings.Repeat("c.", 100) + "d", "e"}}}
	b, err := Marshal(&a)
	if err != nil {
		t.Fatal(err)
	}
	m, err := parse(heard, b)
	if err != nil {
		t.Fatal(err)
	}
	got := &m.Advertisement
	var servers []netip.Addr
	var names []string
	for _, r := range got.Resolvers {
		servers = append(servers, r.Servers...)
	}
	for _, s := range got.Search {
		names = append(names, s.Domains...)
	}
	if !reflect.DeepEqual(servers, a.Resolvers[0].Servers) || !reflect.DeepEqual(names, a.Search[0].Domains) ||
		len(got.Resolvers) != 2 || len(got.Search) != 2 {
		t.Errorf("read %+v", got)
	}
	for _, bad := range []advert.Advertisement{
		{CaptivePortal: strings.Repeat("x", maxOption-1)},
		{Search: []advert.Search{{Domains: []string{"a..b"}}}},
		{Search: []advert.Search{{Domains: []string{strings.Repeat("a", 64)}}}},
		{Prefixes: []advert.Prefix{{Prefix: netip.MustParsePrefix("192.0.2.0/24")}}},
		{Prefixes: []advert.Prefix{{Prefix: netip.MustParsePrefix("2001:db8::1/64")}}},
		{Routes: []advert.Route{{}}},
		{NAT64: []advert.NAT64{{Prefix: prefix("64:ff9b::/95")}}},
	} {
		if _, err := Marshal(&bad); err == nil {
			t.Errorf("%+v was marshalled", bad)
		}
	}
}

// TestChecks are RFC 4861 6.1.1 and 6.1.2.
func TestChecks(t *testing.T) {
	ra, _ := Marshal(&advert.Advertisement{Lifetime: time.Minute, Source: mac})
	rs, _ := Solicitation(mac)
	bare, _ := Solicitation(ethernet.MAC{})
	with := func(b []byte, at int, to byte) []byte {
		b = bytes.Clone(b)
		b[at] = to
		return b
	}
	unspecified := header{from: netip.IPv6Unspecified(), to: AllRouters, hopLimit: 255}
	for _, c := range []struct {
		what string
		h    header
		b    []byte
		ok   bool
	}{
		{"an advertisement", heard, ra, true},
		{"from beyond a router", header{local, AllNodes, 254}, ra, false},
		{"without a hop limit", header{local, AllNodes, -1}, ra, false},
		{"from a global address", header{netip.MustParseAddr("2001:db8::1"), AllNodes, 255}, ra, false},
		{"of code 1", heard, with(ra, 1, 1), false},
		{"too short", heard, ra[:15], false},
		{"an option without a length", heard, with(ra, 17, 0), false},
		{"an option longer than the message", heard, with(ra, 17, 2), false},
		{"with a rest", heard, append(bytes.Clone(ra), 1), false},
		{"another type", heard, with(ra, 0, 135), false},
		{"a solicitation", header{local, AllRouters, 255}, rs, true},
		{"a solicitation of nobody", unspecified, bare, true},
		{"of nobody with a card", unspecified, rs, false},
		{"a solicitation from beyond", header{local, AllRouters, 64}, rs, false},
		{"of code 2", heard, with(rs, 1, 2), false},
		{"too short a one", heard, bare[:7], false},
		{"a solicitation of a group", header{AllNodes, AllRouters, 255}, bare, false},
		{"nothing", heard, nil, false},
	} {
		m, err := parse(c.h, c.b)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.what, err)
		}
		if c.ok && c.b[0] == typeSolicitation && !m.From.IsUnspecified() && m.MAC != mac {
			t.Errorf("%s: of card %s", c.what, m.MAC)
		}
	}
}

// TestBadOption: one option that says nothing costs no other.
func TestBadOption(t *testing.T) {
	head, _ := Marshal(&advert.Advertisement{Lifetime: time.Minute})
	good, _ := Marshal(&advert.Advertisement{MTU: 1400})
	for _, c := range []struct{ what, octets string }{
		{"a prefix of length 129", "030481c0" + strings.Repeat("00", 28)},
		{"a prefix in one unit", "0301" + strings.Repeat("00", 6)},
		{"a card of another kind", "0102" + strings.Repeat("00", 14)},
		{"an option that nobody knows, of 256 octets", "fd20" + strings.Repeat("00", 254)},
		{"no resolver", "1901000000000001"},
		{"half a resolver", "190200000000000100000000000000ff"},
		{"a name that is a half", "1f020000000000010561626364000000"},
		{"a name that is no ASCII", "1f0200000000000103c3bcff00000000"},
		{"a name with an escape", "1f02000000000001021b5b0000000000"},
		{"a route of the reserved preference", "180240100000000120010db800000000"},
		{"a route that is longer than its option", "180241000000000120010db800000000"},
		{"no URI", "2501000000000000"},
		{"a NAT64 of no length", "2602000720010db80000000000000000"},
	} {
		o, err := hex.DecodeString(c.octets)
		if err != nil {
			t.Fatal(err)
		}
		m, err := parse(heard, append(append(bytes.Clone(head), o...), good[advertisementLen:]...))
		want := advert.Advertisement{Lifetime: time.Minute, MTU: 1400}
		if err != nil || !reflect.DeepEqual(m.Advertisement, want) {
			t.Errorf("%s: %v, %+v", c.what, err, m.Advertisement)
		}
	}
}

// FuzzParse: whatever is read can be sent, but for what hosts may be told and we do not say, and is read as
// the same again; and what ndp reads, we do.
func FuzzParse(f *testing.F) {
	a := full()
	for _, a := range []advert.Advertisement{a, {}, {MTU: 1280, Prefixes: a.Prefixes}} {
		b, err := Marshal(&a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	rs, _ := Solicitation(mac)
	f.Add(rs)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parse(heard, b)
		theirs, failed := ndp.ParseMessage(b)
		if err != nil {
			if failed == nil && len(b) > 1 && b[1] == 0 && (b[0] == typeAdvertisement || b[0] == typeSolicitation) {
				t.Fatalf("ndp reads %+v, we do not: %v", theirs, err)
			}
			return
		}
		if m.Kind != IsAdvertisement {
			return
		}
		if ra, ok := theirs.(*ndp.RouterAdvertisement); ok {
			compare(t, &m.Advertisement, ra)
		}
		octets, err := Marshal(&m.Advertisement)
		if err != nil {
			if len(m.Advertisement.CaptivePortal) > 0 || len(m.Advertisement.Search) > 0 {
				return
			}
			t.Fatalf("%+v cannot be sent: %v", m.Advertisement, err)
		}
		again, err := parse(heard, octets)
		if err != nil || size(&again.Advertisement) != size(&m.Advertisement) {
			t.Fatalf("%v\n%+v became\n%+v", err, m.Advertisement, again.Advertisement)
		}
	})
}

// size counts what an advertisement says, however it is divided among options.
func size(a *advert.Advertisement) (n int) {
	n = len(a.Prefixes) + len(a.Routes) + len(a.NAT64) + len(a.CaptivePortal) + int(a.MTU) + int(a.Lifetime)
	for _, r := range a.Resolvers {
		n += len(r.Servers)
	}
	for _, s := range a.Search {
		n += len(s.Domains)
	}
	return n
}

func compare(t *testing.T, a *advert.Advertisement, ra *ndp.RouterAdvertisement) {
	t.Helper()
	if a.Lifetime != ra.RouterLifetime || a.HopLimit != ra.CurrentHopLimit || a.Managed != ra.ManagedConfiguration ||
		a.Reachable != ra.ReachableTime || a.Retransmit != ra.RetransmitTimer {
		t.Fatalf("%+v\nndp reads %+v", a, ra)
	}
	prefixes := 0
	for _, o := range ra.Options {
		switch o := o.(type) {
		case *ndp.PrefixInformation:
			if o.PrefixLength > 128 {
				continue
			}
			p := a.Prefixes[prefixes]
			prefixes++
			if p.Prefix.Addr() != o.Prefix || p.Valid != o.ValidLifetime || p.OnLink != o.OnLink {
				t.Fatalf("%+v\nndp reads %+v", p, o)
			}
		case *ndp.LinkLayerAddress:
			if o.Direction == ndp.Source && len(a.Source) != len(net.HardwareAddr(o.Addr)) {
				t.Fatalf("ndp reads the card %s", o.Addr)
			}
		}
	}
	if prefixes != len(a.Prefixes) {
		t.Fatalf("%d prefixes, ndp reads %d", len(a.Prefixes), prefixes)
	}
}
