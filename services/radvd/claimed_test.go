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
	own, thief := netip.MustParseAddr("2001:db8::1"), ethernet.MAC{2, 5: 66}
	for link, where := range map[string]string{"lan0": "LAN lan (lan0): ", "eth0": "eth0: "} {
		now := l.now
		for i, want := range []int{1, 0, 0} {
			if got := len(l.house.Claimed(now, link, own, thief)); got != want {
				t.Errorf("%sclaim %d is news %d times", where, i, got)
			}
			now += time.Minute
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
}

// TestClaimsOfMany: who claims by ever new cards fills neither memory, log nor screen.
func TestClaimsOfMany(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.conf.Watched = []string{"eth0"}
	own, news := netip.MustParseAddr("2001:db8::1"), 0
	for i := range 1000 {
		news += len(l.house.Claimed(l.now, "eth0", own, ethernet.MAC{2, 1, 4: byte(i >> 8), 5: byte(i)}))
	}
	p := l.house.Problems(l.now, l.conf)
	if news != maxClaims || len(p) != maxNamed+1 || !strings.Contains(p[maxNamed], "5 more claim") {
		t.Errorf("%d news, %q", news, p)
	}
	// A link that is watched no more has none.
	l.conf.Watched = nil
	l.house.Reconfigure(l.now, l.conf)
	l.conf.Watched = []string{"eth0"}
	if p := l.house.Problems(l.now, l.conf); len(p) != 0 {
		t.Errorf("%q", p)
	}
}

// TestWatchedDuplicate: another station with the link-local address of a link that is watched is told of.
func TestWatchedDuplicate(t *testing.T) {
	l := newLab(t, lan(steady(1)))
	l.conf.Watched = []string{"eth0"}
	l.house.Watching("eth0", LinkState{Known: true, Duplicate: true})
	if p := l.house.Problems(l.now, l.conf); len(p) != 1 || !strings.HasPrefix(p[0], "eth0: another station has the link-local address") {
		t.Errorf("%q", p)
	}
}
