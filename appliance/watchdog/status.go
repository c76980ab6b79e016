package watchdog

import (
	"fmt"
	"strings"
	"time"
)

// State is what the guard does with the watchdog.
type State string

// The states of a guard.
const (
	Off      State = "off"      // it shall not be used
	Waiting  State = "waiting"  // not all services have answered yet: not armed
	Absent   State = "absent"   // the machine has none that can be used
	Fed      State = "fed"      // armed
	Starving State = "starving" // armed, and about to reset the box
)

// Status is how the guard is.
type Status struct {
	State     State         `json:"state"`
	Device    string        `json:"device,omitempty"` // the driver, once armed
	Timeout   time.Duration `json:"timeout_ns"`
	Services  []string      `json:"services"`                // that must answer
	Silent    []Silence     `json:"silent,omitempty"`        // of all services, those that do not
	LastReset string        `json:"last_reset,omitempty"`    // why it has reset the box before this boot
	Spared    time.Duration `json:"spared_for_ns,omitempty"` // for so long it does not do so again
}

// Silence is a service that does not answer.
type Silence struct {
	Name string        `json:"name"`
	For  time.Duration `json:"for_ns"`
	Next time.Duration `json:"restart_ns,omitempty"` // until it is started again; 0: it has no process now
	// how often it was started again for this, and that did not last
	Tries int `json:"restarts,omitempty"`
}

// Status tells how the guard is, as of its last round.
func (g *Guard) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.status
}

func (g *Guard) state() State { return g.Status().State }

// show makes the status true again after a round.
func (g *Guard) show(state State) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.status.State = state
	g.status.Spared = time.Duration(g.judge.spared) * g.period()
	g.status.Silent = g.silences()
}

// silences are the services whose silence is more than a late answer.
func (g *Guard) silences() []Silence {
	var all []Silence
	for _, s := range g.judge.services {
		if s.silent < mentionedAfter {
			continue
		}
		one := Silence{Name: s.name, For: time.Duration(s.silent) * g.period(), Tries: s.tries}
		if s.hung > 0 {
			one.Next = time.Duration(s.patience-s.hung) * g.period()
		}
		all = append(all, one)
	}
	return all
}

// complaint is why the box is to be reset.
func (g *Guard) complaint() string {
	var words []string
	for _, s := range g.judge.services {
		if s.essential && s.silent >= hungRounds {
			silent := time.Duration(s.silent) * g.period()
			words = append(words, fmt.Sprintf("%s has not answered for %v", s.name, silent))
		}
	}
	return strings.Join(words, ", ")
}
