package lease

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func newTable(t testing.TB, c Config) *Table {
	t.Helper()
	if c.OfferHold == 0 {
		c.OfferHold, c.Quarantine = 30*time.Second, 10*time.Minute
	}
	table, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// lease makes an offer and commits it.
func take(t testing.TB, table *Table, now time.Time, mac MAC, life time.Duration) netip.Addr {
	t.Helper()
	c := table.Offer(now, mac, netip.Addr{})
	if !c.Addr.IsValid() {
		t.Fatalf("%s: no offer: %s", mac, c.Why)
	}
	if _, refused := table.Commit(now, mac, c.Addr, life, "", nil); refused != 0 {
		t.Fatalf("%s: %s refused: %s", mac, c.Addr, refused)
	}
	return c.Addr
}

func TestLeaseEndsExactly(t *testing.T) {
	table := newTable(t, Config{Pool: []Range{{addr(100), addr(100)}}})
	// Acknowledged in the middle of a second: the client counts from when it
	// hears of it, so the end is rounded up.
	now := t0.Add(300 * time.Millisecond)
	take(t, table, now, card(1), time.Hour)
	end := t0.Add(time.Hour + time.Second)
	if c := table.Offer(end.Add(-1), card(2), netip.Addr{}); c.Why != Exhausted {
		t.Errorf("one nanosecond before the end the address was offered to another")
	}
	if c := table.Offer(end, card(2), netip.Addr{}); c.Addr != addr(100) || c.Why != LongestFree {
		t.Errorf("at the end: %v", c)
	}
}

func TestOrderOfReuse(t *testing.T) {
	table := newTable(t, Config{Pool: []Range{{addr(100), addr(103)}}})
	for i := range 3 {
		take(t, table, t0, card(i+1), time.Hour)
	}
	table.Release(t0.Add(1*time.Minute), card(2), addr(101))
	table.Release(t0.Add(2*time.Minute), card(1), addr(100))
	now := t0.Add(3 * time.Minute)
	for i, want := range []Choice{
		{Addr: addr(103), Why: NeverUsed, Unproven: true},
		{Addr: addr(101), Why: LongestFree, Unproven: true},
		{Addr: addr(100), Why: LongestFree, Unproven: true},
		{Addr: addr(100), Why: LongestFree, Unproven: true}, // the oldest offer makes room
	} {
		if got := table.Offer(now, card(10+i), netip.Addr{}); got != want {
			t.Errorf("offer %d: %v, want %v", i, got, want)
		}
	}
	// Offers are no use: when they lapse, the old holders find their addresses again.
	if c := table.Offer(now.Add(30*time.Second), card(1), netip.Addr{}); c.Addr != addr(100) || c.Why != Previous {
		t.Errorf("after the offers lapsed the former holder got %v", c)
	}
}

func TestReservation(t *testing.T) {
	conf := Config{
		Pool:         []Range{{addr(100), addr(101)}},
		Reservations: []Reservation{{MACs: []MAC{card(1), card(2)}, Addrs: []netip.Addr{addr(11)}}},
	}
	t.Run("comes before everything", func(t *testing.T) {
		table := newTable(t, conf)
		if c := table.Offer(t0, card(1), addr(100)); c != (Choice{Addr: addr(11), Why: Reserved}) {
			t.Error(c)
		}
		if w := table.Check(t0, card(1), addr(100)); w != HasReservation {
			t.Error(w)
		}
		if w := table.Check(t0, card(3), addr(11)); w != ReservedForOther {
			t.Error(w)
		}
	})
	t.Run("goes to the card that asked last", func(t *testing.T) {
		table := newTable(t, conf)
		take(t, table, t0, card(1), time.Hour)
		if got := take(t, table, t0.Add(time.Minute), card(2), time.Hour); got != addr(11) {
			t.Error(got)
		}
	})
	t.Run("waits for a stranger's lease from before it was made", func(t *testing.T) {
		table := newTable(t, conf)
		table.Restore(Lease{Addr: addr(11), MAC: card(9), State: Bound, Since: t0, Until: t0.Add(time.Hour)})
		if c := table.Offer(t0, card(1), netip.Addr{}); c != (Choice{Addr: addr(100), Why: NeverUsed, Blocked: LeasedToOther, Unproven: true}) {
			t.Errorf("while the stranger has it: %v", c)
		}
		if _, refused := table.Commit(t0, card(1), addr(100), time.Hour, "", nil); refused != 0 {
			t.Errorf("the substitute was refused: %s", refused)
		}
		if w := table.Check(t0, card(9), addr(11)); w != ReservedForOther {
			t.Errorf("the stranger may renew: %s", w)
		}
		if c := table.Offer(t0.Add(time.Hour), card(1), netip.Addr{}); c.Addr != addr(11) {
			t.Errorf("after the stranger's lease: %v", c)
		}
	})
	t.Run("declined", func(t *testing.T) {
		table := newTable(t, conf)
		take(t, table, t0, card(1), time.Hour)
		if _, ok := table.Decline(t0, card(1), addr(11)); !ok {
			t.Fatal("not declined")
		}
		if c := table.Offer(t0, card(1), netip.Addr{}); c.Addr != addr(100) || c.Blocked != Quarantined {
			t.Errorf("in quarantine: %v", c)
		}
		if c := table.Offer(t0.Add(10*time.Minute), card(1), netip.Addr{}); c.Addr != addr(11) {
			t.Errorf("after it: %v", c)
		}
	})
}

// TestProbes: an address that was not its own is to be probed, once for each offer.
func TestProbes(t *testing.T) {
	table := newTable(t, Config{Pool: []Range{{addr(100), addr(101)}}})
	ask := func(now time.Time, mac MAC, want Choice) {
		t.Helper()
		if c := table.Offer(now, mac, netip.Addr{}); c != want {
			t.Errorf("%s: %v, want %v", mac, c, want)
		}
	}
	ask(t0, card(1), Choice{Addr: addr(100), Why: NeverUsed, Unproven: true})
	ask(t0, card(1), Choice{Addr: addr(100), Why: StillHeld, Unproven: true})
	table.Probed(t0, addr(100))
	ask(t0, card(1), Choice{Addr: addr(100), Why: StillHeld})
	ask(t0.Add(time.Minute), card(1), Choice{Addr: addr(100), Why: NeverUsed, Unproven: true})
	if l, ok := table.Isolate(t0.Add(time.Minute), addr(100), card(9)); !ok || l.State != Declined || l.MAC != card(9) {
		t.Errorf("%v %v", l, ok)
	}
	now := t0.Add(time.Minute)
	ask(now, card(1), Choice{Addr: addr(101), Why: NeverUsed, Unproven: true})
	if l, ok := table.Isolate(now, addr(101), MAC{}); !ok || l.MAC != card(1) {
		t.Errorf("by nobody known: %v %v", l, ok)
	}
	ask(now, card(1), Choice{Why: Exhausted})
	if _, ok := table.Isolate(now, addr(101), card(9)); ok {
		t.Error("what is on offer to nobody was isolated")
	}
	now = now.Add(10 * time.Minute)
	take(t, table, now, card(1), time.Hour)
	now = now.Add(2 * time.Hour)
	ask(now, card(1), Choice{Addr: addr(100), Why: Previous})
	ask(now, card(1), Choice{Addr: addr(100), Why: StillHeld})
}

// TestAdopt: a host that is known by its place has the card that was there last.
func TestAdopt(t *testing.T) {
	table := newTable(t, Config{Pool: []Range{{addr(100), addr(101)}}, Reservations: []Reservation{
		{Addrs: []netip.Addr{addr(11)}}, {Addrs: []netip.Addr{addr(12)}}, {MACs: []MAC{card(3)}, Addrs: []netip.Addr{addr(13)}},
	}})
	adopt := func(mac MAC, a netip.Addr, want bool) {
		t.Helper()
		if table.Adopt(t0, mac, a) != want {
			t.Errorf("adopt %s for %s: %v", mac, a, !want)
		}
	}
	adopt(card(1), addr(11), true)
	adopt(card(1), addr(11), true)
	adopt(card(3), addr(11), false)
	adopt(card(1), addr(100), false)
	adopt(card(1), netip.Addr{}, false)
	if a := take(t, table, t0, card(1), time.Hour); a != addr(11) {
		t.Errorf("the first card got %s", a)
	}
	adopt(card(2), addr(11), true)
	if a := take(t, table, t0, card(2), time.Hour); a != addr(11) {
		t.Errorf("the card that took its place got %s", a)
	}
	if w := table.Check(t0, card(1), addr(11)); w != ReservedForOther {
		t.Errorf("the first card may keep the address: %s", w)
	}
	adopt(card(2), addr(12), true) // plugged in elsewhere
	if a := take(t, table, t0, card(2), time.Hour); a != addr(12) {
		t.Errorf("elsewhere it got %s", a)
	}
	adopt(card(1), addr(11), true)
	if a := take(t, table, t0, card(1), time.Hour); a != addr(11) {
		t.Errorf("back in its place the first card got %s", a)
	}
}

func TestMovingFreesTheOldAddress(t *testing.T) {
	table := newTable(t, Config{Pool: []Range{{addr(100), addr(101)}}})
	take(t, table, t0, card(1), time.Hour)
	changed, refused := table.Commit(t0, card(1), addr(101), time.Hour, "laptop", nil)
	if refused != 0 || len(changed) != 2 || changed[0].Addr != addr(100) || changed[0].State != Free ||
		changed[1].Addr != addr(101) || changed[1].State != Bound {
		t.Errorf("%v %s", changed, refused)
	}
	if mac, ok := table.NamedBy(t0, "laptop"); !ok || mac != card(1) {
		t.Errorf("laptop is %v %v", mac, ok)
	}
	if _, ok := table.NamedBy(t0.Add(time.Hour), "laptop"); ok {
		t.Error("an expired lease keeps its name from others")
	}
}

// TestPoolShrank: a lease outside today's pool runs to its end, is not renewed, and is then forgotten.
func TestPoolShrank(t *testing.T) {
	table := newTable(t, Config{Pool: []Range{{addr(100), addr(101)}}})
	table.Restore(Lease{Addr: addr(150), MAC: card(1), State: Bound, Since: t0, Until: t0.Add(time.Hour)})
	if w := table.Check(t0, card(1), addr(150)); w != NotGiven {
		t.Errorf("renewal: %s", w)
	}
	changed, _ := table.Commit(t0, card(1), addr(100), time.Hour, "", nil)
	if len(changed) != 2 || changed[0].Addr != addr(150) || changed[0].MAC != card(1) || changed[0].State != Free {
		t.Errorf("moving away left %v", changed)
	}
	if table.Len() != 1 {
		t.Errorf("%d leases are known", table.Len())
	}
}

// TestFloodEvictsNobody: random cards that only ask, more than there is room for,
// leave running leases, former holders' claims and memory alone, and a client in
// their midst gets its lease.
func TestFloodEvictsNobody(t *testing.T) {
	for _, conf := range []Config{
		{Pool: []Range{{addr(100), addr(199)}}, MaxOffers: 50},
		{Pool: []Range{{addr(100), addr(199)}}},
		{Pool: []Range{{addr(100), netip.MustParseAddr("192.200.0.0")}}, MaxOffers: 100},
	} {
		floodEvictsNobody(t, newTable(t, conf))
	}
}

func floodEvictsNobody(t *testing.T, table *Table) {
	take(t, table, t0, card(1), time.Hour)
	take(t, table, t0, card(2), time.Hour)
	table.Release(t0, card(2), addr(101))
	now := t0.Add(time.Minute)
	flood := func(from, to int) {
		for i := from; i < to; i++ {
			var mac MAC
			binary.BigEndian.PutUint32(mac[1:], uint32(i+1000))
			now = now.Add(time.Microsecond)
			table.Offer(now, mac, netip.Addr{})
		}
	}
	flood(0, 20_000)
	if n := len(table.byAddr) + len(table.byMAC) + len(table.offers) + len(table.offering); n > 400 {
		t.Errorf("%d things are remembered", n)
	}
	now = now.Add(time.Microsecond)
	if c := table.Offer(now, card(2), netip.Addr{}); c.Addr != addr(101) || c.Why != Previous {
		t.Errorf("the former holder, in the flood: %v", c)
	}
	now = now.Add(time.Microsecond)
	c := table.Offer(now, card(3), netip.Addr{})
	flood(20_000, 22_000)
	if _, refused := table.Commit(now, card(3), c.Addr, time.Hour, "", nil); refused != 0 {
		t.Errorf("who requests what was offered in the flood is refused: %s", refused)
	}
	now = t0.Add(2 * time.Minute)
	if c.Addr == addr(101) {
		t.Error("the former holder's address went to another while it was on offer to him")
	}
	if w := table.Check(now, card(1), addr(100)); w != 0 {
		t.Errorf("the lease: %s", w)
	}
	if c := table.Offer(now, card(2), netip.Addr{}); c.Addr != addr(101) || c.Why != Previous {
		t.Errorf("the former holder: %v", c)
	}
}

func TestNewRefuses(t *testing.T) {
	for want, c := range map[string]Config{
		"overlap":      {Pool: []Range{{addr(1), addr(9)}, {addr(9), addr(10)}}},
		"lower one":    {Pool: []Range{{addr(9), addr(1)}}},
		"two reserv":   {Reservations: []Reservation{{MACs: []MAC{card(1)}}, {MACs: []MAC{card(1)}}}},
		"twice":        {Reservations: []Reservation{{Addrs: []netip.Addr{addr(1)}}, {Addrs: []netip.Addr{addr(1)}}}},
		"IPv4 address": {Reservations: []Reservation{{Addrs: []netip.Addr{netip.MustParseAddr("2001:db8::1")}}}},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// BenchmarkDORA measures an offer and its lease in a table that already has n.
func BenchmarkDORA(b *testing.B) {
	for name, n := range map[string]int{"1e3": 1e3, "1e6": 1e6} {
		b.Run(name, func(b *testing.B) {
			table := newTable(b, Config{Pool: []Range{{netip.MustParseAddr("10.0.0.0"), netip.MustParseAddr("10.255.255.255")}}})
			mac := func(i int) (m MAC) { binary.BigEndian.PutUint32(m[2:], uint32(i)); return m }
			for i := range n {
				take(b, table, t0, mac(i), 24*time.Hour)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				take(b, table, t0.Add(time.Duration(i)), mac(i%(n+n/10)), 24*time.Hour)
			}
		})
	}
}
