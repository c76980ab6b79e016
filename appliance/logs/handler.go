package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
)

// defaultLines is how much of the past is answered to who does not say.
const defaultLines = 100

// Args are the arguments of the control method "log".
type Args struct {
	Service string `json:"service,omitempty"` // "": all
	Lines   int    `json:"lines,omitempty"`   // of the past; 0: 100, below 0: none
	Follow  bool   `json:"follow,omitempty"`  // and what comes, until the client leaves
}

// Dated is one result of the control method "log".
type Dated struct {
	Line
	// Time is when, by the clock as it is set now: lines from before the clock
	// was set are right as well.
	Time time.Time `json:"time"`
}

// Handler answers the control method "log" with a Dated for each line. services are the names of those that
// may be asked for though they have no lines yet.
func (l *Log) Handler(services func() []string) control.Handler {
	return func(ctx context.Context, raw json.RawMessage, send func(any) error) error {
		var args Args
		if err := control.Decode(raw, &args); err != nil {
			return err
		}
		if args.Service != "" {
			if err := known(args.Service, append(l.lines.Keys(), services()...)); err != nil {
				return err
			}
		}
		return l.answer(ctx, args, send)
	}
}

// known returns an error if name is none of all.
func known(name string, all []string) error {
	if slices.Contains(all, name) {
		return nil
	}
	slices.Sort(all)
	return fmt.Errorf("nothing is called %q; there are: %s", name, strings.Join(slices.Compact(all), ", "))
}

func (l *Log) answer(ctx context.Context, args Args, send func(any) error) error {
	if args.Lines == 0 {
		args.Lines = defaultLines
	}
	show := func(line Line) error {
		return send(Dated{Line: line, Time: time.Now().Add(line.Up - l.uptime())})
	}
	seq := l.Seq()
	for _, line := range l.Last(args.Service, args.Lines) {
		seq = max(seq, line.Seq)
		if err := show(line); err != nil {
			return err
		}
	}
	if !args.Follow {
		return nil
	}
	return l.Follow(ctx, args.Service, seq, show)
}
