package run

import (
	"log/slog"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
)

const (
	// step is by how much a clock must be set to be noticed; who makes it right slowly makes it faster or slower by
	// less each second.
	step = time.Second
	// lookEvery is how often it is looked whether the clock is right.
	lookEvery = time.Second
)

// A clock is what leases are dated by: the machine's, of which it is noticed when it is set.
//
//	wrong, perhaps ── set: leases given since the start move along ──► wrong, perhaps
//	      └────────── synchronised ──► right: leases are dated by it for good
//
// When a machine is saved and restored, the clock jumps too, but the time has passed: leases do not move.
type clock struct {
	wall         func() time.Time
	uptime       func() time.Duration
	synchronised func() bool

	begun  time.Time     // the service, as the clock has it now
	boot   time.Time     // the wall clock less uptime
	right  bool          // it was synchronised once
	looked time.Duration // when that was looked at last
}

// ticker tells when to look at a clock that is not known to be right, though no client comes.
func (c *clock) ticker() *time.Ticker {
	t := time.NewTicker(lookEvery)
	if c.wall == nil {
		t.Stop()
	}
	return t
}

// time is now. What was dated by a wrong clock has moved along when it returns. It belongs to the owner.
func (s *Service) time() time.Time {
	c := &s.clock
	now, up := c.wall(), c.uptime()
	boot := now.Round(0).Add(-up)
	if c.begun.IsZero() {
		c.begun, c.boot = now.Round(0), boot
	}
	by := boot.Sub(c.boot)
	c.boot = boot
	if by.Abs() > step && !c.right {
		s.shift(now, by)
	}
	if !c.right && (c.looked == 0 || up-c.looked >= lookEvery || by.Abs() > step) {
		c.right, c.looked = c.synchronised(), up
	}
	return now
}

// shift moves leases along with the clock that they are dated by.
func (s *Service) shift(now time.Time, by time.Duration) {
	before := now.Round(0).Add(-by)
	moved := s.engine.Shift(s.clock.begun, before, by)
	s.clock.begun = s.clock.begun.Add(by)
	s.log.Info("the clock was set: leases that it had dated end when their clients were told", slog.String("by", by.String()),
		slog.Int("leases", len(moved)))
	if len(moved) > 0 {
		s.batch = append(s.batch, item{out: &dhcp.Outcome{Records: moved}})
		s.commit()
	}
}
