package run

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/services/radvd"
)

// Status is how the service is.
type Status struct {
	Up   time.Duration     `json:"up_ns"` // now, on the clock of all times in it
	LANs []radvd.LANStatus `json:"lans"`
	// Refused counts, by LAN, messages that pass no check of RFC 4861.
	Refused  map[string]uint64 `json:"refused,omitempty"`
	Problems []string          `json:"problems,omitempty"` // what a person should look at, one sentence each
}

// Methods returns what can be asked by name: "ping" (nothing), "status" (Status), "problems" (those of it),
// "stations" (which host has which IPv6 address: a list of stationfile.Station).
func (s *Service) Methods() control.Mux {
	return control.Mux{
		control.Ping: s.answer(func() any { return struct{}{} }),
		"status":     s.answer(func() any { return s.status() }),
		"problems":   s.answer(func() any { return append([]string{}, s.problems()...) }),
		"stations":   s.answer(func() any { return s.stations.Stations() }),
	}
}

var errStarting = errors.New("the service is starting")

// answer answers with what is found while nothing else happens.
func (s *Service) answer(find func() any) control.Handler {
	return func(_ context.Context, _ json.RawMessage, send func(any) error) error {
		s.mu.Lock()
		if s.house == nil {
			s.mu.Unlock()
			return errStarting
		}
		found := find()
		s.mu.Unlock()
		return send(found)
	}
}

func (s *Service) status() Status {
	now := s.o.Uptime()
	st := Status{Up: now, LANs: s.house.Status(now, s.conf), Refused: map[string]uint64{},
		Problems: s.problems()}
	for lan, c := range s.lans {
		if n := c.Refused(); n > 0 {
			st.Refused[lan] = n
		}
	}
	return st
}

func (s *Service) problems() (all []string) {
	if s.kept != nil {
		all = append(all, "What hosts may hold cannot be stored, so prefixes that go are not taken back after a restart: "+
			s.kept.Error())
	}
	all = append(all, s.house.Problems(s.o.Uptime(), s.conf)...)
	return append(all, s.stations.Problems()...)
}

// Reconfigure makes conf the configuration; it waits until LANs that are in it no more were told, which may
// take three seconds. With an error all is as before.
func (s *Service) Reconfigure(conf radvd.Config) error {
	if err := conf.Check(); err != nil {
		return err
	}
	s.reconfiguring.Lock()
	defer s.reconfiguring.Unlock()
	before := s.adopt(conf)
	s.takeLeave(&before, &conf)
	if err := s.links.Set(s.openings(&conf)); err != nil {
		s.adopt(before)
		return errors.Join(err, s.links.Set(s.openings(&before)))
	}
	s.inform.set(&conf)
	s.setWatches(&conf)
	return nil
}

// adopt goes on with conf, and returns what was before.
func (s *Service) adopt(conf radvd.Config) (before radvd.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, s.conf = s.conf, conf
	now := s.o.Uptime()
	for _, l := range before.Links {
		s.house.Known(l.Network, s.stations.Hosts(l.Network, radvd.MaxKnown))
	}
	s.house.Reconfigure(now, conf)
	s.look()
	s.carryOut(now, s.house.Tick(now))
	s.hurry()
	return before
}

// takeLeave waits until the LANs that are in a configuration no more were told so.
func (s *Service) takeLeave(before, after *radvd.Config) {
	for end := s.o.Uptime() + farewell; s.o.Uptime() < end; time.Sleep(20 * time.Millisecond) {
		if s.told(before, after) {
			return
		}
	}
}

func (s *Service) told(before, after *radvd.Config) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range before.Links {
		stays := slices.ContainsFunc(after.Links, func(o radvd.Link) bool { return o.Network == l.Network })
		if !stays && !s.house.Told(s.o.Uptime(), l.Network) {
			return false
		}
	}
	return true
}
