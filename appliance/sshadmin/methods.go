package sshadmin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/control"
)

// Methods returns what can be asked by name: "ping" (nothing), and "problems" (a list of
// sentences: a host key that is temporary, endpoints that nobody can come in by, keys that are not used,
// crowds, and that no session can begin any more).
func (s *Service) Methods() control.Mux {
	return control.Mux{
		control.Ping: func(_ context.Context, _ json.RawMessage, send func(any) error) error {
			_ = s.problems() // what the work is done with is not held for ever
			return send(struct{}{})
		},
		"problems": func(_ context.Context, _ json.RawMessage, send func(any) error) error {
			return send(s.problems())
		},
	}
}

// problems returns what a person should look at, one sentence each.
func (s *Service) problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []string{}
	if about := s.active.Load().temporary; about != "" {
		all = append(all, about+".")
	}
	for _, endpoint := range slices.Sorted(maps.Keys(s.shut)) {
		all = append(all, fmt.Sprintf("Nobody can log in at %s: %v.", endpoint, s.shut[endpoint]))
	}
	for _, err := range s.active.Load().unused {
		all = append(all, fmt.Sprintf("The %v.", err))
	}
	for _, p := range []string{s.turned.crowd(s.uptime()), s.full()} {
		if p != "" {
			all = append(all, p)
		}
	}
	return all
}
