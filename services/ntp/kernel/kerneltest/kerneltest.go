// Package kerneltest is a kernel's clock for tests: it is wrong as they want it, runs too fast or too slow,
// and is corrected like the real one, while the machine's is left alone.
package kerneltest

import (
	"math"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// A Clock is one that is corrected in place of the kernel's. It may be used by several goroutines.
type Clock struct {
	now func() time.Time

	mu       sync.Mutex
	drift    float64 // of the crystal, ppm
	began    time.Time
	at       time.Time     // of what follows
	free     time.Duration // of the crystal, less the time since it began
	ahead    time.Duration // of now
	slew     time.Duration // what is left
	constant int64         // of it
	state    kernel.State
	steps    []time.Duration
	failed   error
}

// New returns a clock that is ahead of the machine's, and whose crystal runs too fast by so many ppm.
func New(ahead time.Duration, drift float64) *Clock { return At(time.Now, ahead, drift) }

// At is New, with another clock in place of the machine's.
func At(now func() time.Time, ahead time.Duration, drift float64) *Clock {
	return &Clock{now: now, drift: drift, ahead: ahead, began: now(), at: now(),
		state: kernel.State{MaxError: kernel.MaxError}}
}

// settle brings everything up to now, and returns that. Of what is left to be slewed the kernel takes a part
// each second.
func (c *Clock) settle() time.Time {
	now := c.now()
	d := float64(now.Sub(c.at))
	crystal := d * c.drift / 1e6
	slewed := float64(c.slew) * (1 - math.Pow(1-1/float64(int(4)<<c.constant), d/1e9))
	c.free += time.Duration(crystal)
	c.slew -= time.Duration(slewed)
	c.ahead += time.Duration(crystal + (d+crystal)*c.state.Frequency/1e6 + slewed)
	c.at = now
	return now
}

// Ahead is how far the clock is ahead of the machine's.
func (c *Clock) Ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	return c.ahead
}

// Now implements the kernel's.
func (c *Clock) Now() kernel.Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.settle()
	return kernel.Reading{Free: now.Sub(c.began) + c.free + time.Hour, Real: now.UnixNano() + int64(c.ahead),
		Spread: 100}
}

// Read implements the kernel's.
func (c *Clock) Read() (kernel.State, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	st := c.state
	st.Remaining = c.slew
	return st, c.failed
}

// Step implements the kernel's.
func (c *Clock) Step(by time.Duration) error {
	return c.change(func() {
		c.ahead += by
		c.slew = 0
		c.steps = append(c.steps, by)
		c.state.Synchronised, c.state.MaxError = false, kernel.MaxError
	})
}

// Tune implements the kernel's.
func (c *Clock) Tune(t discipline.Tune) error {
	return c.change(func() {
		c.slew, c.constant = t.Offset, t.Constant
		c.state = kernel.State{
			Frequency: float64(t.Tick-10_000)*100 + float64(t.Frequency)/65536, Synchronised: t.Synchronised,
			MaxError: t.MaxError, Estimated: t.EstError, InsertLeap: t.Leap == wire.LeapInsert,
			DropLeap: t.Leap == wire.LeapDelete,
		}
	})
}

func (c *Clock) change(f func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return c.failed
	}
	c.settle()
	f()
	return nil
}

// Steps are all steps so far.
func (c *Clock) Steps() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration(nil), c.steps...)
}

// Jump sets the clock as nobody of the tested would: another program, or the host.
func (c *Clock) Jump(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += by
}

// Fail has all calls fail, nil: none.
func (c *Clock) Fail(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = why
}
