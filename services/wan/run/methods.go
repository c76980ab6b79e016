package run

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/internal/span"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
)

// Status is how the service is.
type Status struct {
	Link   string         `json:"link"`
	Absent bool           `json:"absent,omitempty"` // the link is not there
	MAC    wan.MAC        `json:"mac"`
	Client *client.Status `json:"client,omitempty"` // nil: the link has not been there yet, or Static4
	// Static4: the site says what the way out is over IPv4, and nobody is asked.
	Static4 bool           `json:"static4,omitempty"`
	Up      time.Duration  `json:"up_ns"`  // now, on the clock of all times in it
	Events  []client.Event `json:"events"` // the last ones, oldest first
	// Garbage counts messages that nobody can read.
	Garbage  uint64   `json:"garbage,omitempty"`
	Problems []string `json:"problems,omitempty"` // what a person should look at, one sentence each
	// IPv6 is the rest; nil: nothing is asked for over IPv6.
	IPv6 *Status6 `json:"ipv6,omitempty"`
}

// Methods returns what can be asked by name: "ping" (nothing, from the owner), "status" (Status), "problems"
// (those of it), "follow" (a Report, and each that is another), "renew" and "release" (nothing; they begin at
// once).
func (s *Service) Methods() control.Mux {
	return control.Mux{
		control.Ping: s.answer(func() any { return struct{}{} }),
		"status":     s.answer(func() any { return s.status() }),
		"problems":   s.answer(func() any { return append([]string{}, s.problems()...) }),
		"follow":     s.answerFollow,
		"renew": s.answer(func() any {
			s.wish((*client.Client).Renew)
			s.six.wish(true)
			return struct{}{}
		}),
		"release": s.answer(func() any {
			s.wish((*client.Client).Release)
			s.six.wish(false)
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

// wish carries out what a person wants of the engine.
func (s *Service) wish(of func(*client.Client, client.Now) []client.Action) {
	if s.client != nil {
		s.carryOut(of(s.client, s.now()))
	}
}

func (s *Service) status() Status {
	st := Status{
		Link: s.conf.Link, Absent: s.conn == nil, MAC: s.mac, Up: s.o.Uptime(),
		Events: slices.Clone(s.history.events), Garbage: s.garbage, Problems: s.problems(),
		Static4: s.conf.Static4,
	}
	if s.client != nil && !s.conf.Static4 {
		c := s.client.Status(s.now())
		st.Client = &c
	}
	if st.IPv6 = s.six.status(); s.conf.Static4 && st.IPv6 != nil {
		st.Absent = st.IPv6.Absent
	}
	return st
}

// problems returns what a person should look at.
func (s *Service) problems() (all []string) {
	if s.kept != nil {
		all = append(all, "The lease cannot be kept, so another may be given after a restart: "+
			s.kept.Error())
	}
	all = append(all, s.six.problems()...)
	if s.client == nil || s.conf.Static4 {
		return all // that the link is not there is said by init
	}
	st := s.client.Status(s.now())
	if !st.Held || st.Term.Unconfirmed {
		all = append(all, st.Text)
	}
	if r := st.Rival; r != nil {
		all = append(all, fmt.Sprintf("station %s uses the address %s too, %s: what is for the box may go there; "+
			"by the lease it is the box's, so it is kept and defended", r.MAC, st.Facts.Addrs[0].Addr(),
			rivalHeard(r, s.now().Up)))
	}
	if st.Held && !st.Facts.Gateway.IsValid() && len(st.Facts.Routes) == 0 {
		all = append(all, "no router was sent that can be used, and no route: nothing leads out by "+
			s.conf.Link)
	}
	return all
}

// rivalHeard says how often a rival was heard, and when last.
func rivalHeard(r *client.Rival, now time.Duration) string {
	if r.Times == 1 {
		return fmt.Sprintf("heard once, %s ago", span.Text(now-r.Last))
	}
	return fmt.Sprintf("heard %d times, last %s ago", r.Times, span.Text(now-r.Last))
}
