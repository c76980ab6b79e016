package dhcp

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// Who fills a pool is not who its leases are for: a card in a message (chaddr) can be made up, and so can a
// client identifier. So each lease of the pool has who asked for it, if that is somebody else:
//
//	through a relay agent ──────► that, and the circuit that it names
//	in a frame of another card ─► that card: a repeater, a bridge for Wi-Fi, or one who makes clients up
//	for a host behind a card ───► that card (clientOf)
//
// What comes from a relayed network without its relay agent, renewals, has the card of a router, and tells
// nothing. The frames are looked at only while much of the pool is leased, and all of it is known in memory
// only: of other leases it is known when their clients renew, and a flood goes on.

// routed reports whether the frame of the message under way is a router's.
func (s *Server) routed() bool {
	return !s.in.GIAddr.IsUnspecified() || s.sub != nil && s.sub.Relayed
}

// asker returns the card that asks for another, zero if the card of the message asks for itself, or if it
// came through a router.
func (s *Server) asker(out *Outcome) lease.MAC {
	switch {
	case s.routed():
		return lease.MAC{}
	case out.From == (lease.MAC{}) && out.MAC != out.Card:
		return out.Card
	}
	return out.From
}

// spares reports whether the client may have an address of the pool that it does not have yet.
func (s *Server) spares(now time.Time, out *Outcome) bool {
	return s.sub.table.Spares(now, out.MAC, s.asker(out))
}

// sent notes who asked for the lease that the client has just got, or renewed.
func (s *Server) sent(out *Outcome) {
	switch {
	case out.Agent.IsValid():
		s.sub.table.Sent(out.MAC, lease.MAC{}, out.Agent, s.relay.circuit)
	case s.routed():
	default:
		if by := s.asker(out); s.seen || by != (lease.MAC{}) {
			s.sub.table.Sent(out.MAC, by, netip.Addr{}, nil)
		}
	}
}

// Origins says who the leases of a subnet's pool were asked for by, and how many began after since.
func (s *Server) Origins(now, since time.Time, subnet int) lease.Origins {
	return s.subnets[subnet].table.Origins(now, since)
}
