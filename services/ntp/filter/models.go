package filter

import (
	"math"
	"time"
)

// The grid of models.
const (
	// slowest and wanders: how fast a frequency wanders, in 1/s, each faster times the one before. 1e-21 is a
	// crystal in an oven, 1e-19 one in a room, 1e-14 a virtual machine that is moved about.
	slowest = 1e-21
	faster  = 25
	wanders = 6
	// finest and jitters: how much any sample errs, in seconds, each coarser times the one before: 1 µs to 59
	// ms.
	finest  = 1e-6
	coarser = 3
	jitters = 11
	// memory is the weight that a sample has in judging models, each less than that of the next.
	memory = 0.97
	// fade is by how much the variances of a past grow with each sample that becomes past: what is said by
	// the last fifty of those counts.
	fade = 1.02
	// doubt is how much likelier than not it is that what is known of the frequency holds, as a logarithm:
	// 100 to 1.
	doubt = 4.6
)

// spreads say how much those samples err more that took longer than the fastest.
var spreads = [...]spread{
	{0, 0}, // delays spread as by Gauss say nothing
	// Queues in one direction and the other that are independent and exponential leave an error that is
	// evenly spread over plus or minus half the excess: a variance of 1/12 of its square.
	{1.0 / 12, 0},
	{1.0 / 50, 0},
	// Where both are even, up to some limit, those that took longest are as good as the fastest: both queues
	// were full.
	{0, 1.0 / 12},
}

// models is how many there are.
const models = wanders * jitters * len(spreads)

// A spread is a variance: so many times the square of the excess over the fastest, and of the distance from
// the fastest or the slowest, whichever is nearer.
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

// A guess is what a model makes of the samples.
type guess struct {
	state
	wander, noise float64
	weight        float64
}

// estimate goes through all samples with each model.
func (f *Filter) estimate() Line {
	var room [2 * models]guess
	points := f.points()
	guesses := f.guessAll(room[:0], points[:f.n], believed)
	// Until the samples say enough by themselves, both is possible: that what is known of the frequency
	// holds, and that it does not.
	n := len(guesses)
	if f.prior != Unknown {
		guesses = f.guessAll(guesses, points[:f.n], doubted)
		wrong := weigh(guesses, n)
		if f.n >= 8 && wrong > 0.99 || f.n >= Keep/2 && wrong > 0.5 {
			f.distrust()
		}
	} else {
		weigh(guesses, n)
	}
	l := mean(guesses)
	newest := f.Newest()
	l.At, l.Offset = newest.At, l.Offset+newest.Offset
	return l
}

// weigh makes weights of likelihoods, the sum of which is 1, and returns that of all from n on.
func weigh(guesses []guess, n int) (rest float64) {
	best, sum := math.Inf(-1), 0.0
	for i := range guesses {
		best = max(best, guesses[i].log)
	}
	for i := range guesses {
		guesses[i].weight = math.Exp(guesses[i].log - best)
		sum += guesses[i].weight
	}
	for i := range guesses {
		guesses[i].weight /= sum
		if i >= n {
			rest += guesses[i].weight
		}
	}
	return rest
}

// mean is that of all, at no time; its offset is that from the newest sample.
func mean(guesses []guess) Line {
	var x, v, wander, jitter, pxx, pvv float64
	for i := range guesses {
		g := &guesses[i]
		x += g.weight * g.x
		v += g.weight * g.v
	}
	for i := range guesses {
		g := &guesses[i]
		pxx += g.weight * (g.pxx + sq(g.x-x))
		pvv += g.weight * (g.pvv + sq(g.v-v))
		wander += g.weight * g.wander
		jitter += g.weight * g.noise
	}
	return Line{
		Offset: int64(math.Round(x * 1e9)), Frequency: v,
		OffsetError: math.Sqrt(pxx), FrequencyError: math.Sqrt(pvv), Wander: wander,
		Jitter: math.Sqrt(jitter),
	}
}

// guessAll appends what each model makes of the samples; with is believed or doubted.
func (f *Filter) guessAll(guesses []guess, points []point, with int) []guess {
	for i, m := range grid {
		s, rest := m.begin(&points[0], f.begins(with)), points[1:]
		if f.past != nil {
			s, rest = f.past.state(with, i, f.Newest().Offset), points
		}
		g := guess{state: m.run(s, rest), wander: m.wander, noise: m.noise(&points[len(points)-1])}
		if g.log /= 2; with == doubted {
			g.log -= doubt
		}
		guesses = append(guesses, g)
	}
	return guesses
}

// grid calls yield with each model.
func grid(yield func(int, model) bool) {
	m, i := model{wander: slowest}, 0
	for range wanders {
		m.jitter = finest
		for range jitters {
			for _, m.spread = range spreads {
				if !yield(i, m) {
					return
				}
				i++
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
	if f.past != nil {
		last = f.past.at
	}
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

// begin is what a model makes of the first sample.
func (m *model) begin(q *point, p Prior) state {
	return state{x: q.y, v: p.Frequency, pxx: m.noise(q), pvv: sq(p.Error)}
}

// run is Kalman's filter with a model: the frequency is a random walk.
func (m *model) run(s state, points []point) state {
	for i := range points {
		q := &points[i]
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
