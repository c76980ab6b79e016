package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4"
)

// carryOut does what the engine wants, in its order.
func (s *Service) carryOut(actions []tunnel6in4.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case tunnel6in4.Ping:
			s.probe(a)
		case tunnel6in4.Tell:
			s.tell(a)
		case tunnel6in4.Store:
			s.keep(a.Kept)
		case tunnel6in4.Turned:
			s.log.Info(map[bool]string{true: "the tunnel is up", false: "the tunnel is down"}[a.Up],
				"why", s.engine.Status(s.now()).Why)
			s.reports.set(Report{Up: a.Up})
		}
	}
}

// probe sends one. That it cannot be sent is as if nobody answered: the address may not be there yet.
func (s *Service) probe(p tunnel6in4.Ping) {
	text := ""
	if err := s.sockets.Send(p.To, p.From, p.Seq); err != nil {
		text = err.Error()
	}
	if text != "" && text != s.failing {
		s.log.Warn("a probe cannot be sent", "to", p.To.String(), "cause", text)
	}
	if p.To.Is6() {
		s.failing = text
	}
}

// tell asks the broker beside all else.
func (s *Service) tell(t tunnel6in4.Tell) {
	if s.asking != nil {
		s.asking()
	}
	ctx, cancel := context.WithCancel(s.life)
	s.asking = cancel
	s.log.Info("the broker is told our address", "address", t.From.String(), "why", string(t.Reason))
	s.helpers.Go(func() {
		defer cancel()
		o := s.o.Ask(ctx, t)
		_ = s.do(ctx, func() {
			if ctx.Err() != nil {
				return // another took its place
			}
			s.log.Info("the broker has answered", "code", string(o.Code), "text", o.Text)
			s.carryOut(s.engine.Answered(s.now(), o))
		})
	})
}

// stateFile is what the broker was told.
const (
	stateFile    = "broker"
	maxStateFile = 16 << 10
)

func (s *Service) keep(k tunnel6in4.Kept) {
	b, err := json.Marshal(k)
	if err == nil {
		err = statefile.Write(filepath.Join(s.o.StateDir, stateFile), append(b, '\n'), 0o600)
	}
	if err != nil && s.kept == nil {
		s.log.Error("what the broker was told cannot be kept: after a restart it is told again", "cause", err)
	}
	s.kept = err
}

// readKept returns what is kept, nil if nothing is.
func (s *Service) readKept() (*tunnel6in4.Kept, error) {
	b, err := statefile.Read(filepath.Join(s.o.StateDir, stateFile), maxStateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var k tunnel6in4.Kept
	if err := json.Unmarshal(b, &k); err != nil {
		return nil, fmt.Errorf("%s: %w", stateFile, err)
	}
	return &k, nil
}
