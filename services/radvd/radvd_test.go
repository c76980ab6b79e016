package radvd

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// TestIntervals: three soon, and then as configured, not twice the same.
func TestIntervals(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.step()
	if h := l.one("at once"); h.at != l.now || h.to.IsValid() {
		t.Errorf("%+v", h)
	}
	l.run(2 * maxInitialGap)
	if got := l.take(); len(got) != 2 {
		t.Errorf("%d more soon after, 2 expected", len(got))
	}
	l.run(24 * time.Hour)
	all := l.take()
	gaps := map[time.Duration]bool{}
	for i := 1; i < len(all); i++ {
		gap := all[i].at - all[i-1].at
		if gap < DefaultMin || gap > DefaultMax {
			t.Errorf("a gap of %s", gap)
		}
		gaps[gap] = true
	}
	if len(all) < 24*6 || len(all) > 24*8 || len(gaps) < len(all)*9/10 {
		t.Errorf("%d in a day, with %d gaps", len(all), len(gaps))
	}
}

// TestSaid: what hosts are told is what is configured.
func TestSaid(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.step()
	a := l.one("at once").first()
	if a.Lifetime != DefaultLifetime || a.Source != card || a.MTU != 1480 || a.HopLimit != 64 || len(a.Prefixes) != 1 ||
		a.Prefixes[0] != (advert.Prefix{Prefix: network(1), OnLink: true, Autonomous: true, Valid: DefaultValid, Preferred: DefaultPreferred}) ||
		len(a.Resolvers) != 1 || a.Resolvers[0].Lifetime < 3*DefaultMax || a.Search[0].Domains[0] != "home.arpa" {
		t.Errorf("%+v", a)
	}
}

// TestSolicited: who has an address is answered alone and at once, all others together and in time.
func TestSolicited(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.run(time.Minute)
	l.take()
	l.do(l.house.Solicited(l.now, "lan", host))
	if h := l.one("a host"); h.at != l.now || h.to != host {
		t.Errorf("%+v", h)
	}
	for range 10 {
		l.do(l.house.Solicited(l.now, "lan", netip.IPv6Unspecified()))
	}
	asked := l.now
	l.run(maxDelay)
	if h := l.one("ten of nobody"); h.to.IsValid() || h.at > asked+maxDelay {
		t.Errorf("%+v", h)
	}
	// Of an address that is nowhere on the link, everybody is told.
	l.run(minGap)
	l.do(l.house.Solicited(l.now, "lan", netip.MustParseAddr("2001:db8:ffff::1")))
	l.run(maxDelay)
	if h := l.one("from afar"); h.to.IsValid() {
		t.Errorf("%+v", h)
	}
	// Where another router is, an answer waits by chance.
	l.do(l.house.Heard(l.now, "lan", netip.MustParseAddr("fe80::2"), &advert.Advertisement{}))
	asked = l.now
	l.do(l.house.Solicited(l.now, "lan", host))
	l.do(l.house.Solicited(l.now, "lan", host))
	l.run(maxDelay)
	if h := l.one("beside another"); h.to != host || h.at == asked || h.at > asked+maxDelay {
		t.Errorf("%+v", h)
	}
}

// TestFlood: nobody has more sent than his share, whoever he says to be, and the rest is not forgotten.
func TestFlood(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.run(time.Minute)
	l.take()
	for i := range 20000 {
		l.do(l.house.Solicited(l.now, "lan", netip.AddrFrom16([16]byte{0xfe, 0x80, 14: byte(i >> 8), 15: byte(i)})))
	}
	for range 100 {
		l.do(l.house.Solicited(l.now, "lan", host))
	}
	alone := len(l.take())
	l.run(maxDelay)
	if rest := l.take(); alone != allSize || len(rest) != 1 || rest[0].to.IsValid() {
		t.Errorf("%d were answered alone, and then %+v", alone, rest)
	}
	if n := len(l.house.lans["lan"].shares.of); n > maxShares {
		t.Errorf("%d are remembered", n)
	}
	l.run(time.Minute)
	l.take()
	for range 100 {
		l.do(l.house.Solicited(l.now, "lan", host))
	}
	if n := len(l.take()); n != shareSize {
		t.Errorf("one host has %d answers", n)
	}
}

