package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// figures are those of how wrong something was, at many moments.
type figures struct {
	n       int
	squares float64 // in s²
	worst   time.Duration
}

func (f *figures) add(e time.Duration) {
	f.n++
	f.squares += e.Seconds() * e.Seconds()
	f.worst = max(f.worst, e.Abs())
}

// rms is in seconds.
func (f figures) rms() float64 { return math.Sqrt(f.squares / float64(f.n)) }

// A row is what came of one path, for each client.
type row struct {
	path               path
	ours, wall, theirs []figures
	asked              int // by all of ours
}

// sum is all together.
func sum(all []figures) (s figures) {
	for _, f := range all {
		s = figures{s.n + f.n, s.squares + f.squares, max(s.worst, f.worst)}
	}
	return s
}

// each is the RMS of each.
func each(all []figures) string {
	var words []string
	for _, f := range all {
		words = append(words, fmt.Sprintf("%.0f", f.rms()*1e6))
	}
	return strings.Join(words, " ")
}

// limit is how many times chronyd's error ours may be.
const limit = 1.2

// printTable prints a line for each path, errors in µs.
func printTable(w io.Writer, o options, rows []row) {
	polls := int(o.time / poll)
	fmt.Fprintf(w, "%d polls of chronyd, %v of ours; %d clients of each kind for each path; errors in µs\n",
		polls, o.time*compressed, o.clients)
	const form = "%-18s%10s%8s%12s%8s%15s%11s%11s   %s\n"
	fmt.Fprintf(w, form, "", "gatehouse", "worst", "chronyd -x", "worst",
		fmt.Sprintf("ratio (<=%.1f)", limit), "our clock", "questions", "each client, gatehouse | chronyd")
	us := func(s float64) string { return fmt.Sprintf("%.0f", s*1e6) }
	for _, r := range rows {
		a, b := sum(r.ours), sum(r.theirs)
		fmt.Fprintf(w, form, r.path, us(a.rms()), us(a.worst.Seconds()), us(b.rms()), us(b.worst.Seconds()),
			fmt.Sprintf("%.2f", a.rms()/b.rms()), us(sum(r.wall).rms()),
			fmt.Sprintf("%.2f", float64(r.asked)/float64(servers*len(r.ours)*polls)), each(r.ours)+" | "+
				each(r.theirs))
	}
}
