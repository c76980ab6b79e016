package run

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// Status is how the service is.
type Status struct {
	Started  time.Time      `json:"started"`
	Subnets  []SubnetStatus `json:"subnets"`
	Journal  JournalStatus  `json:"journal"`
	Problems []string       `json:"problems,omitempty"` // what a person should look at, one sentence each
}

// SubnetStatus is how one LAN is served. The counters run since the start.
type SubnetStatus struct {
	Name      string `json:"name"`
	Interface string `json:"interface"`
	Absent    string `json:"absent,omitempty"` // why it is not served; "": it is
	PoolSize  int    `json:"pool_size"`
	PoolUsed  int    `json:"pool_used"` // leased, on offer, or in quarantine
	PoolFree  int    `json:"pool_free"`
	Declined  int    `json:"declined"` // of PoolUsed, in quarantine
	Leases    int    `json:"leases"`   // running ones, of reserved addresses too
	Offered   int    `json:"offered"`  // of PoolUsed, on offer
	// who asked for the leases of a pool that is nearly full, in a sentence
	FilledBy string            `json:"filled_by,omitempty"`
	Probes   ProbeCounts       `json:"probes"`
	Stages   map[string]uint64 `json:"stages"`   // DISCOVERs by boot stage
	Received map[string]uint64 `json:"received"` // by message type
	Sent     map[string]uint64 `json:"sent"`     // by message type
	Dropped  map[string]uint64 `json:"dropped"`  // by reason: dhcp.Drop
}

// JournalStatus is how the leases are stored.
type JournalStatus struct {
	OK       bool      `json:"ok"`
	Error    string    `json:"error,omitempty"` // why not
	Since    time.Time `json:"since,omitzero"`  // since when not
	Records  int       `json:"records"`         // in the file, outdated ones included
	Syncs    uint64    `json:"syncs"`
	Rewrites uint64    `json:"rewrites"`
	Damaged  int       `json:"damaged"` // lines that were skipped at the start
}

// Status asks the running service. It waits until Run serves, or ctx ends.
func (s *Service) Status(ctx context.Context) (st Status, err error) {
	err = s.do(ctx, func() { st = s.status() })
	return st, err
}

// Leases returns what is known of all addresses; see Status.
func (s *Service) Leases(ctx context.Context) (all []dhcp.LeaseInfo, err error) {
	err = s.do(ctx, func() { all = s.leases() })
	return all, err
}

// leases has its times by the wall clock, as all that is shown.
func (s *Service) leases() []dhcp.LeaseInfo {
	all, ahead := s.engine.Leases(s.clock.now()), s.clock.ahead()
	for i := range all {
		l := &all[i]
		l.LastSeen, l.Expires = l.LastSeen.Add(ahead), l.Expires.Add(ahead)
	}
	return all
}

// Recent returns the last exchanges, oldest first, of one card or, if mac is nil,
// of all; see Status.
func (s *Service) Recent(ctx context.Context, mac *lease.MAC) (all []Exchange, err error) {
	return s.recent(ctx, Which{MAC: mac})
}

func (s *Service) recent(ctx context.Context, which Which) (all []Exchange, err error) {
	err = s.do(ctx, func() { all = s.exchanges(which) })
	return all, err
}

// Methods returns what can be asked by name: "ping" (nothing, when it is its turn),
// "status" (Status), "problems" (those of it), "leases" (a list of dhcp.LeaseInfo), and
// "recent" (the latest Exchanges; the argument is Which).
func (s *Service) Methods() control.Mux {
	return control.Mux{
		control.Ping: s.answer(func() any { return struct{}{} }),
		"status":     s.answer(func() any { return s.status() }),
		"problems":   s.answer(func() any { return append([]string{}, s.status().Problems...) }),
		"leases":     s.answer(func() any { return s.leases() }),
		"recent":     s.answerRecent,
	}
}

// answer answers with what is found.
func (s *Service) answer(find func() any) control.Handler {
	return func(ctx context.Context, _ json.RawMessage, send func(any) error) error {
		var found any
		if err := s.do(ctx, func() { found = find() }); err != nil {
			return err
		}
		return send(found)
	}
}

