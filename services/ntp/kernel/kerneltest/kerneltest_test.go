package kerneltest

import (
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel"
)

// TestClock: it drifts, is corrected, slews and steps like the kernel's, to the millisecond.
func TestClock(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := At(func() time.Time { return now }, time.Second, 100)
	pass := func(d time.Duration) kernel.Reading { now = now.Add(d); return c.Now() }
	near := func(what string, got, want time.Duration) {
		t.Helper()
		if (got - want).Abs() > 2*time.Millisecond {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	a := c.Now()
	b := pass(1000 * time.Second)
	near("100 ppm too fast", c.Ahead(), 1100*time.Millisecond)
	near("the crystal", b.Free-a.Free, 1000*time.Second+100*time.Millisecond)
	near("the clock", time.Duration(b.Real-a.Real), b.Free-a.Free)
	_ = c.Tune(discipline.Tune{Tick: 10_000, Frequency: -100 * 65536, Offset: -100 * time.Millisecond, Constant: 3, Synchronised: true})
	pass(1000 * time.Second)
	near("slewed, and no drift", c.Ahead(), time.Second)
	_ = c.Step(-time.Second)
	near("set", c.Ahead(), 0)
	if st, err := c.Read(); err != nil || st.Synchronised || st.Frequency != -100 || len(c.Steps()) != 1 {
		t.Errorf("%+v, %v, steps %v", st, err, c.Steps())
	}
	c.Jump(time.Minute)
	near("by somebody else", c.Ahead(), time.Minute)
	why := errors.New("no")
	c.Fail(why)
	if err := c.Step(time.Hour); !errors.Is(err, why) || c.Ahead() > time.Hour {
		t.Errorf("it fails: %v", err)
	}
}
