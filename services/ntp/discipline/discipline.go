// Package discipline makes the time of day right: it turns estimates into commands for the kernel's clock.
//
//	           an Estimate: a step            error > limit: a step
//	┌────────┐ ──────────────────► ┌────────┐ ─────┐
//	│  wild  │                     │ tame   │ ◄────┘ slews, each 16 s at the latest
//	└────────┘ ◄────────────────── └────────┘
//	     the clock jumped, and not by us, or the machine was restored: Remeasure
//
// It is an engine: moments and estimates in, Actions out. The time of day is to be a line against the clock
// that nobody steers (CLOCK_MONOTONIC_RAW); each moment has both, so what the kernel made of the last command
// is seen, and not assumed.
//
// It guarantees: the time of day is set only by the first estimate, by the first one after a jump, and beyond
// the limit of the site; otherwise it is slewed by at most 500 ppm beside its frequency, by a slew that the
// kernel ends by itself (a process that dies leaves a clock that is right); it is not set before the last
// known time unless three servers agree on it. It leaves to others: adjtimex(2), files, and what to tell whom
// of a step.
//
// A Discipline is not safe for concurrent use.
package discipline

import (
	"math"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/client"
	"github.com/gatehouse-os/gatehouse/services/ntp/filter"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

const (
	// watch is how often the clocks are compared, retune how often the kernel is told again, at the latest.
	watch  = 2 * time.Second
	retune = 16 * time.Second
	// drop is below which an error is not stepped, not even at the start: a service that was started again
	// finds a clock that is right, and nobody's time is to go back.
	drop = 10 * time.Millisecond
	// jump is by how much the clock may differ from what it should be before it counts as a jump.
	jump = 10 * time.Millisecond
	// maxRate is by how much the clock is slewed, in s/s; maxPhase what the kernel takes at once (ntp.c:
	// MAXPHASE).
	maxRate  = 500e-6
	maxPhase = 500 * time.Millisecond
	// The time constant of the kernel: a slew takes 2^(2+constant) seconds to become 1/e of it. At least 32
	// s: the clock's own frequency is to be of use to those who look at it meanwhile.
	minConstant = 3
	maxConstant = 10
	// maxFrequency is the kernel's limit (MAXFREQ), in ppm; beyond, the length of the tick is changed, by 100
	// ppm.
	maxFrequency = 500
	nominalTick  = 10000
	// wander is how much worse the time gets, in s/s (RFC 5905: PHI), and distance when it is not known any
	// more.
	wander   = 15e-6
	distance = 1500 * time.Millisecond
	// unknown is the error of a clock that nobody has compared (ntp.c: NTP_PHASE_LIMIT).
	unknown = 16 * time.Second
	// keep is how often what is known is stored.
	keep = time.Hour
	// majority is how many must agree on a time that is before the last known one by more than the limit of
	// the site, or than back, whichever is less.
	majority = 3
	back     = 10 * time.Second
)

// A Now is one moment on both clocks, read as near to each other as can be: better than 100 µs, and 1 ms at
// worst.
type Now struct {
	Free time.Duration // the clock that nobody steers
	Wall int64         // the time of day, in nanoseconds since 1970
}

// An Action is to be carried out: a Step, Tune, Store, Remeasure or Shift.
type Action interface{ action() }

// Step adds to the time of day at once (ADJ_SETOFFSET). Those who keep times of day are to be told.
type Step struct{ By time.Duration }

// Tune tells the kernel how to go on: ADJ_OFFSET, ADJ_FREQUENCY, ADJ_TICK, ADJ_TIMECONST, ADJ_MAXERROR,
// ADJ_ESTERROR and ADJ_STATUS with STA_NANO, STA_PLL and STA_FREQHOLD: the frequency is ours alone.
type Tune struct {
	Frequency int64         // in 2^-16 ppm
	Tick      int64         // in µs, at 100 Hz
	Offset    time.Duration // that is to be slewed, within 0.5 s
	Constant  int64         // of the slew
	// MaxError and EstError are how wrong the clock may be, and probably is.
	MaxError, EstError time.Duration
	Leap               wire.Leap // STA_INS, STA_DEL at the end of this UTC day
	Synchronised       bool      // otherwise STA_UNSYNC
}

// Store has what is to outlive the machine written.
type Store struct{ Kept Kept }

// Remeasure says that the clock has jumped: for client.Jumped.
type Remeasure struct{ By time.Duration }

// Shift says that a leap second has come: for client.Shift.
type Shift struct{ By time.Duration }

func (Step) action()      {}
func (Tune) action()      {}
func (Store) action()     {}
func (Remeasure) action() {}
func (Shift) action()     {}

// Kept is what outlives the machine.
type Kept struct {
	// Frequency is how much faster than the free clock the time goes, in ppm, and Error its standard
	// deviation; 0: it is not known.
	Frequency, Error float64
	// Wall is when that was so: the last known time, in nanoseconds since 1970.
	Wall int64
}

// Prior is what of it is of use for the filters: another host may have another crystal, so it is taken with
// care.
func (k Kept) Prior() filter.Prior {
	if k.Wall == 0 || !(math.Abs(k.Frequency) <= 1000) || !(k.Error > 0 && k.Error <= 1000) {
		return filter.Unknown
	}
	return filter.Prior{Frequency: k.Frequency / 1e6, Error: max(k.Error/1e6, 5e-6)}
}

// A Discipline has one clock.
type Discipline struct {
	limit time.Duration
	kept  Kept

	est   client.Estimate
	known bool
	tame  bool // the clock was set by an estimate
	told  bool // the kernel has an estimate

	seen     Now
	started  bool
	rate     float64 // of the time of day against the free clock, but for the slew
	slew     float64 // what is left of it, in seconds
	constant int64
	tuned    time.Duration
	stored   time.Duration
	lost     time.Duration // when the time of day jumped last
	steps    int
	stepped  time.Duration // the last step, by how much
	since    int64         // when the clock was set or slewed to its first estimate
	refused  string
}

// New returns a discipline. limit is that of the site (ntp.Config.Limit); kept is what was stored, of any
// quality.
func New(limit time.Duration, kept Kept) *Discipline {
	return &Discipline{limit: limit, kept: kept}
}

// Start begins. A time of day before the last known time is set to it.
func (d *Discipline) Start(now Now) []Action {
	d.seen, d.started = now, true
	p := d.kept.Prior()
	d.rate = p.Frequency
	d.stored = now.Free
	var out []Action
	if behind := d.kept.Wall - now.Wall; behind > 0 && d.kept.Wall > 0 {
		out = append(out, d.step(time.Duration(behind)))
	}
	return append(out, d.tune(now))
}

// step is by how much the clock is set; what is seen next is expected to be so.
func (d *Discipline) step(by time.Duration) Action {
	d.seen.Wall += int64(by)
	d.slew = 0
	d.steps++
	d.stepped = by
	return Step{by}
}

// Tick looks at the clocks, and tells the kernel again what is due.
func (d *Discipline) Tick(now Now) []Action {
	out, ok := d.look(now)
	if !ok || !d.known {
		if d.told && !d.known {
			out = append(out, d.tune(now))
		}
		return out
	}
	if d.doubt(now) > distance {
		d.known = false
		return append(out, d.tune(now))
	}
	if now.Free-d.tuned >= retune {
		out = append(out, d.correct(now)...)
	}
	return append(out, d.store(now)...)
}

// Next is when Tick is to be called, at the latest; earlier, when the kernel says that the time of day was
// set (timerfd_settime(2): TFD_TIMER_CANCEL_ON_SET).
func (d *Discipline) Next() time.Duration { return d.seen.Free + watch }

// Follow takes an estimate.
func (d *Discipline) Follow(now Now, e client.Estimate) []Action {
	out, ok := d.look(now)
	if !ok {
		return out // it was measured before the jump
	}
	d.refused = ""
	before := d.kept.Wall - (int64(now.Free) + e.Ahead(now.Free).Offset)
	switch {
	case before <= int64(min(d.limit, back)):
	case e.Servers >= majority:
		d.kept.Wall -= before // it was wrong
	default:
		d.refused = "the sources say a time before the last known one, and are fewer than three"
		d.known = false // whoever is right, nobody says any more that the clock is
		return append(out, d.tune(now))
	}
	d.est, d.known = e, true
	out = append(out, d.correct(now)...)
	return append(out, d.store(now)...)
}

// Lost says that the time is not known any more.
func (d *Discipline) Lost(now Now) []Action {
	d.known = false
	return d.Tick(now)
}

// off is how much the time of day is behind the estimate.
func (d *Discipline) off(now Now) time.Duration {
	return time.Duration(int64(now.Free) + d.est.Ahead(now.Free).Offset - now.Wall)
}

// correct sets or slews the clock to the estimate.
func (d *Discipline) correct(now Now) []Action {
	off := d.off(now)
	var out []Action
	if size := max(off, -off); size > d.limit || !d.tame && size > drop {
		out = append(out, d.step(off))
		now.Wall += int64(off)
	}
	if !d.tame {
		d.tame, d.since = true, now.Wall
	}
	return append(out, d.tune(now))
}

// tune makes the command for the kernel.
func (d *Discipline) tune(now Now) Action {
	t := Tune{Tick: nominalTick, Constant: minConstant, MaxError: unknown, EstError: unknown}
	rate := d.rate
	if d.known {
		e := d.est.Ahead(now.Free)
		rate = e.Frequency
		off := max(-maxPhase, min(d.off(now), maxPhase))
		t.Offset, t.Constant = off, constant(off)
		t.MaxError, t.EstError = d.bound(now), time.Duration(min(e.OffsetError, 1)*1e9)
		t.Synchronised, t.Leap = t.MaxError <= distance, lastDay(d.est.Leap, now.Wall)
	}
	ppm := rate * 1e6
	if math.Abs(ppm) > maxFrequency*0.96 {
		ticks := math.Round(ppm / 100)
		t.Tick += int64(max(-900, min(ticks, 900)))
		ppm -= ticks * 100
	}
	ppm = max(-maxFrequency, min(ppm, maxFrequency))
	t.Frequency = int64(math.Round(ppm * 65536))
	d.rate = float64(t.Tick-nominalTick)*100e-6 + float64(t.Frequency)/65536e6
	d.slew, d.constant, d.tuned, d.told = t.Offset.Seconds(), t.Constant, now.Free, d.known
	return t
}

// constant is the shortest that slews an offset by no more than maxRate.
func constant(off time.Duration) int64 {
	c := int64(minConstant)
	for c < maxConstant && math.Abs(off.Seconds())/float64(int(4)<<c) > maxRate {
		c++
	}
	return c
}

// doubt is how wrong the estimate may be, bound how wrong the time of day: one that is far off is slewed as
// long as the estimate is worth it.
func (d *Discipline) doubt(now Now) time.Duration {
	return d.est.Distance + time.Duration(wander*float64(max(0, now.Free-d.est.At)))
}

func (d *Discipline) bound(now Now) time.Duration { return d.doubt(now) + d.off(now).Abs() }

// store has what is known written, from time to time.
func (d *Discipline) store(now Now) []Action {
	if now.Free-d.stored < keep {
		return nil
	}
	return d.Stop(now)
}

// Stop has what is known written, if anything is, and the clock is right.
func (d *Discipline) Stop(now Now) []Action {
	if !d.known || !d.tame || d.bound(now) > distance {
		return nil
	}
	d.stored = now.Free
	d.kept.Wall = now.Wall
	if d.est.FrequencyError < 5e-6 {
		d.kept.Frequency, d.kept.Error = d.est.Frequency*1e6, d.est.FrequencyError*1e6
	}
	return []Action{Store{d.kept}}
}
