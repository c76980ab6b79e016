package run

import (
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/wan"
)

// Six is the IPv6 of a Report.
type Six struct {
	Facts6 *wan.Facts6 `json:"facts6,omitempty"` // nil: there is none
	// Pending6: the service has just started, and cannot know yet what there is: whoever follows keeps what
	// he knows.
	Pending6 bool `json:"pending6,omitempty"`
	// Decided6: what was leased before the start is in Facts6, or is to be had no more
	// (client6.Client.Decided). It says nothing about routers.
	Decided6 bool `json:"decided6,omitempty"`
}

// set6 makes the current Report have another IPv6.
func (r *reports) set6(six Six) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now.Six = six
	r.wake()
}

// An Event6 is one of discover6 or client6.
type Event6 struct {
	Name  string        `json:"name"`
	Cause string        `json:"cause,omitempty"`
	Text  string        `json:"text"`
	At    time.Duration `json:"at_ns"` // on the clock of Status.Up
}

// history6 are the last events, oldest first.
type history6 struct{ events []Event6 }

func (h *history6) add(e Event6) {
	if len(h.events) == historySize {
		h.events = slices.Delete(h.events, 0, 1)
	}
	h.events = append(h.events, e)
}
