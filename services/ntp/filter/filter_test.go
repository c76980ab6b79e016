package filter_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/filter"
)

// fill gives a filter the samples of a steady clock from one to another, 64 s apart.
func fill(f *filter.Filter, from, to int, frequency, jitter float64, r *rand.Rand) {
	for i := from; i < to; i++ {
		at := time.Duration(i) * 64 * time.Second
		out, back := jitter*r.ExpFloat64(), jitter*r.ExpFloat64()
		offset := 1.8e18 + int64(frequency*float64(at)) + int64((out-back)/2*1e9)
		f.Add(filter.Sample{At: at, Offset: offset, Delay: time.Duration((out + back) * 1e9), Error: time.Microsecond})
	}
}

func BenchmarkAdd(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	f := filter.New(filter.Unknown)
	b.ReportAllocs()
	for b.Loop() {
		f.Reset(filter.Unknown)
		fill(f, 0, 2*filter.Keep, 1e-5, 1e-3, r)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(2*filter.Keep), "µs/sample")
}

// miss returns the squares of the errors made with the last samples of a steady clock, of so many that there
// were, each as many times that of the error said, and of the offset in s².
func miss(t *testing.T, samples, of int) (offsets, frequencies, offset float64) {
	const runs = 30
	for seed := range uint64(runs) {
		f := filter.New(filter.Unknown)
		fill(f, of-samples, of, 37e-6, 1e-3, rand.New(rand.NewPCG(seed, 2)))
		l := f.Line()
		e := float64(l.Offset-1.8e18-int64(37e-6*float64(l.At))) / 1e9
		offset += e * e / runs
		offsets += math.Pow(e/l.OffsetError, 2) / runs
		frequencies += math.Pow((l.Frequency-37e-6)/l.FrequencyError, 2) / runs
		if e := math.Abs(l.Frequency - 37e-6); e > 1e-6 {
			t.Errorf("seed %d: the frequency is %v off", seed, e)
		}
	}
	return offsets, frequencies, offset
}

// A steady clock is found, and the errors that are said are those that are made. What was made of samples
// that are not remembered any more is of use.
func TestErrorsAreTrue(t *testing.T) {
	const long = 4 * filter.Keep
	var all float64
	for _, samples := range []int{40, long} {
		offsets, frequencies, squares := miss(t, samples, samples)
		t.Logf("%d samples: errors made, of errors said: offset %.2f, frequency %.2f", samples, math.Sqrt(offsets), math.Sqrt(frequencies))
		if offsets > 2 || offsets < 0.2 || frequencies > 2 || frequencies < 0.03 {
			t.Errorf("%d samples: the square of errors made is %.2f (offset) and %.2f (frequency) times that of those said",
				samples, offsets, frequencies)
		}
		all = squares
	}
	_, _, last := miss(t, filter.Keep, long)
	if t.Logf("with a past %.0f µs, without %.0f µs", math.Sqrt(all)*1e6, math.Sqrt(last)*1e6); all > 0.7*last {
		t.Errorf("with a past, the error² is %.2f times that without", all/last)
	}
}

// Samples of before are refused, and a leap second moves all.
func TestOrderAndShift(t *testing.T) {
	for _, samples := range []int{10, filter.Keep + 10} {
		f := filter.New(filter.Unknown)
		fill(f, 0, samples, 1e-6, 1e-4, rand.New(rand.NewPCG(1, 3)))
		before := f.Line()
		if s := f.Newest(); f.Add(s) || f.Len() != min(samples, filter.Keep) {
			t.Error("the same sample twice")
		}
		f.Shift(-time.Second)
		after := f.Line()
		if after.Offset != before.Offset-1e9 {
			t.Errorf("shifted by %v", after.Offset-before.Offset)
		}
		f.Add(filter.Sample{At: before.At + 64*time.Second, Offset: after.Offset, Delay: time.Millisecond})
		if d := math.Abs(float64(f.Line().Offset - after.Offset)); d > 1e6 {
			t.Errorf("a sample after a leap second is %v ns off", d)
		}
	}
}
