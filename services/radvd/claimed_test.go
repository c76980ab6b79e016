package radvd

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// TestClaimsOfOne: an address that is claimed on a LAN, or on a link that is watched, is a problem for ten
// minutes after it was heard last, with the card, and news once.
func TestClaimsOfOne(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.conf.Watched = []string{"eth0"}
	ours, thief := ethernet.MAC{2, 5: 9}, ethernet.MAC{2, 5: 66}
	own, other, from := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("fe80::66")
	state := LinkState{Known: true, Carrier: true, Forwarding: true, Own: []netip.Addr{own}}
	l.house.Look(l.now, "lan", state)
	l.house.Watching("eth0", ours, state)
	for where, claim := range map[string]func(now time.Duration, a netip.Addr, mac ethernet.MAC) []Action{
		"LAN lan (lan0): ": func(now time.Duration, a netip.Addr, mac ethernet.MAC) []Action {
			return l.house.Claimed(now, "lan", from, a, mac)
		},
		"eth0: ": func(now time.Duration, a netip.Addr, mac ethernet.MAC) []Action {
			return l.house.ClaimedOn(now, "eth0", from, a, mac)
		},
	} {
		now := l.now
		for i, want := range []int{1, 0, 0} {
			if got := len(claim(now, own, thief)); got != want {
				t.Errorf("%sclaim %d is news %d times", where, i, got)
			}
			now += time.Minute
		}
		if got := len(claim(now, other, thief)); got != 0 {
			t.Errorf("%sanother's address is news", where)
		}
		want := where + "the card 02:00:00:00:00:42 says that it is 2001:db8::1, an address of this router, " +
			"heard 3 times, last 9m ago: neighbours that believe it send there what is for the router, which keeps the address"
		p := l.house.Problems(now+8*time.Minute, l.conf)
		if len(p) != 1 || p[0] != want {
			t.Errorf("%q, want %q", p, want)
		}
		if p := l.house.Problems(now+claimedLately, l.conf); len(p) != 0 {
			t.Errorf("ten minutes later %q", p)
		}
	}
	if got := l.house.ClaimedOn(l.now, "eth0", from, own, ours); len(got) != 0 {
		t.Errorf("our own card: %v", got)
	}
	if got := l.house.ClaimedOn(l.now, "eth1", from, own, thief); len(got) != 0 {
		t.Errorf("a link that is not watched: %v", got)
	}
}

// TestClaimsOfMany: who claims by ever new cards fills neither memory, log nor screen.
func TestClaimsOfMany(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.conf.Watched = []string{"eth0"}
	own := netip.MustParseAddr("2001:db8::1")
	l.house.Watching("eth0", ethernet.MAC{2, 5: 9}, LinkState{Own: []netip.Addr{own}})
	news := 0
	for i := range 1000 {
		news += len(l.house.ClaimedOn(l.now, "eth0", netip.MustParseAddr("fe80::66"), own, ethernet.MAC{2, 1, 4: byte(i >> 8), 5: byte(i)}))
	}
	p := l.house.Problems(l.now, l.conf)
	if news != maxClaims || len(p) != maxNamed+1 || !strings.Contains(p[maxNamed], "5 more claim") {
		t.Errorf("%d news, %q", news, p)
	}
	// A link that is watched no more has none.
	l.conf.Watched = nil
	l.house.Reconfigure(l.now, l.conf)
	if p := l.house.Problems(l.now, l.conf); len(p) != 0 {
		t.Errorf("%q", p)
	}
}

// TestWatchedDuplicate: another station with the link-local address of a link that is watched is told of.
func TestWatchedDuplicate(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.conf.Watched = []string{"eth0"}
	l.house.Watching("eth0", ethernet.MAC{}, LinkState{Known: true, Duplicate: true})
	if p := l.house.Problems(l.now, l.conf); len(p) != 1 || !strings.HasPrefix(p[0], "eth0: another station has the link-local address") {
		t.Errorf("%q", p)
	}
}
