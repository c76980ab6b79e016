package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// table is what is printed: a row for each figure, a column for each server.
type table struct {
	*tabwriter.Writer
	servers []*server
}

func (t *table) row(name, wanted string, cell func(*server) string) {
	fmt.Fprintf(t, "%s\t%s", name, wanted)
	for _, s := range t.servers {
		fmt.Fprintf(t, "\t%s", cell(s))
	}
	fmt.Fprintln(t)
}

// compared is a row of values, each with its relation to ours.
func (t *table) compared(name, wanted, format string, value func(*server) float64) {
	ours := value(t.servers[0])
	t.row(name, wanted, func(s *server) string { return relation(format, value(s), ours) })
}

// print prints all that was measured.
func (b *bench) print(w io.Writer, load string) error {
	fmt.Fprintf(w, "load average before: %s\n", strings.Join(strings.Fields(load)[:3], " "))
	fmt.Fprintf(w, "disk: 90 bytes appended and synced: %s\n", &b.disk)
	t := &table{tabwriter.NewWriter(w, 0, 0, 3, ' ', 0), b.servers}
	t.row("", "wanted", func(s *server) string { return s.name })
	t.compared(fmt.Sprintf("CPU of a lease, at %d a second", steadyRate), "<= 1.3 x Kea", "%.0f µs",
		func(s *server) float64 { return microseconds(s.lease) })
	t.row(fmt.Sprintf("REQUEST to ACK, at %d a second", quickRate), "", func(*server) string { return "" })
	t.delays("  half of them within", "", 0.5, func(s *server) *delays { return &s.quick })
	t.delays("  99 % within", "<= 0.5 ms", 0.99, func(s *server) *delays { return &s.quick })
	t.delays("  all within", "", 1, func(s *server) *delays { return &s.quick })
	if len(b.alone) == 0 {
		return t.Flush() // all that was asked for
	}
	t.compared("leases a second, < 0.1 % lost", ">= 9000", "%.0f", func(s *server) float64 { return s.rate })
	t.row("REQUEST to ACK, at so many a second", "half of that", func(s *server) string {
		return fmt.Sprint(s.acks.rate)
	})
	atHalf := func(s *server) *delays { return &s.acks }
	t.delays("  half of them within", "", 0.5, atHalf)
	t.delays("  99 % within", "<= 5 ms", 0.99, atHalf)
	t.delays("  all within", "", 1, atHalf)
	t.row(fmt.Sprintf("%d clients at once, until all have a lease", clientsInRoom), "less than Kea",
		func(s *server) string {
			if s.room >= roomLimit {
				return fmt.Sprintf("> %.0f s", roomLimit.Seconds())
			}
			return relation("%.2f s", s.room.Seconds(), t.servers[0].room.Seconds())
		})
	for _, n := range leaseCounts() {
		t.size(n)
		t.row("  one more, our engine alone", "flat", func(s *server) string {
			if s != t.servers[0] {
				return ""
			}
			return fmt.Sprintf("%.1f µs", microseconds(b.alone[n]))
		})
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "In brackets: in relation to ours. -: not measured, it is too slow for that. lost: that many got no lease.")
	return err
}

func (t *table) delays(name, wanted string, part float64, of func(*server) *delays) {
	ours, _ := of(t.servers[0]).at(part)
	t.row(name, wanted, func(s *server) string {
		d, ok := of(s).at(part)
		if !ok {
			return "lost"
		}
		return relation("%.2f ms", milliseconds(d), milliseconds(ours))
	})
}

// size prints how servers do that have n leases.
func (t *table) size(n int) {
	wanted := func(at int, what string) string {
		if n == at {
			return what
		}
		return ""
	}
	t.row(fmt.Sprintf("with %d leases: start", n), wanted(1_000_000, "<= 5 s"), func(s *server) string {
		if _, ok := s.sizes[n]; !ok {
			return fmt.Sprintf("> %.0f s", patience.Seconds())
		}
		return relation("%.2f s", s.sizes[n].start.Seconds(), t.servers[0].sizes[n].start.Seconds())
	})
	t.compared("  memory", wanted(100_000, "<= 60 MB"), "%.0f MB", func(s *server) float64 {
		return float64(s.sizes[n].memory) / 1e6
	})
	t.compared("  one more, CPU", "flat", "%.0f µs", func(s *server) float64 {
		return microseconds(s.sizes[n].cpu)
	})
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
func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// String returns the delays in one line.
func (d *delays) String() string {
	var b strings.Builder
	for _, p := range []struct {
		name string
		part float64
	}{{"50 %", 0.5}, {"99 %", 0.99}, {"all", 1}} {
		if at, ok := d.at(p.part); ok {
			fmt.Fprintf(&b, "%s within %.2f ms, ", p.name, milliseconds(at))
		} else {
			fmt.Fprintf(&b, "%s: lost, ", p.name)
		}
	}
	return strings.TrimSuffix(b.String(), ", ")
}
