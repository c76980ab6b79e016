package run

import (
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/fair"
)

// TestCrowdOf names who lost most, and nobody who lost little.
func TestCrowdOf(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 2, 3, 0, time.UTC)
	loser := func(addr string, dropped uint64) fair.Loser {
		return fair.Loser{Client: netip.MustParseAddr(addr), Dropped: dropped, First: now.Add(-2 * time.Minute),
			Last: now.Add(-3400 * time.Millisecond)}
	}
	const begin = "More is asked on eth1 than this machine answers, so who asks most loses questions: "
	a, b := loser("192.168.32.66", 12345), loser("fe80::1%eth1", 100)
	for _, c := range []struct {
		losers []fair.Loser
		want   string
	}{
		{nil, ""},
		{[]fair.Loser{loser("192.168.32.66", 99)}, ""},
		{[]fair.Loser{a, b, loser("192.168.32.2", 99)},
			begin + "192.168.32.66 lost 12345 in 1m 57s, the last 3s ago; fe80::1 lost 100 in 1m 57s, the last 3s ago"},
		{[]fair.Loser{a, a, a, b, b}, begin + "192.168.32.66 lost 12345 in 1m 57s, the last 3s ago; " +
			"192.168.32.66 lost 12345 in 1m 57s, the last 3s ago; 192.168.32.66 lost 12345 in 1m 57s, the last 3s ago; " +
			"and 2 others too"},
	} {
		if got := crowdOf("eth1", c.losers, now); got != c.want {
			t.Errorf("%q, not %q", got, c.want)
		}
	}
}
