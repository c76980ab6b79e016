package filter_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/filter"
)

// fill gives a filter n samples of a steady clock, 64 s apart.
func fill(f *filter.Filter, n int, frequency, jitter float64, r *rand.Rand) {
	for i := range n {
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
		fill(f, filter.Keep, 1e-5, 1e-3, r)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/filter.Keep, "µs/sample")
}

// A steady clock is found, and the errors that are said are those that are made.
func TestErrorsAreTrue(t *testing.T) {
	var offsets, frequencies float64
	const runs = 60
	for seed := range uint64(runs) {
		f := filter.New(filter.Unknown)
		fill(f, 40, 37e-6, 1e-3, rand.New(rand.NewPCG(seed, 2)))
		l := f.Line()
		truth := 1.8e18 + int64(37e-6*float64(l.At))
		offsets += math.Pow(float64(l.Offset-truth)/1e9/l.OffsetError, 2) / runs
		frequencies += math.Pow((l.Frequency-37e-6)/l.FrequencyError, 2) / runs
		if e := math.Abs(l.Frequency - 37e-6); e > 1e-6 {
			t.Errorf("seed %d: the frequency is %v off", seed, e)
		}
	}
	t.Logf("errors made, of errors said: offset %.2f, frequency %.2f", math.Sqrt(offsets), math.Sqrt(frequencies))
	if offsets > 2 || offsets < 0.2 || frequencies > 2 || frequencies < 0.1 {
		t.Errorf("the square of errors made is %.2f (offset) and %.2f (frequency) times that of those said", offsets, frequencies)
	}
}

// Samples of the past are refused, and a leap second moves all.
func TestOrderAndShift(t *testing.T) {
	f := filter.New(filter.Unknown)
	fill(f, 10, 1e-6, 1e-4, rand.New(rand.NewPCG(1, 3)))
	before := f.Line()
	if s := f.Newest(); f.Add(s) || f.Len() != 10 {
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
