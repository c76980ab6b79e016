// Package fair has clients answered by turns when more is asked than can be answered: who asks too much loses
// its own questions, and nobody else's.
//
//	            ┌─ it may be answered soon ─────────────────────────────► answered in the order of coming
//	socket ─ Gauge
//	            └─ it would wait too long ─► a place ─ client A: ● ● ● ● ─┐
//	                       │                           client B: ●       ─┼─ by turns ─┬─► answered
//	                       │                           client C: ● ●     ─┘            │
//	                       └─ the client has as many                                   └─ waited longer than
//	                          waiting as there are places left: dropped                   patience: dropped
//
// It guarantees that each client that waits is taken from once before any is twice; that one client gets half
// of the places at most, two a third each, and that there is one left for the next; that memory is fixed,
// whatever addresses are forged; and that who lost most is known, with how many.
//
// It leaves to who reads the socket to do so often enough that the kernel, which drops what comes from
// everybody alike, need not. A client is an address, in IPv6 too: all hosts of a LAN are in one /64, and one
// of them would have the share of all. Who takes many addresses there has as many shares, of that socket.
//
// It knows no socket, no clock and no message. Nothing here may be used by several goroutines at once.
package fair

import (
	"net/netip"
	"time"
)

// none is the index of no place and no client.
const none = -1

// A Queue is what waits to be answered: a T for each question. Without New it is of no use.
type Queue[T any] struct {
	patience time.Duration
	places   []place[T]
	clients  []client
	of       map[netip.Addr]int32 // clients with something waiting

	freePlace, freeClient int32 // the first of those that are free
	turn, lastTurn        int32 // the client whose turn it is, and the last in the row
	waiting               int
	losers                losers
}

type place[T any] struct {
	next  int32 // of the same client, or free
	since time.Time
	item  T
}

// A client has at least one question waiting, else it is free.
type client struct {
	addr        netip.Addr
	first, last int32 // places
	waiting     int
	next        int32 // in the row, or free
}

// New returns a Queue with so many places, at least one. What has waited for longer than patience is dropped:
// who asked has given up, or asked again.
func New[T any](places int, patience time.Duration) *Queue[T] {
	q := &Queue[T]{
		patience: patience, places: make([]place[T], places), clients: make([]client, places),
		of: make(map[netip.Addr]int32, places), turn: none, lastTurn: none,
	}
	for i := range q.places {
		q.places[i].next, q.clients[i].next = int32(i)+1, int32(i)+1
	}
	q.places[places-1].next, q.clients[places-1].next = none, none
	return q
}

// Len returns how many wait.
func (q *Queue[T]) Len() int { return q.waiting }

// Few reports whether so few wait that nobody is near what one client may have. Where clients ask for more
// than is answered, half of the places are taken.
func (q *Queue[T]) Few() bool { return q.waiting < len(q.places)/4 }

// Add gives a question of a client a place, which is to be filled. Nil: there is none for it, and it is
// dropped.
func (q *Queue[T]) Add(addr netip.Addr, now time.Time) *T {
	free := len(q.places) - q.waiting
	at, has := q.of[addr]
	if free == 0 || has && q.clients[at].waiting >= free {
		q.Drop(addr, now)
		return nil
	}
	i := q.freePlace
	p := &q.places[i]
	q.freePlace, p.next, p.since = p.next, none, now
	q.waiting++
	if !has {
		at = q.enter(addr, i)
	}
	c := &q.clients[at]
	if c.waiting > 0 {
		q.places[c.last].next = i
	}
	c.last = i
	c.waiting++
	return &p.item
}

// Drop counts a question of a client that is not to be answered.
func (q *Queue[T]) Drop(addr netip.Addr, now time.Time) { q.losers.add(addr, now) }

// Take returns the question whose turn it is. It is good until the next Add; nil: nothing waits.
func (q *Queue[T]) Take(now time.Time) *T {
	for q.turn != none {
		at := q.turn
		c := &q.clients[at]
		i := c.first
		p := &q.places[i]
		c.first = p.next
		c.waiting--
		q.waiting--
		p.next, q.freePlace = q.freePlace, i
		late := now.Sub(p.since) > q.patience
		if late {
			q.Drop(c.addr, now)
		}
		switch {
		case c.waiting == 0:
			q.leave(at)
		case !late:
			q.turn = c.next
			q.queueUp(at)
		}
		if !late {
			return &p.item
		}
	}
	return nil
}

// enter adds a client at the end of the row.
func (q *Queue[T]) enter(addr netip.Addr, first int32) int32 {
	at := q.freeClient
	q.freeClient = q.clients[at].next
	q.clients[at] = client{addr: addr, first: first}
	q.of[addr] = at
	q.queueUp(at)
	return at
}

func (q *Queue[T]) queueUp(at int32) {
	q.clients[at].next = none
	if q.turn == none {
		q.turn = at
	} else {
		q.clients[q.lastTurn].next = at
	}
	q.lastTurn = at
}

// leave takes the client whose turn it is out of the row.
func (q *Queue[T]) leave(at int32) {
	c := &q.clients[at]
	q.turn = c.next
	delete(q.of, c.addr)
	*c = client{next: q.freeClient}
	q.freeClient = at
}

// Losers returns who lost questions, the one that lost most first.
func (q *Queue[T]) Losers(now time.Time) []Loser { return q.losers.recent(now) }

// Dropped returns how many questions were dropped in all.
func (q *Queue[T]) Dropped() uint64 { return q.losers.all }
