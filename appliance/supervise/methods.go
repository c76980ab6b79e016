package supervise

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/control"
)

// RestartArgs are the arguments of the control method "restart".
type RestartArgs struct {
	Service string `json:"service"`
}

// Methods are what the supervisor answers on its control socket:
//
//	services              one result, []Status in start order
//	restart  RestartArgs  one result, the Status before
func (s *Supervisor) Methods() control.Mux {
	return control.Mux{"services": s.answerServices, "restart": s.answerRestart}
}

// Names are those of the units, in start order.
func (s *Supervisor) Names() []string {
	var names []string
	for _, st := range s.Status() {
		names = append(names, st.Name)
	}
	return names
}

func (s *Supervisor) answerServices(_ context.Context, _ json.RawMessage, send func(any) error) error {
	return send(s.Status())
}

func (s *Supervisor) answerRestart(_ context.Context, raw json.RawMessage, send func(any) error) error {
	var args RestartArgs
	if err := control.Decode(raw, &args); err != nil {
		return err
	}
	before := s.Status()
	if err := s.Restart(args.Service); err != nil {
		return err
	}
	i := slices.IndexFunc(before, func(s Status) bool { return s.Name == args.Service })
	return send(before[i])
}