// TestWayOut: a way out that is gone is no default route at once; one that is back is one within a second.
func TestWayOut(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.run(time.Hour)
	l.take()
	gone := lan(steady(1))
	gone.Lifetime, gone.Preference = 0, advert.High
	l.reconfigure(gone)
	l.step()
	if a := l.one("gone").first(); a.Lifetime != 0 || a.Preference != advert.Medium || len(a.Prefixes) != 1 {
		t.Errorf("%+v", a)
	}
	l.run(minGap)
	l.take()
	back := l.now
	l.reconfigure(lan(steady(1)))
	l.run(time.Second)
	if h := l.one("back"); h.first().Lifetime != DefaultLifetime || h.at > back+time.Second {
		t.Errorf("%+v", h)
	}
	// A burst has three, and they are not too close.
	l.run(time.Minute)
	if n := len(l.take()); n != 2 {
		t.Errorf("%d more", n)
	}
	// A flapping way out does not fill the link: the lab fails the test at the first that comes too soon.
	for i := range 100 {
		l.reconfigure([]Link{gone, lan(steady(1))}[i%2])
		l.run(100 * time.Millisecond)
	}
}

// TestOld: a prefix that is gone is said to be, with its flags, until nobody holds it, and across a power
// cut.
func TestOld(t *testing.T) {
	p := steady(1)
	p.OnLink = false
	l := newLab(t, lan(p))
	l.run(time.Hour)
	l.take()
	l.reconfigure(lan(steady(2)))
	l.step()
	want := advert.Prefix{Prefix: network(1), Autonomous: true}
	h := l.one("a change")
	if got := h.prefix(network(1)); got == nil || *got != want || h.prefix(network(2)).Valid != DefaultValid {
		t.Errorf("%+v", h.set)
	}
	// Power cut, and the clock of a machine that has just started.
	l.now, l.last = 10*time.Second, Never
	l.start()
	l.step()
	if got := l.one("a start").prefix(network(1)); got == nil || *got != want {
		t.Errorf("after a power cut: %+v", got)
	}
	l.run(DefaultValid - time.Minute)
	all := l.take()
	if got := all[len(all)-1].prefix(network(1)); got == nil {
		t.Error("it is forgotten too early")
	}
	if writes := countWrites(l, 2*DefaultValid); writes > 4 {
		t.Errorf("%d writes", writes)
	}
	all = l.take()
	if got := all[len(all)-1].prefix(network(1)); got != nil {
		t.Errorf("it is never forgotten: %+v", got)
	}
	if len(l.disk) != 1 {
		t.Errorf("the disk has %+v", l.disk)
	}
	// One that comes back is as any other.
	l.reconfigure(lan(steady(1), steady(2)))
	l.step()
	if got := l.one("back").prefix(network(1)); got.Valid != DefaultValid || got.Preferred != DefaultPreferred {
		t.Errorf("%+v", got)
	}
}

func countWrites(l *lab, d time.Duration) (n int) {
	for end := l.now + d; l.now < end; l.now = min(end, l.house.Next(l.now)) {
		actions := l.house.Tick(l.now)
		for _, a := range actions {
			if a == (Keep{}) {
				n++
			}
		}
		l.do(actions)
	}
	return n
}

// TestManyOld: they are bounded, and those that have no room are in an advertisement of their own.
func TestManyOld(t *testing.T) {
	l := newLab(t, lan())
	for i := range 60 {
		p := steady(i)
		p.Valid += time.Duration(i) * time.Minute
		l.reconfigure(lan(p))
		l.run(5 * time.Second)
	}
	var others []Prefix
	for i := range maxOf {
		others = append(others, steady(100+i))
	}
	l.reconfigure(lan(others...))
	l.take()
	l.run(5 * time.Second)
	h := l.take()[0]
	n := -maxOf
	for _, a := range h.set.Adverts {
		n += len(a.Prefixes)
		if a.Lifetime != DefaultLifetime || a.Source != card {
			t.Errorf("a further one says %+v", a)
		}
	}
	if n != maxOld || len(h.set.Adverts) != 2 || h.prefix(network(59)) == nil || h.prefix(network(0)) != nil {
		t.Errorf("%d old ones in %d", n, len(h.set.Adverts))
	}
}

