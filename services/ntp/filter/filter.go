// Package filter estimates from the samples of one server how the time goes against a clock that nobody
// steers.
//
// A free clock runs for minutes as on a line: the true time is an offset ahead of it, and the offset grows
// with a frequency that wanders slowly. How much it wanders, and how much the network scatters the samples,
// is different in each place, and changes. So the filter does not assume it: for each of a grid of models
// (how fast the frequency wanders; how much any sample errs; how much those err more that took longer) it
// goes through the last samples as Kalman has it (RFC 5905 has nothing of the like, chrony cuts its line
// where residuals have too few signs), and takes the mean of all, each with the weight of how well it had
// foreseen the samples (Bayesian model averaging).
//
//	samples ─► 64 last ─────────► model 1 … n: line, likelihood ─► mean line, its error
//	              │                  ▲
//	              └ the oldest ─► past: a line for each model, which fades
//
// The last are gone through anew each time, because what their delays tell depends on the shortest of them.
//
// It guarantees bounded memory and work for each sample, and an error that is never said smaller than the
// best sample's share allows. It leaves to others what samples are believed, and that a clock jumped: then
// Reset is due.
package filter

import (
	"math"
	"time"
)

// Keep is how many samples are remembered.
const Keep = 64

// A Sample is one exchange with a server.
type Sample struct {
	// At is when, on the free clock.
	At time.Duration
	// Offset is the true time, in nanoseconds since 1970, less At, as the exchange has it.
	Offset int64
	// Delay is how long it took, less what the server held it.
	Delay time.Duration
	// Error is the error of the timestamps themselves, both ends together (one standard deviation).
	Error time.Duration
}

// A Line is what is known at a moment of the free clock.
type Line struct {
	At     time.Duration
	Offset int64 // the true time, in nanoseconds since 1970, less At
	// Frequency is how much faster than the free clock the true time goes: 1e-6 is 1 ppm.
	Frequency float64
	// OffsetError and FrequencyError are standard deviations, in seconds and as Frequency.
	OffsetError, FrequencyError float64
	// Wander is how much FrequencyError² grows, a second.
	Wander float64
	// Jitter is how much samples scatter about the line, in seconds (a standard deviation).
	Jitter float64
}

// A Filter has the samples of one server.
type Filter struct {
	samples [Keep]Sample
	n, next int
	prior   Prior
	past    *past // nil: all samples are remembered
	line    Line
}

// A Prior is what is known about the frequency before any sample.
type Prior struct {
	Frequency, Error float64 // a mean and its standard deviation
}

// Unknown is the prior of a clock that nobody has measured: crystals are within 100 ppm, hypervisors add
// theirs.
var Unknown = Prior{0, 100e-6}

// New returns a filter without samples.
func New(p Prior) *Filter { return &Filter{prior: p} }

// Reset forgets all samples.
func (f *Filter) Reset(p Prior) { *f = Filter{prior: p} }

// Len is how many samples there are.
func (f *Filter) Len() int { return f.n }

// Newest returns the last sample; there must be one.
func (f *Filter) Newest() Sample { return f.sample(f.n - 1) }

// sample is the ith, the oldest is 0.
func (f *Filter) sample(i int) Sample { return f.samples[(f.next-f.n+i+Keep)%Keep] }

// Shift adds to the offset of all samples: the time scale itself was changed, by a leap second.
func (f *Filter) Shift(by time.Duration) {
	for i := range f.samples {
		f.samples[i].Offset += int64(by)
	}
	if f.past != nil {
		f.past.offset += int64(by)
	}
	f.line.Offset += int64(by)
}

// Delay returns the shortest delay of all samples.
func (f *Filter) Delay() time.Duration {
	shortest := time.Duration(math.MaxInt64)
	for i := range f.n {
		shortest = min(shortest, f.sample(i).Delay)
	}
	return shortest
}

// Add takes a sample, which must be newer than all others, and says whether it was.
func (f *Filter) Add(s Sample) bool {
	if f.n > 0 && s.At <= f.Newest().At {
		return false
	}
	if f.n == Keep {
		f.forget()
	}
	f.samples[f.next] = s
	f.next = (f.next + 1) % Keep
	f.n = min(f.n+1, Keep)
	f.line = f.estimate()
	return true
}

// Line returns what is known, at the moment of the newest sample.
func (f *Filter) Line() Line { return f.line }

// Ahead returns what is known at another moment, before the newest sample or after it.
func (l Line) Ahead(at time.Duration) Line {
	dt := (at - l.At).Seconds()
	l.At = at
	l.Offset += int64(math.Round(l.Frequency * dt * 1e9))
	d := math.Abs(dt)
	l.OffsetError = math.Sqrt(l.OffsetError*l.OffsetError + sq(l.FrequencyError*d) + l.Wander*d*d*d/3)
	l.FrequencyError = math.Sqrt(sq(l.FrequencyError) + l.Wander*d)
	return l
}

func sq(x float64) float64 { return x * x }
