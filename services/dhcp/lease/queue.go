package lease

import "container/heap"

// A queue is a heap of entries by (when, addr). An entry is in one queue at most.
type queue []*entry

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].when != q[j].when {
		return q[i].when < q[j].when
	}
	return q[i].addr < q[j].addr
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].slot, q[j].slot = i, j
}

// Push implements heap.Interface; use add.
func (q *queue) Push(x any) {
	e := x.(*entry)
	e.in, e.slot = q, len(*q)
	*q = append(*q, e)
}

// Pop implements heap.Interface; use entry.leave.
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	e.in = nil
	return e
}

// add puts e, which is in no queue, at its place by when.
func (q *queue) add(e *entry, when int64) {
	e.when = when
	heap.Push(q, e)
}

// first returns the entry with the smallest key, nil if there is none.
func (q queue) first() *entry {
	if len(q) == 0 {
		return nil
	}
	return q[0]
}

// leave takes e out of the queue it is in, if any.
func (e *entry) leave() {
	if e.in != nil {
		heap.Remove(e.in, e.slot)
	}
}
