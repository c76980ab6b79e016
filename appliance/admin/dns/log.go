package dns

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/dns/run"
)

// A LoggedQuery is one line of `gatehouse dns log --json`.
type LoggedQuery struct {
	run.Line
	Client string `json:"client,omitempty"` // who From is, if somebody has named it
}

// maxLogName is how much of a name the log shows.
const maxLogName = 80

// Log prints each query from now on, of one client or of all, until it is interrupted. Nothing is kept of
// queries while nobody looks.
func Log(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("dns log", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	follow := flags.Bool("f", false, "")
	words, err := cli.Options(flags, args, 1)
	if err != nil {
		return err
	}
	if !*follow {
		return errors.New("no query is kept: -f shows each as it comes")
	}
	house := env.house(ctx)
	var of []netip.Addr
	if len(words) == 1 {
		if of, err = house.addressesOf(words[0]); err != nil {
			return err
		}
	}
	f := follower{w: printable.Writer(env.Stdout), house: house, of: of}
	if *asJSON {
		f.json = env.Stdout
	}
	var which run.LogArgs
	if len(of) == 1 {
		which.Client = of[0]
	}
	err = control.Stream(ctx, env.RunDir, service, "log", which, f.take)
	if errors.Is(err, context.Canceled) {
		return nil // Ctrl-C ends a log that is followed
	}
	return err
}

// A follower prints queries as they come.
type follower struct {
	w     io.Writer
	json  io.Writer // nil: for people
	house house
	of    []netip.Addr // of these clients only; none: of all
	seq   uint64       // of the last line, 0 for none
}

// take prints one line of the service, if it is of those that are wanted.
func (f *follower) take(raw json.RawMessage) error {
	var l run.Line
	if err := json.Unmarshal(raw, &l); err != nil {
		return err
	}
	// The lines of one client, as the service picks them, have gaps where others asked.
	if lost := l.Seq - f.seq - 1; len(f.of) != 1 && f.seq != 0 && l.Seq > f.seq && lost > 0 && f.json == nil {
		fmt.Fprintf(f.w, "… %s missing here: too many came at once\n",
			cli.Count(int(min(lost, 1<<31-1)), "query is", "queries are"))
	}
	f.seq = l.Seq
	if len(f.of) > 0 && !slices.Contains(f.of, l.From) {
		return nil
	}
	if f.json != nil {
		return cli.JSONLine(f.json, LoggedQuery{l, f.house.clientName(l.From)})
	}
	_, err := fmt.Fprintln(f.w, f.text(l))
	return err
}

// text is the query in one line.
func (f *follower) text(l run.Line) string {
	words := []string{
		l.At.UTC().Format(cli.TimeFormat), cut(f.house.client(l.From), maxTop), cut(l.Name, maxLogName),
		cut(l.Type, 12), cut(l.What, 12), cut(l.Rcode, 12),
	}
	if l.Took > 0 {
		words = append(words, cli.Took(l.Took))
	}
	if l.Server != "" {
		words = append(words, "by "+cut(l.Server, maxServer))
	}
	return strings.Join(words, " ")
}
