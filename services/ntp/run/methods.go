package run

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel"
	"github.com/gatehouse-os/gatehouse/services/ntp/server"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// Status is how the service is.
type Status struct {
	Report
	Up   time.Duration `json:"up_ns"` // now, on the clock of all times in it
	Time time.Time     `json:"time"`  // the same, on the clock that is kept
	// RefID, RootDelay and RootDispersion are what LANs are told.
	RefID          string        `json:"refid"`
	RootDelay      time.Duration `json:"root_delay_ns"`
	RootDispersion time.Duration `json:"root_dispersion_ns"`
	Reference      time.Duration `json:"reference_age_ns"` // how long ago the clock was last corrected
	// Server is who is followed first; "": nobody is. Local: nobody is, and LANs are told the time all the
	// same.
	Server string `json:"server,omitempty"`
	Local  bool   `json:"local,omitempty"`
	// Error is how wrong the clock probably is, Frequency by how many ppm it is corrected, of FrequencyError.
	Error          time.Duration `json:"error_ns"`
	Frequency      float64       `json:"frequency_ppm"`
	FrequencyError float64       `json:"frequency_error_ppm"`
	Kernel         kernel.State  `json:"kernel"`
	Host           *Host         `json:"host,omitempty"` // nil: there is none that can be asked
	Kept           Kept          `json:"kept"`
	Answers        server.Counts `json:"answers"`
	// what a person should look at, one sentence each
	Problems []string `json:"problems,omitempty"`
}

// Host is the clock of the machine below.
type Host struct {
	Clock   string        `json:"clock"`
	Offset  time.Duration `json:"offset_ns"` // how far it is ahead
	Trouble string        `json:"trouble,omitempty"`
}

// Clients are those of LANs that have asked.
type Clients struct {
	Up      time.Duration   `json:"up_ns"` // now, on the clock of all times in it
	Known   int             `json:"known"`
	Clients []server.Client `json:"clients"` // who asked last first, at most so many as were wanted
}

// ClientsArgs are the arguments of "clients".
type ClientsArgs struct {
	Most int `json:"most"` // 0: defaultClients; maxClients at most
}

const (
	defaultClients = 200
	maxClients     = 5000
)

// MethodRestored tells the service that the machine was saved and restored, or moved to another one: the time
// is measured anew. It has no arguments, and waits until LANs are told.
const MethodRestored = "restored"

// Methods returns what can be asked by name: "ping" (nothing, from the owner), "status" (Status), "problems"
// (those of it), "sources" (Sources), "clients" (Clients, with ClientsArgs). MethodRestored is to tell it
// something.
func (s *Service) Methods() control.Mux {
	return control.Mux{
		control.Ping: s.answer(func() any { return struct{}{} }),
		"status":     s.answer(func() any { return s.status() }),
		"problems":   s.answer(func() any { return append([]string{}, s.problems()...) }),
		"sources":    s.answer(func() any { return s.sources() }),
		"clients":    s.answerClients,
		MethodRestored: s.answer(func() any {
			s.tend(s.discipline.Restored(s.moment()))
			s.publish()
			return struct{}{}
		}),
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

// answerClients is beside the owner: the list is long, and the server's own.
func (s *Service) answerClients(_ context.Context, raw json.RawMessage, send func(any) error) error {
	args := ClientsArgs{}
	if err := control.Decode(raw, &args); err != nil {
		return err
	}
	if args.Most < 0 || args.Most > maxClients {
		return fmt.Errorf("most: %d, want 0 to %d", args.Most, maxClients)
	}
	if args.Most == 0 {
		args.Most = defaultClients
	}
	all, known := s.server.Clients(args.Most)
	return send(Clients{s.o.Uptime(), known, all})
}

func (s *Service) status() Status {
	st, now := s.server.State(), s.o.Kernel.Now()
	out := Status{
		Report: s.now, Up: s.o.Uptime(), Time: time.Unix(0, now.Real).UTC(), RootDelay: st.RootDelay,
		Local: st.Local, RootDispersion: st.RootDispersion, Error: s.last.Error, Frequency: s.last.Frequency,
		FrequencyError: s.last.FreqError, Kept: s.kept, Answers: s.server.Counts(), Host: s.hostStatus(),
		Problems: s.problems(),
	}
	if st.Stratum > 0 {
		out.RefID = st.RefID.String()
		out.Reference = max(0, wire.FromUnix(now.Real).Sub(st.Reference))
	}
	if s.last.Server.IsValid() {
		out.Server = s.last.Server.String()
	}
	out.Kernel, _ = s.o.Kernel.Read() // it was read at the start
	return out
}

// hostStatus looks at the host's clock.
func (s *Service) hostStatus() *Host {
	if s.host == nil {
		return nil
	}
	offset, err := s.host.Offset()
	h := &Host{Clock: s.host.Name, Offset: offset}
	if err != nil {
		h.Trouble = err.Error()
	}
	return h
}

// settleTime is how long a clock may be without time after the start, or after it was lost, before that is a
// problem.
const settleTime = 5 * time.Minute

// problems returns what a person should look at.
func (s *Service) problems() (all []string) {
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if s.failing != nil {
		add("The clock cannot be corrected: %v", s.failing)
	}
	if s.storing != nil {
		add("How the clock runs cannot be kept, so it is measured anew after a restart: %v", s.storing)
	}
	if s.tied {
		add("The clock of this domain is tied to the host's, so it cannot be corrected: independent_wallclock of Xen is 0")
	}
	if s.last.Refused != "" {
		add("The sources are not followed: %s. If that one was wrong, name three sources in [ntp], or remove /perm/ntp/clock "+
			"and start the box anew", s.last.Refused)
	}
	st := s.client.Status(s.moment().Free)
	if len(s.conf.Sources) > 0 && !s.now.Synchronised && s.o.Uptime()-s.now.Since > settleTime {
		add("The clock is not synchronised: %s", s.stateOf(&st))
	}
	for _, text := range st.Problems {
		add("A time source cannot be asked: %s", text)
	}
	return all
}
