package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"
)

// A sample is what came of one round.
type sample struct {
	perSecond float64       // answers, as many as there are
	floodCPU  time.Duration // of the server's processes for an answer then
	paceCPU   time.Duration // the same, at the pace
	p50, p99  time.Duration // at the pace
	lost      int           // of all that were asked at the pace
	strange   int           // answers that are none, or that have no time
}

// String is the sample for those who watch.
func (s sample) String() string {
	return fmt.Sprintf("%.0f answers/s at %v each; at the pace %v each, p50 %v, p99 %v, %d lost, %d strange",
		s.perSecond, s.floodCPU, s.paceCPU, s.p50, s.p99, s.lost, s.strange)
}

// printTable prints the median of each, and how many times the first that of the others is.
func printTable(w io.Writer, all []*server, samples [][]sample, pace int) {
	fmt.Fprintf(w, "%-42s", "")
	for _, s := range all {
		fmt.Fprintf(w, "%-20s", s.name)
	}
	fmt.Fprintln(w)
	line(w, "answers a second", samples, func(s sample) float64 {
		return s.perSecond
	}, func(v float64) string { return fmt.Sprintf("%.0f", v) })
	at := fmt.Sprintf("at %d a second: ", pace)
	took := func(d float64) string { return time.Duration(d).Round(10 * time.Nanosecond).String() }
	line(w, "  CPU for one", samples, func(s sample) float64 { return float64(s.floodCPU) }, took)
	line(w, at+"CPU for one", samples, func(s sample) float64 { return float64(s.paceCPU) }, took)
	line(w, "  half of them within", samples, func(s sample) float64 { return float64(s.p50) }, took)
	line(w, "  99 % within", samples, func(s sample) float64 { return float64(s.p99) }, took)
	sum := func(name string, of func(sample) int) {
		fmt.Fprintf(w, "%-42s", name)
		for i := range all {
			n := 0
			for _, s := range samples[i] {
				n += of(s)
			}
			fmt.Fprintf(w, "%-20d", n)
		}
		fmt.Fprintln(w)
	}
	sum("  not answered", func(s sample) int { return s.lost })
	sum("  answered without the time", func(s sample) int { return s.strange })
}

func line(w io.Writer, name string, samples [][]sample, of func(sample) float64, text func(float64) string) {
	fmt.Fprintf(w, "%-42s", name)
	first := median(samples[0], of)
	for i := range samples {
		m := median(samples[i], of)
		cell := text(m)
		if i > 0 {
			cell += fmt.Sprintf(" (%.2f)", m/first)
		}
		fmt.Fprintf(w, "%-20s", cell)
	}
	fmt.Fprintln(w)
}

func median[T cmp.Ordered](all []sample, of func(sample) T) T {
	var each []T
	for _, s := range all {
		each = append(each, of(s))
	}
	slices.Sort(each)
	return each[len(each)/2]
}
