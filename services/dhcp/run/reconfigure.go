package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// Reconfigure makes conf the configuration of the service; it waits until Run serves.
// Nothing that clients sent is lost but what they send to a LAN while its sockets are
// opened anew, which happens only if its link, our address on it, or whether it is probed
// has changed. With an error all is as before.
//
// What clients get afterwards is what they would get after a restart with conf: the
// leases are those of the journal, in which those also stay that conf has no subnet for.
// Offers, counters of subnets that keep their name, and what was remembered of exchanges
// stay as well.
func (s *Service) Reconfigure(conf dhcp.Config) error {
	s.reconfiguring.Lock()
	defer s.reconfiguring.Unlock()
	before, err := s.adopt(&conf)
	if err != nil {
		return err
	}
	if err := s.links.Set(s.o.openings(&conf)); err != nil {
		_, again := s.adopt(before)
		return errors.Join(err, again, s.links.Set(s.o.openings(before)))
	}
	return nil
}

// adopt checks conf and goes on with it. It returns what was before. The leases are read
// while all goes on, and those that have come up meanwhile are added.
func (s *Service) adopt(conf *dhcp.Config) (before *dhcp.Config, err error) {
	engine, err := dhcp.New(*conf)
	if err != nil {
		return nil, fmt.Errorf("dhcp configuration: %w", err)
	}
	var records io.Reader
	var upTo int64
	var ahead time.Duration
	var now time.Time
	if err := s.do(context.Background(), func() {
		records, upTo = s.journal.freeze()
		ahead, now = s.journal.file.Ahead(), s.clock.now()
	}); err != nil {
		return nil, err
	}
	err = restored(records, ahead, now, engine, map[netip.Addr]lease.Lease{})
	over := s.do(context.Background(), func() {
		s.journal.frozen = false
		before = s.conf
		if err == nil {
			err = s.change(conf, engine, upTo)
		}
	})
	if err = errors.Join(err, over); err != nil {
		return nil, fmt.Errorf("the leases for the new configuration: %w", err)
	}
	return before, nil
}

// change goes on with engine, which has what the journal has up to an offset.
func (s *Service) change(conf *dhcp.Config, engine *dhcp.Server, upTo int64) error {
	now := s.clock.now()
	records, _ := s.journal.file.Durable(upTo)
	if err := restored(records, s.journal.file.Ahead(), now, engine,
		map[netip.Addr]lease.Lease{}); err != nil {
		return err
	}
	if s.journal.committing {
		restore(engine, s.flying)
	}
	restore(engine, s.batch)
	engine.TakeOver(now, s.engine)
	s.conf, s.engine = conf, engine
	s.lans, s.byLink = lansOf(conf, s.lans)
	s.log.Info("configured anew",
		"subnets", len(conf.Subnets), "hosts", len(conf.Hosts), "leases", engine.Len())
	waiting := s.probes.waiting
	s.probes.waiting = nil
	for _, w := range waiting { // the answer may be another now
		s.decide(now, w.msg)
	}
	s.commit()
	return nil
}

// restore gives engine the leases of items that are not durable yet.
func restore(engine *dhcp.Server, items []item) {
	for _, it := range items {
		for _, l := range it.out.Records {
			engine.Restore(l)
		}
	}
}
