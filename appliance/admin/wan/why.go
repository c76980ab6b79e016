package wan

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
)

// An Explanation is what `gatehouse wan why --json` prints.
type Explanation struct {
	Link    string     `json:"link"`
	Source  string     `json:"source"`           // "site" or "dhcp"
	Facts   *wan.Facts `json:"facts,omitempty"`  // nil: there is no address
	Verdict string     `json:"verdict"`          // for people
	Chain   []Step     `json:"chain"`            // what led to it, oldest first
	Asking  []string   `json:"asking,omitempty"` // what is being asked for, and what comes of it
	// LeftOut is what of a server's words is not taken as it was said.
	LeftOut []wan.Remark `json:"left_out,omitempty"`
	// IPv6 is the same over IPv6; nil: nobody is asked for anything there.
	IPv6   *Explanation6 `json:"ipv6,omitempty"`
	report *Report
}

// A Step is an event that led to how it is now, or several that are alike.
type Step struct {
	First time.Time    `json:"first,omitzero"`
	Last  time.Time    `json:"last,omitzero"`
	Times int          `json:"times"`
	Event client.Name  `json:"event"`
	Cause client.Cause `json:"cause"`
	Text  string       `json:"text"` // of the last one
}

// Why prints why there is this address, or none: the events that led to it, what of a server's words was left
// out, and what is asked for without an answer.
func Why(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("wan why", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	r, err := env.collect(ctx)
	if err != nil {
		return err
	}
	x := r.explain()
	if *asJSON {
		return cli.JSON(env.Stdout, x)
	}
	return x.print(cli.Paragraphs(printable.Writer(env.Stdout)))
}

// explain makes sentences of the events.
func (r *Report) explain() *Explanation {
	x := &Explanation{Link: r.Link, Source: r.Source, Facts: r.Facts, Chain: []Step{}, IPv6: r.explain6(),
		report: r}
	if r.Service == nil && r.Facts == nil {
		x.Verdict = fmt.Sprintf("%s has no IPv4 address because the site says so: there is no ipv4 in [wan] of site.toml", r.Link)
		return x
	}
	if r.Service == nil {
		x.Verdict = fmt.Sprintf("%s has %s because the site says so: ipv4 of [wan] in site.toml",
			r.Link, r.address())
		return x
	}
	events := r.chain()
	x.Chain = r.steps(events)
	x.Verdict = fmt.Sprintf("%s has no address because %s", r.Link, r.whyNone(events))
	if r.Facts != nil {
		x.Verdict = fmt.Sprintf("%s has %s because %s", r.Link, r.address(), r.whyHeld())
	}
	x.LeftOut = leftOut(r.client(), events)
	x.Asking = r.asking()
	return x
}

// chain returns the events that led to how it is: those since something held last, or, of an address that
// holds, with what went before it came.
func (r *Report) chain() []client.Event {
	all := r.Service.Events
	from := 0
	for i, e := range slices.Backward(all) {
		if gives(e) {
			from = i
			break
		}
	}
	if r.Facts == nil {
		return all[from:]
	}
	if i := r.begin(); i >= 0 {
		from = i
	}
	for from > 0 && !gives(all[from-1]) {
		from--
	}
	return all[from:]
}

// gives reports whether something holds from this event on.
func gives(e client.Event) bool { return e.Name == client.BoundTo || e.Name == client.Renewed }

// steps puts events together that are alike.
func (r *Report) steps(events []client.Event) []Step {
	all := []Step{}
	for i, e := range events {
		at := r.now.Add(e.At - r.Service.Up).UTC()
		n := len(all)
		if n > 0 && alike(&events[i-1], &e) {
			all[n-1].Last, all[n-1].Text = at, e.Text
			all[n-1].Times++
			continue
		}
		all = append(all, Step{First: at, Last: at, Times: 1, Event: e.Name, Cause: e.Cause, Text: e.Text})
	}
	return all
}

// alike reports whether the second event says nothing new but its time.
func alike(a, b *client.Event) bool {
	return a.Name == b.Name && a.Cause == b.Cause && a.Term.Server == b.Term.Server && !b.Changed &&
		(gives(*a) || a.Cause == client.Silent || a.Text == b.Text)
}

// leftOut is what is not believed of the lease there is, or of what was said last.
func leftOut(c *client.Status, events []client.Event) []wan.Remark {
	if c != nil && c.Held {
		return c.Remarks
	}
	for _, e := range slices.Backward(events) {
		if len(e.Remarks) > 0 {
			return e.Remarks
		}
	}
	return nil
}

// whyHeld says by whose word there is the address.
func (r *Report) whyHeld() string {
	t := &r.client().Term
	i := r.begin()
	if i < 0 {
		return fmt.Sprintf("server %s gave it, and renewed it last %s", t.Server, r.ago(t.Start))
	}
	e := &r.Service.Events[i]
	switch e.Cause {
	case client.Restarted:
		return fmt.Sprintf("server %s gave it before this client was started again, %s, and its lease still runs",
			t.Server, r.ago(e.At))
	case client.Silent:
		return fmt.Sprintf("server %s gave it before the machine was started, its lease still runs, and no server "+
			"answered %s", t.Server, r.ago(e.At))
	}
	return fmt.Sprintf("server %s gave it %s", e.Term.Server, r.ago(e.At))
}

// whyNone says why there is no address.
func (r *Report) whyNone(events []client.Event) string {
	c := r.client()
	switch {
	case c == nil || r.absent():
		return "it is not there"
	case c.State == client.Released:
		return "its lease was given back by hand; gatehouse wan renew asks for another"
	case !c.Carrier:
		return "it has no carrier"
	}
	for _, e := range slices.Backward(events) {
		if gives(e) {
			break
		}
		return causeText(e.Cause)
	}
	return "no server has answered yet"
}

// causeText is the end of a sentence that begins with "there is no address because".
func causeText(cause client.Cause) string {
	switch cause {
	case client.Silent:
		return "no server answers"
	case client.Refused:
		return "a server refused it"
	case client.NotBelieved:
		return "what is offered cannot be taken"
	case client.Expired:
		return "its lease has ended, and no server renewed it"
	case client.InUse:
		return "another station has the address that it was given"
	case client.NoReply:
		return "a server does not answer for what it has offered"
	case client.GatewaySilent:
		return "no server answers, and the gateway of the kept lease is not there"
	case client.Foreign:
		return "no server has answered yet, and the kept lease is another's"
	case client.Moved:
		return "its server gave another address, which is looked for on the link first"
	case client.ByHand:
		return "its lease was given back by hand, and no server has answered since"
	}
	return fmt.Sprintf("of this cause: %s", cause)
}

// asking is what is being asked for, and what was heard.
func (r *Report) asking() []string {
	c := r.client()
	if c == nil || c.State == client.Bound && c.Carrier && !r.absent() {
		return nil
	}
	lines := states(r.Service)
	for i, line := range r.heardLines() {
		if i == 0 {
			line = "heard: " + line
		}
		lines = append(lines, line)
	}
	return lines
}
