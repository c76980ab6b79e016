package dhcp

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// discover answers a DISCOVER with an offer: RFC 2131 4.3.1. Nothing is stored.
//
// An address of the pool that the client did not have before may be somebody's who
// never asked. Then the caller is to look first, and out says where: RFC 2131 4.4.1
// "the server SHOULD probe the offered address".
func (s *Server) discover(now time.Time, out *Outcome) {
	out.Asked = s.in.Addr(packet.OptionRequestedAddr)
	if !s.spares(now, out) {
		out.drop(DropKept, lease.KeptForOthers.String())
		return
	}
	c := s.sub.table.Offer(now, out.MAC, out.Asked)
	out.Reason = c.Why.String()
	if c.Blocked != 0 {
		out.Reason = "its reserved address is " + blocked(c.Blocked) + "; instead: " + out.Reason
	}
	if !c.Addr.IsValid() {
		out.drop(DropExhausted, out.Reason)
		if c.Why == lease.NoPool {
			out.Drop = DropNoPool
		}
		return
	}
	out.Addr = c.Addr
	if s.host != nil {
		out.Name = s.host.Name
	}
	switch {
	case c.Unproven && s.sub.Probe > 0:
		out.Probe = c.Addr
	case s.rapid() && s.commit(now, c.Addr, out) == 0:
		s.answer(out, packet.ACK, s.leaseTime())
	default:
		s.answer(out, packet.Offer, s.leaseTime())
	}
}

// rapid reports whether the client and its subnet want a lease in two messages. A
// client that may go without IPv4 altogether is asked first (RFC 8925).
func (s *Server) rapid() bool {
	return s.sub.RapidCommit && s.in.Option(packet.OptionRapidCommit) != nil &&
		!(s.sub.IPv6OnlyWait > 0 && s.asksFor(packet.OptionIPv6Only))
}

// Probed tells the result of a probe that an Outcome asked for: whether somebody
// answered at addr and, if it is known, which card. Then the address is put into
// quarantine, and out has the record of that. Handle the message again afterwards.
// A probe answered by the client's own card has found nobody: it still uses the
// address it had. Neither has one answered by a card that is not believed.
func (s *Server) Probed(now time.Time, subnet int, addr netip.Addr, used bool, by lease.MAC, out *Outcome) {
	out.reset()
	out.Subnet, out.Addr, out.MAC = subnet, addr, by
	table := s.subnets[subnet].table
	if !used {
		table.Probed(now, addr)
		return
	}
	if l, ok := table.Isolate(now, addr, by); ok {
		out.MAC = l.MAC
		out.Records = append(out.Records, l)
		out.Reason = "somebody who never asked answered there; in quarantine"
	}
}

// Believes reports whether a card that answers a probe of the subnet is somebody who uses that address. One
// that does so for one address after the other is not: lease.Table.Believe.
func (s *Server) Believes(now time.Time, subnet int, by lease.MAC) bool {
	return s.subnets[subnet].table.Believe(now, by)
}

// Suspects returns the cards that are not believed any more.
func (s *Server) Suspects(now time.Time, subnet int) []lease.Suspect {
	return s.subnets[subnet].table.Suspects(now)
}

func blocked(w lease.Why) string {
	if w == lease.Quarantined {
		return "in quarantine after a DECLINE"
	}
	return "still leased to another card"
}
