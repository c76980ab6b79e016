package trace

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// A view shows a survey as mtr does.
type view struct {
	w       *command.Writer
	begin   time.Time
	own     string // name of this machine
	numeric bool
	both    bool
	wide    bool
	names   names
}

// nameWidth is how wide the column with a hop's number and name is.
const nameWidth = 33

// report prints it at the end.
func (v *view) report(ctx context.Context, s *survey) {
	fmt.Fprintf(v.w, "Start: %s\n", v.begin.Format("2006-01-02T15:04:05-0700"))
	v.table(ctx, s, "HOST: "+v.own, func(i int) int { return s.hops[i].sent })
}

// screen prints it on a terminal, from the top on.
func (v *view) screen(ctx context.Context, s *survey, title string) error {
	const home, clear = "\x1b[H", "\x1b[J"
	fmt.Fprintf(v.w, "%s%s%s -> %s  %s\n^C ends it\n\n", home, clear, v.own, title,
		time.Now().Format(time.TimeOnly))
	v.table(ctx, s, "Host", func(i int) int { return s.hops[i].sent - s.underWay(i) })
	return v.w.Flush()
}

// table prints a line for each hop. Probes that may still be answered are not counted by sent, where that
// matters.
func (v *view) table(ctx context.Context, s *survey, head string, sent func(hop int) int) {
	last := s.shown()
	labels := make([]string, last)
	width := nameWidth
	for i := s.first - 1; i < last; i++ {
		labels[i] = fmt.Sprintf(" %2d.|-- %s", i+1, v.label(ctx, &s.hops[i]))
		if v.wide {
			width = max(width, len([]rune(labels[i])))
		}
	}
	fmt.Fprintf(v.w, "%s Loss%%   Snt   Last   Avg  Best  Wrst StDev\n", column(head, width))
	for i := s.first - 1; i < last; i++ {
		h, n := &s.hops[i], sent(i)
		loss := 0.0
		if n > 0 {
			loss = 100 * float64(max(0, n-h.received)) / float64(n)
		}
		// All that is lost is 100.0, as mtr has it: scripts look at columns.
		lost := fmt.Sprintf("%4.1f%%", loss)
		fmt.Fprintf(v.w, "%s %.5s %5d  %5.1f %5.1f %5.1f %5.1f %5.1f\n", column(labels[i], width), lost,
			max(n, h.received), milliseconds(h.last), h.mean, milliseconds(h.best), milliseconds(h.worst),
			h.deviation())
	}
}

// label is what a hop is called.
func (v *view) label(ctx context.Context, h *hop) string {
	switch {
	case h.received == 0:
		return "???"
	case v.numeric:
		return h.addr.String()
	}
	name := v.names.of(ctx, h.addr)
	if v.both && name != h.addr.String() {
		return fmt.Sprintf("%s (%v)", name, h.addr)
	}
	return name
}

// column is text of that width.
func column(s string, width int) string {
	r := []rune(s)
	return string(r[:min(width, len(r))]) + strings.Repeat(" ", max(0, width-len(r)))
}
