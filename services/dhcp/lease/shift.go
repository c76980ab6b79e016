package lease

import "time"

// Shift has what was given and offered by a clock that was wrong end when its client was told: that clock was set at now,
// by so much. What was given from some moment on, of the wrong clock, moves along, and what became free then; older
// leases are dated by a clock that was right. What has moved is appended to changed, to be stored.
func (t *Table) Shift(since, now time.Time, by time.Duration, changed []Lease) []Lease {
	offers := t.Offers(now)
	for _, o := range offers {
		t.Withdraw(now, o.MAC)
	}
	within := func(at time.Time) bool { return !at.Before(since) && !at.After(now) }
	first := len(changed)
	for l := range t.All(now) {
		given, freed := within(l.Since), l.State == Free && within(l.Until)
		if given {
			l.Since = l.Since.Add(by)
		}
		if given || freed {
			l.Until = l.Until.Add(by)
			changed = append(changed, l)
		}
	}
	for _, l := range changed[first:] {
		t.Restore(l)
	}
	for _, o := range offers {
		o.Until = o.Until.Add(by)
		t.Keep(now.Add(by), o)
	}
	return changed
}
