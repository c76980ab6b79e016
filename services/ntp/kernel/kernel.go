// Package kernel is the kernel's clock: how it runs, how it is made to run otherwise (adjtimex(2)), and what
// the machine below it says the time is.
//
// It guarantees that each call is one of the kernel's, and that what the kernel would cut off or misread is
// refused. It leaves to others how the clock should run, and when it is set (ntp/discipline).
//
// To change something needs CAP_SYS_TIME; to look needs nothing.
package kernel

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// MaxFrequency is how much faster or slower the clock can be made to run, in parts per million: a tick of 10
// ms is made 9 to 11 ms long.
const MaxFrequency = 100_000

// Limits of the kernel for one call (include/uapi/linux/timex.h): what is beyond it cuts off without a word,
// but for the tick.
const (
	maxFreq     = 500 * scale
	maxOffset   = 500 * time.Millisecond
	maxConstant = 10
	minTick     = 9_000
	maxTick     = 11_000
)

// MaxError is the error beyond which the kernel itself says that the clock is not synchronised
// (NTP_PHASE_LIMIT).
const MaxError = 16 * time.Second

// A State is how the clock runs.
type State struct {
	// Frequency is how much faster the clock is made to run, in ppm.
	Frequency float64 `json:"frequency_ppm"`
	// Remaining is what is left of an offset that the kernel slews away.
	Remaining time.Duration `json:"remaining_ns"`
	// Synchronised says that somebody keeps the clock to the time of others. The kernel takes it back when
	// MaxError has grown to 16 s, 500 µs each second.
	Synchronised bool          `json:"synchronised"`
	MaxError     time.Duration `json:"max_error_ns"`
	Estimated    time.Duration `json:"estimated_error_ns"`
	InsertLeap   bool          `json:"insert_leap,omitempty"`
	DropLeap     bool          `json:"drop_leap,omitempty"`
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

// Tune tells the kernel how the clock is to go on, and what is known of it.
func (c *Clock) Tune(t discipline.Tune) error {
	switch {
	case t.Frequency < -maxFreq || t.Frequency > maxFreq:
		return fmt.Errorf("a frequency of %g ppm: the kernel takes 500 at most", float64(t.Frequency)/scale)
	case t.Tick < minTick || t.Tick > maxTick:
		return fmt.Errorf("a tick of %d µs: the kernel takes %d to %d", t.Tick, minTick, maxTick)
	case t.Offset.Abs() > maxOffset:
		return fmt.Errorf("an offset of %v: the kernel slews %v at most", t.Offset, maxOffset)
	case t.Constant < 0 || t.Constant > maxConstant:
		return fmt.Errorf("a time constant of %d: the kernel has 0 to %d", t.Constant, maxConstant)
	}
	return c.adjust(&unix.Timex{
		// The kernel looks at status and unit before it takes the offset.
		Modes: unix.ADJ_STATUS | unix.ADJ_NANO | unix.ADJ_FREQUENCY | unix.ADJ_TICK | unix.ADJ_TIMECONST |
			unix.ADJ_OFFSET | unix.ADJ_MAXERROR | unix.ADJ_ESTERROR,
		Status:   status(t),
		Freq:     t.Frequency,
		Tick:     t.Tick,
		Constant: t.Constant,
		Offset:   int64(t.Offset),
		Maxerror: microseconds(t.MaxError),
		Esterror: microseconds(t.EstError),
	})
}

// status has the kernel slew (STA_PLL), and leave the frequency alone.
func status(t discipline.Tune) int32 {
	s := int32(unix.STA_PLL | unix.STA_FREQHOLD)
	if !t.Synchronised {
		s |= unix.STA_UNSYNC
	}
	switch t.Leap {
	case wire.LeapInsert:
		s |= unix.STA_INS
	case wire.LeapDelete:
		s |= unix.STA_DEL
	}
	return s
}

// Step sets the clock by an offset. What was left to be slewed is forgotten, and so is what was known of the
// error: the clock is not synchronised until Tune says so.
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

// microseconds rounds up what the kernel has no fractions for.
func microseconds(d time.Duration) int64 {
	d = min(max(d, 0), MaxError)
	return int64((d + time.Microsecond - 1) / time.Microsecond)
}
