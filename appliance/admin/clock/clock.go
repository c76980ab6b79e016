// Package clock is the commands `gatehouse time …`: whether the clock is right, whom it follows, what each
// source says and why one is not followed, and who asks for the time. For `gatehouse status` it has that in
// one line.
//
// What it says it has of the service ntp; the names of clients are those of the site and of leases. Text of
// strangers is safe for a terminal and bounded, in JSON too. It changes nothing.
package clock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/ntp/client"
	"github.com/gatehouse-os/gatehouse/services/ntp/run"
	"github.com/gatehouse-os/gatehouse/site"
)

// Env is where a command finds the appliance.
type Env struct {
	Stdout io.Writer
	RunDir string                     // the directory of the control sockets
	Site   func() (*site.Site, error) // the site that runs
}

// A Report is what `gatehouse time --json` prints.
type Report struct {
	Clock    run.Status  `json:"clock"`
	Sources  run.Sources `json:"sources"`
	Problems []string    `json:"problems"` // everything that is wrong, for people
}

// silence is when the service is taken to hang: it answers at once.
const silence = 5 * time.Second

// ask asks a service for something.
func ask[T any](ctx context.Context, runDir, service, method string, args any) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, silence, fmt.Errorf("no answer within %v", silence))
	defer cancel()
	var got T
	if err := control.Call(ctx, runDir, service, method, args, &got); err != nil {
		return *new(T), err
	}
	return got, nil
}

// Ask asks the service how the clock is.
func Ask(ctx context.Context, runDir string) (run.Status, error) {
	st, err := ask[run.Status](ctx, runDir, roster.NTP, "status", nil)
	cleanStatus(&st)
	return st, err
}

// errNone is the answer to who asks about what the site does not have.
var errNone = errors.New("the appliance keeps and serves no time: site.toml has no [ntp]")

// collect brings together what is known.
func (e Env) collect(ctx context.Context) (*Report, error) {
	if err := e.serves(); err != nil {
		return nil, err
	}
	st, err := Ask(ctx, e.RunDir)
	if err != nil {
		return nil, err
	}
	sources, err := ask[run.Sources](ctx, e.RunDir, roster.NTP, "sources", nil)
	if err != nil {
		return nil, err
	}
	cleanSources(&sources)
	r := &Report{Clock: st, Sources: sources, Problems: append([]string{}, st.Problems...)}
	if len(r.Problems) == 0 && !r.well() {
		r.Problems = append(r.Problems, "The clock is not synchronised: "+sources.State)
	}
	return r, nil
}

// serves is an error if the site has no such service.
func (e Env) serves() error {
	s, err := e.Site()
	if err == nil && !s.NTP.On() {
		err = errNone
	}
	return err
}

// well reports whether the clock is as the site wants it: after others, or its own if it is to follow nobody.
func (r *Report) well() bool {
	return r.Clock.Synchronised || r.alone()
}

// alone reports whether the clock is its own because there is nobody to follow.
func (r *Report) alone() bool {
	return r.Clock.Local && r.Sources.State == client.NoSources.String()
}
