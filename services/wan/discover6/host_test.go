package discover6

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

var first, second = netip.MustParseAddr("fe80::1"), netip.MustParseAddr("fe80::2")

func house() wan.Config {
	return wan.Config{Link: "eth0", MAC: wan.MAC{0, 0x16, 0x3e, 0, 0, 1}, IPv6: wan.IPv6{RouterDiscovery: true}}
}

// A lab is a host under a time of its own.
type lab struct {
	t      *testing.T
	h      *Host
	now    time.Duration
	asked  []time.Duration
	events []Event
	probed []time.Duration
	answer map[netip.Addr]bool // who answers probes
}

func newLab(t *testing.T) *lab {
	r := rand.New(rand.NewPCG(4, 861))
	h, err := New(house(), []byte("secret"), r.Uint64)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, h: h, now: time.Minute, answer: map[netip.Addr]bool{}}
	l.do(h.Start(l.now, true))
	return l
}

func (l *lab) do(actions []Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case Solicit:
			l.asked = append(l.asked, l.now)
		case Event:
			l.events = append(l.events, a)
		case Probe:
			l.probed = append(l.probed, l.now)
			if l.answer[a.Router] {
				defer func() { l.do(l.h.Answered(l.now, a.Router)) }()
			}
		}
	}
}

func (l *lab) run(d time.Duration) *lab {
	l.t.Helper()
	for until := l.now + d; ; {
		next := l.h.Next()
		if next > until {
			l.now = until
			return l
		}
		if next < l.now {
			l.t.Fatalf("at %s: called for %s", l.now, next)
		}
		l.now = next
		l.do(l.h.Tick(l.now))
		if l.h.Next() == next {
			l.t.Fatalf("at %s: called for the same again", next)
		}
	}
}

func (l *lab) hear(from netip.Addr, a advert.Advertisement) *lab {
	l.do(l.h.Hear(l.now, from, &a))
	return l
}

// told checks the names of the events.
func (l *lab) told(want string) *lab {
	l.t.Helper()
	var got []string
	for _, e := range l.events {
		got = append(got, string(e.Name))
	}
	if strings.Join(got, " ") != want {
		l.t.Fatalf("told %q, want %q: %+v", got, want, l.events)
	}
	l.events = nil
	return l
}

// usual is what a provider's router says.
func usual() advert.Advertisement {
	return advert.Advertisement{
		Lifetime: 30 * time.Minute, MTU: 1492,
		Prefixes: []advert.Prefix{{
			Prefix: netip.MustParsePrefix("2001:db8:5::/64"), OnLink: true, Autonomous: true, Valid: 24 * time.Hour, Preferred: 4 * time.Hour,
		}},
		Resolvers: []advert.Resolvers{{Servers: []netip.Addr{netip.MustParseAddr("2001:db8::53")}, Lifetime: time.Hour}},
		Search:    []advert.Search{{Domains: []string{"isp.example"}, Lifetime: time.Hour}},
	}
}

func TestDiscovered(t *testing.T) {
	l := newLab(t).run(2 * time.Second)
	if len(l.asked) != 1 || l.asked[0] > time.Minute+mostDelay {
		t.Fatalf("asked at %s", l.asked)
	}
	l.hear(first, usual()).told("router6")
	s := l.h.What().Said
	if s.Gateway != first || s.MTU != 1492 || len(s.Addrs) != 1 || s.Addrs[0].Bits() != 64 || len(s.DNS) != 1 || !slices.Equal(s.Search, []string{"isp.example"}) {
		t.Errorf("%+v", s)
	}
	// The same again is told to nobody, and nobody is asked while there is a router.
	l.run(20*time.Minute).hear(first, usual()).run(20 * time.Minute).told("")
	if len(l.asked) != 1 {
		t.Errorf("asked at %s", l.asked)
	}
	// It is asked for before it ends; then it ends, and all else in its time.
	l.run(9*time.Minute + 30*time.Second)
	if len(l.asked) == 1 {
		t.Error("not asked ahead of the end")
	}
	l.told("").run(2 * time.Minute).told("norouter6").run(30 * time.Minute).told("heard6")
	if s := l.h.What().Said; s.Gateway.IsValid() || len(s.DNS) != 0 || len(s.Addrs) != 1 || s.MTU != 0 {
		t.Errorf("%+v", s)
	}
	l.run(24 * time.Hour)
	if s := l.h.What().Said; len(s.Addrs) != 0 {
		t.Errorf("%+v", s)
	}
}

