// Package ratelimit bounds how often something is done that strangers can cause: a [Bucket] for anything, a
// [Handler] for lines of a log, [Shares] for clients by the thousand.
//
// The first two count what they keep back, so that whoever reads what came through is told how much did not.
// They wait for nothing and read no clock of their own. What is worth a line, and how many, is left to the
// caller.
package ratelimit

import (
	"sync"
	"time"
)

// A Bucket is a token bucket: full, it allows a burst at once, and then one for each time that passes. It may
// be used by several goroutines.
type Bucket struct {
	burst int
	every time.Duration

	mu         sync.Mutex
	full       time.Time // when it is full again; each token that is missing is one every later
	suppressed int
}

// NewBucket returns a full bucket of burst tokens, at least 1, that earns one per every, above 0.
func NewBucket(burst int, every time.Duration) *Bucket { return &Bucket{burst: burst, every: every} }

// Take takes a token at now, if there is one. suppressed is then how often there was none since the last time
// there was. After a clock was set back the bucket is empty at most.
func (b *Bucket) Take(now time.Time) (ok bool, suppressed int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	missing := min(max(b.full.Sub(now), 0), time.Duration(b.burst)*b.every)
	b.full = now.Add(missing)
	if missing > time.Duration(b.burst-1)*b.every {
		b.suppressed++
		return false, 0
	}
	b.full = b.full.Add(b.every)
	suppressed, b.suppressed = b.suppressed, 0
	return true, suppressed
}

// Suppressed is how often there was no token since the last time there was, for an end after which nothing is
// taken.
func (b *Bucket) Suppressed() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.suppressed
}
