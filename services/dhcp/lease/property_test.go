package lease

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func addr(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 168, 32, byte(i)}) }
func card(i int) MAC        { return MAC{0, 0, 0x5e, 0, 0x53, byte(i)} }

var t0 = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// propertyConfig is small, so that random cards meet often: a pool of twelve in two ranges, with an own
// address and a range of three that is nobody's in it, one host with one card, one with two cards and one
// address, one with two of each, and an address reserved inside the pool.
func propertyConfig() Config {
	return Config{
		Pool:    []Range{{addr(105), addr(113)}, {addr(100), addr(103)}},
		Exclude: []Range{{addr(102), addr(102)}, {addr(1), addr(1)}, {addr(108), addr(109)}, {addr(109), addr(110)}},
		Reservations: []Reservation{
			{MACs: []MAC{card(1)}, Addrs: []netip.Addr{addr(11)}},
			{MACs: []MAC{card(2), card(3)}, Addrs: []netip.Addr{addr(12)}},
			{MACs: []MAC{card(4), card(5)}, Addrs: []netip.Addr{addr(13), addr(107)}},
		},
		OfferHold: 30 * time.Second, Quarantine: 10 * time.Minute, MaxOffers: 6, MaxByOne: 16,
	}
}

// TestTableEqualsModel runs random operations on the table and on the model.
func TestTableEqualsModel(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		table, err := New(propertyConfig())
		if err != nil {
			t.Fatal(err)
		}
		m, now := newModel(propertyConfig()), t0
		for step := range 400 {
			now = now.Add([]time.Duration{0, time.Millisecond, time.Second, 29 * time.Second, 3 * time.Minute}[r.IntN(5)])
			op := randomOp(r, table, m, now)
			if op.got != op.want {
				t.Fatalf("seed %d step %d: %s: table says %v, the model %v", seed, step, op.what, op.got, op.want)
			}
			if err := sameState(table, m, now); err != nil {
				t.Fatalf("seed %d step %d: after %s: %v", seed, step, op.what, err)
			}
		}
	}
}

type op struct{ what, got, want string }

func randomOp(r *rand.Rand, table *Table, m *model, now time.Time) op {
	mac, a := card(1+r.IntN(18)), addr([]int{1, 11, 12, 13, 50, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113}[r.IntN(19)])
	life := time.Duration(60+r.IntN(600))*time.Second + time.Duration(r.IntN(2))*time.Millisecond
	name := fmt.Sprint("name-", mac)
	switch r.IntN(9) {
	case 0, 1, 2: // the usual exchange
		got, want := table.Offer(now, mac, a), m.offer(now, mac, a)
		if got.Addr == want && want.IsValid() && r.IntN(3) > 0 {
			_, refused := table.Commit(now, mac, got.Addr, life, name, nil)
			return op{fmt.Sprint("DORA ", mac), fmt.Sprint(refused == 0), fmt.Sprint(m.commit(now, mac, want, life, name))}
		}
		return op{fmt.Sprint("offer ", mac), got.Addr.String(), want.String()}
	case 3, 4:
		if l, ok := table.Of(now, mac); ok && r.IntN(2) == 0 {
			a = l.Addr
		}
		_, refused := table.Commit(now, mac, a, life, name, nil)
		return op{fmt.Sprint("commit ", mac, a), fmt.Sprint(refused == 0), fmt.Sprint(m.commit(now, mac, a, life, name))}
	case 5:
		if l, ok := table.Of(now, mac); ok {
			a = l.Addr
		}
		_, ok := table.Release(now, mac, a)
		return op{fmt.Sprint("release ", mac, a), fmt.Sprint(ok), fmt.Sprint(m.release(now, mac, a))}
	case 6:
		if l, ok := table.Of(now, mac); ok && r.IntN(4) == 0 {
			a = l.Addr
		}
		_, ok := table.Decline(now, mac, a)
		return op{fmt.Sprint("decline ", mac, a), fmt.Sprint(ok), fmt.Sprint(m.decline(now, mac, a))}
	case 7:
		if r.IntN(2) == 0 {
			mac = card(18) // does proxy ARP
		}
		_, ok := table.Isolate(now, a, mac)
		return op{fmt.Sprint("isolate ", a), fmt.Sprint(ok), fmt.Sprint(m.isolate(now, a, mac))}
	}
	table.Withdraw(now, mac)
	m.withdraw(now, mac)
	return op{what: fmt.Sprint("withdraw ", mac)}
}

// sameState compares all that both know, and the counts with a recount.
func sameState(table *Table, m *model, now time.Time) error {
	m.pass(now)
	var got, want []string
	for l := range table.All(now) {
		got = append(got, fmt.Sprint(l.Addr, l.State, l.MAC, l.Name, l.Until.UnixNano()))
	}
	var count Stats
	for _, a := range m.addrs {
		state, until := a.state, a.until
		if a.inPool {
			count.Size++
			count.Bound += is(state == Bound)
			count.Offered += is(state == Offered)
			count.Declined += is(state == Declined)
		}
		count.Leases += is(state == Bound)
		if state == Free || state == Offered {
			state, until = Free, a.freed
		}
		if a.mac != (MAC{}) {
			want = append(want, fmt.Sprint(a.addr, state, a.mac, a.name, until.UnixNano()))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return fmt.Errorf("the table knows\n%v\nthe model\n%v", got, want)
	}
	if table.Len() != len(got) {
		return fmt.Errorf("Len is %d, All yields %d", table.Len(), len(got))
	}
	if s := table.Stats(now); s != count {
		return fmt.Errorf("counts %+v, want %+v", s, count)
	}
	return nil
}

func is(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestRestoreKeepsEverything restores what a well used table knows into a new one.
func TestRestoreKeepsEverything(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		table, _ := New(propertyConfig())
		m, now := newModel(propertyConfig()), t0
		for range 200 {
			now = now.Add(time.Duration(r.IntN(60)) * time.Second)
			randomOp(r, table, m, now)
		}
		again, _ := New(propertyConfig())
		for l := range table.All(now) {
			again.Restore(l)
		}
		a, b := slices.Collect(table.All(now)), slices.Collect(again.All(now))
		byAddr := func(x, y Lease) int { return x.Addr.Compare(y.Addr) }
		slices.SortFunc(a, byAddr)
		slices.SortFunc(b, byAddr)
		if !slices.Equal(a, b) {
			t.Fatalf("seed %d: restored\n%v\nwant\n%v", seed, b, a)
		}
		for i := range 18 {
			la, oka := table.Of(now, card(i))
			lb, okb := again.Of(now, card(i))
			if oka && (!okb || la != lb) {
				t.Fatalf("seed %d: card %d had %v, after restart %v", seed, i, la, lb)
			}
		}
	}
}
