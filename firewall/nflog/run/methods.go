package run

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/internal/span"
)

// Methods returns what can be asked by name: "log" (a [nflog.Line] for each packet; the argument is
// [nflog.LogArgs]), "ping" (nothing, from the loop that reads), and "problems" (a list of sentences: packets
// that were lost lately, and which cards do what they should not to their neighbours).
func (s *Service) Methods() control.Mux {
	return control.Mux{
		control.Ping: s.answerPing,
		"log":        s.answerLog,
		"problems": func(_ context.Context, _ json.RawMessage, send func(any) error) error {
			return send(append(s.losses.problems(s.uptime()), s.cards.problems(s.uptime())...))
		},
	}
}

func (s *Service) answerPing(ctx context.Context, _ json.RawMessage, send func(any) error) error {
	done := make(chan struct{})
	select {
	case s.calls <- func() { close(done) }:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.wake()
	select {
	case <-done:
		return send(struct{}{})
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lately is how long the loss of packets is a problem to tell.
const lately = 10 * time.Minute

// losses are the packets that the kernel could not hand over, until none was lost for a while.
type losses struct {
	mu          sync.Mutex
	n           uint64
	first, last time.Duration // since the kernel started
}

func (l *losses) add(now time.Duration, n uint64) {
	if n == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n == 0 || now-l.last >= lately {
		l.n, l.first = 0, now
	}
	l.n, l.last = l.n+n, now
}

// problems returns what a person should know of losses at now, one sentence at most.
func (l *losses) problems(now time.Duration) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n == 0 || now-l.last >= lately {
		return []string{}
	}
	return []string{fmt.Sprintf("Of what the firewall logged in the last %s, %d packets are missing: more came than could be read.",
		span.Text(max(time.Second, now-l.first)), l.n)}
}
