package run

import (
	"errors"
	"net"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/advert/conn"
	"github.com/gatehouse-os/gatehouse/services/radvd"
)

// A Watch hears who claims addresses of this machine on a link.
type Watch interface {
	// Each calls f with each claim, until Close.
	Each(f func(conn.Claim)) error
	// Own says which addresses the machine has there.
	Own(own []netip.Addr)
	links.Socket
}

// openWatch is Options.Watch.
func openWatch(link string) (Watch, error) {
	w, err := conn.OpenWatch(link)
	if err != nil { // not the nil *Watch, which is no nil Watch
		return nil, err
	}
	return w, nil
}

// watched are those of links where claims are heard: LANs, and others. They belong to the Service's mu, but
// for links.
type watches struct {
	links   *links.Keeper[Watch]
	changed chan struct{} // for links
	open    map[string]Watch
}

// watchOpenings have links as their keys.
func (s *Service) watchOpenings(c *radvd.Config) (all []links.Opening[Watch]) {
	add := func(link string) {
		all = append(all, links.Opening[Watch]{
			Key: link, Name: "claims on " + link, Open: func() (Watch, error) { return s.o.Watch(link) },
		})
	}
	for _, l := range c.Links {
		add(l.Name)
	}
	for _, link := range c.Watched {
		add(link)
	}
	return all
}

// setWatches has these links watched. What cannot be opened now the keeper says, and tries again: LANs are
// advertised on all the same.
func (s *Service) setWatches(c *radvd.Config) { _ = s.watches.links.Set(s.watchOpenings(c)) }

// watchOn has what hears claims on a link used, or nothing; w is nil then.
func (s *Service) watchOn(o links.Opening[Watch], w Watch, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w == nil {
		delete(s.watches.open, o.Key)
		return
	}
	s.watches.open[o.Key] = w
	w.Own(s.o.Look(o.Key).Own)
	s.readers.Go(func() {
		err := w.Each(func(c conn.Claim) { s.claimed(o.Key, w, c) })
		if !errors.Is(err, net.ErrClosed) {
			s.log.Error("who claims addresses is not heard", "link", o.Key, "cause", err)
		}
	})
}

func (s *Service) claimed(link string, w Watch, c conn.Claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watches.open[link] == w && !s.stopped {
		now := s.o.Uptime()
		s.carryOut(now, s.house.Claimed(now, link, c.Addr, c.Card))
	}
}
