package hooks

import "slices"

// A Queue holds the events that a program was not told yet: of each name the last one, and
// no more than a program must know. It holds four at most.
//
// A Deconfig stays until it is told; what was to be told of a lease before it is not, since
// that lease is gone. Of Bound and Renew the last counts, and it is a Bound if one of them
// is: a program that only looks after what it was told by Bound misses nothing.
type Queue struct{ all []Event }

// Put puts an event into the queue. left is how many others are not told for it.
func (q *Queue) Put(e Event) (left int) {
	lease := func(n Name) bool { return n == Bound || n == Renew }
	before := len(q.all)
	if e.Name == Renew && slices.ContainsFunc(q.all, func(o Event) bool { return o.Name == Bound }) {
		e.Name = Bound
	}
	q.all = slices.DeleteFunc(q.all, func(o Event) bool {
		return o.Name == e.Name || lease(o.Name) && (lease(e.Name) || e.Name == Deconfig)
	})
	left = before - len(q.all)
	q.all = append(q.all, e)
	return left
}

// Next takes the first event out, if there is one.
func (q *Queue) Next() (e Event, ok bool) {
	if len(q.all) == 0 {
		return e, false
	}
	e = q.all[0]
	q.all = slices.Delete(q.all, 0, 1)
	return e, true
}
