package run

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
)

// heard is the station that messages of a server came from.
type heard struct {
	server netip.Addr
	mac    wan.MAC
}

// use goes on with the sockets k; nil: the link is gone.
func (s *Service) use(k Conn) {
	s.conn = k
	if !s.started {
		return
	}
	if k != nil {
		s.attach()
	}
	s.lookAtCarrier()
}

// attach reads from the sockets, and has the engine go on with their card.
func (s *Service) attach() {
	k := s.conn
	go s.read(k)
	mac := k.MAC()
	if s.client == nil || s.mac != mac {
		s.begin(mac)
	}
}

// begin makes an engine for a card, which takes the kept lease if it is its own.
func (s *Service) begin(mac wan.MAC) {
	conf := s.conf.On(mac)
	c, err := client.New(conf, s.o.Boot, s.o.Rand)
	if err != nil { // conf was checked, and a card has an address
		s.log.Error("no client for the link", "link", conf.Link, "cause", err)
		return
	}
	kept, err := s.readLease()
	if err != nil {
		s.log.Error("the kept lease cannot be read", "cause", err)
	}
	s.client, s.mac = c, mac
	s.carryOut(c.Start(s.now(), kept, s.carrier))
	if st := c.Status(s.now()); !st.Held { // what another card had is no way out by this one
		s.reports.none()
	}
}

// lookAtCarrier tells the engine when the link can be used, or can be no longer: it has carrier, and its
// sockets are open.
func (s *Service) lookAtCarrier() {
	s.six.lookAtCarrier()
	up := s.up && s.conn != nil
	if up == s.carrier {
		return
	}
	s.carrier = up
	if s.client != nil {
		s.carryOut(s.client.Carrier(s.now(), up))
	}
}

// read hands what comes in to the owner, until the sockets are closed.
func (s *Service) read(k Conn) {
	for {
		m, err := k.Read()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				s.log.Error("reading from the link", "cause", err)
			}
			return
		}
		if s.do(s.life, func() { s.receive(m) }) != nil {
			return
		}
	}
}

// receive hands a message to the engine.
func (s *Service) receive(m Message) {
	var p packet.Packet
	if err := p.Unmarshal(m.Payload); err != nil || s.client == nil {
		s.garbage++
		return
	}
	s.heard = heard{m.From, m.MAC}
	s.carryOut(s.client.Receive(s.now(), &p, m.From))
}

// look carries out a Probe, in place of the one before.
func (s *Service) look(p client.Probe) {
	if s.probing != nil {
		s.probing()
	}
	k := s.conn
	if k == nil {
		return
	}
	ctx, cancel := context.WithCancel(s.life)
	s.probing = cancel
	go func() {
		defer cancel()
		found, err := k.Probe(ctx, p)
		if ctx.Err() != nil {
			return
		}
		if err != nil { // such as a link that went down: the engine does not wait for ever
			s.log.Warn("looking for an address", "address", p.Addr.String(), "cause", err)
			return
		}
		s.hand(func() {
			if s.conn == k && ctx.Err() == nil {
				s.carryOut(s.client.Probed(s.now(), p.Addr, found))
			}
		})
	}()
}

// guard tells the engine when another station uses the address that is in use.
func (s *Service) guard(addr netip.Addr) {
	if s.guarding != nil {
		s.guarding()
		s.guarding = nil
	}
	k := s.conn
	if !addr.IsValid() || k == nil {
		return
	}
	ctx, cancel := context.WithCancel(s.life)
	s.guarding = cancel
	go func() {
		err := k.Watch(ctx, addr, func(by wan.MAC) {
			s.hand(func() {
				if s.conn == k && ctx.Err() == nil {
					s.carryOut(s.client.Conflict(s.now(), addr, by))
				}
			})
		})
		if err != nil && ctx.Err() == nil {
			s.log.Error("our address is not watched on the link", "address", addr.String(), "cause", err)
		}
	}()
}
