package filter_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/filter"
)

// A regression is the line of the last samples by weighted least squares, which forgets the oldest while
// residuals have too few changes of sign: what chrony does, in short. It is here to be compared with.
type regression struct {
	at, offset, delay []float64
	a, b              float64
}

// criticalRuns is how many runs of residuals of one sign there are at least, with 95 of 100.
func criticalRuns(n int) int {
	if n < 8 {
		return 0
	}
	return int(float64(n)/2 + 1 - 1.645*math.Sqrt(float64(n-1))/2)
}

func (r *regression) add(at, offset, delay float64) {
	r.at, r.offset, r.delay = append(r.at, at), append(r.offset, offset), append(r.delay, delay)
	if len(r.at) > 64 {
		r.drop()
	}
	for {
		runs := r.fit()
		if runs > criticalRuns(len(r.at)) || len(r.at) <= 3 {
			return
		}
		r.drop()
	}
}

func (r *regression) drop() { r.at, r.offset, r.delay = r.at[1:], r.offset[1:], r.delay[1:] }

func (r *regression) fit() int {
	n := len(r.at)
	sorted := slices.Sorted(slices.Values(r.delay))
	least, median := sorted[0]/2, sorted[n/2]/2
	sd := min(max((median-least)/0.7, 1e-6), least)
	var u, w float64
	weight := make([]float64, n)
	for i := range n {
		k := 1 + max(0, r.delay[i]/2-least-1e-6)/sd
		weight[i] = 1 / (k * k)
		u += r.at[i] * weight[i]
		w += weight[i]
	}
	u /= w
	var p, q, v float64
	for i := range n {
		x := r.at[i] - u
		p += r.offset[i] * weight[i]
		q += r.offset[i] * x * weight[i]
		v += x * x * weight[i]
	}
	r.b = 0
	if n >= 3 {
		r.b = q / v
	}
	r.a = p/w - r.b*u
	runs, last := 1, 0.0
	for i := range n {
		res := r.offset[i] - r.a - r.b*r.at[i]
		if res*last <= 0 && i > 0 {
			runs++
		}
		last = res
	}
	return runs
}

func (r *regression) value(at float64) float64 { return r.a + r.b*at }

// queues are what a packet waits for in one direction, of mean about 1.
var queues = map[string]func(*rand.Rand) float64{
	"exponential": func(r *rand.Rand) float64 { return r.ExpFloat64() },
	"normal":      func(r *rand.Rand) float64 { return max(0, 3+r.NormFloat64()) },
	"uniform":     func(r *rand.Rand) float64 { return 2 * r.Float64() },
	"heavy":       func(r *rand.Rand) float64 { return math.Exp(1.2*r.NormFloat64() - 0.7) },
}

// compare runs both on half a day of a clock, and returns the RMS error of each between samples, after the
// first hour.
func compare(queue func(*rand.Rand) float64, jitter, wander, poll float64, steps bool, seed uint64) (ours, theirs float64) {
	r := rand.New(rand.NewPCG(seed, 1))
	f, g := filter.New(filter.Unknown), &regression{}
	x, v := 0.0, 20e-6
	var n, e1, e2 float64
	next := 0.0
	for t := 0.0; t < 43200; t++ {
		x += v
		v += math.Sqrt(wander) * r.NormFloat64()
		if steps && int(t)%14400 == 7200 {
			v += 1e-6 * (1 - 2*float64(int(t)/14400%2))
		}
		if t > 3600 {
			at := time.Duration(t * 1e9)
			e1 += math.Pow(float64(f.Line().Ahead(at).Offset)/1e9-x, 2)
			e2 += math.Pow(g.value(t)-x, 2)
			n++
		}
		if t < next {
			continue
		}
		out, back := jitter*queue(r), jitter*queue(r)
		delay := 0.01 + out + back
		offset := x + (out-back)/2
		f.Add(filter.Sample{At: time.Duration(t * 1e9), Offset: int64(offset * 1e9), Delay: time.Duration(delay * 1e9), Error: time.Microsecond})
		g.add(t, offset, delay)
		if next += poll; f.Len() < 4 {
			next = t + 2
		}
	}
	return math.Sqrt(e1 / n), math.Sqrt(e2 / n)
}

// The filter is nowhere much worse than a regression as chrony has it, and better where delays tell anything
// or the frequency changes.
func TestBesideRegression(t *testing.T) {
	for name, limit := range map[string]float64{"exponential": 0.9, "normal": 1.1, "uniform": 1.05, "heavy": 0.8} {
		for _, jitter := range []float64{1e-4, 1e-3, 1e-2, 5e-2} {
			for _, steps := range []bool{false, true} {
				ours, theirs := compare(queues[name], jitter, 1e-18, 64, steps, 1)
				t.Logf("%-12s jitter %5.1f ms steps %-5v: %7.0f µs, regression %7.0f µs, %.2f of it",
					name, jitter*1e3, steps, ours*1e6, theirs*1e6, ours/theirs)
				if ours > limit*theirs {
					t.Errorf("%s, %v s, steps %v: %v s, the regression %v s", name, jitter, steps, ours, theirs)
				}
			}
		}
	}
}
