package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// The targets that are the same for all.
const (
	wantedP99    = 300 * time.Microsecond
	wantedIdle   = 25e6
	wantedReload = 50 * time.Millisecond
)

func newTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

// printFigures prints a line for each server, and then what ours is to be beside unbound: cpu and rate times
// its figures.
func printFigures(w io.Writer, title string, all []figure, cpu, rate float64) error {
	t := newTable(w)
	fmt.Fprintf(t, "%s\tCPU µs\tat\tat\tanswers\tµs\tµs\tMB\tMB\n", title)
	fmt.Fprintf(t, "\ta query\t%dk/s\t%dk/s\ta second\tp50\tp99\tidle\tload\n", fast/1000, slow/1000)
	ours := all[0].summary()
	for _, f := range all {
		s := f.summary()
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\n",
			f.name, relation("%.2f", s.cpu, ours.cpu), kept(f.fast), kept(f.slow),
			relation("%.0fk", s.rate, ours.rate), s.p50.Microseconds(), s.p99.Microseconds(), f.idle/1e6,
			f.load/1e6)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	best := summary{}
	for _, f := range all {
		if s := f.summary(); strings.HasPrefix(f.name, "unbound") {
			best.rate = max(best.rate, s.rate)
			if best.cpu == 0 || s.cpu < best.cpu {
				best.cpu = s.cpu
			}
		}
	}
	if best.cpu > 0 {
		fmt.Fprintf(w, "  CPU %.2f x unbound's best (wanted <= %.2f), answers %.2f x (wanted >= %.2f)\n",
			ours.cpu/best.cpu, cpu, ours.rate/best.rate, rate)
	}
	_, err := fmt.Fprintf(w, "  p99 %d µs (wanted <= %d), idle %.1f MB (wanted <= %.0f), asked %s ms late\n",
		ours.p99.Microseconds(), wantedP99.Microseconds(), float64(all[0].idle)/1e6, wantedIdle/1e6,
		milliseconds(ours.behind))
	return err
}

// A summary has the medians of a figure.
type summary struct {
	cpu, rate        float64 // µs a query, thousands of answers a second: as fast as they come
	p50, p99, behind time.Duration
}

func (f *figure) summary() summary {
	return summary{
		cpu: cpuOf(f.flood), rate: median(f.flood, func(s sample) float64 { return s.perSecond }) / 1000,
		p50:    median(f.slow, func(s sample) time.Duration { return s.p50 }),
		p99:    median(f.slow, func(s sample) time.Duration { return s.p99 }),
		behind: median(f.slow, func(s sample) time.Duration { return s.behind }),
	}
}

func cpuOf(all []sample) float64 { return median(all, func(s sample) float64 { return s.cpu }) }

// kept is the processor time of a pace, if the server keeps it.
func kept(all []sample) string {
	if median(all, func(s sample) float64 { return s.lost }) > tolerated {
		return "-"
	}
	return fmt.Sprintf("%.2f", cpuOf(all))
}

// printGrowth prints a line for each server, with a figure for each size.
func printGrowth(w io.Writer, hosts []int, names []string, sizes map[string][]size) error {
	t := newTable(w)
	for _, part := range []struct {
		title string
		cell  func(size) string
	}{
		{"CPU µs a query", func(z size) string { return fmt.Sprintf("%.2f", median(z.cpu, same[float64])) }},
		{"reload, ms", func(z size) string { return milliseconds(median(z.reloads, same[time.Duration])) }},
		{"memory, MB", func(z size) string { return fmt.Sprint(z.memory / 1e6) }},
	} {
		fmt.Fprint(t, part.title)
		for _, n := range hosts {
			fmt.Fprintf(t, "\t%d hosts", n)
		}
		fmt.Fprintln(t)
		for _, name := range names {
			fmt.Fprint(t, name)
			for _, z := range sizes[name] {
				fmt.Fprintf(t, "\t%s", part.cell(z))
			}
			fmt.Fprintln(t)
		}
	}
	return t.Flush()
}

func same[T any](v T) T { return v }

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond))
}

// printReloads prints a line for each server that was reloaded while it was asked.
func printReloads(w io.Writer, all []reloading) error {
	t := newTable(w)
	fmt.Fprintf(t, "%d hosts,\tms\tms\tlost of\tµs\tµs\tµs\n", hosts)
	fmt.Fprintf(
		t,
		"reloaded\tmedian\tmost\t%.0fk at %dk/s\tp99\tp99.9\tthe last\n",
		reloadTime.Seconds()*slow/1000,
		slow/1000,
	)
	for _, r := range all {
		fmt.Fprintf(
			t,
			"%s\t%s\t%s\t%d\t%d\t%d\t%d\n",
			r.name,
			milliseconds(median(r.answered, same[time.Duration])),
			milliseconds(slices.Max(r.answered)),
			r.result.Lost,
			r.result.Percentile(99).Microseconds(),
			r.result.Percentile(99.9).Microseconds(),
			r.result.Percentile(100).Microseconds(),
		)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	ours := all[0]
	_, err := fmt.Fprintf(
		w,
		"  READY after %s ms, the median of %d (wanted <= %s), lost %d (wanted 0)\n",
		milliseconds(
			median(ours.said, same[time.Duration]),
		),
		len(ours.said),
		milliseconds(wantedReload),
		ours.result.Lost,
	)
	return err
}

// relation formats a value and how many times ours it is.
func relation(format string, value, ours float64) string {
	text := fmt.Sprintf(format, value)
	if value != ours && ours != 0 {
		text += fmt.Sprintf(" (%.2f)", value/ours)
	}
	return text
}
