package ratelimit

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"sync"
	"time"
)

// Shares gives each client of a service a bucket of its own, by its address, in a memory that is fixed: so
// that one that asks for too much does not hurt the others, however many there are. It may be used by several
// goroutines, and does not allocate.
//
// A host can take as many IPv6 addresses of its network as it likes, and all hosts of a LAN are in one /64.
// So an IPv6 client draws from two buckets: its own, and that of its /64, which is eight times as large.
// Link-local addresses have only their own.
//
// A bucket that is full again is like one that was never used, so it is forgotten without a loss. Where more
// clients are short of tokens than there is place for, the one that is short of the fewest is forgotten.
type Shares struct {
	start       time.Time
	hosts, nets shareTable
}

// netFactor is how many times the share of a host a /64 has.
const netFactor = 8

// ways is how many clients may be at one place of a table.
const ways = 8

type shareTable struct {
	burst, every time.Duration // a whole bucket, and one token, in time
	seed         uint64
	sets         []shareSet
}

type shareSet struct {
	mu   sync.Mutex
	ways [ways]share
}

// A share is the bucket of one address, or of a network, whose lo is 0.
type share struct {
	hi, lo uint64
	full   time.Duration // when it is full again
}

// NewShares returns full buckets for about as many clients as are short of tokens at the same time. Each
// allows a burst at once, at least 1, and then one per every, above 0. The seed should be one that clients do
// not know. now is the time, of a monotonic clock if possible.
func NewShares(burst int, every time.Duration, clients int, seed uint64, now time.Time) *Shares {
	sets := max(clients/(ways/2), 1) // half full, few sets are
	size := time.Duration(burst) * every
	return &Shares{
		start: now,
		hosts: shareTable{size, every, seed, make([]shareSet, sets)},
		nets:  shareTable{size, max(every/netFactor, 1), seed, make([]shareSet, max(sets/4, 1))},
	}
}

// Take takes a token of a client at now, if there is one.
func (s *Shares) Take(client netip.Addr, now time.Time) bool {
	a := client.As16() // IPv4 as ::ffff:a.b.c.d
	hi, lo := binary.BigEndian.Uint64(a[:]), binary.BigEndian.Uint64(a[8:])
	at := now.Sub(s.start)
	if !s.hosts.take(hi, lo, at) {
		return false
	}
	if client.Unmap().Is4() || client.IsLinkLocalUnicast() {
		return true
	}
	return s.nets.take(hi, 0, at)
}

func (t *shareTable) take(hi, lo uint64, now time.Duration) bool {
	const odd = 0x9e3779b97f4a7c15
	h, l := bits.Mul64(hi^t.seed, odd)
	h, l = bits.Mul64(h^l^lo, (t.seed^odd)|1)
	at, _ := bits.Mul64(h^l, uint64(len(t.sets)))
	set := &t.sets[at]
	set.mu.Lock()
	defer set.mu.Unlock()
	b := set.of(hi, lo, now)
	missing := min(max(b.full-now, 0), t.burst)
	ok := missing <= t.burst-t.every
	if ok {
		missing += t.every
	}
	b.full = now + missing
	return ok
}

// of returns the bucket of a client; a full one if it has none.
func (s *shareSet) of(hi, lo uint64, now time.Duration) *share {
	least := &s.ways[0]
	for i := range s.ways {
		w := &s.ways[i]
		if w.hi == hi && w.lo == lo {
			return w
		}
		if w.full < least.full {
			least = w
		}
	}
	*least = share{hi: hi, lo: lo, full: now}
	return least
}
