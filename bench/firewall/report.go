package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// A row compares two series of measurements.
type row struct {
	what       string
	ours, peer []float64
	bound      bound
	target     float64 // of the ratio
}

// ratio is ours to the peer's: the median of what one slice was to the other of the same moment.
func (r row) ratio() float64 {
	ratios := make([]float64, len(r.ours))
	for i := range r.ours {
		ratios[i] = r.ours[i] / r.peer[i]
	}
	return median(ratios)
}

// A bound says on which side of the target the ratio must be.
type bound string

const (
	atMost  bound = "≤"
	atLeast bound = "≥"
	noBound bound = ""
)

func median(all []float64) float64 { return quantile(all, 0.5) }

func quantile(all []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

// write writes rows as a table: medians, and in brackets how far the middle half of the measurements spreads.
func write(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "\tours\tpeer\tratio\ttarget")
	for _, r := range rows {
		ratio := r.ratio()
		verdict := ""
		if r.bound != noBound {
			verdict = fmt.Sprintf("%s %.2f", r.bound, r.target)
			if r.bound == atMost && ratio > r.target || r.bound == atLeast && ratio < r.target {
				verdict += "  MISSED"
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.3f\t%s\n", r.what, spread(r.ours), spread(r.peer), ratio, verdict)
	}
	return t.Flush()
}

func spread(all []float64) string {
	return fmt.Sprintf("%s (%s…%s)", short(median(all)), short(quantile(all, 0.25)),
		short(quantile(all, 0.75)))
}

func short(n float64) string {
	if n >= 1000 {
		return fmt.Sprintf("%.0fk", n/1000)
	}
	return fmt.Sprintf("%.1f", n)
}