func (s *Service) answerRecent(ctx context.Context, args json.RawMessage, send func(any) error) error {
	var which Which
	if len(args) > 0 {
		if err := json.Unmarshal(args, &which); err != nil {
			return fmt.Errorf("recent: %w", err)
		}
	}
	all, err := s.recent(ctx, which)
	if err != nil {
		return err
	}
	return send(all)
}

func (s *Service) status() Status {
	ahead := s.clock.ahead()
	st := Status{Started: s.started.Add(ahead)}
	for _, l := range s.lans {
		n, c := s.engine.Stats(s.clock.now(), l.index), l.counts
		st.Subnets = append(st.Subnets, SubnetStatus{
			Name: l.Name, Interface: l.Interface, Absent: l.absent, PoolSize: n.Size,
			PoolUsed: n.Size - n.Free(), PoolFree: n.Free(), Declined: n.Declined, Offered: n.Offered,
			Leases: n.Leases, Probes: c.probes, Stages: c.stagesByName(),
			Received: c.received.named(), Sent: c.sent.named(), Dropped: c.droppedByName(),
		})
		if nearlyFull(n) {
			st.Subnets[l.index].FilledBy = s.filledBy(l)
		}
		if l.absent != "" {
			st.Problems = append(st.Problems, fmt.Sprintf("No leases for %s: %s.", l.Name, l.absent))
		}
		st.Problems = append(st.Problems, s.sharing(l)...)
		st.Problems = append(st.Problems, s.suspected(l, s.engine.Suspects(s.clock.now(), l.index))...)
		st.Problems = append(st.Problems, s.filled(l, n)...)
	}
	st.Problems = append(st.Problems, s.claims.problems(s.engine.NameOf)...)
	j := &s.journal
	since, err := j.fault(s.clock.now())
	st.Journal = JournalStatus{OK: err == nil, Records: j.file.Records(), Syncs: j.syncs,
		Rewrites: j.rewrites, Damaged: j.found.Damaged}
	if since = since.Add(ahead); err != nil {
		st.Journal.Error, st.Journal.Since = err.Error(), since
		st.Problems = append(st.Problems, fmt.Sprintf("No lease has been given since %s: %v.",
			since.Format(time.RFC3339), err))
	}
	if j.found.Damaged > 0 {
		st.Problems = append(st.Problems,
			fmt.Sprintf("%d lines of the lease journal were damaged and skipped.", j.found.Damaged))
	}
	return st
}

// byType counts messages by their type.
type byType [packet.Inform + 1]uint64

func (c *byType) add(t packet.MessageType) {
	if int(t) < len(c) {
		c[t]++
	}
}

func (c *byType) named() map[string]uint64 {
	m := make(map[string]uint64)
	for t, n := range c {
		if t > 0 && n > 0 {
			m[packet.MessageType(t).String()] = n
		}
	}
	return m
}

// counts are the counters of one subnet.
type counts struct {
	received, sent byType
	dropped        [dhcp.DropCount]uint64
	stages         [dhcp.StageCount]uint64
	probes         ProbeCounts
	shared         map[lease.MAC]share     // cards that two hosts have leases by
	doubted        map[lease.MAC]time.Time // since when it was logged that a card is not believed
	exhausted      bool                    // a client found no free address, and there is none yet
	unwatched      bool                    // it was told that who asks cannot be seen
	kept           bool                    // what is left of the pool was kept from a card, and is little
}

func (c *counts) add(out *dhcp.Outcome) {
	c.received.add(out.Type)
	if out.Type == packet.Discover {
		c.stages[out.Stage]++
	}
	if out.Drop != 0 {
		c.dropped[out.Drop]++
	} else if len(out.Reply) > 0 {
		c.sent.add(out.ReplyType)
	}
}

func (c *counts) stagesByName() map[string]uint64 {
	m := make(map[string]uint64)
	for stage, n := range c.stages {
		if n > 0 {
			m[dhcp.Stage(stage).String()] = n
		}
	}
	return m
}

func (c *counts) droppedByName() map[string]uint64 {
	m := make(map[string]uint64)
	for d, n := range c.dropped {
		if n > 0 {
			m[dhcp.Drop(d).String()] = n
		}
	}
	return m
}
