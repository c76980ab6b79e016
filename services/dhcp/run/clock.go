package run

import "time"

const (
	// step is by how much the wall clock must have been set for the journal to be written anew.
	step = time.Second
	// lookEvery is how often it is looked whether it was, and dateEvery how often the journal is written anew
	// for it.
	lookEvery = time.Second
	dateEvery = 5 * time.Second
	// maxAway is for how long the appliance may have been off by a wall clock that is believed at the start.
	maxAway = 90 * 24 * time.Hour
)

// A clock is what leases run by. It goes with the machine's uptime, as clients' clocks do, and never back;
// where it stands means nothing. Who sets the wall clock changes by how much that is ahead, and no lease.
//
//	uptime ── + zero ──► now: the engine, its leases, all waits
//	wall ── − now ──► ahead: + now is what is shown, and stored, by the ahead that the journal was dated with
type clock struct {
	wall   func() time.Time
	uptime func() time.Duration
	zero   time.Time // what it was when uptime was 0
}

// newClock returns a clock that agrees with the wall clock. Without an uptime that is always right.
func newClock(wall func() time.Time, uptime func() time.Duration) clock {
	if wall == nil {
		wall = time.Now
	}
	if uptime == nil {
		began := wall()
		uptime = func() time.Duration { return wall().Sub(began) }
	}
	c := clock{wall: wall, uptime: uptime}
	c.set(wall())
	return c
}

// set makes it at the time of now. It is for the start alone.
func (c *clock) set(now time.Time) { c.zero = now.Round(0).UTC().Add(-c.uptime()) }

func (c *clock) now() time.Time { return c.zero.Add(c.uptime()) }

// ahead is by how much the wall clock is ahead. It is read between two readings of the other: who is
// interrupted there tries again.
func (c *clock) ahead() (by time.Duration) {
	for range 5 {
		before := c.uptime()
		by = c.wall().Round(0).Sub(c.zero.Add(before))
		if c.uptime()-before < step/10 {
			break
		}
	}
	return by
}

// begin sets the clock for the leases of a journal: end is the moment of its last record, and latest the last
// that is past by the wall clock; zero: there is none. It reports whether the wall clock is believed. Where
// nothing has happened lately by it, it is wrong, or the appliance was off for long: then no time has passed
// since the end, and nobody loses a lease that he may still have.
func (c *clock) begin(latest, end time.Time) (believed bool) {
	wall := c.wall()
	if end.IsZero() || wall.Sub(latest) <= maxAway {
		c.set(wall)
		return true
	}
	c.set(end)
	return false
}
