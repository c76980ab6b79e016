package fair

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// A question is on its way to a machine that is too slow, in virtual time.
type question struct {
	from  netip.Addr
	asked time.Time
}

// A machine answers as the front does: what the kernel holds is bounded, and reading and answering take time.
type machine struct {
	now     time.Time
	room    int           // of the kernel
	read    time.Duration // a question
	answer  time.Duration // one
	askers  []*asker
	kernel  []question
	refused int // by the kernel
	queue   *Queue[question]
	gauge   Gauge
	turns   bool // false: all is answered in the order of coming
	entered int  // times that it went by turns
}

// An asker asks at a steady rate, and looks at no answer.
type asker struct {
	from            func(n int) netip.Addr
	every           time.Duration
	next            time.Time
	asked, answered int
	worst           time.Duration
}

func start() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func newMachine(turns bool, askers ...*asker) *machine {
	m := &machine{now: start(), room: 600, read: 2 * time.Microsecond, answer: 2 * time.Millisecond,
		askers: askers, queue: New[question](512, time.Second), turns: turns}
	for i, a := range askers {
		a.next = m.now.Add(time.Duration(i) * 37 * time.Microsecond)
	}
	return m
}

// pass lets time pass, in which questions come in the order of their times.
func (m *machine) pass(d time.Duration) {
	m.now = m.now.Add(d)
	for {
		var first *asker
		for _, a := range m.askers {
			if !a.next.After(m.now) && (first == nil || a.next.Before(first.next)) {
				first = a
			}
		}
		if first == nil {
			return
		}
		if len(m.kernel) < m.room {
			m.kernel = append(m.kernel, question{first.from(first.asked), first.next})
		} else {
			m.refused++
		}
		first.asked++
		first.next = first.next.Add(first.every)
	}
}

func (m *machine) receive() []question {
	n := min(8, len(m.kernel))
	batch := m.kernel[:n:n]
	m.kernel = m.kernel[n:]
	m.pass(time.Duration(n) * m.read)
	return batch
}

func (m *machine) reply(q question) {
	m.pass(m.answer)
	for _, a := range m.askers {
		if a.from(0) == q.from {
			a.answered++
			a.worst = max(a.worst, m.now.Sub(q.asked))
		}
	}
}

// run has it answer for a while.
func (m *machine) run(d time.Duration) {
	end := m.now.Add(d)
	if m.queue.Len() > 0 {
		m.byTurns(end)
	}
	for m.now.Before(end) {
		batch := m.receive()
		if len(batch) == 0 {
			m.pass(50 * time.Microsecond)
			continue
		}
		now := m.now
		for _, q := range batch {
			m.reply(q)
		}
		if m.gauge.Busy(now, len(batch), len(batch) == 8) && m.gauge.Late(now, len(m.kernel)) && m.turns {
			m.entered++
			m.byTurns(end)
		}
	}
}

func (m *machine) byTurns(end time.Time) {
	gauge := Gauge{}
	for crowded := true; m.now.Before(end); {
		for range 64 {
			if !crowded {
				break
			}
			batch := m.receive()
			for _, q := range batch {
				if p := m.queue.Add(q.from, m.now); p != nil {
					*p = q
				}
			}
			if len(batch) < 8 {
				break
			}
		}
		q := m.queue.Take(m.now)
		if q == nil {
			return
		}
		m.reply(*q)
		if gauge.Busy(m.now, 1, crowded) && m.queue.Few() {
			crowded = gauge.Late(m.now, m.queue.Len())
		}
	}
}

// one is a client with one address.
func one(addr string, aSecond int) *asker {
	a := netip.MustParseAddr(addr)
	return &asker{from: func(int) netip.Addr { return a }, every: time.Second / time.Duration(aSecond)}
}

// crowdOf are clients with a question each time of another of so many addresses.
func crowdOf(addresses, aSecond int) *asker {
	return &asker{every: time.Second / time.Duration(aSecond), from: func(n int) netip.Addr {
		return netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + n%addresses)})
	}}
}

