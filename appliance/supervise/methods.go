package supervise

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
)

// LogArgs are the arguments of the control method "log".
type LogArgs struct {
	Service string `json:"service,omitempty"` // "": all
	Lines   int    `json:"lines,omitempty"`   // of the past; 0: 100, below 0: none
	Follow  bool   `json:"follow,omitempty"`  // and what comes, until the client leaves
}

// LogLine is one result of the control method "log".
type LogLine struct {
	Line
	// Time is when, by the clock as it is set now: lines from before the clock
	// was set are right as well.
	Time time.Time `json:"time"`
}

// RestartArgs are the arguments of the control method "restart".
type RestartArgs struct {
	Service string `json:"service"`
}

// Methods are what the supervisor answers on its control socket:
//
//	services            one result, []Status in start order
//	log      LogArgs    LogLine for each line
//	restart  RestartArgs  one result, the Status before
func (s *Supervisor) Methods() control.Mux {
	return control.Mux{"services": s.answerServices, "log": s.answerLog, "restart": s.answerRestart}
}

func (s *Supervisor) answerServices(_ context.Context, _ json.RawMessage, send func(any) error) error {
	return send(s.Status())
}

func (s *Supervisor) answerRestart(_ context.Context, raw json.RawMessage, send func(any) error) error {
	var args RestartArgs
	if err := decode(raw, &args); err != nil {
		return err
	}
	if err := s.Restart(args.Service); err != nil {
		return err
	}
	return send(s.find(args.Service).status(time.Now()))
}

func (s *Supervisor) answerLog(ctx context.Context, raw json.RawMessage, send func(any) error) error {
	var args LogArgs
	if err := decode(raw, &args); err != nil {
		return err
	}
	if args.Lines == 0 {
		args.Lines = 100
	}
	if known := s.log.services(s); args.Service != "" && !slices.Contains(known, args.Service) {
		return fmt.Errorf("nothing is called %q; there are: %s", args.Service, strings.Join(known, ", "))
	}
	show := func(l Line) error {
		return send(LogLine{Line: l, Time: time.Now().Add(l.Up - s.log.uptime())})
	}
	seq := s.log.Seq()
	for _, l := range s.log.Last(args.Service, args.Lines) {
		seq = max(seq, l.Seq)
		if err := show(l); err != nil {
			return err
		}
	}
	if !args.Follow {
		return nil
	}
	return s.log.Follow(ctx, args.Service, seq, show)
}

// services are the names that may stand in the log: all that do, and all units.
func (l *Log) services(s *Supervisor) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for name := range l.rings {
		names = append(names, name)
	}
	for _, r := range s.runners {
		names = append(names, r.unit.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// decode reads arguments strictly: a misspelt one is an error, not ignored.
func decode(raw json.RawMessage, into any) error {
	if len(raw) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("arguments: %w", err)
	}
	return nil
}
