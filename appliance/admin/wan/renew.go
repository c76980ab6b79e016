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
	"github.com/gatehouse-os/gatehouse/services/wan/run"
)

// pause is how often Renew and Release look what came of it.
const pause = 200 * time.Millisecond

// Renew has the lease asked for now, and says what came of it.
func Renew(ctx context.Context, env Env, args []string) error {
	before, err := env.prepare(ctx, "wan renew", args)
	if err != nil {
		return err
	}
	if err := call(ctx, env.RunDir, "renew", nil); err != nil {
		return err
	}
	w := printable.Writer(env.Stdout)
	if c := before.Client; c == nil || before.Absent || !c.Carrier {
		what := "has no carrier"
		if before.Absent {
			what = "is not there"
		}
		printFolded(w, fmt.Sprintf("Link %s %s: the lease is asked for as soon as that is over.",
			before.Link, what))
		return cli.ErrProblems
	}
	ended := func(_ *run.Status, fresh []client.Event) bool { return slices.ContainsFunc(fresh, isGiven) }
	return env.follow(ctx, w, before, ended)
}

// isGiven reports whether a server has given the address, or more time.
func isGiven(e client.Event) bool {
	return (e.Name == client.BoundTo || e.Name == client.Renewed) && !e.Term.Unconfirmed
}

// Release gives the lease back, and says what came of it.
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
	case c == nil:
		printFolded(w, fmt.Sprintf("There is no lease to give back: link %s has not been there yet.", before.Link))
		return cli.ErrProblems
	case !c.Held:
		fmt.Fprintln(w, "There is no lease to give back.")
	case !c.Carrier:
		printFolded(w, fmt.Sprintf("Link %s has no carrier, so server %s does not learn of it.",
			before.Link, c.Term.Server))
	}
	released := func(st *run.Status, _ []client.Event) bool {
		return st.Client != nil && st.Client.State == client.Released
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

// An ending reports whether all has been done, from how the client is and what happened since the last look.
type ending func(st *run.Status, fresh []client.Event) bool

// follow prints what happened since before, and what happens, until it has ended.
func (e Env) follow(ctx context.Context, w io.Writer, before run.Status, ended ending) error {
	tick := time.NewTicker(cmp.Or(e.Pause, pause))
	defer tick.Stop()
	over := time.After(e.patience())
	last := before
	for {
		st, err := Ask(ctx, e.RunDir)
		if err != nil {
			return err
		}
		fresh := since(last.Events, st.Events)
		for _, event := range fresh {
			printEvent(w, event)
		}
		if ended(&st, fresh) {
			return nil
		}
		last = st
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-over:
			return e.giveUp(w, &st)
		}
	}
}

// giveUp says how things are when nothing has come of it. The service goes on by itself.
func (e Env) giveUp(w io.Writer, st *run.Status) error {
	text := ""
	if c := st.Client; c != nil {
		text = ": " + c.Text
	}
	printFolded(w, fmt.Sprintf("It has come to no end within %v, and goes on%s.", e.patience(), text))
	return cli.ErrProblems
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
