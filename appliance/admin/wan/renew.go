package wan

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	"github.com/gatehouse-os/gatehouse/services/wan/client6"
	"github.com/gatehouse-os/gatehouse/services/wan/run"
)

// pause is how often Renew and Release look what came of it.
const pause = 200 * time.Millisecond

// Renew has the lease asked for now, and what is leased over IPv6, and says what came of it.
func Renew(ctx context.Context, env Env, args []string) error {
	before, err := env.prepare(ctx, "wan renew", args)
	if err != nil {
		return err
	}
	if err := call(ctx, env.RunDir, "renew", nil); err != nil {
		return err
	}
	w := printable.Writer(env.Stdout)
	if what := unusable(&before); what != "" {
		printFolded(w, fmt.Sprintf("Link %s %s: the lease is asked for as soon as that is over.", before.Link,
			what))
		return cli.ErrProblems
	}
	return env.follow(ctx, w, before, endings{
		four: func(_ *run.Status, fresh []client.Event) bool { return slices.ContainsFunc(fresh, isGiven) },
		six: func(st *run.Status, fresh []run.Event6) bool {
			return isRenewed6(before.IPv6, st.IPv6, fresh)
		},
	})
}

// unusable says what the link lacks, so that nobody can be asked; "": nothing, as far as is known.
func unusable(st *run.Status) string {
	switch c, six := st.Client, st.IPv6; {
	case st.Absent:
		return "is not there"
	case !st.Static4 && (c == nil || !c.Carrier):
		return "has no carrier"
	case st.Static4 && (six == nil || six.Client == nil):
		return "has no link-local address yet"
	}
	return ""
}

// isGiven reports whether a server has given the address, or more time.
func isGiven(e client.Event) bool {
	return (e.Name == client.BoundTo || e.Name == client.Renewed) && !e.Term.Unconfirmed
}

// isRenewed6 reports whether a server has given something, or more time; where nothing is to be leased,
// whether a router has answered.
func isRenewed6(before, now *run.Status6, fresh []run.Event6) bool {
	if now == nil || now.Client == nil {
		return true
	}
	if !now.Client.Wants {
		return now.Discovery == nil || before == nil || before.Discovery == nil ||
			now.Discovery.Heard > before.Discovery.Heard
	}
	return slices.ContainsFunc(fresh, func(e run.Event6) bool {
		given := e.Name == string(client6.Bound6) || e.Name == string(client6.Updated6)
		return given && e.Cause != string(client6.Restarted) && e.Cause != string(client6.Silent)
	})
}

// Release gives back the lease, and what is leased over IPv6, and says what came of it.
func Release(ctx context.Context, env Env, args []string) error {
	before, err := env.prepare(ctx, "wan release", args)
	if err != nil {
		return err
	}
	if err := call(ctx, env.RunDir, "release", nil); err != nil {
		return err
	}
	w := printable.Writer(env.Stdout)
	switch c := before.Client; {
	case before.Static4:
	case c == nil:
		printFolded(w, fmt.Sprintf("There is no lease to give back: link %s has not been there yet.",
			before.Link))
		return cli.ErrProblems
	case !c.Held:
		fmt.Fprintln(w, "There is no lease to give back.")
	case !c.Carrier:
		printFolded(w, fmt.Sprintf("Link %s has no carrier, so server %s does not learn of it.",
			before.Link, c.Term.Server))
	}
	if six := before.IPv6; six != nil && (six.Client == nil || six.Client.Lease == nil) {
		fmt.Fprintln(w, "There is nothing to give back over IPv6.")
	}
	released := endings{
		four: func(st *run.Status, _ []client.Event) bool {
			return st.Client != nil && st.Client.State == client.Released
		},
		six: func(st *run.Status, _ []run.Event6) bool {
			return st.IPv6 == nil || st.IPv6.Client == nil || st.IPv6.Client.State == client6.Released
		},
	}
	if err := env.follow(ctx, w, before, released); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, "Nothing is asked for until somebody says: gatehouse wan renew.")
	return err
}

