package wan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	"github.com/gatehouse-os/gatehouse/services/wan/run"
)

// stateText says what a client does in a state.
func stateText(s client.State) string {
	switch s {
	case client.Init:
		return "waits before it looks for a server"
	case client.Selecting:
		return "looks for a server"
	case client.Requesting:
		return "asks a server for what it has offered"
	case client.Checking:
		return "looks whether another station has the address"
	case client.InitReboot:
		return "waits before it asks for the address of before"
	case client.Rebooting:
		return "asks whether the address of before is still ours"
	case client.Bound:
		return "has a lease"
	case client.Renewing:
		return "asks its server for more time"
	case client.Rebinding:
		return "asks every server for more time, as its own does not answer"
	case client.Released:
		return "has given the lease back, and waits for gatehouse wan renew"
	}
	return s.String()
}

// messageText is what a client sends in a state, "" if nothing.
func messageText(s client.State) string {
	switch s {
	case client.Selecting:
		return "DISCOVER"
	case client.Requesting, client.Rebooting, client.Renewing, client.Rebinding:
		return "REQUEST"
	}
	return ""
}

// states says what the client does, and since when.
func states(st *run.Status) []string {
	c := st.Client
	if c == nil {
		return []string{"waits for the link, which has not been there yet"}
	}
	lines := []string{fmt.Sprintf("%s (%s), for %s", stateText(c.State), c.State, cli.Span(st.Up-c.Since))}
	switch {
	case st.Absent:
		lines = append(lines, "the link is not there")
	case !c.Carrier:
		lines = append(lines, "there is no carrier on the link")
	case unanswered(c) != "":
		lines = append(lines, unanswered(c)+", the next "+when(c.Next, st.Up))
	case c.State == client.Init:
		lines = append(lines, "the next message is sent "+when(c.Next, st.Up))
	}
	return lines
}

// unanswered says what was sent without an answer, "" if nothing was.
func unanswered(c *client.Status) string {
	if m := messageText(c.State); m != "" && c.Tries > 0 {
		return cli.Count(c.Tries, m, m+"s") + " sent without an answer"
	}
	return ""
}

// when says how far away a moment is.
func when(at, now time.Duration) string {
	switch {
	case at == wan.Never:
		return "never"
	case at >= now:
		return "in " + cli.Span(at-now)
	}
	return cli.Span(now-at) + " ago"
}

// leaseRows say whose lease it is, and for how long.
func (r *Report) leaseRows() [][]string {
	c, up := r.client(), r.Service.Up
	t := &c.Term
	from := fmt.Sprintf("of server %s, %s", t.Server, r.had())
	rows := [][]string{{"lease", from}}
	if t.Unconfirmed {
		text := "no server has confirmed it since the machine, the client or the link came up. " +
			"It is used until it ends"
		if t.End != wan.Never {
			text += ", " + when(t.End, up)
		}
		rows = append(rows, []string{"thin ice", text + ", or until a server refuses it"})
	}
	if t.End == wan.Never {
		return append(rows, []string{"end", "never"})
	}
	return append(rows,
		[]string{"T1", asked(t.Renew, up, "its server")},
		[]string{"T2", asked(t.Rebind, up, "every server")},
		[]string{"end", when(t.End, up)})
}

// asked says when somebody is asked for more time.
func asked(at, now time.Duration, whom string) string {
	if at <= now {
		return whom + " has been asked for more time for " + cli.Span(now-at)
	}
	return when(at, now) + ": " + whom + " is asked for more time"
}

// had says since when there is the address, and when it was renewed last.
func (r *Report) had() string {
	c := r.client()
	renewed := "asked for " + r.ago(c.Term.Start)
	i := r.begin()
	if i < 0 {
		if all := r.Service.Events; len(all) > 0 {
			return "had for more than " + cli.Span(r.Service.Up-all[0].At) + ", renewed " +
				r.ago(c.Term.Start)
		}
		return renewed
	}
	e := &r.Service.Events[i]
	since := "had for " + cli.Span(r.Service.Up-e.At)
	if e.Cause == client.Restarted || e.Cause == client.Silent { // it was had before this client was started
		since = "had for more than " + cli.Span(r.Service.Up-e.At)
	}
	if slices.ContainsFunc(r.Service.Events[i:], isRenewal) {
		return since + ", renewed " + r.ago(c.Term.Start)
	}
	return since + ", " + renewed
}

func isRenewal(e client.Event) bool { return e.Name == client.Renewed }

// begin is the event with which the address of now came, -1 if it is forgotten or there is none.
func (r *Report) begin() int {
	if r.Facts == nil || r.Service == nil {
		return -1
	}
	for i, e := range slices.Backward(r.Service.Events) {
		switch e.Name {
		case client.BoundTo:
			return i
		case client.Deconfig:
			return -1 // of another one: there is no event of this yet
		}
	}
	return -1
}

// factRows are what is believed of the way out, but for its gateway. A provider who sends none of something
// is worth a word, a site is not.
func (r *Report) factRows() (rows [][]string) {
	f := r.Facts
	add := func(label, text string) {
		if text == "" && r.Service != nil {
			text = "none"
		}
		if text != "" {
			rows = append(rows, []string{label, text})
		}
	}
	switch {
	case f.MTU != 0:
		add("MTU", fmt.Sprint(f.MTU))
	case r.Service != nil:
		add("MTU", "that of the link")
	}
	add("resolvers", joined(f.DNS))
	add("NTP", joined(f.NTP))
	add("domain", f.Domain)
	if len(f.Search) > 0 {
		add("search", strings.Join(f.Search, " "))
	}
	label := "routes"
	for _, way := range f.Routes {
		rows = append(rows, []string{label, routeText(way)})
		label = ""
	}
	return rows
}

func joined[T fmt.Stringer](all []T) string {
	words := make([]string, len(all))
	for i, v := range all {
		words[i] = v.String()
	}
	return strings.Join(words, " ")
}

func routeText(way wan.Route) string {
	switch {
	case !way.Via.IsValid():
		return way.To.String() + " on the link"
	case way.OffLink:
		return fmt.Sprintf("%s via %s, which is in no network of the address", way.To, way.Via)
	}
	return fmt.Sprintf("%s via %s", way.To, way.Via)
}
