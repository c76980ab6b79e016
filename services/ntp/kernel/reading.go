package kernel

import (
	"time"

	"golang.org/x/sys/unix"
)

// A Reading is two clocks at the same moment.
type Reading struct {
	// Free is CLOCK_MONOTONIC_RAW: how the crystal counts, which nobody steers. It stands still while the
	// machine is suspended, or a domain is saved.
	Free time.Duration
	// Real is CLOCK_REALTIME, the clock, in nanoseconds since 1970.
	Real int64
	// Spread is how long it took to read both: Real may be off by half of it.
	Spread time.Duration
}

// readings is how often both are read: the closest is taken.
const readings = 3

// Now reads both clocks.
func (*Clock) Now() (best Reading) {
	for i := range readings {
		before, real, after := clock(unix.CLOCK_MONOTONIC_RAW), clock(unix.CLOCK_REALTIME),
			clock(unix.CLOCK_MONOTONIC_RAW)
		r := Reading{Free: time.Duration(before + (after-before)/2), Real: real,
			Spread: time.Duration(after - before)}
		if i == 0 || r.Spread < best.Spread {
			best = r
		}
	}
	return best
}

// clock reads one, in nanoseconds. These exist on every Linux, so it does not fail.
func clock(id int32) int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(id, &t)
	return t.Nano()
}

// Jump is by how much the clock was set between two readings, beside running faster or slower than the free
// one within MaxFrequency; 0: it was not, as far as can be told.
func Jump(a, b Reading) time.Duration {
	free, real := b.Free-a.Free, time.Duration(b.Real-a.Real)
	slack := free.Abs()/(1e6/MaxFrequency) + a.Spread + b.Spread
	if d := real - free; d.Abs() > slack {
		return d
	}
	return 0
}

// FreeAt is where the free clock was when the clock was at some moment between two readings, or close to
// them.
func FreeAt(a, b Reading, real int64) time.Duration {
	if b.Real == a.Real {
		return a.Free + time.Duration(real-a.Real)
	}
	return a.Free + time.Duration(float64(real-a.Real)/float64(b.Real-a.Real)*float64(b.Free-a.Free))
}