// TestLAN: one that is in the configuration no more is told so, and remembered.
func TestLAN(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.run(time.Minute)
	l.take()
	l.reconfigure()
	if l.house.Told(l.now, "lan") {
		t.Error("told before it is")
	}
	l.step()
	h := l.one("the last")
	if a := h.first(); a.Lifetime != 0 || *h.prefix(network(1)) != (advert.Prefix{Prefix: network(1), OnLink: true, Autonomous: true}) {
		t.Errorf("%+v", h.set.Adverts)
	}
	if !l.house.Told(l.now, "lan") {
		t.Error("not told after it is")
	}
	l.house.Down("lan")
	l.run(time.Minute)
	l.reconfigure(lan())
	l.house.Up(l.now, "lan", card, local)
	l.step()
	if h := l.one("back"); h.prefix(network(1)) == nil {
		t.Errorf("%+v", h.set.Adverts)
	}
	l.reconfigure()
	l.step()
	l.house.Down("lan")
	l.run(3 * time.Hour)
	if len(l.house.lans) != 0 || len(l.disk) != 0 {
		t.Errorf("%d LANs and %+v are remembered for ever", len(l.house.lans), l.disk)
	}
}

// TestStop: the last one has no default route, and the prefixes as they are.
func TestStop(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.run(time.Second)
	l.take()
	l.house.Stop(l.now)
	if l.house.Stopped() {
		t.Error("stopped before all were told")
	}
	l.run(minGap)
	h := l.one("the last")
	if h.first().Lifetime != 0 || h.prefix(network(1)).Valid != DefaultValid || !l.house.Stopped() {
		t.Errorf("%+v", h.set.Adverts)
	}
	l.do(l.house.Solicited(l.now, "lan", host))
	l.run(time.Hour)
	if got := l.take(); len(got) > 0 {
		t.Errorf("after the last: %+v", got)
	}
}

// TestCountdown: nobody is promised more than the prefix itself has, to the second.
func TestCountdown(t *testing.T) {
	l := newLab(t, lan())
	p := steady(1)
	p.PreferredUntil, p.ValidUntil = l.now+30*time.Minute+500*time.Millisecond, l.now+2*time.Hour
	l.reconfigure(lan(p))
	for range 4000 {
		l.now += 2500 * time.Millisecond
		s := l.house.lans["lan"].current(l.now)
		got := (heard{set: s}).prefix(network(1))
		if got == nil {
			got = &advert.Prefix{}
		}
		if want := left(p.Valid, p.ValidUntil, l.now); got.Valid != want || got.Preferred != min(want, left(p.Preferred, p.PreferredUntil, l.now)) {
			t.Fatalf("at %s: %+v", l.now, got)
		}
	}
	if got := (heard{set: l.house.lans["lan"].current(l.now)}).prefix(network(1)); got != nil {
		t.Errorf("after its end: %+v", got)
	}
}

// TestRenewed: a lifetime that is renewed in time is no news; one that ends sooner, or was about to end, is.
func TestRenewed(t *testing.T) {
	until := func(l *lab, d time.Duration) Link {
		p := steady(1)
		p.PreferredUntil, p.ValidUntil = l.now+d, l.now+2*d
		return lan(p)
	}
	for _, c := range []struct {
		before, after time.Duration
		news          bool
	}{{3 * time.Hour, 4 * time.Hour, false}, {40 * time.Minute, 3 * time.Hour, false}, {10 * time.Minute, 3 * time.Hour, true}, {40 * time.Minute, 30 * time.Minute, true}} {
		l := newLab(t, lan())
		l.reconfigure(until(l, c.before))
		l.run(40 * time.Second)
		l.take()
		l.reconfigure(until(l, c.after))
		l.step()
		if got := len(l.take()) > 0; got != c.news {
			t.Errorf("%+v: told at once: %t", c, got)
		}
	}
}

