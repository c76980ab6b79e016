package main

import (
	"context"
	"sync"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	tunnelrun "github.com/gatehouse-os/gatehouse/services/tunnel6in4/run"
)

// tunnelState is what the watch of the tunnel has last said, for the box. When it dies, or is started again,
// its word holds until it says something else; when the site has no tunnel any more, it is forgotten.
type tunnelState struct {
	*follower

	mu  sync.Mutex
	now *plan.Tunnel
}

func newTunnelState() *tunnelState { return &tunnelState{follower: newFollower(roster.Tunnel)} }

// expect says whether the site has a tunnel.
func (t *tunnelState) expect(one bool) {
	if t.follower.expect(one); !one {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.now = nil
	}
}

// State returns it; nil: nothing is known.
func (t *tunnelState) State() *plan.Tunnel {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// follow asks the watch, and calls changed when its word is another, until ctx ends.
func (t *tunnelState) follow(ctx context.Context, changed func()) {
	follow(ctx, t.follower, func(r tunnelrun.Report) {
		if t.set(plan.Tunnel{Up: r.Up}) {
			changed()
		}
	})
}

// set takes a state, and says whether it is another.
func (t *tunnelState) set(now plan.Tunnel) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.expected() || t.now != nil && *t.now == now {
		return false
	}
	t.now = &now
	return true
}
