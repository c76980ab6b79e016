package lease

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// TestKeep: an offer of another table is kept where this one would make it, too.
func TestKeep(t *testing.T) {
	ip := netip.MustParseAddr
	now := time.Unix(1_000_000, 0).UTC()
	card := func(n byte) MAC { return MAC{2, 0, 0, 0, 0, n} }
	table := func() *Table {
		tab, err := New(Config{
			Pool:         []Range{{ip("10.0.0.10"), ip("10.0.0.19")}},
			Reservations: []Reservation{{MACs: []MAC{card(1)}, Addrs: []netip.Addr{ip("10.0.0.19")}}},
			Exclude:      []Range{{ip("10.0.0.18"), ip("10.0.0.18")}}, OfferHold: 30 * time.Second, Quarantine: time.Hour,
		})
		if err != nil {
			t.Fatal(err)
		}
		tab.Restore(Lease{Addr: ip("10.0.0.10"), MAC: card(2), State: Bound, Since: now, Until: now.Add(time.Hour)})
		tab.Restore(Lease{Addr: ip("10.0.0.11"), MAC: card(3), State: Declined, Since: now, Until: now.Add(time.Hour)})
		tab.Restore(Lease{Addr: ip("10.0.0.12"), MAC: card(4), State: Free, Since: now, Until: now})
		return tab
	}
	for _, tt := range []struct {
		what string
		addr string
		mac  MAC
		in   time.Duration
		kept bool
	}{
		{"free", "10.0.0.15", card(9), 5 * time.Second, true},
		{"another's before", "10.0.0.12", card(9), 5 * time.Second, true},
		{"its own before", "10.0.0.12", card(4), 5 * time.Second, true},
		{"over", "10.0.0.15", card(9), 0, false},
		{"leased", "10.0.0.10", card(9), 5 * time.Second, false},
		{"leased to itself", "10.0.0.10", card(2), 5 * time.Second, false},
		{"it has another", "10.0.0.15", card(2), 5 * time.Second, false},
		{"in quarantine", "10.0.0.11", card(9), 5 * time.Second, false},
		{"reserved for another", "10.0.0.19", card(9), 5 * time.Second, false},
		{"another is reserved for it", "10.0.0.15", card(1), 5 * time.Second, false},
		{"excluded", "10.0.0.18", card(9), 5 * time.Second, false},
		{"not in the pool", "10.0.1.1", card(9), 5 * time.Second, false},
		{"no IPv4 address", "2001:db8::1", card(9), 5 * time.Second, false},
	} {
		tab := table()
		o := Held{ip(tt.addr), tt.mac, now.Add(tt.in), true}
		tab.Keep(now, o)
		tab.Keep(now, Held{ip("10.0.0.16"), tt.mac, o.Until, false}) // one is enough
		got := tab.Offers(now)
		if tt.kept && (len(got) != 1 || got[0] != o) || !tt.kept && slices.Contains(got, o) {
			t.Errorf("%s: on offer %v", tt.what, got)
		}
		if tt.kept {
			if c := tab.Offer(now, tt.mac, netip.Addr{}); c.Addr != o.Addr || c.Why != StillHeld || c.Unproven {
				t.Errorf("%s: offered %+v", tt.what, c)
			}
		}
		if left := tab.Offers(now.Add(time.Minute)); len(left) > 0 {
			t.Errorf("%s: on offer for ever: %v", tt.what, left)
		}
	}
}
