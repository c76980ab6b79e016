package wire

import (
	"iter"
	"sync/atomic"
	"time"
)

// counters are counted by readers and writers.
type counters struct {
	hits, stale, misses, failing, puts, evicted atomic.Uint64
}

// CacheStats is what a cache has done since it was made, and what it has.
type CacheStats struct {
	Hits, Stale, Misses, Failing uint64 // questions, by what was said to them
	Puts                         uint64 // answers and failures that were put
	Evicted                      uint64 // of these, given up for others
	Entries                      int    // those that can be found, good or not
	UsedBytes, Bytes             int    // of the memory for entries
}

// Stats counts.
func (c *Cache) Stats() CacheStats {
	s := CacheStats{
		Hits: c.counters.hits.Load(), Stale: c.counters.stale.Load(), Misses: c.counters.misses.Load(),
		Failing: c.counters.failing.Load(), Puts: c.counters.puts.Load(), Evicted: c.counters.evicted.Load(),
		Bytes: 8 * len(c.ring.words),
	}
	for i := range c.buckets {
		for j := range c.buckets[i].slots {
			if c.ring.live(c.buckets[i].slots[j].Load() & posMask) {
				s.Entries++
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.UsedBytes = 8 * c.ring.used()
	return s
}

// An Entry is what the cache has for one question, for people to look at.
type Entry struct {
	Name    []byte // in wire form, lower case
	Type    uint16
	DO, CD  bool
	Failure bool // nobody had an answer
	Rcode   Rcode
	AD      bool
	Answers int           // records
	Bytes   int           // of records
	Age     time.Duration // since it was put
	Left    time.Duration // until it is good no longer; below 0 since when
	Hits    uint32        // of the question, since there is an entry for it
}

// Entries is what there is at now, the oldest first. Answers may be put and flushed while it goes on; what
// comes meanwhile may be left out.
func (c *Cache) Entries(now time.Time) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for pos := uint64(0); ; {
			e, next, ok := c.entryFrom(pos, now)
			if !ok || !yield(e) {
				return
			}
			pos = next
		}
	}
}

// entryFrom returns the first entry at pos or later that can be found, and where to go on. ok is false behind
// the last one.
func (c *Cache) entryFrom(pos uint64, now time.Time) (e Entry, next uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for pos = max(pos, c.ring.tail.Load()); pos != c.ring.head; pos = c.ring.next(pos) {
		var h header
		words := c.ring.at(pos)
		h.load(words)
		s, found := c.slotOf(&h, pos)
		if !found {
			continue
		}
		age := now.Sub(c.start) - h.put
		return Entry{
			Name: nameOf(&h, words), Type: uint16(h.key), DO: h.key&keyDO != 0, CD: h.key&keyCD != 0,
			Failure: h.key&keyFailure != 0, Rcode: h.rcode, AD: h.ad, Answers: int(h.answers), Bytes: h.body,
			Age: age, Left: h.ttl - age, Hits: s.hits.Load() &^ claimed,
		}, c.ring.next(pos), true
	}
	return Entry{}, 0, false
}

// nameOf copies the name of an entry.
func nameOf(h *header, words []atomic.Uint64) []byte {
	n := wordsOf(h.name)
	name := make([]byte, 8*n)
	bytesOf(name, words[entryHeader:entryHeader+n])
	return name[:h.name]
}

// Flush forgets what there is for a name, and with below for all names below it, and returns how many entries
// that were. The name is in wire form; with below, "." is all.
func (c *Cache) Flush(name []byte, below bool) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for pos := c.ring.tail.Load(); pos != c.ring.head; pos = c.ring.next(pos) {
		var h header
		words := c.ring.at(pos)
		h.load(words)
		s, found := c.slotOf(&h, pos)
		if !found {
			continue
		}
		if own := nameOf(&h, words); equalFold(own, name) || below && within(own, name) {
			s.Store(0)
			n++
		}
	}
	if below && len(name) == 1 {
		c.ring.clear()
	}
	return n
}

// ForgetFailures forgets what nobody had an answer for: another link or another upstream may have one.
func (c *Cache) ForgetFailures(now time.Time) { c.failuresFrom.Store(int64(now.Sub(c.start)) + 1) }
