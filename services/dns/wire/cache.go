package wire

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// CacheConfig is what a Cache is made from.
type CacheConfig struct {
	Bytes int           // of all it has: 70,400 at least, 147 MB at most
	Stale time.Duration // how long what is good no longer is kept; three days at most (RFC 8767 5)
	// how long it is remembered that nobody answers; 5 minutes at most (RFC 9520 3.2)
	MaxFailure time.Duration
}

const (
	maxStale   = 72 * time.Hour
	maxFailure = 5 * time.Minute
	minFailure = time.Second // the first time; then twice as long each time (RFC 9520 3.2)
	staleTTL   = 30          // seconds that a stale answer says that it is good (RFC 8767 4)
	chances    = 64          // how many entries that are in use one Put spares: it takes 20 µs then

	// One slot for each 128 bytes of the memory: an answer has 150 to 250, so the slots suffice, and are a
	// tenth of the whole.
	ways        = 5
	bucketWords = ways * 128 / 8
	bucketBytes = 8*bucketWords + 64
	minBuckets  = 100
	maxBuckets  = (1 << lapBits) / bucketWords
)

// A Cache keeps answers of upstreams, in a memory that never grows. It may be used by several goroutines;
// those that only read never wait for another.
//
// Entries lie in a ring, in the order in which they were put. Slots say where: by the hash of name, type, DO
// and CD, they are in one of two buckets, each a line of the processor's cache. When the ring is full, the
// oldest entry is given up, unless it was asked for since it got there: then it becomes the newest (CLOCK).
// So the names in use stay while others come and go. Who asks is not kept.
//
// Time is an argument of each call, and only its differences matter: with a monotonic clock, nothing happens
// when the time of the day is set.
type Cache struct {
	ring    *ring
	buckets []bucket
	start   time.Time
	stale   time.Duration
	limit   time.Duration // of failures
	// Failures that were put before are forgotten.
	failuresFrom atomic.Int64

	counters counters

	mu    sync.Mutex // of writers
	entry []uint64   // what is to be written
	moved []uint64   // what is to be written again
}

// A bucket has the slots of some entries.
type bucket struct {
	slots [ways]atomic.Uint64 // twelve bits of the hash and the position of an entry; 0: none
	hits  [ways]atomic.Uint32 // of the entry in the slot, and claimed
	_     uint32
}

// A slot is one of a bucket. Its zero value is none.
type slot struct {
	*atomic.Uint64
	hits *atomic.Uint32
}

// claimed is set in the hits of an entry that somebody was told to ask for again.
const claimed = 1 << 31

// NewCache returns an empty cache, at now. Its memory is touched as it fills.
func NewCache(c CacheConfig, now time.Time) *Cache {
	buckets := min(max(c.Bytes/bucketBytes, minBuckets), maxBuckets)
	return &Cache{
		ring:    newRing(buckets * bucketWords),
		buckets: make([]bucket, buckets),
		start:   now,
		stale:   min(max(c.Stale, 0), maxStale),
		limit:   min(max(c.MaxFailure, minFailure), maxFailure),
	}
}

// A CacheState is what the cache says about a question.
type CacheState uint8

// States of a question.
const (
	Miss    CacheState = iota // nothing: somebody has to be asked
	Fresh                     // the answer is appended
	Stale                     // an answer is appended that is good no longer
	Failing                   // nobody had an answer a moment ago: do not ask again (RFC 9520)
)

// A Hit is what is said beside the answer.
type Hit struct {
	State CacheState
	Rcode Rcode
	// Refresh: less than a tenth of its time is left, and nobody else is told so. The answer should be asked
	// for again, so that the next client need not wait.
	Refresh bool
	// Extended is why nobody had an answer, if it is Failing and somebody said so.
	Extended uint16
}

// Append appends the reply to q, which is Plain, if there is an answer; dst is returned as it is otherwise.
// With stale, answers that are good no longer do: whether nobody has a better one, the caller knows.
func (c *Cache) Append(dst []byte, q *Query, now time.Time, stale bool, o ReplyOptions) ([]byte, Hit) {
	at := now.Sub(c.start)
	if s, pos := c.find(&q.Name, q.key()); pos > 0 {
		if out, hit := c.reply(dst, q, s, pos, at, stale, o); hit.State != Miss {
			return out, hit
		}
	}
	if !stale {
		if extended, ok := c.failing(q, at); ok {
			c.counters.failing.Add(1)
			return dst, Hit{State: Failing, Extended: extended}
		}
	}
	c.counters.misses.Add(1)
	return dst, Hit{}
}

