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

// print prints all that was measured.
func (b *bench) print(w io.Writer, load string) error {
	fmt.Fprintf(w, "load average before: %s\n", strings.Join(strings.Fields(load)[:3], " "))
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, z := range b.sizes {
		row := func(name string, cell func(measured) string) {
			fmt.Fprint(t, name)
			for _, s := range z.servers {
				fmt.Fprint(t, "\t", cell(s))
			}
			fmt.Fprintln(t)
		}
		times := func(name string, of func(change) time.Duration, which func(measured, func(change) time.Duration) time.Duration) {
			row(name, func(s measured) string {
				return relation("%.0f ms", milliseconds(which(s, of)), milliseconds(which(z.servers[0], of)))
			})
		}
		row(fmt.Sprintf("one more host, with %d", z.hosts), func(s measured) string { return s.name })
		lease := func(c change) time.Duration { return c.lease }
		times("  Enter to its lease", lease, median)
		times(fmt.Sprintf("  the slowest of %d", b.rounds), lease, most)
		times("  until the command returns", func(c change) time.Duration { return c.returned }, median)
		times("  CPU", func(c change) time.Duration { return c.cpu }, median)
		times("  longest without an answer", func(c change) time.Duration { return c.gap }, most)
		row("  answers lost in all", func(s measured) string {
			lost := 0
			for _, c := range s.changes {
				lost += c.lost
			}
			return fmt.Sprint(lost)
		})
		bytes := func(name string, of func(change) int) {
			row(name, func(s measured) string {
				return relation("%.0f MB", megabytes(most(s, of)), megabytes(most(z.servers[0], of)))
			})
		}
		bytes("  memory before", func(c change) int { return c.before })
		bytes("  memory at most", func(c change) int { return c.peak })
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return b.printOurs(w)
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
			fmt.Fprintf(t, "  %s: memory with the program's pages\t%.0f MB, %.0f MB at most\n", p.name, megabytes(before), megabytes(after))
		}
	}
	return t.Flush()
}

// relation formats a value and how many times ours it is.
func relation(format string, value, ours float64) string {
	text := fmt.Sprintf(format, value)
	if value != ours && ours != 0 {
		text += fmt.Sprintf(" (%.2f)", value/ours)
	}
	return text
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func megabytes(n int) float64              { return float64(n) / 1e6 }
