// Package ntptest is a world for the engines of the time service, under virtual time: a crystal, a kernel's
// clock, networks and servers, good and bad. What the true time is, is known there, so errors can be
// measured.
package ntptest

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// A Crystal says how the free clock goes.
type Crystal struct {
	Frequency float64 // how much faster than true time it goes, at the start: 1e-6 is 1 ppm
	Wander    float64 // of the frequency, a random walk: the variance that it grows by, a second
	// Warm and Every: by how much the frequency changes, to and fro, within ten minutes, and how often.
	Warm  float64
	Every time.Duration
}

// clock is the machine's: the free one, and the kernel's time of day.
type clock struct {
	crystal Crystal
	rand    *rand.Rand

	truth int64   // ns since 1970
	begin int64   // the truth at the start
	f     float64 // of the free clock
	free  float64 // ns
	wall  int64   // ns since 1970
	part  float64 // of a nanosecond of wall

	rate     float64 // of wall against free, without slew
	slew     float64 // ns that are left
	constant int64
	chunk    float64 // ns that are slewed in this second
	leap     wire.Leap
	second   int64 // truth, in seconds
	unsynced bool
}

// advance goes on by at most a second of true time.
func (c *clock) advance(dt int64) {
	c.truth += dt
	step := float64(dt) * (1 + c.f)
	c.free += step
	part := step*(1+c.rate) + c.chunk*float64(dt)/1e9 + c.part
	whole := math.Floor(part)
	c.part = part - whole
	before := c.wall
	c.wall += int64(whole)
	c.leapSecond(before)
	if s := c.truth / 1e9; s != c.second {
		c.tick(s - c.second)
		c.second = s
	}
}

// tick is what happens each second: the crystal wanders, the kernel takes the next part of the slew (ntp.c:
// second_overflow).
func (c *clock) tick(n int64) {
	c.f += math.Sqrt(c.crystal.Wander*float64(n)) * c.rand.NormFloat64()
	if every := int64(c.crystal.Every / time.Second); every > 0 {
		if at := (c.truth - c.begin) / 1e9; at%every < 600 && at > every {
			c.f += c.crystal.Warm / 600 * float64(1-2*(at/every%2))
		}
	}
	c.chunk = c.slew / float64(int(4)<<c.constant)
	c.slew -= c.chunk
}

// leapSecond is what the kernel does at the end of a day, if it was told to.
func (c *clock) leapSecond(before int64) {
	const day = int64(24 * time.Hour)
	switch {
	case c.leap == wire.LeapInsert && c.wall/day != before/day:
		c.wall, c.leap = c.wall-1e9, wire.LeapNone
	case c.leap == wire.LeapDelete && (c.wall+1e9)/day != (before+1e9)/day:
		c.wall, c.leap = c.wall+1e9, wire.LeapNone
	}
}

// now is what a process sees: both clocks, a little apart.
func (c *clock) now() discipline.Now {
	return discipline.Now{Free: time.Duration(c.free), Wall: c.wall + int64(c.rand.NormFloat64()*100)}
}

// tune is adjtimex.
func (c *clock) tune(t discipline.Tune) {
	c.rate = float64(t.Frequency)/65536e6 + float64(t.Tick-10000)*100e-6
	c.slew, c.constant = float64(t.Offset), t.Constant
	c.leap, c.unsynced = t.Leap, !t.Synchronised
}
