package tunnel

import (
	"fmt"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4/run"
)

// rows are state, ends, probes, and what the broker was told.
func rows(st run.Status, now time.Time) (rows [][]string) {
	add := func(label, text string) { rows = append(rows, []string{label, text}) }
	add("state", state(st))
	add("our end", ourEnd(st))
	add("broker's", fmt.Sprintf("%s, %s", st.Server, st.Gateway))
	add("MTU", fmt.Sprint(st.MTU))
	if st.Heard != 0 {
		add("answers", fmt.Sprintf("in %s, %s ago", cli.Took(time.Duration(st.RTT)), span(st, st.Heard)))
	} else {
		add("answers", "none yet")
	}
	add("", fmt.Sprintf("%d of %s", st.Probes.Heard, cli.Count(int(st.Probes.Sent), "probe", "probes")))
	switch b := st.Broker; {
	case b == nil:
		add("update", "the broker is told nothing: there is no [tunnel.update]")
	default:
		add("update", fmt.Sprintf("tunnel %s of user %s", b.Tunnel, b.User))
		for _, line := range told(st, b, now) {
			add("", line)
		}
	}
	return rows
}

func state(st run.Status) string {
	switch st.State {
	case tunnel6in4.StateUp, tunnel6in4.StateDown:
		return fmt.Sprintf("%s, for %s", st.State, span(st, st.Since))
	}
	return string(st.State)
}

func ourEnd(st run.Status) string {
	text := "none, " + st.Own.String()
	if st.Local.IsValid() {
		text = fmt.Sprintf("%s, %s", st.Local, st.Own)
	}
	switch st.Behind {
	case tunnel6in4.NAT:
		text += "; behind another router (NAT)"
	case tunnel6in4.CGNAT:
		text += "; behind the provider's translation (CGNAT)"
	}
	return text
}

// told is what the broker was told, what it answered, and when it is told again.
func told(st run.Status, b *tunnel6in4.Broker, now time.Time) (lines []string) {
	if k := b.Kept; k != nil {
		when := "at a time that is not known"
		if !k.When.IsZero() {
			when = cli.Span(now.Sub(k.When)) + " ago"
		}
		lines = append(lines, fmt.Sprintf("%s for %s, %s: it %s", answer(&k.Outcome), k.Local, when,
			k.Outcome.Code.Means()))
	}
	if o := b.Last; o != nil && (b.Kept == nil || *o != b.Kept.Outcome) {
		lines = append(lines, fmt.Sprintf("%s, %s ago: it %s", answer(o), span(st, b.LastAt), o.Code.Means()))
	}
	switch {
	case b.Asking:
		lines = append(lines, "it is being told now")
	case b.Next != 0:
		lines = append(lines, "it is told again in "+cli.Span(max(time.Duration(b.Next)-st.Now, 0)))
	case b.Kept == nil && b.Last == nil:
		lines = append(lines, "it was told nothing yet")
	}
	return lines
}

// answer is what was said, or the kind of silence.
func answer(o *tunnel6in4.Outcome) string {
	if o.Text == "" {
		return string(o.Code)
	}
	return fmt.Sprintf("%q", o.Text)
}