// TestWithdrawn: servers, names, routes and NAT64 that are no more are said to be, for as long as they were
// promised.
func TestWithdrawn(t *testing.T) {
	full := lan(steady(1))
	full.Routes = []Route{{Prefix: network(9), Lifetime: 2 * time.Hour}}
	full.NAT64 = netip.MustParsePrefix("64:ff9b::/96")
	l := newLab(t, full)
	l.run(time.Minute)
	l.take()
	bare := lan(steady(1))
	bare.Resolvers, bare.Search = nil, nil
	l.reconfigure(bare)
	l.step()
	h := l.one("a change")
	a := h.first() // together with what holds
	if len(h.set.Adverts) != 1 || len(a.Prefixes) != 1 || len(a.Resolvers) != 1 || a.Resolvers[0].Lifetime != 0 || len(a.Search) != 1 || a.Search[0].Lifetime != 0 ||
		len(a.Routes) != 1 || a.Routes[0].Lifetime != 0 || len(a.NAT64) != 1 || a.NAT64[0].Lifetime != 0 || a.Lifetime != DefaultLifetime {
		t.Errorf("%+v", h.set.Adverts)
	}
	l.reconfigure(lan(steady(1)))
	l.run(minGap)
	h = l.take()[0]
	if a := h.first(); len(a.Resolvers) != 1 || len(a.Search) != 1 || a.Resolvers[0].Lifetime == 0 || a.Search[0].Lifetime == 0 || len(a.Routes) != 1 {
		t.Errorf("what is back: %+v", h.set.Adverts)
	}
	l.run(2*time.Hour + DefaultMax)
	all := l.take()
	if a := all[len(all)-1].first(); len(a.Routes)+len(a.NAT64) > 0 {
		t.Errorf("it is said for ever: %+v", a)
	}
	for i := range 500 { // more than anybody remembers
		c := lan(steady(1))
		c.Search = []string{strings.Repeat("a", i%60+1) + ".example", strings.Repeat("b.", 100) + fmt.Sprint(i)}
		l.reconfigure(c)
		l.run(time.Second)
	}
	if n := len(l.house.lans["lan"].withdrawn); n > maxWithdrawn {
		t.Errorf("%d are remembered", n)
	}
}

// TestOthers: other routers are known by address and card, and what they contradict; they are bounded, and
// forgotten.
func TestOthers(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.run(time.Minute)
	rogue := netip.MustParseAddr("fe80::ff:fe00:99")
	a := &advert.Advertisement{Lifetime: time.Minute, HopLimit: 32, Managed: true, MTU: 1280, Other: true,
		Prefixes: []advert.Prefix{{Prefix: network(1), Valid: time.Minute, Preferred: time.Minute}}}
	if got := l.house.Heard(l.now, "lan", rogue, a); len(got) != 1 {
		t.Errorf("not logged: %v", got)
	}
	if got := l.house.Heard(l.now, "lan", rogue, a); len(got) != 0 {
		t.Errorf("logged again: %v", got)
	}
	l.house.Heard(l.now, "lan", local, a)
	s := l.house.Status(l.now, l.conf)[0]
	if len(s.Others) != 1 || s.Others[0].MAC != (ethernet.MAC{2, 0, 0, 0, 0, 0x99}) || len(s.Others[0].Contradicts) != 5 || s.Others[0].Count != 2 {
		t.Errorf("%+v", s.Others)
	}
	problems := l.house.Problems(l.now, l.conf)
	if len(problems) != 1 || !strings.Contains(problems[0], "fe80::ff:fe00:99 (02:00:00:00:00:99)") {
		t.Errorf("%q", problems)
	}
	// One that hosts take for nothing, and that agrees, is no problem.
	l.house.Heard(l.now, "lan", rogue, &advert.Advertisement{})
	if problems := l.house.Problems(l.now, l.conf); len(problems) != 0 {
		t.Errorf("%q", problems)
	}
	for i := range 1000 {
		l.now += time.Second
		l.house.Heard(l.now, "lan", netip.AddrFrom16([16]byte{0xfe, 0x80, 1, 14: byte(i >> 8), 15: byte(i)}), a)
	}
	others := l.house.Status(l.now, l.conf)[0].Others
	if len(others) != maxOthers || !slices.ContainsFunc(others, func(o Other) bool { return o.From == rogue }) {
		t.Errorf("%d are known, the first among them or not: %+v", len(others), others)
	}
	problems = l.house.Problems(l.now, l.conf)
	if n := len(problems); n != maxNamed+1 || !strings.Contains(problems[n-1], "12 more routers are there beside this one") {
		t.Errorf("routers that are made up fill the screen: %q", problems)
	}
	l.run(2 * time.Hour)
	if n := len(l.house.Status(l.now, l.conf)[0].Others); n != 0 {
		t.Errorf("%d are known for ever", n)
	}
}

