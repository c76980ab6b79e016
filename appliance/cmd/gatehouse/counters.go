package main

import (
	"context"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/machine/growth"
)

// countersPeriod is the time between two readings of the kernel's counters.
const countersPeriod = 10 * time.Second

// refusals are what the kernel has refused lately. Init watches them, for who looks once sees only how often
// in all.
type refusals struct {
	mu    sync.Mutex
	watch growth.Watch[machine.Counter]
}

// run reads the counters until ctx ends. note gets what cannot be read, or nil.
func (r *refusals) run(ctx context.Context, note func(error)) {
	r.watch.Least = admin.Notable()
	ticker := time.NewTicker(countersPeriod)
	defer ticker.Stop()
	for {
		readings, err := machine.ReadCounters()
		note(err)
		r.sample(readings)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (r *refusals) sample(readings map[machine.Counter]uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watch.Sample(boot.Uptime(), readings)
}

func (r *refusals) grown() []growth.Grown[machine.Counter] {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.watch.Grown(boot.Uptime())
}