// TestBackOff: RFC 7559, from four seconds to an hour, and no faster after anything.
func TestBackOff(t *testing.T) {
	l := newLab(t).run(48 * time.Hour)
	gap := func(i int) time.Duration { return l.asked[i+1] - l.asked[i] }
	if n := len(l.asked); n < 50 || n > 70 || gap(0) < 3600*time.Millisecond || gap(0) > 4400*time.Millisecond ||
		gap(n-2) < 54*time.Minute || gap(n-2) > 66*time.Minute {
		t.Errorf("asked %d times: %s", n, l.asked)
	}
	gone := advert.Advertisement{Other: true}
	l.hear(first, gone).told("heard6")
	// A bad plug, a router that comes and goes.
	l.asked = nil
	for i := range 600 {
		switch i % 4 {
		case 0:
			l.do(l.h.Carrier(l.now, false))
			l.do(l.h.Carrier(l.now, true))
		case 1:
			l.hear(first, usual())
		case 2:
			l.hear(first, gone)
		case 3:
			l.do(l.h.Look(l.now))
		}
		l.run(500 * time.Millisecond)
	}
	for i := 1; i < len(l.asked); i++ {
		if gap(i-1) < 3600*time.Millisecond {
			t.Fatalf("asked again after %s", gap(i-1))
		}
	}
	if len(l.asked) < 10 {
		t.Errorf("asked %d times in 5 minutes", len(l.asked))
	}
}

func TestChoice(t *testing.T) {
	as := func(p advert.Preference, life time.Duration) advert.Advertisement {
		return advert.Advertisement{Preference: p, Lifetime: life}
	}
	l := newLab(t).hear(first, as(advert.Medium, time.Hour)).hear(second, as(advert.Medium, time.Hour))
	in := func(want netip.Addr) {
		t.Helper()
		if got := l.h.What().Said.Gateway; got != want {
			t.Errorf("router %s, want %s", got, want)
		}
	}
	in(first)
	l.hear(second, as(advert.High, time.Hour))
	in(second)
	l.hear(second, as(advert.Medium, time.Hour))
	in(second) // it is no worse
	l.hear(first, as(advert.Medium, time.Hour))
	in(second)
	l.hear(second, as(advert.Medium, 0))
	in(first)
	l.hear(first, as(advert.Low, 10*time.Second)).run(11 * time.Second)
	in(netip.Addr{})
	// Many that say to be routers push nobody out that is in use, and leave room for a better one.
	l.hear(first, as(advert.Medium, time.Hour))
	for i := range 100 {
		l.hear(netip.AddrFrom16([16]byte{0xfe, 0x80, 14: 1, 15: byte(i)}), as(advert.Medium, time.Hour))
	}
	in(first)
	if n := len(l.h.routers); n != maxRouters {
		t.Errorf("%d routers", n)
	}
	l.hear(second, as(advert.High, time.Hour))
	in(second)
	for _, no := range []string{"2001:db8::1", "::", "ff02::1", "10.0.0.1"} {
		l.hear(netip.MustParseAddr(no), as(advert.High, time.Hour))
	}
	in(second)
	if l.h.Status().Ignored != 4 {
		t.Errorf("%+v", l.h.Status())
	}
	l.hear(netip.MustParseAddr("fe80::2%eth0"), as(advert.High, 0))
	in(first)
}

func TestAddresses(t *testing.T) {
	l := newLab(t)
	with := func(p string, preferred, valid time.Duration) advert.Advertisement {
		return advert.Advertisement{Prefixes: []advert.Prefix{{Prefix: netip.MustParsePrefix(p), Autonomous: true, Preferred: preferred, Valid: valid}}}
	}
	const a, b = "2001:db8:a::/64", "2001:db8:b::/64"
	count := func(want int) []netip.Prefix {
		t.Helper()
		all := l.h.What().Said.Addrs
		if len(all) != want {
			t.Fatalf("%s, want %d", all, want)
		}
		return all
	}
	for _, no := range []string{"fe80::/64", "ff00::/64", "2001:db8::/63", "2001:db8::/65"} {
		l.hear(first, with(no, time.Hour, time.Hour))
	}
	l.hear(first, with(a, 2*time.Hour, time.Hour))
	l.hear(first, with(a, 0, 0))
	count(0)
	l.hear(first, with(a, time.Hour, 10*time.Hour)).hear(first, with(b, 2*time.Hour, 10*time.Hour))
	all := count(2)
	if all[0].Bits() != 128 || all[0].Addr().As16()[9] == all[1].Addr().As16()[9] && all[0].Addr().As16()[10] == all[1].Addr().As16()[10] {
		t.Errorf("%s", all)
	}
	again := newLab(t).hear(first, with(a, time.Hour, 10*time.Hour)).h.What().Said.Addrs
	if again[0] != all[0] {
		t.Errorf("%s after a start, %s before", again, all)
	}
	// One that is not preferred any more comes after the others; nobody ends it within two hours.
	l.events = nil
	l.run(61 * time.Minute).told("heard6")
	if now := count(2); now[0] != all[1] || now[1] != all[0] {
		t.Errorf("%s", now)
	}
	l.hear(first, with(a, 0, 0)).hear(first, with(b, 0, time.Minute)).run(119 * time.Minute)
	count(2)
	l.hear(first, with(a, 0, 0)).run(2 * time.Minute)
	count(0)
	// Others may have the address: then another is tried, not for ever.
	l.hear(first, with(a, time.Hour, 10*time.Hour))
	for range maxDuplicates + 1 {
		l.do(l.h.Duplicate(l.now, count(1)[0].Addr()))
	}
	count(0)
	l.hear(first, with(a, time.Hour, 10*time.Hour))
	count(0)
	for i := range 100 {
		l.hear(first, with(netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 7: byte(i)}), 64).String(), time.Hour, time.Hour))
	}
	count(maxPrefixes - 1)
	for _, id := range []uint64{0, 0x02005efffe000000, 0x02005efffeffffff, 0xfdffffffffffff80, 0xfdffffffffffffff} {
		if !isReserved(id) {
			t.Errorf("%x is not reserved", id)
		}
	}
	if isReserved(1) || isReserved(0xfdffffffffffff7f) {
		t.Error("too much is reserved")
	}
}