// TestProblems are those of the link.
func TestProblems(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	for _, c := range []struct {
		state LinkState
		want  []string
	}{
		{LinkState{}, nil},
		{LinkState{Known: true, Carrier: true, Forwarding: true}, nil},
		{LinkState{Known: true, Forwarding: true}, []string{"no carrier"}},
		{LinkState{Known: true, Carrier: true}, []string{"net.ipv6.conf.lan0.forwarding"}},
		{LinkState{Known: true, Carrier: true, Duplicate: true, Trouble: "x"}, []string{"another station has the link-local address", "forwarding"}},
	} {
		l.house.Look(l.now, "lan", c.state)
		got := l.house.Problems(l.now, l.conf)
		if len(got) != len(c.want) {
			t.Errorf("%+v: %q", c.state, got)
			continue
		}
		for i := range got {
			if !strings.Contains(got[i], c.want[i]) {
				t.Errorf("%+v: %q", c.state, got)
			}
		}
	}
}

// TestCarrier: hosts that could not hear what has changed hear of it when the cable is back, and not by each
// look.
func TestCarrier(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.run(time.Minute)
	well := LinkState{Known: true, Carrier: true, Forwarding: true}
	l.house.Look(l.now, "lan", well)
	l.run(5 * time.Minute)
	l.take()
	cut := well
	cut.Carrier = false
	for _, s := range []LinkState{cut, cut, well, well, cut, well} {
		l.house.Look(l.now, "lan", s)
	}
	l.run(time.Millisecond)
	if n := len(l.take()); n != 1 {
		t.Errorf("%d at once", n)
	}
	l.run(time.Minute / 2)
	if n := len(l.take()); n != maxInitial-1 {
		t.Errorf("%d soon after", n)
	}
	l.house.Look(l.now, "lan", well)
	l.run(time.Minute)
	if n := len(l.take()); n != 0 {
		t.Errorf("%d for a look", n)
	}
}

// TestSettling: a link that comes up has no address at first, and that is no problem.
func TestSettling(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.house.Down("lan")
	state := LinkState{Known: true, Carrier: true, Forwarding: true, Trouble: "it is not known yet"}
	for after, want := range map[time.Duration]int{0: 0, settling - 1: 0, settling: 1, time.Hour: 1} {
		l.house.Look(l.now, "lan", LinkState{})
		l.house.Look(l.now, "lan", state)
		l.house.Look(l.now+after, "lan", state)
		if got := l.house.Problems(l.now+after, l.conf); len(got) != want {
			t.Errorf("after %s: %q", after, got)
		}
	}
}

// TestKeptOfStrangers: a file that somebody wrote makes no more than a file of ours could.
func TestKeptOfStrangers(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.disk = nil
	for i := range 100 {
		l.disk = append(l.disk, Kept{Network: "lan", Prefix: network(i), Hold: time.Duration(1 << 62)})
	}
	l.disk = append(l.disk, Kept{Network: "lan"}, Kept{Network: "lan", Prefix: netip.MustParsePrefix("192.0.2.0/24"), Hold: time.Hour},
		Kept{Network: "lan", Prefix: netip.MustParsePrefix("2001:db8::1/64"), Hold: time.Hour}, Kept{Prefix: network(3), Hold: -1})
	l.start()
	l.step()
	n := 0
	for _, a := range l.one("a start").set.Adverts {
		n += len(a.Prefixes)
	}
	if n > maxOld+1 || len(l.house.Status(l.now, l.conf)[0].Old) > maxOld || l.house.Status(l.now, l.conf)[0].Old[0].Left > MaxValid {
		t.Errorf("%d prefixes", n)
	}
}
