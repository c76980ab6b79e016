package lease

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// made is a card, one of more than card has.
func made(i int) MAC { return MAC{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)} }

// ask has mac get an address as a server does it: by is the card that asks for it. It reports whether it has
// one.
func ask(t *testing.T, table *Table, now time.Time, mac, by MAC) bool {
	t.Helper()
	if !table.Spares(now, mac, by) {
		return false
	}
	c := table.Offer(now, mac, netip.Addr{})
	if !c.Addr.IsValid() {
		return false
	}
	if _, refused := table.Commit(now, mac, c.Addr, time.Hour, "", nil); refused != 0 {
		t.Fatalf("%s: %s", mac, refused)
	}
	table.Sent(mac, by, netip.Addr{}, nil)
	return true
}

// TestSpares: a card has nearly all of a pool in the names of others, and the last eighth is for those that
// ask for themselves, and for other cards that ask for others.
func TestSpares(t *testing.T) {
	for _, tt := range []struct{ pool, most int }{{1, 1}, {7, 7}, {8, 7}, {16, 14}, {100, 88}} {
		evil, repeater := made(1_000_000), made(1_000_001)
		table := newTable(t, Config{Pool: []Range{{addr(1), addr(tt.pool)}}})
		got := 0
		for i := range 2 * tt.pool {
			if ask(t, table, t0, made(i), evil) {
				got++
			}
		}
		if got != tt.most {
			t.Errorf("of %d addresses one card has %d, want %d", tt.pool, got, tt.most)
		}
		if o := table.Origins(t0, t0.Add(-time.Hour)); o != (Origins{Leases: got, Most: Sender{MAC: evil}, ByMost: got, New: got}) {
			t.Errorf("%+v", o)
		}
		if !ask(t, table, t0, made(0), evil) {
			t.Error("it cannot renew what it has")
		}
		for i := range tt.pool - tt.most {
			by := MAC{}
			if i%2 > 0 {
				by = repeater
			}
			if !ask(t, table, t0, made(500_000+i), by) {
				t.Errorf("of %d addresses, %d are for others, and of these one did not get the number %d", tt.pool,
					tt.pool-tt.most, i)
			}
		}
		// Their time is over: it may have them again.
		if later := t0.Add(2 * time.Hour); !ask(t, table, later, made(3_000_000), evil) {
			t.Errorf("of an empty pool of %d it does not get one", tt.pool)
		}
		if len(table.senders) != 1 {
			t.Errorf("%d senders are remembered", len(table.senders))
		}
	}
}

// TestSparesOfOthers: where others have most of a pool, a card has what a quarter of it is, and one more,
// before the last eighth is kept from it.
func TestSparesOfOthers(t *testing.T) {
	for _, tt := range []struct{ others, most int }{{60, 28}, {70, 26}, {73, 26}, {80, 20}} {
		table := newTable(t, Config{Pool: []Range{{addr(1), addr(100)}}})
		for i := range tt.others {
			if !ask(t, table, t0, made(1000+i), MAC{}) {
				t.Fatal("a client gets nothing")
			}
		}
		got := 0
		for i := range 100 {
			if ask(t, table, t0, made(i), made(1_000_000)) {
				got++
			}
		}
		if got != tt.most {
			t.Errorf("beside %d others it has %d, want %d", tt.others, got, tt.most)
		}
	}
}

// TestReservedIsNotSpared: a reserved address is for whoever sends for it.
func TestReservedIsNotSpared(t *testing.T) {
	host, evil := made(7), made(1_000_000)
	table := newTable(t, Config{Pool: []Range{{addr(1), addr(8)}},
		Reservations: []Reservation{{MACs: []MAC{host}, Addrs: []netip.Addr{addr(50)}}}})
	for i := range 20 {
		ask(t, table, t0, made(100+i), evil)
	}
	if table.Spares(t0, made(200), evil) || !table.Spares(t0, host, evil) || !ask(t, table, t0, host, evil) {
		t.Error("a reserved address was kept from its host")
	}
	if o := table.Origins(t0, t0); o.Leases != 7 || o.ByMost != 7 {
		t.Errorf("a reserved address is counted as one of the pool: %+v", o)
	}
}

