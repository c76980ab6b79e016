package wan

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// shownEvents is how many are shown unless another number is asked for.
const shownEvents = 10

// Status prints what the way out is, whether its gateway is there, and what happened.
func Status(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("wan", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	n := flags.Int("n", shownEvents, "")
	if _, err := cli.Options(flags, args, 0); err != nil || *n < 0 {
		return cli.ErrUsage
	}
	r, err := env.collect(ctx)
	if err != nil {
		return err
	}
	if *asJSON {
		err = cli.JSON(env.Stdout, r)
	} else {
		err = r.print(printable.Writer(env.Stdout), *n)
	}
	if err == nil && len(r.Problems) > 0 {
		err = cli.ErrProblems
	}
	return err
}

// print writes one screen: what the way out is, by whose word, what of that is not believed, and the last
// events.
func (r *Report) print(w io.Writer, events int) error {
	printFolded(w, r.title())
	fmt.Fprintln(w)
	cli.Screen(w, r.rows())
	r.printRemarks(w)
	r.print6(w)
	r.printEvents(w, events)
	if len(r.Problems) == 0 {
		_, err := fmt.Fprintln(w, "Everything is as it should be.")
		return err
	}
	return cli.Problems(w, r.Problems)
}

// title says the whole in a sentence.
func (r *Report) title() string {
	c := r.client()
	switch {
	case r.Service == nil && r.Facts == nil:
		return fmt.Sprintf("The way out by %s is over IPv6 alone, as the site says.", r.Link)
	case r.Service == nil:
		return fmt.Sprintf("The way out by %s is %s, as the site says.", r.Link, r.address())
	case r.Facts == nil && r.absent():
		return fmt.Sprintf("There is no way out by %s: it is not there.", r.Link)
	case r.Facts == nil && c != nil && !c.Carrier:
		return fmt.Sprintf("There is no way out by %s: it has no carrier.", r.Link)
	case r.Facts == nil:
		return fmt.Sprintf("There is no way out by %s.", r.Link)
	case c.Term.Unconfirmed:
		return fmt.Sprintf("The way out by %s is %s, which no server has confirmed.", r.Link, r.address())
	}
	return fmt.Sprintf("The way out by %s is %s.", r.Link, r.address())
}

// rows are state, address, lease, gateway and what else is believed.
func (r *Report) rows() (rows [][]string) {
	add := func(label string, lines ...string) {
		for _, line := range lines {
			rows = append(rows, []string{label, line})
			label = ""
		}
	}
	if r.Service != nil {
		add("state", states(r.Service)...)
	}
	if r.Facts != nil {
		add("address", r.addressLines()...)
		if r.Service != nil {
			rows = append(rows, r.leaseRows()...)
		}
		if r.Gateway != nil {
			add("gateway", r.Gateway.lines()...)
		} else if !r.Facts.Gateway.IsValid() {
			add("gateway", "none: there is no default route")
		}
		rows = append(rows, r.factRows()...)
	} else {
		add("address", r.besideLines()...)
	}
	if r.Own6.IsValid() {
		add("IPv6", r.own6Text())
	}
	rows = append(rows, r.cardRows()...)
	if r.Service != nil {
		if mac := r.Service.MAC; mac != (wan.MAC{}) {
			add("asks as", mac.String())
		}
		add("heard", r.heardLines()...)
		add("hooks", r.hookLines()...)
	}
	return rows
}

// addressLines are the addresses, and behind the first what its kind means.
func (r *Report) addressLines() (lines []string) {
	for i, p := range r.Facts.Addrs {
		line := p.String()
		if i == 0 {
			line += ", " + r.Kind
		}
		lines = append(lines, line)
	}
	if r.Means != "" {
		lines = slices.Insert(lines, min(1, len(lines)), r.Means)
	}
	return append(lines, r.besideLines()...)
}

// besideLines are the addresses that the site has beside the provider's.
func (r *Report) besideLines() (lines []string) {
	for _, p := range r.Beside {
		lines = append(lines, p.String()+", the site's own")
	}
	return lines
}

// heardLines say when a server has said something, and what came in that was none of ours.
func (r *Report) heardLines() []string {
	c := r.client()
	if c == nil {
		return nil
	}
	line := "no server yet"
	if c.Heard > 0 {
		line = "a server, " + r.ago(c.Heard)
	}
	var others []string
	for _, why := range slices.Sorted(maps.Keys(c.Ignored)) {
		others = append(others, fmt.Sprintf("%d %s", c.Ignored[why], why))
	}
	if n := r.Service.Garbage; n > 0 {
		others = append(others, fmt.Sprintf("%d unreadable", n))
	}
	lines := []string{line}
	if len(others) > 0 {
		lines = append(lines, "not heeded: "+strings.Join(others, ", "))
	}
	return lines
}

// hookLines say when each hook ran last, and how that ended.
func (r *Report) hookLines() (lines []string) {
	for _, h := range r.Hooks {
		line := h.Hook + ", "
		if h.Event == "" {
			line += "has not run yet"
		} else {
			line += fmt.Sprintf("at %s, %s", h.Event, r.ago(h.Ended))
		}
		if h.Problem != "" {
			line += ": " + h.Problem
		}
		lines = append(lines, line)
	}
	return lines
}

// printRemarks writes what the provider said that is not taken as it was said.
func (r *Report) printRemarks(w io.Writer) {
	if c := r.client(); c != nil && len(c.Remarks) > 0 {
		fmt.Fprintf(w, "What server %s says that is not taken as it is:\n", c.Term.Server)
		cli.Screen(w, remarkRows(c.Remarks))
	}
}

func remarkRows(all []wan.Remark) (rows [][]string) {
	for _, m := range all {
		rows = append(rows, []string{string(m.About), m.Text})
	}
	return rows
}

// printEvents writes the last events of both families, the newest last.
func (r *Report) printEvents(w io.Writer, n int) {
	all := r.happened()
	if n == 0 || len(all) == 0 {
		return
	}
	rows := [][]string{{"TIME (UTC)", "EVENT", "CAUSE"}}
	for _, e := range all[max(0, len(all)-n):] {
		rows = append(rows, []string{r.moment(e.At), e.Name, e.text()})
	}
	cli.Screen(w, rows)
}
