package wan

import (
	"fmt"
	"io"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/services/wan/client6"
	"github.com/gatehouse-os/gatehouse/services/wan/run"
)

// An Explanation6 is why the way out is as it is over IPv6.
type Explanation6 struct {
	Verdict string  `json:"verdict"`
	Chain   []Step6 `json:"chain"` // what happened, oldest first
}

// A Step6 is an event, or several that are alike, of which Text is the last one's.
type Step6 struct {
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	Times int       `json:"times"`
	Event string    `json:"event"`
	Cause string    `json:"cause,omitempty"`
	Text  string    `json:"text"`
}

// explain6 makes sentences of the events over IPv6; nil: there are none to be had.
func (r *Report) explain6() *Explanation6 {
	if r.IPv6 == nil {
		return nil
	}
	return &Explanation6{Verdict: r.verdict6(), Chain: r.steps6()}
}

func (r *Report) verdict6() string {
	six := r.IPv6
	if six.Absent || six.Client == nil {
		return r.title6()
	}
	text := "Over IPv6 there is no default route, because "
	switch {
	case six.Facts != nil && six.Facts.Gateway.IsValid():
		text = fmt.Sprintf("Over IPv6 the default route is by %s, which advertises itself", six.Facts.Gateway)
	case six.Discovery == nil || six.Discovery.Heard == 0:
		text += "no router upstream has advertised itself"
	case silentText(six, r.Up) != "":
		text += silentText(six, r.Up)
	default:
		text += "the routers upstream offer none"
	}
	switch c := six.Client; {
	case c.Lease != nil:
		text += fmt.Sprintf("; server %s has leased %s", c.Lease.Server, c.Text)
	case c.Wants || c.State == client6.Released:
		text += "; " + c.Text
	default:
		text += "; nothing is to be leased"
	}
	return text + "."
}

// steps6 puts events together that are alike.
func (r *Report) steps6() []Step6 {
	all := []Step6{}
	var last run.Event6
	for _, e := range r.IPv6.Events {
		at := r.now.Add(e.At - r.Up).UTC()
		n := len(all)
		if n > 0 && e.Name == last.Name && e.Cause == last.Cause &&
			(e.Text == last.Text || e.Cause == string(client6.Extended) ||
				e.Cause == string(client6.Silent)) {
			all[n-1].Last, all[n-1].Text = at, e.Text
			all[n-1].Times++
		} else {
			all = append(all, Step6{First: at, Last: at, Times: 1, Event: e.Name, Cause: e.Cause,
				Text: e.Text})
		}
		last = e
	}
	return all
}

func (x *Explanation6) print(w io.Writer, r *Report) {
	printFolded(w, x.Verdict)
	fmt.Fprintln(w)
	var rows [][]string
	for _, s := range x.Chain[max(0, len(x.Chain)-maxSteps):] {
		text := s.Text
		if s.Times > 1 {
			text += fmt.Sprintf(" (%d times since %s)", s.Times, s.First.Format(time.DateTime))
		}
		rows = append(rows, []string{s.Last.Format(time.DateTime), text})
	}
	cli.Screen(w, rows)
	cli.Screen(w, r.rows6())
}