// prepare reads the arguments, of which there are none, and asks the service how it is beforehand.
func (e Env) prepare(ctx context.Context, command string, args []string) (run.Status, error) {
	if _, err := cli.Options(flag.NewFlagSet(command, flag.ContinueOnError), args, 0); err != nil {
		return run.Status{}, err
	}
	st, err := Ask(ctx, e.RunDir)
	if errors.Is(err, control.ErrNotRunning) {
		var r Report
		if err := r.bySite(e.Site, err); err != nil {
			return run.Status{}, err
		}
		return run.Status{}, fmt.Errorf("the address of %s is the site's own, %s: there is no lease",
			r.Link, r.address())
	}
	return st, err
}

// endings report whether all has been done, from how the client of a family is and what happened to it since
// the last look.
type endings struct {
	four func(st *run.Status, fresh []client.Event) bool
	six  func(st *run.Status, fresh []run.Event6) bool
}

// follow prints what happened since before, and what happens, until it has ended over both families.
func (e Env) follow(ctx context.Context, w io.Writer, before run.Status, ended endings) error {
	tick := time.NewTicker(cmp.Or(e.Pause, pause))
	defer tick.Stop()
	over := time.After(e.patience())
	last, four, six := before, before.Static4, before.IPv6 == nil
	for {
		st, err := Ask(ctx, e.RunDir)
		if err != nil {
			return err
		}
		fresh := since(last.Events, st.Events)
		for _, event := range fresh {
			printEvent(w, event)
		}
		fresh6 := since6(last.IPv6, st.IPv6)
		for _, event := range fresh6 {
			printFolded(w, event.Name+": "+event.Text)
		}
		four, six = four || ended.four(&st, fresh), six || ended.six(&st, fresh6)
		if four && six {
			return nil
		}
		last = st
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-over:
			return e.giveUp(w, &st, four, six)
		}
	}
}

// giveUp says how things are when nothing has come of it over a family. The service goes on by itself.
func (e Env) giveUp(w io.Writer, st *run.Status, four, six bool) error {
	text := ""
	if c := st.Client; c != nil && !four {
		text = ": " + c.Text
	}
	if v := st.IPv6; v != nil && v.Client != nil && !six {
		text += "; over IPv6: " + v.Client.Text
		if four {
			text = " over IPv6: " + v.Client.Text
		}
	}
	printFolded(w, fmt.Sprintf("It has come to no end within %v, and goes on%s.", e.patience(), text))
	return cli.ErrProblems
}

// since6 returns the events over IPv6 of now that are newer than all of before.
func since6(before, now *run.Status6) []run.Event6 {
	switch {
	case now == nil:
		return nil
	case before == nil || len(before.Events) == 0:
		return now.Events
	}
	last := before.Events[len(before.Events)-1]
	for i, e := range slices.Backward(now.Events) {
		if e == last {
			return now.Events[i+1:]
		}
	}
	return now.Events
}

// since returns the events of now that are newer than all of before.
func since(before, now []client.Event) []client.Event {
	if len(before) == 0 {
		return now
	}
	last := before[len(before)-1]
	for i, e := range slices.Backward(now) {
		if e.At == last.At && e.Name == last.Name && e.Cause == last.Cause && e.Text == last.Text {
			return now[i+1:]
		}
	}
	return now
}

// printEvent writes an event as it comes, and what of a server's words was left out.
func printEvent(w io.Writer, e client.Event) {
	printFolded(w, string(e.Name)+": "+e.Text)
	for _, m := range e.Remarks {
		printFolded(w, "left out: "+m.Text)
	}
}

// printFolded writes a sentence in lines that fit a screen.
func printFolded(w io.Writer, text string) {
	for _, line := range cli.Fold(text, cli.Width) {
		fmt.Fprintln(w, line)
	}
}
