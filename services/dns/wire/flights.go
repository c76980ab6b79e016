package wire

import "sync"

// A Role is what becomes of a question that joins Flights.
type Role uint8

// Roles of a question.
const (
	Full   Role = iota // there is no room: nothing is kept of it
	Leader             // nobody asks this yet: ask, and finish it then, whatever came
	Waiter             // somebody asks this already, and will finish it
)

// A Ticket stands for one question that is under way. The same never comes again.
type Ticket uint64

// Index is where a caller keeps what it knows of the question: from 0 to below the total, and of no other
// question at the same time.
func (t Ticket) Index() int { return int(t & maxFlights) }

const (
	ticketBits = 16
	maxFlights = 1<<ticketBits - 1
)

// Flights has equal questions asked once. Whoever has a question joins, and is told to ask or to wait; when
// the leader has its answer, it is told who waits for the same. How one waits, and for how long, is the
// caller's.
//
// It may be used by several goroutines. Its memory is fixed, and so is how many questions of clients are
// under way at once, those that wait included.
type Flights struct {
	mu      sync.Mutex
	each    int
	free    []int32 // indexes
	flights []flight
}

// A flight is a question that is under way, at the index of its ticket.
type flight struct {
	ticket  Ticket
	role    Role  // Full: nobody has it
	leader  int32 // of a waiter
	next    int32 // the next that waits for the same leader, -1 if none does
	waiting int   // of a leader: how many there are
	hash    uint64
	key     uint64
	name    Name
}

// NewFlights returns a table for so many questions at once, and so many that wait for one of them.
func NewFlights(total, each int) *Flights {
	f := &Flights{each: each, flights: make([]flight, min(total, maxFlights))}
	for i := len(f.flights) - 1; i >= 0; i-- {
		f.flights[i].ticket = Ticket(i)
		f.free = append(f.free, int32(i))
	}
	return f
}

// Join adds a plain question. Its ticket is good until its leader finishes or it leaves.
func (f *Flights) Join(q *Query) (Ticket, Role) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.free) == 0 {
		return 0, Full
	}
	key := q.key()
	h := hash(&q.Name, key)
	leader := f.leaderOf(q, key, h)
	if leader >= 0 && f.flights[leader].waiting >= f.each {
		return 0, Full
	}
	i := f.free[len(f.free)-1]
	f.free = f.free[:len(f.free)-1]
	own := &f.flights[i]
	own.ticket += 1 << ticketBits
	if leader < 0 {
		own.role, own.next, own.waiting = Leader, -1, 0
		own.hash, own.key, own.name = h, key, q.Name
		return own.ticket, Leader
	}
	first := &f.flights[leader]
	own.role, own.leader, own.next = Waiter, leader, first.next
	first.next = i
	first.waiting++
	return own.ticket, Waiter
}

// leaderOf returns who asks a question, -1 if nobody does. There are few: they are looked at one by one.
func (f *Flights) leaderOf(q *Query, key, hash uint64) int32 {
	for i := range f.flights {
		l := &f.flights[i]
		if l.hash == hash && l.role == Leader && l.key == key &&
			string(l.name.Bytes()) == string(q.Name.Bytes()) {
			return int32(i)
		}
	}
	return -1
}

// of returns the flight of a ticket, nil if it has ended or has another role.
func (f *Flights) of(t Ticket, role Role) *flight {
	if i := t.Index(); i < len(f.flights) && f.flights[i].ticket == t && f.flights[i].role == role {
		return &f.flights[i]
	}
	return nil
}

// release ends a flight.
func (f *Flights) release(own *flight) {
	own.role = Full
	f.free = append(f.free, int32(own.ticket.Index()))
}

// Finish ends the question of a leader and all that wait for it. taken is called with each ticket, the
// leader's first, while nobody can join: what the caller keeps at its index is still this question's.
func (f *Flights) Finish(leader Ticket, taken func(Ticket)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	own := f.of(leader, Leader)
	for own != nil {
		taken(own.ticket)
		f.release(own)
		if own.next < 0 {
			return
		}
		own = &f.flights[own.next]
	}
}

// Leave ends the question of a waiter that does not wait any longer. It is false if the ticket is no
// waiter's, or its leader has finished.
func (f *Flights) Leave(waiter Ticket) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	own := f.of(waiter, Waiter)
	if own == nil {
		return false
	}
	before := &f.flights[own.leader]
	before.waiting--
	for int(before.next) != waiter.Index() {
		before = &f.flights[before.next]
	}
	before.next = own.next
	f.release(own)
	return true
}

// Len is how many questions are under way, those that wait included.
func (f *Flights) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.flights) - len(f.free)
}
