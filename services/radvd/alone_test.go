package radvd

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// many are link-local addresses of hosts.
func many(n int) (all []netip.Addr) {
	for i := range n {
		all = append(all, netip.AddrFrom16([16]byte{0xfe, 0x80, 14: 1, 15: byte(i)}))
	}
	return all
}

// TestBackAtOnce: what everybody cannot be told yet hosts that are known are told alone, spread over a third
// of a second; then everybody is told, as ever.
func TestBackAtOnce(t *testing.T) {
	down, up := lan(steady(1)), lan(steady(1))
	down.Lifetime = 0
	l := newLab(t, up)
	l.run(time.Hour)
	l.take()
	l.house.Known("lan", many(100))
	l.reconfigure(down)
	l.step()
	if h := l.one("while everybody may be told"); h.to.IsValid() || h.first().Lifetime != 0 {
		t.Errorf("%+v", h)
	}
	l.run(time.Second)
	l.house.Known("lan", many(100))
	l.reconfigure(up)
	back := l.now
	l.run(time.Second)
	told := l.take()
	for i, h := range told {
		if h.to != many(100)[i] || h.first().Lifetime == 0 || h.at != back+time.Duration(i)*knownGap {
			t.Errorf("number %d: %s at %s, for %s", i, h.to, h.at-back, h.first().Lifetime)
		}
	}
	if len(told) != MaxKnown {
		t.Errorf("%d were told", len(told))
	}
	l.run(time.Second)
	if h := l.one("everybody"); h.to.IsValid() || h.at != back+2*time.Second {
		t.Errorf("%+v", h)
	}
	// Solicitations, and what is not urgent, tell nobody else.
	l.run(time.Minute)
	l.take()
	l.do(l.house.Solicited(l.now, "lan", netip.IPv6Unspecified()))
	l.run(time.Second)
	l.one("who has no address is answered")
	l.reconfigure(up)
	l.run(time.Second)
	if all := l.take(); len(all) != 0 {
		t.Errorf("nothing is new, and %d were told", len(all))
	}
}

// TestFlaps: a way out that comes and goes all the time has hosts told no more often than the gap allows, and
// each hears the last word by then when everybody does.
func TestFlaps(t *testing.T) {
	down, up := lan(steady(1)), lan(steady(1))
	down.Lifetime = 0
	l := newLab(t, up)
	l.run(time.Hour)
	l.take()
	begin := l.now
	for i := range 500 {
		l.house.Known("lan", many(MaxKnown))
		if l.reconfigure([]Link{down, up}[i%2]); i == 0 {
			l.step()
		}
		l.run(7 * time.Millisecond)
	}
	all := l.take()
	if n, most := len(all), int((l.now-begin)/knownGap)+2; n > most || n < most/4 {
		t.Errorf("%d in %s, at most %d", n, l.now-begin, most)
	}
	last := time.Duration(-1)
	for _, h := range all {
		if h.to.IsValid() {
			if last >= 0 && h.at-last < knownGap {
				t.Fatalf("one after %s", h.at-last)
			}
			last = h.at
		}
	}
	l.run(minGap)
	if all = l.take(); !slices.ContainsFunc(all, func(h heard) bool { return !h.to.IsValid() && h.first().Lifetime == up.Lifetime }) {
		t.Error("everybody has not heard the last word")
	}
}

// TestKnownElsewhere: what is no address of the link, and what is known when there is no link, is told
// nothing.
func TestKnownElsewhere(t *testing.T) {
	up, other := lan(steady(1)), lan(steady(2))
	l := newLab(t, up)
	l.step()
	l.take()
	in := netip.MustParseAddr("2001:db8:0:2::20")
	l.house.Known("lan", []netip.Addr{netip.MustParseAddr("2001:db8:0:1::20"), in, netip.MustParseAddr("ff02::1"), {}, netip.MustParseAddr("192.0.2.1")})
	l.reconfigure(other)
	l.run(time.Second)
	if h := l.one("one of today's network"); h.to != in {
		t.Errorf("%s was told", h.to)
	}
	l.house.Known("lan", many(3))
	l.house.Known("nowhere", many(3))
	l.reconfigure(up)
	l.house.Down("lan")
	l.run(time.Second)
	if all := l.take(); len(all) != 0 {
		t.Errorf("%d were told without a link", len(all))
	}
}
