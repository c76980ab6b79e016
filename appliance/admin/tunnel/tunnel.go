// Package tunnel is the commands `gatehouse tunnel …`: whether the tunnel for IPv6 is up, how long its other
// end takes to answer, where it goes, what its broker was told and has answered, and why it is as it is. For
// `gatehouse status` it has that in one line.
//
// It asks the service over its control socket. What the broker says is safe for a terminal and bounded, in
// JSON too. It knows no key, and changes nothing.
package tunnel

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4/run"
)

// Env is where a command finds the appliance.
type Env struct {
	Stdout io.Writer
	RunDir string // the directory of the control sockets
	Now    func() time.Time
}

// silence is when the service is taken to hang: it answers at once.
const silence = 5 * time.Second

// errNone is the answer to who asks about a tunnel that the site does not have.
var errNone = errors.New("there is no tunnel: the site that runs has no [tunnel], or its service is not " +
	"running")

// Ask asks the service how it is.
func Ask(ctx context.Context, runDir string) (run.Status, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, silence, fmt.Errorf("no answer within %v", silence))
	defer cancel()
	var st run.Status
	if err := control.Call(ctx, runDir, roster.Tunnel, "status", nil, &st); err != nil {
		return run.Status{}, err
	}
	clean(&st)
	return st, nil
}

// maxText is what a broker's word is shown up to, in bytes, and what is said about it.
const maxText = 400

// clean bounds what another process says, and makes it safe for a terminal.
func clean(st *run.Status) {
	const maxEvents, maxProblems = 30, 10
	text := func(s *string) { *s = printable.Cut(*s, maxText) }
	st.Events = st.Events[max(0, len(st.Events)-maxEvents):]
	st.Problems = st.Problems[:min(len(st.Problems), maxProblems)]
	for i := range st.Events {
		text(&st.Events[i].Text)
	}
	for i := range st.Problems {
		text(&st.Problems[i])
	}
	text(&st.Why)
	text(&st.Link)
	if b := st.Broker; b != nil {
		text(&b.User)
		text(&b.Tunnel)
		if b.Last != nil {
			text(&b.Last.Text)
		}
		if b.Kept != nil {
			text(&b.Kept.Outcome.Text)
		}
	}
}

// Status prints how the tunnel is.
func Status(ctx context.Context, env Env, args []string) error {
	return show(ctx, env, args, "tunnel", func(w io.Writer, st run.Status) {
		fmt.Fprintln(w, title(st))
		fmt.Fprintln(w)
		cli.Screen(w, rows(st, env.Now()))
	})
}

// Why prints what led to it, oldest first, and what is most likely wrong.
func Why(ctx context.Context, env Env, args []string) error {
	return show(ctx, env, args, "tunnel why", func(w io.Writer, st run.Status) {
		fmt.Fprintln(w, title(st))
		for _, line := range cli.Fold("Because "+st.Why, width) {
			fmt.Fprintln(w, line)
		}
		fmt.Fprintln(w)
		all := [][]string{{"TIME (UTC)", "EVENT"}}
		for _, e := range st.Events {
			all = append(all, []string{env.Now().Add(e.At - st.Now).UTC().Format(time.DateTime), e.Text})
		}
		cli.Screen(w, all)
	})
}

// width of a terminal, in characters.
const width = 80

func show(ctx context.Context, env Env, args []string, name string, print func(io.Writer, run.Status)) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	st, err := Ask(ctx, env.RunDir)
	switch {
	case errors.Is(err, control.ErrNotRunning):
		return errNone
	case err != nil:
		return err
	case *asJSON:
		err = cli.JSON(env.Stdout, st)
	default:
		w := printable.Writer(env.Stdout)
		print(w, st)
		if len(st.Problems) > 0 {
			err = cli.Problems(w, st.Problems)
		} else {
			_, err = fmt.Fprintln(w, "Everything is as it should be.")
		}
	}
	if err == nil && len(st.Problems) > 0 {
		err = cli.ErrProblems
	}
	return err
}

// Line says in a line for `gatehouse status` how the tunnel is, as Ask has it.
func Line(st run.Status) string {
	switch st.State {
	case tunnel6in4.StateUp:
		return fmt.Sprintf("up for %s, %s to %s", span(st, st.Since), cli.Took(time.Duration(st.RTT)),
			st.Server)
	case tunnel6in4.StateDown:
		return fmt.Sprintf("down for %s (%s)", span(st, st.Since), st.Cause)
	case tunnel6in4.StateAbsent:
		return "down: WAN has no IPv4 address"
	}
	return "not known yet"
}

// title says the whole in a sentence.
func title(st run.Status) string {
	switch st.State {
	case tunnel6in4.StateUp:
		return "The tunnel to " + st.Server.String() + " is up."
	case tunnel6in4.StateDown:
		return "The tunnel to " + st.Server.String() + " is down."
	case tunnel6in4.StateAbsent:
		return "Nothing goes through the tunnel: WAN has no IPv4 address."
	}
	return "Whether the tunnel to " + st.Server.String() + " is up is not known yet."
}

// span is how long ago something was.
func span(st run.Status, at int64) string { return cli.Span(st.Now - time.Duration(at)) }
