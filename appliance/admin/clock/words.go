package clock

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/services/ntp/run"
)

// amount writes a time of any size with three digits, without its sign; from a minute on as people say it.
func amount(d time.Duration) string {
	d = d.Abs()
	if d >= time.Minute {
		return cli.Span(d)
	}
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"s", time.Second}, {"ms", time.Millisecond}, {"µs", time.Microsecond}} {
		if d >= u.size {
			return digits(float64(d)/float64(u.size)) + " " + u.name
		}
	}
	return fmt.Sprintf("%d ns", d)
}

// digits writes a number from 1 on with three of them.
func digits(x float64) string {
	switch {
	case x >= 99.95:
		return fmt.Sprintf("%.0f", x)
	case x >= 9.995:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// signed is amount with its sign.
func signed(d time.Duration) string {
	switch {
	case d > 0:
		return "+" + amount(d)
	case d < 0:
		return "-" + amount(d)
	}
	return amount(d)
}

// ahead says where a clock is, that is ahead by d of another.
func ahead(d time.Duration) string {
	switch {
	case d > 0:
		return amount(d) + " ahead"
	case d < 0:
		return amount(d) + " behind"
	}
	return "equal"
}

// Line says in a line for `gatehouse status` how the clock is.
func Line(st run.Status) string {
	long := cli.Span(st.Up - st.Since)
	switch {
	case st.Synchronised:
		return fmt.Sprintf("synchronised to %s, offset %s, for %s", st.Server, amount(st.Offset), long)
	case st.Local:
		return fmt.Sprintf("not synchronised for %s; LANs are told the box's own, at stratum %d", long,
			st.Stratum)
	}
	return "not synchronised for " + long
}

// called is a source before people: its name, and which address of it is asked.
func called(s run.Source) string {
	if s.Name == "" || s.Name == s.Addr {
		return s.Addr
	}
	return fmt.Sprintf("%s (%s)", s.Name, s.Addr)
}

// reach says how many of the last questions were answered.
func reach(s run.Source) string {
	return fmt.Sprintf("%d of %d", bits.OnesCount8(s.Reach), min(s.Counts.Sent, 8))
}

// heard says when a source gave the time last.
func heard(s run.Source) string {
	if s.Heard == 0 {
		return "never"
	}
	return cli.Span(s.Heard) + " ago"
}
