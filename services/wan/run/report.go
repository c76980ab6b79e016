package run

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
)

// A Report is what the way out is, for init, which applies it.
type Report struct {
	Facts *wan.Facts `json:"facts"` // nil: there is none
	Term  wan.Term   `json:"term"`
	Six
}

// reports are the current Report, and those who follow it.
type reports struct {
	mu      sync.Mutex
	settled bool // it is known whether there is a way out: a lease that is kept was looked at
	now     Report
	changed chan struct{} // closed when there is another
}

// set makes another report the current one. The same facts wake nobody.
func (r *reports) set(facts *wan.Facts, term wan.Term) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now.Facts, r.now.Term = facts, term
	close(r.changed)
	r.changed = make(chan struct{})
}

// settle begins to tell.
func (r *reports) settle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled = true
	close(r.changed)
	r.changed = make(chan struct{})
}

// current returns the report, whether it may be told, and what is closed when there is another.
func (r *reports) current() (Report, bool, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now, r.settled, r.changed
}

// answerFollow sends the Report there is, and each that is another, as long as somebody listens. It never
// says that there is no way out only because the service has just started: whoever follows keeps what he
// knows till then.
func (s *Service) answerFollow(ctx context.Context, _ json.RawMessage, send func(any) error) error {
	for {
		report, settled, changed := s.reports.current()
		if settled {
			if err := send(report); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// history are the last events, oldest first.
type history struct{ events []client.Event }

const historySize = 50

func (h *history) add(e client.Event) {
	if len(h.events) == historySize {
		h.events = slices.Delete(h.events, 0, 1)
	}
	h.events = append(h.events, e)
}
