package run

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4"
)

// Status is how the service is.
type Status struct {
	tunnel6in4.Status
	Now time.Duration `json:"now_ns"` // on the clock of all times in it
}

// A Report says whether the tunnel is up, for init.
type Report struct {
	Up bool `json:"up"`
}

// Methods returns what can be asked by name: "ping" (nothing, from the owner), "status" (Status), "problems"
// (those of it), "follow" (a Report as soon as one is known, and each that is another).
func (s *Service) Methods() control.Mux {
	return control.Mux{
		control.Ping: s.answer(func() any { return struct{}{} }),
		"status":     s.answer(func() any { return s.status() }),
		"problems":   s.answer(func() any { return append([]string{}, s.status().Problems...) }),
		"follow":     s.answerFollow,
	}
}

// answer answers with what the owner finds.
func (s *Service) answer(find func() any) control.Handler {
	return func(ctx context.Context, _ json.RawMessage, send func(any) error) error {
		var found any
		if err := s.do(ctx, func() { found = find() }); err != nil {
			return err
		}
		return send(found)
	}
}

func (s *Service) status() Status {
	st := Status{Status: s.engine.Status(s.now()), Now: s.o.Uptime()}
	if s.kept != nil {
		st.Problems = append(st.Problems,
			"What the tunnel's broker was told cannot be kept, so it is told again after a restart: "+
				s.kept.Error())
	}
	return st
}

// reports are the current Report, and those who follow it.
type reports struct {
	mu      sync.Mutex
	known   bool
	now     Report
	changed chan struct{} // closed when there is another
}

func (r *reports) set(now Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now, r.known = now, true
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *reports) current() (Report, bool, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now, r.known, r.changed
}

// answerFollow sends the Report there is, and each that is another, as long as somebody listens. A service
// that has just started says nothing before it has found out: whoever follows keeps what he knows till then.
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
