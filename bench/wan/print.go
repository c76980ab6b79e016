package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// measured is a subject with all that was measured of it.
type measured struct {
	name   string
	rounds []times
}

// sorted returns a figure of all rounds, in order.
func (m measured) sorted(of func(times) time.Duration) []time.Duration {
	var all []time.Duration
	for _, t := range m.rounds {
		all = append(all, of(t))
	}
	slices.Sort(all)
	return all
}

// A figure is a row of the table.
type figure struct {
	name  string
	of    func(times) time.Duration
	worst bool // the slowest has a row, too
}

func figures() []figure {
	return []figure{
		{"carrier, and no lease yet: the kernel tells", func(t times) time.Duration {
			return t.first.told
		}, false},
		{"  first message", func(t times) time.Duration { return t.first.asked }, false},
		{"  ACK", func(t times) time.Duration { return t.first.given }, false},
		{"  address and default route", func(t times) time.Duration { return t.first.bound }, true},
		{"  first packet forwarded", func(t times) time.Duration { return t.first.forwarded }, true},
		{"ACK with another gateway: first packet by it", func(t times) time.Duration {
			return t.gateway
		}, true},
		{"NAK: ACK with another address", func(t times) time.Duration { return t.again }, false},
		{"  from that to the first packet of it", func(t times) time.Duration { return t.address }, true},
		{"  from NAK to that packet", func(t times) time.Duration { return t.renumbered }, true},
		{"the cable is back: first packet forwarded", func(t times) time.Duration { return t.back }, true},
	}
}

// print prints all that was measured.
func print(w io.Writer, load string, all []measured) error {
	fmt.Fprintf(w, "load average before: %s\n", strings.Join(strings.Fields(load)[:3], " "))
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	row := func(name string, cell func(measured) string) {
		fmt.Fprint(t, name)
		for _, m := range all {
			fmt.Fprint(t, "\t", cell(m))
		}
		fmt.Fprintln(t)
	}
	row("milliseconds, median", func(m measured) string { return m.name })
	for _, f := range figures() {
		row(f.name, func(m measured) string { s := m.sorted(f.of); return milliseconds(s[len(s)/2]) })
		if f.worst {
			row(fmt.Sprintf("    the slowest of %d", len(all[0].rounds)), func(m measured) string {
				return milliseconds(slices.Max(m.sorted(f.of)))
			})
		}
	}
	return t.Flush()
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond))
}
