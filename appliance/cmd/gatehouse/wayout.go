package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/wan"
	wanrun "github.com/gatehouse-os/gatehouse/services/wan/run"
)

// wayOut is what the client of the way out has last said, for the box. When the client dies, or is started
// again, its word holds until it says something else.
type wayOut struct {
	mu    sync.Mutex
	facts *wan.Facts
}

// Facts returns them; nil: there is no way out, or none is known.
func (w *wayOut) Facts() *wan.Facts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.facts
}

// followAgain is how long it takes to ask again after the client has gone, or is not there.
const followAgain = 200 * time.Millisecond

// follow asks the client, and calls changed when its word is another, until ctx ends.
func (w *wayOut) follow(ctx context.Context, changed func()) {
	follow(ctx, roster.WAN, func(r wanrun.Report) {
		if w.set(r.Facts) {
			changed()
		}
	})
}

// follow hears the reports of a service, whenever there is one, until ctx ends.
func follow[Report any](ctx context.Context, service string, heard func(Report)) {
	for ctx.Err() == nil {
		_ = control.Stream(ctx, runDir, service, "follow", nil, func(raw json.RawMessage) error {
			var r Report
			if err := json.Unmarshal(raw, &r); err != nil {
				return err
			}
			heard(r)
			return nil
		}) // whatever ended it, it is asked again
		select {
		case <-time.After(followAgain):
		case <-ctx.Done():
		}
	}
}

// set takes facts, and says whether they are others.
func (w *wayOut) set(facts *wan.Facts) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	same := (facts == nil) == (w.facts == nil) && (facts == nil || facts.Equal(w.facts))
	w.facts = facts
	return !same
}

// bootID names the run of the machine: random(4).
func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	id := strings.TrimSpace(string(b))
	if err == nil && id == "" {
		err = errors.New("boot_id is empty")
	}
	return id, err
}

// plausible is the earliest time of day that a clock can rightly say.
var plausible = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// timeOfDay is the time of day, and whether it can be right.
func timeOfDay() (time.Time, bool) {
	now := time.Now()
	return now, now.After(plausible)
}
