package main

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
)

// A follower hears the reports of a service for as long as the site has that service; of others nobody asks.
type follower struct {
	service string
	begun   chan struct{} // has something in it when the service has come

	mu  sync.Mutex
	has bool // the site has it
}

func newFollower(service string) *follower {
	return &follower{service: service, begun: make(chan struct{}, 1)}
}

// expect says whether the site has the service.
func (f *follower) expect(has bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.has = has; !has {
		return
	}
	select {
	case f.begun <- struct{}{}:
	default:
	}
}

// expected reports whether the site has the service.
func (f *follower) expected() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.has
}

// await waits until the site has the service; false: ctx has ended.
func (f *follower) await(ctx context.Context) bool {
	for ctx.Err() == nil {
		if f.expected() {
			return true
		}
		select {
		case <-f.begun:
		case <-ctx.Done():
		}
	}
	return false
}

// followAgain is how long it takes to ask again after the service has gone, or is not there yet.
const followAgain = 200 * time.Millisecond

// follow hears the reports of a service whenever the site has it, until ctx ends.
func follow[Report any](ctx context.Context, f *follower, heard func(Report)) {
	for f.await(ctx) {
		_ = control.Stream(ctx, runDir, f.service, "follow", nil, func(raw json.RawMessage) error {
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