// TestOverload has a machine that answers 500 questions a second asked for 10,000 by each flooder. Who asks
// five times a second has all answers, and soon; in the order of coming it has few.
func TestOverload(t *testing.T) {
	for _, flooders := range []int{1, 10} {
		for _, turns := range []bool{true, false} {
			polite := []*asker{one("192.0.2.200", 5), one("2001:db8::1", 5)}
			all := polite
			for i := range flooders {
				all = append(all, one(fmt.Sprintf("192.0.2.%d", i+1), 10000))
			}
			m := newMachine(turns, all...)
			m.run(time.Second) // until it is known that there are too many
			for _, a := range all {
				a.asked, a.answered, a.worst = 0, 0, 0
			}
			refused := m.refused
			m.run(5 * time.Second)
			for _, a := range polite {
				if !turns {
					if a.answered > a.asked/2 {
						t.Errorf("%d flooders, in the order of coming: %d of %d", flooders, a.answered, a.asked)
					}
					continue
				}
				if a.answered < a.asked-1 || a.worst > 100*time.Millisecond { // the last may be under way
					t.Errorf("%d flooders: %d of %d answered, within %s", flooders, a.answered, a.asked, a.worst)
				}
			}
			if !turns {
				continue
			}
			if m.refused > refused || m.entered != 1 {
				t.Errorf("%d flooders: the kernel has dropped %d; %d times by turns", flooders, m.refused-refused,
					m.entered)
			}
			const left = 500*5*3/4 - 2*5*5 // what reading leaves of the time, and the others of that
			for _, a := range all[len(polite):] {
				if a.answered < left/flooders || a.answered > 500*5/flooders {
					t.Errorf("%d flooders: one has %d answers of %d", flooders, a.answered, left)
				}
			}
			losers := m.queue.Losers(m.now)
			if len(losers) != flooders || losers[0].Dropped < 40000 {
				t.Errorf("%d flooders: these have lost: %v", flooders, losers)
			}
		}
	}
}

// TestForgedCrowd has 200 addresses ask for twenty times what can be answered: who asks as rarely as its
// share allows is answered.
func TestForgedCrowd(t *testing.T) {
	polite := one("192.0.2.250", 1)
	m := newMachine(true, polite, crowdOf(200, 10000))
	m.run(time.Second)
	polite.asked, polite.answered = 0, 0
	m.run(10 * time.Second)
	if polite.answered < polite.asked-1 {
		t.Errorf("%d of %d answered, after %s at most", polite.answered, polite.asked, polite.worst)
	}
	if n := len(m.queue.Losers(m.now)); n != losersKept {
		t.Errorf("%d are named, of 200", n)
	}
}

// TestEnough has a machine that can answer what is asked answer it in the order of coming, bursts too.
func TestEnough(t *testing.T) {
	busy := one("192.0.2.1", 450)
	m := newMachine(true, busy, one("192.0.2.2", 5))
	m.run(5 * time.Second)
	m.answer = 4 * time.Microsecond
	m.room = 5000
	burst := one("192.0.2.3", 100000)
	burst.next = m.now
	m.askers = append(m.askers, burst)
	m.pass(40 * time.Millisecond) // nobody has read
	m.run(5 * time.Second)
	if m.entered != 0 || m.refused != 0 || len(m.queue.Losers(m.now)) != 0 {
		t.Errorf("%d times by turns; %d refused, lost: %v", m.entered, m.refused, m.queue.Losers(m.now))
	}
}

// TestBackInOrder has a machine go by turns that can just answer what is asked: it soon answers in the order
// of coming again, though there always is something to answer.
func TestBackInOrder(t *testing.T) {
	busy := one("192.0.2.1", 1)
	busy.every = 6 * time.Microsecond // as much as reading and answering take
	m := newMachine(true, busy)
	m.answer = 4 * time.Microsecond
	m.pass(400 * time.Microsecond) // 65 wait
	began := m.now
	m.byTurns(m.now.Add(10 * time.Second))
	if took := m.now.Sub(began); took < lookEvery || took > 2*lookEvery || len(m.kernel) == 0 {
		t.Errorf("it went by turns for %s, and %d wait", took, len(m.kernel))
	}
	if m.queue.Len() > 0 || m.queue.Dropped() > 0 {
		t.Errorf("%d wait to be answered, %d were dropped", m.queue.Len(), m.queue.Dropped())
	}
}
