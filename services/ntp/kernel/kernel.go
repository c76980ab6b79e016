// Package kernel is the kernel's clock: how it runs, how it is made to run otherwise (adjtimex(2)), and what the
// machine below it says the time is.
//
// It guarantees that each call is one of the kernel's, that what the kernel would cut off is refused, and that a call
// changes what it names and nothing else: what the clock did before goes on. It leaves to others how the clock should
// run, and when it is set.
//
// To change something needs CAP_SYS_TIME; to look needs nothing.
package kernel

import (
	"fmt"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// MaxFrequency is how much faster or slower the clock can be made to run, in parts per million of its own idea of
// time: a tick of 10 ms is made 9 to 11 ms long, and 500 ppm are within one.
const MaxFrequency = 100_000

// MaxError is the error beyond which the kernel itself says that the clock is not synchronised (NTP_PHASE_LIMIT).
const MaxError = 16 * time.Second

// A State is how the clock runs.
type State struct {
	// Frequency is how much faster the clock is made to run, in ppm.
	Frequency float64
	// Remaining is what is left of an offset that somebody has the kernel slew away: not this program.
	Remaining time.Duration
	// Synchronised says that somebody keeps the clock to the time of others. The kernel takes it back when MaxError
	// has grown to 16 s, 500 µs each second.
	Synchronised         bool
	MaxError, Estimated  time.Duration
	InsertLeap, DropLeap bool
}

// A Status is what is known of the clock: who asks the kernel is told that.
type Status struct {
	Synchronised        bool
	MaxError, Estimated time.Duration
	// InsertLeap has the kernel put a second in at the end of the UTC day, DropLeap leave one out.
	InsertLeap, DropLeap bool
}

// A Clock is the kernel's.
type Clock struct {
	adjust func(*unix.Timex) error
}

// New returns it.
func New() *Clock {
	return &Clock{adjust: func(t *unix.Timex) error {
		_, err := unix.Adjtimex(t) // the state that it returns is in t too
		return os.NewSyscallError("adjtimex", err)
	}}
}

// Ahead is how far the clock is ahead of that by which the kernel marks packets and files: it is the same.
func (*Clock) Ahead() time.Duration { return 0 }

// Read returns how the clock runs.
func (c *Clock) Read() (State, error) {
	var t unix.Timex
	if err := c.adjust(&t); err != nil {
		return State{}, err
	}
	return stateOf(&t), nil
}

const (
	// usualTick is how long a tick is, in µs: 100 a second, whatever the kernel's own are (USER_HZ).
	usualTick = 10_000
	// tickPPM is by how many ppm a tick that is 1 µs longer changes the clock.
	tickPPM = 1e6 / usualTick
	// scale is that of frequencies (adjtimex(2)): ppm with 16 bits behind the point.
	scale = 1 << 16
)

func stateOf(t *unix.Timex) State {
	unit := time.Microsecond
	if t.Status&unix.STA_NANO != 0 {
		unit = time.Nanosecond
	}
	return State{
		Frequency:    float64(t.Tick-usualTick)*tickPPM + float64(t.Freq)/scale,
		Remaining:    time.Duration(t.Offset) * unit,
		Synchronised: t.Status&unix.STA_UNSYNC == 0,
		MaxError:     time.Duration(t.Maxerror) * time.Microsecond,
		Estimated:    time.Duration(t.Esterror) * time.Microsecond,
		InsertLeap:   t.Status&unix.STA_INS != 0,
		DropLeap:     t.Status&unix.STA_DEL != 0,
	}
}

// SetFrequency has the clock run faster by so many ppm, slower if below 0.
func (c *Clock) SetFrequency(ppm float64) error {
	if math.IsNaN(ppm) || math.Abs(ppm) > MaxFrequency {
		return fmt.Errorf("a clock that runs %g ppm too fast: the kernel's limit is %d", ppm, MaxFrequency)
	}
	tick := math.Round(ppm / tickPPM)
	return c.adjust(&unix.Timex{
		Modes: unix.ADJ_TICK | unix.ADJ_FREQUENCY,
		Tick:  usualTick + int64(tick),
		Freq:  int64(math.Round((ppm - tick*tickPPM) * scale)),
	})
}

// Step sets the clock by an offset. What the kernel knew of its error is forgotten: it is not synchronised until Say
// says so.
func (c *Clock) Step(by time.Duration) error {
	sec, ns := int64(by/time.Second), int64(by%time.Second)
	if ns < 0 {
		sec, ns = sec-1, ns+int64(time.Second) // as the kernel wants it
	}
	return c.adjust(&unix.Timex{
		Modes: unix.ADJ_SETOFFSET | unix.ADJ_NANO,
		Time:  unix.Timeval{Sec: sec, Usec: ns}, // nanoseconds, by ADJ_NANO
	})
}

// Say tells the kernel what is known of the clock. No offset is slewed by the kernel from then on.
func (c *Clock) Say(s Status) error {
	t := unix.Timex{
		Modes:    unix.ADJ_STATUS | unix.ADJ_MAXERROR | unix.ADJ_ESTERROR,
		Status:   unix.STA_UNSYNC,
		Maxerror: microseconds(s.MaxError),
		Esterror: microseconds(s.Estimated),
	}
	if s.Synchronised {
		t.Status = 0
	}
	if s.InsertLeap {
		t.Status |= unix.STA_INS
	}
	if s.DropLeap {
		t.Status |= unix.STA_DEL
	}
	return c.adjust(&t)
}

// microseconds rounds up what the kernel has no fractions for.
func microseconds(d time.Duration) int64 {
	d = min(max(d, 0), MaxError)
	return int64((d + time.Microsecond - 1) / time.Microsecond)
}
