package fair

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func addrOf(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})
}

// TestTurns has clients taken from by turns, each in its own order.
func TestTurns(t *testing.T) {
	q := New[string](16, time.Second)
	for _, s := range []string{"a1", "a2", "a3", "b1", "c1", "c2"} {
		*q.Add(addrOf(int(s[0])), start()) = s
	}
	var got []string
	for p := q.Take(start()); p != nil; p = q.Take(start()) {
		got = append(got, *p)
		if *p == "b1" {
			*q.Add(addrOf('b'), start()) = "b2"
		}
	}
	if want := []string{"a1", "b1", "c1", "a2", "b2", "c2", "a3"}; !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}

// TestPlaces: one client gets half of the places, two a third each, and one is left for the next, until all
// are taken.
func TestPlaces(t *testing.T) {
	for clients, each := range map[int]int{1: 50, 2: 33, 3: 25, 9: 10} {
		q := New[int](100, time.Second)
		has := map[int]int{}
		for range 200 {
			for c := range clients {
				if q.Add(addrOf(c), start()) != nil {
					has[c]++
				}
			}
		}
		for _, n := range has {
			if n < each || n > each+1 {
				t.Errorf("one of %d clients has %d places, not %d", clients, n, each)
			}
		}
		if q.Add(addrOf(99), start()) == nil {
			t.Errorf("beside %d clients there is none for the next", clients)
		}
	}
	q := New[int](100, time.Second)
	for c := range 100 {
		if q.Add(addrOf(c), start()) == nil {
			t.Errorf("no place for client %d of 100", c)
		}
	}
	if q.Add(addrOf(100), start()) != nil || q.Dropped() != 1 {
		t.Errorf("the 101st has a place; %d dropped", q.Dropped())
	}
}

// TestPatience: what has waited too long is dropped, and costs nobody a turn.
func TestPatience(t *testing.T) {
	q := New[int](10, time.Second)
	for i := range 3 {
		*q.Add(addrOf(1), start()) = i
	}
	*q.Add(addrOf(2), start().Add(400*time.Millisecond)) = 10
	*q.Add(addrOf(1), start().Add(500*time.Millisecond)) = 3
	now := start().Add(1100 * time.Millisecond)
	if p := q.Take(now); p == nil || *p != 3 {
		t.Errorf("took %v", p)
	}
	if p := q.Take(now.Add(300 * time.Millisecond)); p == nil || *p != 10 {
		t.Errorf("took %v", p)
	}
	want := []Loser{{Client: addrOf(1), Dropped: 3, First: now, Last: now}}
	if got := q.Losers(now); q.Len() != 0 || !slices.Equal(got, want) {
		t.Errorf("%d wait, lost: %+v", q.Len(), got)
	}
	if got := q.Losers(now.Add(Memory)); len(got) != 0 {
		t.Errorf("still known: %+v", got)
	}
	q.Drop(addrOf(1), now.Add(Memory))
	if got := q.Losers(now.Add(Memory)); len(got) != 1 || got[0].Dropped != 1 {
		t.Errorf("after a pause: %+v", got)
	}
}

// TestLosers names who loses much among a hundred thousand addresses of which each loses once.
func TestLosers(t *testing.T) {
	var l losers
	now := start()
	for i := range 100000 {
		var a [16]byte
		binary.BigEndian.PutUint64(a[:], rand.Uint64())
		l.add(netip.AddrFrom16(a), now)
		if i%8 == 0 {
			l.add(addrOf(1), now)
		}
		now = now.Add(time.Millisecond)
	}
	got := l.recent(now)
	if len(got) != losersKept || got[0].Client != addrOf(1) || got[0].Dropped < 12000 || got[1].Dropped > 10 {
		t.Errorf("lost most: %+v", got[:2])
	}
}

// TestModel compares with lists that are searched, at random.
func TestModel(t *testing.T) {
	type entry struct {
		client int
		item   uint64
		since  time.Time
	}
	const places, patience = 24, 50 * time.Millisecond
	q := New[uint64](places, patience)
	var waiting []entry
	var row []int
	count := func(c int) (n int) {
		for _, e := range waiting {
			if e.client == c {
				n++
			}
		}
		return n
	}
	r := rand.New(rand.NewPCG(1, 2))
	now, dropped := start(), uint64(0)
	for step := range 50000 {
		now = now.Add(time.Duration(r.IntN(3)) * time.Millisecond)
		if r.IntN(9) < 5 {
			c, item := r.IntN(1+step%30), r.Uint64()
			p := q.Add(addrOf(c), now)
			free := places - len(waiting)
			if fits := free > 0 && (count(c) == 0 || count(c) < free); fits != (p != nil) {
				t.Fatalf("step %d: a place %v, with %d waiting of them %d", step, p != nil, len(waiting), count(c))
			}
			if p == nil {
				dropped++
				continue
			}
			*p = item
			if count(c) == 0 {
				row = append(row, c)
			}
			waiting = append(waiting, entry{c, item, now})
			continue
		}
		var want *uint64
		for len(row) > 0 && want == nil {
			c := row[0]
			i := slices.IndexFunc(waiting, func(e entry) bool { return e.client == c })
			e := waiting[i]
			waiting = slices.Delete(waiting, i, i+1)
			late := now.Sub(e.since) > patience
			if late {
				dropped++
			} else {
				want = &e.item
			}
			if count(c) == 0 {
				row = row[1:]
			} else if !late {
				row = append(row[1:], c)
			}
		}
		got := q.Take(now)
		if (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Fatalf("step %d: took %v, not %v", step, got, want)
		}
		if q.Len() != len(waiting) || q.Dropped() != dropped || len(q.of) != len(row) {
			t.Fatalf("step %d: %d wait of %d clients, %d dropped; not %d, %d, %d", step, q.Len(), len(q.of),
				q.Dropped(), len(waiting), len(row), dropped)
		}
	}
}

// TestNoAllocation: a place costs nothing, whoever takes it.
func TestNoAllocation(t *testing.T) {
	q := New[int](512, time.Second)
	n := 0
	if allocated := testing.AllocsPerRun(100000, func() {
		q.Add(addrOf(n%5000), start())
		n++
		if n%3 != 0 {
			q.Take(start())
		}
	}); allocated > 0.01 { // the table of clients is put in order now and then
		t.Errorf("%v allocations", allocated)
	}
}
