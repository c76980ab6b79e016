package wire

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

func TestFlights(t *testing.T) {
	f := NewFlights(4, 2)
	a, b := question(t, "A.", dns.TypeA, false), question(t, "b.", dns.TypeA, false)
	again, signed := question(t, "a.", dns.TypeA, false), question(t, "a.", dns.TypeA, true)
	join := func(q *Query, want Role) Ticket {
		t.Helper()
		ticket, role := f.Join(q)
		if role != want {
			t.Errorf("role %d, want %d", role, want)
		}
		return ticket
	}
	finish := func(leader Ticket) (taken []Ticket) {
		f.Finish(leader, func(t Ticket) { taken = append(taken, t) })
		return taken
	}
	leader := join(a, Leader)
	first, second := join(again, Waiter), join(again, Waiter)
	join(a, Full) // two wait for it
	other := join(signed, Leader)
	join(b, Full) // four are under way
	if !f.Leave(first) || f.Leave(first) || f.Leave(leader) || f.Len() != 3 {
		t.Errorf("%d are left", f.Len())
	}
	third := join(a, Waiter)
	if third.Index() != first.Index() || third == first {
		t.Errorf("ticket %x after %x", third, first)
	}
	if taken := finish(second); taken != nil {
		t.Errorf("a waiter has finished %v", taken)
	}
	if taken := finish(leader); !slices.Equal(taken, []Ticket{leader, third, second}) || f.Len() != 1 {
		t.Errorf("%v, and %d are left", taken, f.Len())
	}
	if finish(leader) != nil || f.Leave(second) {
		t.Error("what is over ends again")
	}
	join(a, Leader)
	if taken := finish(other); !slices.Equal(taken, []Ticket{other}) {
		t.Errorf("%v", taken)
	}
	if f.Leave(Ticket(99)) || finish(Ticket(1<<40)) != nil {
		t.Error("a ticket of nobody is good")
	}
}

// TestFlightsAgainstASlowTable does random things to both.
func TestFlightsAgainstASlowTable(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const total, each = 12, 3
	f := NewFlights(total, each)
	slow := map[string][]Ticket{} // the leader first
	count := func() (n int) {
		for _, tickets := range slow {
			n += len(tickets)
		}
		return n
	}
	var old []Ticket
	for step := range 50_000 {
		q := question(t, fmt.Sprintf("n%d.", random.IntN(6)), dns.TypeA, random.IntN(2) == 0)
		key := slowKey(q)
		tickets := slow[key]
		switch random.IntN(4) {
		case 0, 1:
			want := Leader
			if len(tickets) > 0 {
				want = Waiter
			}
			if count() == total || len(tickets) == each+1 {
				want = Full
			}
			ticket, role := f.Join(q)
			if role != want {
				t.Fatalf("step %d: role %d, want %d", step, role, want)
			}
			if role != Full {
				if ticket.Index() >= total || slices.Contains(old, ticket) {
					t.Fatalf("step %d: ticket %x", step, ticket)
				}
				slow[key], old = append(tickets, ticket), append(old, ticket)
			}
		case 2:
			if len(tickets) < 2 {
				continue
			}
			i := 1 + random.IntN(len(tickets)-1)
			if !f.Leave(tickets[i]) {
				t.Fatalf("step %d: it cannot leave", step)
			}
			slow[key] = slices.Delete(tickets, i, i+1)
		case 3:
			if len(tickets) == 0 || random.IntN(3) > 0 {
				continue
			}
			var taken []Ticket
			f.Finish(tickets[0], func(t Ticket) { taken = append(taken, t) })
			if taken[0] != tickets[0] || !slices.Equal(sorted(taken), sorted(tickets)) {
				t.Fatalf("step %d: %v, want %v", step, taken, tickets)
			}
			delete(slow, key)
		}
		if len(old) > 1000 {
			old = old[500:]
		}
		if f.Len() != count() {
			t.Fatalf("step %d: %d, want %d", step, f.Len(), count())
		}
	}
}

func sorted(t []Ticket) []Ticket { return slices.Sorted(slices.Values(t)) }

// TestFlightsOfSeveral: of many that ask the same at the same time, each is answered once, by one that asks.
func TestFlightsOfSeveral(t *testing.T) {
	f := NewFlights(64, 64)
	q := question(t, "a.", dns.TypeA, false)
	var answered, asked atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				ticket, role := f.Join(q)
				for role == Full { // its leader is not running
					runtime.Gosched()
					ticket, role = f.Join(q)
				}
				if role == Leader {
					asked.Add(1)
					f.Finish(ticket, func(Ticket) { answered.Add(1) })
				}
			}
		})
	}
	wg.Wait()
	if answered.Load() != 8*2000 || asked.Load() > 8*2000 || f.Len() != 0 {
		t.Errorf("%d answered by %d questions, %d left", answered.Load(), asked.Load(), f.Len())
	}
}
