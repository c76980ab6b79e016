package sshadmin

import (
	"sync"
	"time"
)

// rateLimit is a token bucket for log lines: what an unknown peer can make the
// server write must not fill the log. It counts what it suppresses, so that the
// next line can say so.
type rateLimit struct {
	burst int           // lines at once
	every time.Duration // then one line per this time

	mu         sync.Mutex
	tokens     int
	last       time.Time // when the newest token was earned
	suppressed int
}

// allow reports whether a line may be written at now, and how many were not
// since the last one that was.
func (r *rateLimit) allow(now time.Time) (ok bool, suppressed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last.IsZero() {
		r.tokens, r.last = r.burst, now
	}
	if earned := int(now.Sub(r.last) / r.every); earned > 0 {
		r.tokens = min(r.burst, r.tokens+earned)
		r.last = r.last.Add(time.Duration(earned) * r.every)
	}
	if r.tokens == 0 {
		r.suppressed++
		return false, 0
	}
	r.tokens--
	suppressed, r.suppressed = r.suppressed, 0
	return true, suppressed
}
