package run

import (
	"cmp"
	"slices"
)

// A top finds those that come most often, in a memory that does not grow: the Space-Saving algorithm
// (Metwally, Agrawal, El Abbadi, 2005). Whoever makes up more than 1/size of all is in it; the count of one
// that came late has those of the one whose place it took, which is its Over.
type top struct {
	counts []Count
	index  map[string]int
}

// A Count is how often something came.
type Count struct {
	What string `json:"what"`
	N    uint64 `json:"n"`              // at most
	Over uint64 `json:"over,omitempty"` // so many of them may be others'
}

const topSize = 128

func newTop() *top { return &top{index: make(map[string]int, topSize)} }

// add counts one more.
func (t *top) add(what []byte) {
	if i, ok := t.index[string(what)]; ok {
		t.counts[i].N++
		return
	}
	if len(t.counts) < topSize {
		t.index[string(what)] = len(t.counts)
		t.counts = append(t.counts, Count{What: string(what), N: 1})
		return
	}
	least := 0
	for i := range t.counts {
		if t.counts[i].N < t.counts[least].N {
			least = i
		}
	}
	c := &t.counts[least]
	delete(t.index, c.What)
	*c = Count{What: string(what), N: c.N + 1, Over: c.N}
	t.index[c.What] = least
}

// first returns the n that came most often.
func (t *top) first(n int) []Count {
	all := slices.Clone(t.counts)
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.N-b.Over, a.N-a.Over), cmp.Compare(a.What, b.What))
	})
	return all[:min(n, len(all))]
}
