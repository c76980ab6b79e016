package discipline

import (
	"math"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

const (
	day = int64(24 * time.Hour)
	// told is how much later than the clocks Restored may say the same.
	told = 10 * time.Second
)

// look compares what the clocks did since they were seen last with what they were to do. false: the time of
// day has jumped, so nothing that was measured holds: either it was set by others, or the machine stood still
// while the free clock did, or it goes on elsewhere.
func (d *Discipline) look(now Now) ([]Action, bool) {
	dt := (now.Free - d.seen.Free).Seconds()
	if !d.started {
		d.seen, d.started = now, true
		return nil, true
	}
	// The kernel slews a part of what is left, each second.
	left := d.slew * math.Pow(1-1/float64(int(4)<<d.constant), max(dt, 0))
	slewed := d.slew - left
	want := float64(now.Free-d.seen.Free)*(1+d.rate) + slewed*1e9
	by := float64(now.Wall-d.seen.Wall) - want
	before := d.seen.Wall
	d.seen, d.slew = now, left
	// A slew comes by whole seconds, and a free clock that is 100 ppm off from the kernel's is still itself.
	if math.Abs(by) <= float64(jump)+math.Abs(slewed)*0.5e9+200e-6*dt*1e9 && dt >= 0 {
		return nil, true
	}
	if shift := d.leap(before, now.Wall, by); shift != 0 {
		d.est.Offset += int64(shift)
		d.est.Leap = wire.LeapNone
		return []Action{Shift{shift}}, true
	}
	return d.jumped(time.Duration(by), now), false
}

// Restored says that the machine was saved and goes on, here or elsewhere. The clocks may not show it: on a
// host whose clock is behind, both stood still.
func (d *Discipline) Restored(now Now) []Action {
	out, ok := d.look(now)
	if !ok || now.Free-d.lost < told && d.lost > 0 {
		return out // it was noticed
	}
	return append(out, d.jumped(0, now)...)
}

// jumped has all measured anew.
func (d *Discipline) jumped(by time.Duration, now Now) []Action {
	d.known, d.tame, d.slew, d.lost = false, false, 0, now.Free
	return []Action{Remeasure{by}, d.tune(now)}
}

// leap returns by how much UTC was shifted, if a jump is the leap second that was announced; 0 otherwise.
func (d *Discipline) leap(before, after int64, by float64) time.Duration {
	shift := time.Duration(0)
	switch {
	case !d.known:
		return 0
	case d.est.Leap == wire.LeapInsert:
		shift = -time.Second
	case d.est.Leap == wire.LeapDelete:
		shift = time.Second
	}
	midnight := (before/day + 1) * day
	near := midnight-before <= int64(time.Minute) && after-midnight >= -int64(3*time.Second) &&
		after-midnight <= int64(time.Minute)
	if !near || math.Abs(by-float64(shift)) > float64(jump) || lastDay(d.est.Leap, before) == wire.LeapNone {
		return 0
	}
	return shift
}

// lastDay lets a leap second be only on the last day of a month (ITU-R TF.460-6), whatever servers say.
func lastDay(l wire.Leap, wall int64) wire.Leap {
	if l != wire.LeapInsert && l != wire.LeapDelete || time.Unix(0, wall+day).UTC().Day() != 1 {
		return wire.LeapNone
	}
	return l
}
