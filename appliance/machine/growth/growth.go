// Package growth says which counters grow: by how much lately, and since when they do.
//
// A counter that only grows is no problem for ever. What matters is what it has grown by within the last ten
// minutes, and that is too much from a least on, which is a counter's own:
//
//	         grown ≥ least                         ten minutes with less
//	quiet ────────────────► growing (since then) ────────────────────────► quiet
//
// It is pure: told at which time, since the machine started, the counters were what. The first reading of a
// counter says nothing, nor does one that is less than that before it: the counter began anew.
//
// Limits: growth is kept by the minute, so that one is forgotten nine to ten minutes after it was.
package growth

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Window is how long growth counts.
const Window = slots * slot

const (
	slot  = time.Minute
	slots = 10
)

// Grown is a counter that grows.
type Grown[K cmp.Ordered] struct {
	Counter K             `json:"counter"`
	By      uint64        `json:"by"`     // within the Window
	For     time.Duration `json:"for_ns"` // it has been growing
}

// Watch remembers what counters were. The zero value knows of none.
type Watch[K cmp.Ordered] struct {
	// Least is what a counter must have grown by within the Window; those that it does not have, by 1.
	Least  map[K]uint64
	series map[K]*series
}

// series is one counter.
type series struct {
	last    uint64        // reading
	grown   [slots]uint64 // by the minute, since the machine started, modulo slots
	newest  int64         // minute in grown
	growing bool
	since   time.Duration
}

// Sample takes readings. now does not go back.
func (w *Watch[K]) Sample(now time.Duration, readings map[K]uint64) {
	if w.series == nil {
		w.series = map[K]*series{}
	}
	for k, n := range readings {
		s := w.series[k]
		if s == nil {
			w.series[k] = &series{last: n, newest: int64(now / slot)}
			continue
		}
		s.advance(now)
		if n > s.last {
			s.grown[s.newest%slots] += n - s.last
		}
		s.last = n
	}
	for k, s := range w.series {
		s.advance(now)
		growing := s.sum() >= w.least(k)
		if growing && !s.growing {
			s.since = now
		}
		s.growing = growing
	}
}

// Grown lists the counters that grow, by their names, as of the last Sample.
func (w *Watch[K]) Grown(now time.Duration) []Grown[K] {
	var all []Grown[K]
	for _, k := range slices.Sorted(maps.Keys(w.series)) {
		if s := w.series[k]; s.growing {
			all = append(all, Grown[K]{k, s.sum(), max(0, now-s.since)})
		}
	}
	return all
}

func (w *Watch[K]) least(k K) uint64 { return cmp.Or(w.Least[k], 1) }

// advance forgets what is older than the Window.
func (s *series) advance(now time.Duration) {
	minute := int64(now / slot)
	for range min(slots, max(0, minute-s.newest)) {
		s.newest++
		s.grown[s.newest%slots] = 0
	}
	s.newest = max(s.newest, minute)
}

func (s *series) sum() (n uint64) {
	for _, g := range s.grown {
		n += g
	}
	return n
}