// TestSent: what is known of a lease goes with it, and no sender is remembered without one.
func TestSent(t *testing.T) {
	agent := netip.MustParseAddr("10.8.40.1")
	table := newTable(t, Config{Pool: []Range{{addr(1), addr(10)}}})
	table.Restore(Lease{Addr: addr(1), MAC: made(1), State: Bound, Since: t0, Until: t0.Add(time.Hour)})
	if _, known := table.SentBy(made(1)); known {
		t.Error("of a lease that was restored it is known who asked for it")
	}
	if o := table.Origins(t0, t0.Add(-time.Hour)); o != (Origins{Leases: 1, Unknown: 1}) {
		t.Errorf("%+v", o)
	}
	for i := range 4 {
		take(t, table, t0, made(2+i), time.Hour)
	}
	table.Sent(made(2), MAC{}, agent, []byte("port 1"))
	table.Sent(made(3), MAC{}, agent, []byte("port 1"))
	table.Sent(made(4), MAC{}, agent, []byte("port 2"))
	table.Sent(made(5), MAC{}, netip.Addr{}, nil)
	table.Sent(made(99), made(98), netip.Addr{}, nil) // who has nothing
	port1 := Sender{Agent: agent, Circuit: "port 1"}
	if o := table.Origins(t0, t0); o != (Origins{Leases: 5, Most: port1, ByMost: 2, Unknown: 1}) {
		t.Errorf("%+v", o)
	}
	// By a configuration that takes over.
	next := newTable(t, Config{Pool: []Range{{addr(2), addr(10)}}})
	for l := range table.All(t0) {
		next.Restore(l)
	}
	next.KeepSent(table)
	if o := next.Origins(t0, t0.Add(-time.Hour)); o != (Origins{Leases: 4, Most: port1, ByMost: 2, New: 4}) {
		t.Errorf("taken over: %+v", o)
	}
	// It renews through another port, is given back, and ends.
	table.Sent(made(2), MAC{}, agent, []byte("port 2"))
	if by, known := table.SentBy(made(2)); !known || by.Circuit != "port 2" {
		t.Errorf("%+v, %v", by, known)
	}
	if _, ok := table.Release(t0, made(3), addr(3)); !ok || table.senders[port1] != nil {
		t.Error("its sender is remembered")
	}
	if table.Origins(t0.Add(time.Hour+time.Second), t0); len(table.senders) != 0 {
		t.Errorf("nobody has a lease, and senders are remembered: %v", table.senders)
	}
}

// TestSendersAreCounted: whatever happens, each sender is counted for as many leases as it has, and no other
// is remembered.
func TestSendersAreCounted(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 21))
		table := newTable(t, Config{Pool: []Range{{addr(1), addr(20)}}, MaxByOne: 4,
			Reservations: []Reservation{{MACs: []MAC{made(1), made(2)}, Addrs: []netip.Addr{addr(90)}}}})
		now := t0
		for range 5000 {
			now = now.Add(time.Duration(r.IntN(int(time.Minute))))
			mac, a := made(r.IntN(40)), addr(1+r.IntN(20))
			switch r.IntN(8) {
			case 0:
				table.Release(now, mac, a)
			case 1:
				table.Decline(now, mac, a)
			case 2:
				table.Restore(Lease{Addr: a, MAC: mac, State: Bound, Since: now, Until: now.Add(time.Minute)})
			case 3:
				table.Sent(mac, MAC{}, addr(200), []byte(fmt.Sprint(r.IntN(3))))
			default:
				by := MAC{}
				if r.IntN(3) > 0 {
					by = made(100 + r.IntN(3))
				}
				ask(t, table, now, mac, by)
			}
			counted := map[Sender]int{}
			for _, e := range table.byAddr {
				if e.sender == nil {
					continue
				}
				if counted[e.sender.Sender]++; !e.pool || !e.heard || e.state != Bound || table.senders[e.sender.Sender] != e.sender {
					t.Fatalf("seed %d: %+v", seed, e)
				}
			}
			for by, s := range table.senders {
				if s.leases != counted[by] || s.leases == 0 {
					t.Fatalf("seed %d: %v is counted for %d leases, and has %d", seed, by, s.leases, counted[by])
				}
			}
		}
	}
}

// TestOffersFillNothing: a card that asks in the names of others, and takes nothing, has no part of the pool:
// whoever takes an address gets one.
func TestOffersFillNothing(t *testing.T) {
	table := newTable(t, Config{Pool: []Range{{addr(1), addr(40)}}})
	evil := made(1_000_000)
	for i := range 1000 {
		if !table.Spares(t0, made(i), evil) || !table.Offer(t0, made(i), netip.Addr{}).Addr.IsValid() {
			t.Fatalf("offer %d", i)
		}
	}
	if o := table.Origins(t0, t0); o != (Origins{}) {
		t.Errorf("offers are counted as leases: %+v", o)
	}
	for i := range 40 {
		if !ask(t, table, t0, made(5000+i), MAC{}) {
			t.Errorf("client %d gets nothing", i)
		}
		table.Offer(t0, made(9000+i), netip.Addr{}) // the flood goes on
	}
}
