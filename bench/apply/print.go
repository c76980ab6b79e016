package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// measured is a server with all that was measured of it.
type measured struct {
	name    string
	signal  bool // it has no command that returns when the change is done
	changes []change
	push    time.Duration // 0: there is no such thing
}

// median and most are those of a figure of all changes.
func median[T cmp.Ordered](m measured, of func(change) T) T {
	all := sorted(m, of)
	return all[len(all)/2]
}

func most[T cmp.Ordered](m measured, of func(change) T) T {
	all := sorted(m, of)
	return all[len(all)-1]
}

func sorted[T cmp.Ordered](m measured, of func(change) T) []T {
	var all []T
	for _, c := range m.changes {
		all = append(all, of(c))
	}
	slices.Sort(all)
	return all
}

// A block is the part of the table that is about one size of sites: a row for each figure, a column for each
// server.
type block struct {
	*tabwriter.Writer
	sized
}

func (b block) row(name string, cell func(measured) string) {
	fmt.Fprint(b, name)
	for _, s := range b.servers {
		fmt.Fprint(b, "\t", cell(s))
	}
	fmt.Fprintln(b)
}

// compared is a row of values, each with its relation to ours.
func (b block) compared(name, format string, value func(measured) float64) {
	b.row(name, func(s measured) string { return relation(format, value(s), value(b.servers[0])) })
}

// print prints all that was measured.
func (b *bench) print(w io.Writer, load string) error {
	fmt.Fprintf(w, "load average before: %s\n", strings.Join(strings.Fields(load)[:3], " "))
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, z := range b.sizes {
		block{t, z}.print(b.rounds)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := b.printOurs(w); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "In brackets: in relation to ours. -: a signal has no answer.")
	return err
}

func (b block) print(rounds int) {
	b.row(fmt.Sprintf("one more host, with %d", b.hosts), func(s measured) string { return s.name })
	lease := func(c change) time.Duration { return c.lease }
	b.compared("  Enter to its lease", "%.0f ms", func(s measured) float64 {
		return milliseconds(median(s, lease))
	})
	b.compared(fmt.Sprintf("  the slowest of %d", rounds), "%.0f ms",
		func(s measured) float64 { return milliseconds(most(s, lease)) })
	b.compared("  until the command returns", "%.0f ms", func(s measured) float64 {
		if s.signal {
			return 0
		}
		return milliseconds(median(s, func(c change) time.Duration { return c.returned }))
	})
	b.compared("  CPU", "%.0f ms", func(s measured) float64 {
		return milliseconds(median(s, func(c change) time.Duration { return c.cpu }))
	})
	b.compared("  longest without an answer", "%.0f ms", func(s measured) float64 {
		return milliseconds(most(s, func(c change) time.Duration { return c.gap }))
	})
	b.row("  answers lost in all", func(s measured) string {
		lost := 0
		for _, c := range s.changes {
			lost += c.lost
		}
		return fmt.Sprint(lost)
	})
	b.compared("  memory before", "%.0f MB", func(s measured) float64 {
		return megabytes(most(s, func(c change) int { return c.before }))
	})
	b.compared("  memory at most", "%.0f MB", func(s measured) float64 {
		return megabytes(most(s, func(c change) int { return c.peak }))
	})
}

// printOurs prints what only ours has: several processes, and a push.
func (b *bench) printOurs(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, z := range b.sizes {
		ours := z.servers[0]
		fmt.Fprintf(t, "with %d hosts: make push, confirmed\t%.0f ms\n", z.hosts, milliseconds(ours.push))
		for i, p := range ours.changes[0].each {
			before := most(ours, func(c change) int { return c.each[i].before })
			after := most(ours, func(c change) int { return c.each[i].after })
			fmt.Fprintf(t, "  %s: memory with the program's pages\t%.0f MB, %.0f MB at most\n",
				p.name, megabytes(before), megabytes(after))
		}
	}
	return t.Flush()
}

// relation formats a value and how many times ours it is.
func relation(format string, value, ours float64) string {
	if value == 0 {
		return "-"
	}
	text := fmt.Sprintf(format, value)
	if value != ours && ours != 0 {
		text += fmt.Sprintf(" (%.2f)", value/ours)
	}
	return text
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func megabytes(n int) float64              { return float64(n) / 1e6 }
