// Package supervise keeps the services of the appliance running.
//
// Each unit is a process of its own. All start at once; one that dies, or does
// not say that it is ready in time, is started again after a pause that grows
// from 250 ms to 30 s and is short again after a minute of good service
// (policy.go); one that cannot start does not hold up the others. What a unit
// printed and how it ended goes to the log (package logs). At the end units are stopped in the reverse of their order, with
// SIGTERM and, 5 s later, SIGKILL.
//
// Limits: the list of units is fixed; units do not wait for each other.
package supervise

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/logs"
)

// Unit is one process to keep running.
type Unit struct {
	Name         string          // also its name in the log
	Args         []string        // of the command, after its name; nil: "service", Name
	Config       json.RawMessage // its standard input
	ReadyTimeout time.Duration   // from start to READY; 0: 30 s
	Refused      string          // not empty: it is never started, this is why
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
	log     *logs.Log
	runners []*runner // in start order
}

// New prepares the units; none is started yet. Names must differ.
func New(units []Unit, start Starter, log *logs.Log) (*Supervisor, error) {
	s := &Supervisor{log: log}
	for _, u := range units {
		if u.Name == "" || s.find(u.Name) != nil {
			return nil, fmt.Errorf("unit %q: names must be there and differ", u.Name)
		}
		if u.Args == nil {
			u.Args = []string{"service", u.Name}
		}
		s.runners = append(s.runners, newRunner(u, start, log))
	}
	return s, nil
}

// Run starts all units and keeps them running until ctx ends. Then it stops
// them, the last first, and returns when all have ended.
func (s *Supervisor) Run(ctx context.Context) {
	var wg sync.WaitGroup
	var stops []context.CancelFunc
	for _, r := range s.runners {
		each, stop := context.WithCancel(context.Background())
		stops = append(stops, stop)
		wg.Go(func() { r.run(each) })
	}
	<-ctx.Done()
	patience := time.NewTimer(stopTime)
	defer patience.Stop()
	for i := len(stops) - 1; i >= 0; i-- {
		stops[i]()
		select {
		case <-s.runners[i].done:
		case <-patience.C:
			patience.Reset(0) // for all that follow too
		}
	}
	wg.Wait()
}

// Status tells of all units, in start order.
func (s *Supervisor) Status() []Status {
	var all []Status
	for _, r := range s.runners {
		all = append(all, r.status(time.Now()))
	}
	return all
}

// Restart stops a unit and starts it again, or starts it at once when it is
// waiting to be. It does not wait for that to happen.
func (s *Supervisor) Restart(name string) error {
	r := s.find(name)
	if r == nil {
		return fmt.Errorf("no service %q", name)
	}
	if r.unit.Refused != "" {
		return fmt.Errorf("%s is not run: %s", name, r.unit.Refused)
	}
	select {
	case <-r.done:
		return fmt.Errorf("%s: the services are stopped for good", name)
	default:
	}
	select {
	case r.restart <- struct{}{}:
	default: // one is asked for already
	}
	return nil
}

func (s *Supervisor) find(name string) *runner {
	for _, r := range s.runners {
		if r.unit.Name == name {
			return r
		}
	}
	return nil
}
