package upstream

import (
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// A State is how a server is doing.
type State string

// The states.
const (
	Unused State = "unused" // nothing was asked, or nothing came yet
	Up     State = "up"
	Down   State = "down" // it is left out until Retry, unless there is no other
)

// Counters count what was asked of a server and what came of it, from the first time that it was in the
// Config.
type Counters struct {
	Asked      uint64 `json:"asked"` // attempts: questions, those asked again, probes
	Answered   uint64 `json:"answered"`
	Unanswered uint64 `json:"unanswered"` // in time
	Streamed   uint64 `json:"streamed"`   // by TCP after UDP
	Strays     uint64 `json:"strays"`     // answers to what was not asked: late, mistaken or forged
	Garbage    uint64 `json:"garbage"`    // answers that nobody can read
}

// A Status is a server at one moment. Times are those of the wall clock.
type Status struct {
	servers.Server
	Domains     []string      `json:"domains"` // that it is asked for; "." is everything else
	State       State         `json:"state"`
	Latency     time.Duration `json:"latency_ns"` // smoothed, in ns; 0: not known
	Usual       time.Duration `json:"usual_ns"`   // what most answers take at most, in ns
	InFlight    int           `json:"in_flight"`  // attempts
	Connections int           `json:"connections"`
	Error       string        `json:"error,omitempty"` // the last, even if it is long over
	ErrorAt     time.Time     `json:"error_at,omitzero"`
	Retry       time.Duration `json:"retry_ns,omitempty"` // down: so long it is left out, in ns
	// Clock: the clock is wrong, so the dates of its certificate are not looked at.
	Clock bool `json:"clock,omitempty"`
	Counters
}

// Status returns how each server is, in the order of the Config.
func (u *Client) Status() []Status {
	t := u.table.Load()
	var all []Status
	for _, p := range t.all {
		s := p.status()
		if slices.Contains(t.root, p) {
			s.Domains = append(s.Domains, ".")
		}
		for name, peers := range t.domains {
			if slices.Contains(peers, p) {
				s.Domains = append(s.Domains, domainText(name))
			}
		}
		slices.Sort(s.Domains)
		all = append(all, s)
	}
	return all
}

// domainText is the inverse of wireName.
func domainText(name string) (text string) {
	for len(name) > 1 {
		text += name[1:1+name[0]] + "."
		name = name[1+name[0]:]
	}
	return text[:len(text)-1]
}

func (p *peer) status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Status{
		Server: p.server, State: Unused, Latency: p.latency.mean, InFlight: p.inFlight,
		Connections: len(p.streams), Counters: p.count, ErrorAt: p.lastErrAt,
	}
	if p.lastErr != nil {
		s.Error = p.lastErr.Error()
	}
	switch {
	case p.down:
		s.State = Down
		s.Retry = max(0, time.Until(p.failed.Add(p.wait)))
	case p.count.Answered > 0:
		s.State = Up
	}
	s.Clock = p.tls != nil && (p.world.clockless() || slices.ContainsFunc(p.streams, func(s *stream) bool {
		return s.undated && s.conn != nil
	}))
	if p.latency.n > 0 {
		s.Usual = p.latency.usual()
	}
	return s
}

// reason is why the server does not answer, as far as that is known.
func (p *peer) reason() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return p.cause
	}
	return errTimeout
}

// hopeless reports whether asking the server fails in a way that waiting does not mend, or fails in any way.
func (p *peer) hopeless(inAnyWay bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.down && (inAnyWay || p.fatal && len(p.streams) == 0)
}
