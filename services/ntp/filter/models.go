package filter

import (
	"math"
	"time"
)

// The grid of models.
const (
	// slowest and wanders: how fast a frequency wanders, in 1/s, each faster times the one before. 1e-21 is a crystal
	// in an oven, 1e-19 one in a room, 1e-14 a virtual machine that is moved about.
	slowest = 1e-21
	faster  = 25
	wanders = 6
	// finest and jitters: how much any sample errs, in seconds, each coarser times the one before: 1 µs to 59 ms.
	finest  = 1e-6
	coarser = 3
	jitters = 11
	// memory is the weight that a sample has in judging models, each less than that of the next.
	memory = 0.97
)

// spreads say how much those samples err more that took longer than the fastest.
var spreads = [...]spread{
	{0, 0}, // delays spread as by Gauss say nothing
	// Queues in one direction and the other that are independent and exponential leave an error that is evenly
	// spread over plus or minus half the excess: a variance of 1/12 of its square.
	{1.0 / 12, 0},
	{1.0 / 50, 0},
	// Where both are even, up to some limit, those that took longest are as good as the fastest: both queues were
	// full.
	{0, 1.0 / 12},
}

// A spread is a variance: so many times the square of the excess over the fastest, and of the distance from the
// fastest or the slowest, whichever is nearer.
type spread struct{ excess, fold float64 }

// A model is one of the grid.
type model struct {
	wander, jitter float64
	spread         spread
}

// A point is a sample, relative to the newest.
type point struct {
	dt           float64 // seconds since the one before
	y            float64 // seconds
	excess, fold float64 // see spread, squared
	noise        float64 // variance of its timestamps
}

// A state is a line as Kalman's filter has it: offset and frequency, and their covariance.
type state struct {
	x, v          float64
	pxx, pxv, pvv float64
	log           float64 // the logarithm of the likelihood of all samples, by their weight
}

// estimate goes through all samples with each model.
func (f *Filter) estimate() Line {
	points := f.points()
	newest := f.Newest()
	var states [wanders * jitters * len(spreads)]state
	best := math.Inf(-1)
	i := 0
	each(func(m model) {
		states[i] = m.run(points[:f.n], f.prior)
		best = max(best, states[i].log)
		i++
	})
	var sum, x, v, wander, jitter float64
	for i := range states {
		states[i].log = math.Exp(states[i].log - best) // the weight from here on
		sum += states[i].log
		x += states[i].log * states[i].x
		v += states[i].log * states[i].v
	}
	x, v = x/sum, v/sum
	var pxx, pvv float64
	i = 0
	each(func(m model) {
		s := &states[i]
		w := s.log / sum
		pxx += w * (s.pxx + sq(s.x-x))
		pvv += w * (s.pvv + sq(s.v-v))
		wander += w * m.wander
		jitter += w * m.noise(&points[f.n-1])
		i++
	})
	return Line{
		At: newest.At, Offset: newest.Offset + int64(math.Round(x*1e9)), Frequency: v,
		OffsetError: math.Sqrt(pxx), FrequencyError: math.Sqrt(pvv), Wander: wander, Jitter: math.Sqrt(jitter),
	}
}

// each calls for each model of the grid, always in the same order.
func each(do func(model)) {
	m := model{wander: slowest}
	for range wanders {
		m.jitter = finest
		for range jitters {
			for _, s := range spreads {
				m.spread = s
				do(m)
			}
			m.jitter *= coarser
		}
		m.wander *= faster
	}
}

// points returns the samples as numbers.
func (f *Filter) points() (points [Keep]point) {
	newest, shortest, longest := f.Newest(), f.Delay(), time.Duration(0)
	for i := range f.n {
		longest = max(longest, f.sample(i).Delay)
	}
	last := f.sample(0).At
	for i := range f.n {
		s := f.sample(i)
		points[i] = point{
			dt: (s.At - last).Seconds(), y: float64(s.Offset-newest.Offset) / 1e9,
			excess: sq((s.Delay - shortest).Seconds()),
			fold:   sq(min(s.Delay-shortest, longest-s.Delay).Seconds()), noise: sq(s.Error.Seconds()),
		}
		last = s.At
	}
	return points
}

// run is Kalman's filter with a model: the frequency is a random walk.
func (m *model) run(points []point, p Prior) state {
	s := state{x: points[0].y, v: p.Frequency, pxx: m.noise(&points[0]), pvv: sq(p.Error)}
	for i := range points[1:] {
		q := &points[i+1]
		dt := q.dt
		s.x += s.v * dt
		s.pxx += dt * (2*s.pxv + dt*(s.pvv+m.wander*dt/3))
		s.pxv += dt * (s.pvv + m.wander*dt/2)
		s.pvv += m.wander * dt
		total := 1 / (s.pxx + m.noise(q))
		miss := q.y - s.x
		kx, kv := s.pxx*total, s.pxv*total
		s.x += kx * miss
		s.v += kv * miss
		s.pvv -= kv * s.pxv
		s.pxv -= kx * s.pxv
		s.pxx -= kx * s.pxx
		s.log = memory*s.log + logarithm(total) - miss*miss*total
	}
	s.log /= 2
	return s
}

// logarithm is that of a positive number, natural, to 1e-3: it only weighs models.
func logarithm(x float64) float64 {
	bits := math.Float64bits(x)
	exponent := float64(int(bits>>52) - 1023)
	m := math.Float64frombits(bits&(1<<52-1) | 1023<<52) // 1 to 2
	// The artanh series of (m-√2)/(m+√2), about the middle.
	z := (m - math.Sqrt2) / (m + math.Sqrt2)
	return (exponent+0.5)*math.Ln2 + 2*z*(1+z*z/3)
}

// noise is the variance of a sample.
func (m *model) noise(p *point) float64 {
	return sq(m.jitter) + m.spread.excess*p.excess + m.spread.fold*p.fold + p.noise
}