func TestResolvers(t *testing.T) {
	l := newLab(t)
	with := func(last byte, life time.Duration) advert.Advertisement {
		return advert.Advertisement{Resolvers: []advert.Resolvers{{Servers: []netip.Addr{netip.AddrFrom16([16]byte{0x20, 1, 15: last})}, Lifetime: life}}}
	}
	for i := range byte(100) {
		l.hear(first, with(i, time.Hour+time.Duration(i)*time.Second))
	}
	dns := l.h.What().Said.DNS
	if len(dns) != maxResolvers || !slices.Contains(dns, netip.AddrFrom16([16]byte{0x20, 1, 15: 99})) {
		t.Errorf("%s", dns)
	}
	l.hear(first, with(99, 0))
	if got := l.h.What().Said.DNS; len(got) != maxResolvers-1 {
		t.Errorf("%s", got)
	}
	l.hear(first, with(98, advert.Infinite)).run(1000 * time.Hour)
	if got := l.h.What().Said.DNS; len(got) != 1 {
		t.Errorf("%s", got)
	}
}

// TestAnything: whatever is advertised, by whomever and when, all tables are bounded, what holds has not
// ended, and routers are asked no faster than every four seconds.
func TestAnything(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 9))
		l := newLab(t)
		life := func() time.Duration {
			return []time.Duration{0, time.Second, time.Minute, 3 * time.Hour, advert.Infinite}[r.IntN(5)]
		}
		for range 300 {
			a := advert.Advertisement{Lifetime: min(life(), advert.MaxLifetime), MTU: r.Uint32(), Managed: r.IntN(2) == 0, Preference: advert.Preference(r.IntN(3) - 1)}
			for range r.IntN(30) {
				a.Prefixes = append(a.Prefixes, advert.Prefix{
					Prefix:     netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 7: byte(r.IntN(40))}), 63+r.IntN(3)).Masked(),
					Autonomous: r.IntN(4) > 0, OnLink: r.IntN(2) == 0, Preferred: life(), Valid: life(),
				})
				a.Resolvers = append(a.Resolvers, advert.Resolvers{Servers: []netip.Addr{netip.AddrFrom16([16]byte{0x20, 15: byte(r.IntN(40))})}, Lifetime: life()})
				a.Search = append(a.Search, advert.Search{Domains: []string{string(rune('a' + r.IntN(26)))}, Lifetime: life()})
			}
			l.hear(netip.AddrFrom16([16]byte{0xfe, 0x80, 15: byte(r.IntN(20))}), a)
			if len(l.h.routers) > maxRouters || len(l.h.prefixes) > maxPrefixes || len(l.h.resolvers) > maxResolvers || len(l.h.domains) > maxDomains {
				t.Fatal("without a bound")
			}
			for _, p := range l.h.prefixes {
				if p.valid <= l.now || p.preferred > p.valid {
					t.Fatalf("seed %d, at %s: %+v", seed, l.now, p)
				}
			}
			if g := l.h.What().Said.Gateway; g.IsValid() == (len(l.h.routers) == 0) { // nobody has ever answered
				t.Fatalf("router %s of %+v", g, l.h.routers)
			}
			l.run(time.Duration(r.IntN(200)) * time.Second)
		}
		for i := 1; i < len(l.asked); i++ {
			if gap := l.asked[i] - l.asked[i-1]; gap < 3600*time.Millisecond {
				t.Fatalf("seed %d: asked again after %s", seed, gap)
			}
		}
	}
}
