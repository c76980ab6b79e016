// Package supervise keeps the services of the appliance running.
//
// Each unit is a process of its own. All start at once; one that dies, or does
// not say that it is ready in time, is started again after a pause that grows
// from 250 ms to 30 s and is short again after a minute of good service
// (policy.go); one that cannot start does not hold up the others. What a unit
// printed and how it ended is kept in memory, bounded, and safe to show on a
// terminal. At the end units are stopped in the reverse of their order, with
// SIGTERM and, 5 s later, SIGKILL.
//
// The list of units can be replaced while they run: who is the same in both lists is not touched, who takes
// another configuration while it serves is given it, and the others are stopped and started.
//
// Limits: units do not wait for each other.
package supervise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/logs"
	"github.com/gatehouse-os/gatehouse/appliance/unit"
)

// Unit is one process to keep running.
type Unit struct {
	Name         string          // also its name in the log
	Args         []string        // of the command, after its name; nil: "service", Name
	Config       json.RawMessage // see package unit
	ReadyTimeout time.Duration   // from start, or from another Config, to READY; 0: 30 s
	Reloads      bool            // it takes another Config while it serves
}

// same reports whether a process of u is one of v.
func (u Unit) same(v Unit) bool {
	return slices.Equal(u.Args, v.Args) && bytes.Equal(u.Config, v.Config) &&
		u.ReadyTimeout == v.ReadyTimeout &&
		u.Reloads == v.Reloads
}

// Status is what is known of a unit now.
type Status struct {
	Name      string        `json:"name"`
	State     State         `json:"state"`
	PID       int           `json:"pid,omitempty"`
	Since     time.Duration `json:"since_ns"`             // in this state for so long
	Restarts  int           `json:"restarts"`             // starts after the first
	Retry     time.Duration `json:"retry_ns,omitempty"`   // in backoff: until the next start
	LastExit  string        `json:"last_exit,omitempty"`  // how the last process ended, or why there is none
	LastWords []string      `json:"last_words,omitempty"` // what it printed at the end
}

// stopTime is how long units are stopped one by one; after it the rest is
// stopped together.
const stopTime = 10 * time.Second

// Supervisor keeps a list of units running.
type Supervisor struct {
	starter unit.Starter
	log     *logs.Log
	setting chan struct{} // has something in it while somebody sets units

	over chan struct{} // closed at the end: nothing is started any more

	mu      sync.Mutex
	runners []*runner // in start order
}

// New makes a supervisor without units. Run must run beside it.
func New(start unit.Starter, log *logs.Log) *Supervisor {
	return &Supervisor{starter: start, log: log, setting: make(chan struct{}, 1), over: make(chan struct{})}
}

// Set makes units the list, and the processes those of it. It returns when it is known of all that it started
// or changed whether they are ready. Its error names those that are not and says why; they are tried again
// all the same. When ctx ends first, its error is returned. Names must be there and differ.
func (s *Supervisor) Set(ctx context.Context, units []Unit) error {
	for i, u := range units {
		if u.Name == "" || slices.ContainsFunc(units[:i], func(v Unit) bool { return v.Name == u.Name }) {
			return fmt.Errorf("unit %q: names must be there and differ", u.Name)
		}
	}
	select {
	case s.setting <- struct{}{}:
		defer func() { <-s.setting }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s.stop(func(r *runner) bool {
		return !slices.ContainsFunc(units, func(u Unit) bool { return u.Name == r.name })
	})
	settled, err := s.replace(units)
	if err != nil {
		return err
	}
	var errs []error
	for _, one := range settled {
		select {
		case err := <-one:
			errs = append(errs, err)
		case <-ctx.Done():
			return errors.Join(append(errs, ctx.Err())...)
		case <-s.over:
			return errEnded
		}
	}
	return errors.Join(errs...)
}

var errEnded = errors.New("the services are stopped for good")

func (s *Supervisor) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// replace starts and changes what the list of units asks for. Each of settled gets what becomes of one.
func (s *Supervisor) replace(units []Unit) (settled []chan error, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isOver() {
		return nil, errEnded
	}
	var runners []*runner
	for _, u := range units {
		if u.Args == nil {
			u.Args = []string{"service", u.Name}
		}
		r := s.find(u.Name)
		if r == nil {
			r = newRunner(u, s.starter, s.log)
			settled = append(settled, make(chan error, 1))
			go r.run(settled[len(settled)-1])
		} else if !r.wanted.same(u) {
			settled = append(settled, make(chan error, 1))
			r.change(u, settled[len(settled)-1])
		}
		runners = append(runners, r)
	}
	s.runners = runners
	return settled, nil
}

// stop stops the units that which accepts, the last first, and returns when they have ended.
func (s *Supervisor) stop(which func(*runner) bool) {
	s.mu.Lock()
	var gone []*runner
	for _, r := range s.runners {
		if which(r) {
			gone = append(gone, r)
		}
	}
	s.mu.Unlock()
	patience := time.NewTimer(stopTime)
	defer patience.Stop()
	for _, r := range slices.Backward(gone) {
		r.stop()
		select {
		case <-r.done:
		case <-patience.C:
			patience.Reset(0) // for all that follow too
		}
	}
	for _, r := range gone {
		<-r.done
	}
}

// Run keeps the units running until ctx ends. Then it stops them, the last first, and returns when all have
// ended.
func (s *Supervisor) Run(ctx context.Context) {
	<-ctx.Done()
	s.mu.Lock()
	close(s.over)
	s.mu.Unlock()
	s.setting <- struct{}{}
	defer func() { <-s.setting }()
	s.stop(func(*runner) bool { return true })
}

// Status tells of all units, in start order.
func (s *Supervisor) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Status
	for _, r := range s.runners {
		all = append(all, r.status(time.Now()))
	}
	return all
}

// Restart stops a unit and starts it again, or starts it at once when it is
// waiting to be. It does not wait for that to happen.
func (s *Supervisor) Restart(name string) error {
	s.mu.Lock()
	r := s.find(name)
	s.mu.Unlock()
	switch {
	case r == nil:
		return fmt.Errorf("no service %q", name)
	case s.isOver():
		return fmt.Errorf("%s: %w", name, errEnded)
	}
	select {
	case r.restart <- struct{}{}:
	default: // one is asked for already
	}
	return nil
}

// find needs the lock.
func (s *Supervisor) find(name string) *runner {
	for _, r := range s.runners {
		if r.name == name {
			return r
		}
	}
	return nil
}