// reply appends the reply by an entry. The state is Miss if it is too old, or was given up meanwhile.
func (c *Cache) reply(dst []byte, q *Query, s slot, pos uint64, at time.Duration, stale bool,
	o ReplyOptions) ([]byte, Hit) {
	words := c.ring.at(pos)
	var h header
	if !h.load(words) {
		return dst, Hit{}
	}
	age := max(at-h.put, 0)
	hit, fixed := Hit{State: Fresh, Rcode: h.rcode}, uint32(0)
	if age >= h.ttl {
		if !stale || age >= h.ttl+c.stale {
			return dst, Hit{}
		}
		hit.State, fixed = Stale, staleTTL
		if o.Extended == 0 {
			o.Extended = StaleAnswer
			if h.rcode == NXDomain {
				o.Extended = StaleNXDomain
			}
		}
	}
	start := len(dst)
	out := q.begin(dst)
	records := words[h.recordsAt():h.words]
	out = slices.Grow(out, 8*len(records))
	body := out[len(out) : len(out)+8*len(records)]
	bytesOf(body, records)
	setTTLs(body[:h.body], words[h.ttlsAt():], h.ttls, uint32(age/time.Second), fixed)
	if !c.ring.live(pos) {
		return dst, Hit{}
	}
	hit.Refresh = s.count() && hit.State == Fresh && age > h.ttl-h.ttl/10 && s.hits.Or(claimed)&claimed == 0
	if hit.State == Fresh {
		c.counters.hits.Add(1)
	} else {
		c.counters.stale.Add(1)
	}
	return q.finish(out[:len(out)+h.body], start, Answer{
		Rcode: h.rcode, AD: h.ad && hit.State == Fresh,
		Answers: uint16(h.answers), Authorities: uint16(h.authorities),
	}, o), hit
}

// count counts a hit of an entry, and says whether nobody was told to refresh it.
func (s slot) count() bool {
	hits := s.hits.Add(1)
	if hits&^claimed == 0 { // it has run over
		s.hits.Store(1)
	}
	return hits&claimed == 0
}

// hash is the hash of an entry.
func hash(name *Name, key uint64) uint64 { return mix(name.hash^key, multiplier) }

// tag is what a slot has of a hash.
func tag(hash uint64) uint64 { return hash << posBits }

// bucketsOf returns the two buckets that may have the slot of an entry. Most are in the first.
func (c *Cache) bucketsOf(hash uint64) [2]*bucket {
	first, _ := bits.Mul64(hash, uint64(len(c.buckets)))
	second, _ := bits.Mul64(bits.RotateLeft64(hash, 32), uint64(len(c.buckets)))
	return [2]*bucket{&c.buckets[first], &c.buckets[second]}
}

// find returns the slot and the position of an entry, or a position of 0.
func (c *Cache) find(name *Name, key uint64) (s slot, pos uint64) {
	h := hash(name, key)
	for _, b := range c.bucketsOf(h) {
		for i := range b.slots {
			v := b.slots[i].Load()
			if v&^posMask != tag(h) {
				continue
			}
			if pos := v & posMask; c.ring.live(pos) && is(c.ring.at(pos), name, key) {
				return slot{&b.slots[i], &b.hits[i]}, pos
			}
		}
	}
	return slot{}, 0
}

// failing says whether it is remembered that nobody had an answer, and why.
func (c *Cache) failing(q *Query, at time.Duration) (extended uint16, ok bool) {
	_, pos := c.find(&q.Name, q.key()|keyFailure)
	if pos == 0 {
		return 0, false
	}
	var h header
	ok = h.load(c.ring.at(pos)) && c.ring.live(pos) && at-h.put < h.ttl &&
		int64(h.put) >= c.failuresFrom.Load()
	return uint16(h.answers), ok
}
