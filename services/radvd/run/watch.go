package run

import (
	"errors"
	"net"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/advert/conn"
	"github.com/gatehouse-os/gatehouse/services/radvd"
)

// watchOpenings are those of links that are no LANs, whose keys begin with an empty name of a LAN.
func (s *Service) watchOpenings(c *radvd.Config) (all []links.Opening[Conn]) {
	for _, link := range c.Watched {
		all = append(all, links.Opening[Conn]{
			Key: "\n" + link, Name: link + " (claims)", Open: func() (Conn, error) { return s.o.Watch(link) },
		})
	}
	return all
}

// watchOn has the socket of a link that is no LAN used, or none; c is nil then.
func (s *Service) watchOn(link string, c Conn) {
	if c == nil {
		delete(s.watched, link)
		return
	}
	s.watched[link] = c
	if s.house != nil {
		s.readClaims(link, c)
	}
}

// readClaims begins to hear who claims addresses of this machine on a link that is no LAN.
func (s *Service) readClaims(link string, c Conn) {
	s.lookAtWatched(link)
	s.readers.Go(func() {
		err := c.Each(func(m *conn.Message) { s.claimedOn(link, c, m) })
		if !errors.Is(err, net.ErrClosed) {
			s.log.Error("who claims addresses is not heard", "link", link, "cause", err)
		}
	})
}

func (s *Service) claimedOn(link string, c Conn, m *conn.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watched[link] != c || s.stopped || m.Kind != conn.IsNeighbour {
		return
	}
	now := s.o.Uptime()
	s.carryOut(now, s.house.ClaimedOn(now, link, m.From, m.Target, m.MAC))
}

// lookAtWatched has the engine and the socket of such a link know its addresses.
func (s *Service) lookAtWatched(link string) {
	state, c := s.o.Look(link), s.watched[link]
	if c == nil { // while it has no socket, nothing is heard: it may be a duplicate
		s.house.Watching(link, [6]byte{}, state)
		return
	}
	s.house.Watching(link, c.MAC(), state)
	s.limit(link, c, state)
}

// limit has the kernel hand a socket claims of the addresses of its link.
func (s *Service) limit(link string, c Conn, state radvd.LinkState) {
	if err := c.Watch(state.Own); err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Error("who claims addresses is not heard", "link", link, "cause", err)
	}
}
