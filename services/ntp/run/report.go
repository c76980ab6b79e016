package run

import (
	"context"
	"encoding/json"
	"sync"
	"time"
)

// A Report is how the clock is, for init and whoever depends on it.
type Report struct {
	Synchronised bool          `json:"synchronised"`
	Since        time.Duration `json:"since_ns"` // that it is so, as uptime
	Stratum      uint8         `json:"stratum"`  // 0: not synchronised
	// Offset is what was measured last, of the sources to the clock.
	Offset time.Duration `json:"offset_ns"`
	// Steps is how often the clock was set since the service started, LastStep by how much the last time.
	Steps    int           `json:"steps"`
	LastStep time.Duration `json:"last_step_ns"`
}

// same reports whether nothing happened from one to the other: an offset is another at each measurement.
func (r Report) same(o Report) bool {
	r.Offset = o.Offset
	return r == o
}

// reports are the current Report, and those who follow it.
type reports struct {
	mu      sync.Mutex
	known   bool
	now     Report
	changed chan struct{} // closed when there is another
}

// set tells followers, if something happened.
func (r *reports) set(now Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	told := r.known && r.now.same(now)
	r.now, r.known = now, true
	if told {
		return
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *reports) current() (Report, bool, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now, r.known, r.changed
}

// answerFollow sends the Report there is, and each that says something else than the offset, as long as somebody
// listens.
func (s *Service) answerFollow(ctx context.Context, _ json.RawMessage, send func(any) error) error {
	for {
		report, known, changed := s.reports.current()
		if known {
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
