// Package feed keeps the last of what comes in, for whoever looks later or follows along.
//
// Each item belongs to a key: who said it, by which rule it was logged. A [Feed] is bounded by its [Limits]
// whatever comes, and fair between keys: one that floods pushes out its own items only. Adding never waits
// for a reader; a follower that is too slow loses items and is told so. Nothing survives the process.
package feed

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"sync"
)

// Limits bound a feed. One of them must bound the whole: Items, or PerKey or Bytes with keys that the caller
// bounds.
type Limits struct {
	Items  int // of all keys together; the key that has most loses its oldest; 0: no limit
	PerKey int // items; the key's oldest goes; 0: no limit
	Bytes  int // of the items of one key, by the sizes given to Add; its oldest goes; 0: no limit
}

// A Feed keeps the last items of type T. It may be used by several goroutines.
type Feed[T any] struct {
	limits Limits

	mu        sync.Mutex
	seq       uint64 // of the newest item
	items     int    // of all keys
	keys      map[string]*queue[T]
	forgotten uint64        // newest item that went as the last of its key, whose queue went with it
	changed   chan struct{} // closed when an item comes; nil: nobody waits
}

// A queue has the items of one key, at least one.
type queue[T any] struct {
	items []item[T] // oldest first
	bytes int
	lost  uint64 // newest item that had to go; or an older number of forgotten, which may be of this key
}

type item[T any] struct {
	seq   uint64
	size  int
	value T
}

// New returns an empty feed.
func New[T any](limits Limits) *Feed[T] {
	return &Feed[T]{limits: limits, keys: map[string]*queue[T]{}}
}

// Add adds the item that value returns for its number; numbers count all items from 1. size is in bytes, for
// Limits.Bytes. The feed is locked meanwhile: value must not use it. The key "" is not for items, it stands
// for all keys.
func (f *Feed[T]) Add(key string, size int, value func(seq uint64) T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seq++
	q := f.keys[key]
	if q == nil {
		q = &queue[T]{lost: f.forgotten}
		f.keys[key] = q
	}
	q.items = append(q.items, item[T]{f.seq, size, value(f.seq)})
	q.bytes += size
	f.items++
	for f.limits.PerKey > 0 && len(q.items) > f.limits.PerKey ||
		f.limits.Bytes > 0 && q.bytes > f.limits.Bytes {
		f.drop(key)
	}
	if f.limits.Items > 0 && f.items > f.limits.Items {
		f.drop(f.fullest())
	}
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// drop lets the oldest item of a key go, and the key with its last one.
func (f *Feed[T]) drop(key string) {
	q := f.keys[key]
	q.lost = q.items[0].seq
	q.bytes -= q.items[0].size
	q.items[0] = item[T]{} // the array lives on
	q.items = q.items[1:]
	f.items--
	if len(q.items) == 0 {
		delete(f.keys, key)
		f.forgotten = max(f.forgotten, q.lost)
	}
}

// fullest is the key that has most items; of several, the one whose oldest is the oldest.
func (f *Feed[T]) fullest() (key string) {
	var most *queue[T]
	for k, q := range f.keys {
		if most == nil || len(q.items) > len(most.items) ||
			len(q.items) == len(most.items) && q.items[0].seq < most.items[0].seq {
			key, most = k, q
		}
	}
	return key
}

// after returns the items newer than seq of a key, of all when it is "", and whether such ones are gone
// already.
func (f *Feed[T]) after(key string, seq uint64) (items []item[T], lost bool) {
	for k, q := range f.keys {
		if key != "" && key != k {
			continue
		}
		i := sort.Search(len(q.items), func(i int) bool { return q.items[i].seq > seq })
		items = append(items, q.items[i:]...)
		lost = lost || q.lost > seq
	}
	if key == "" || f.keys[key] == nil {
		lost = lost || f.forgotten > seq
	}
	slices.SortFunc(items, func(a, b item[T]) int { return cmp.Compare(a.seq, b.seq) })
	return items, lost
}

// After returns the items newer than number seq of a key, or of all together when key is "", oldest first.
func (f *Feed[T]) After(key string, seq uint64) []T {
	f.mu.Lock()
	items, _ := f.after(key, seq)
	f.mu.Unlock()
	return values(items)
}

// Last returns the last n items, chosen and ordered as After does.
func (f *Feed[T]) Last(key string, n int) []T {
	f.mu.Lock()
	items, _ := f.after(key, 0)
	f.mu.Unlock()
	return values(items[max(0, len(items)-max(0, n)):])
}

func values[T any](items []item[T]) []T {
	all := make([]T, len(items))
	for i, it := range items {
		all[i] = it.value
	}
	return all
}

// Seq is the number of the newest item: After and Follow with it give what comes from now on.
func (f *Feed[T]) Seq() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seq
}

// Keys returns the keys that have items, in no order.
func (f *Feed[T]) Keys() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	keys := make([]string, 0, len(f.keys))
	for key := range f.keys {
		keys = append(keys, key)
	}
	return keys
}

// Follow calls each for every item newer than number seq of a key, or of all when key is "", old ones and
// those that come, until ctx ends (its error) or each returns an error (that one). lost says that items are
// gone that would have had their turn since the one before, here or soon after; when Limits.Items made a key
// lose all it had, a follower of one key may be told so for another's.
func (f *Feed[T]) Follow(
	ctx context.Context, key string, seq uint64, each func(value T, lost bool) error,
) error {
	for {
		f.mu.Lock()
		items, lost := f.after(key, seq)
		if len(items) == 0 && f.changed == nil {
			f.changed = make(chan struct{})
		}
		changed := f.changed
		f.mu.Unlock()

		for _, it := range items {
			if err := each(it.value, lost); err != nil {
				return err
			}
			seq, lost = it.seq, false
		}
		if len(items) > 0 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
