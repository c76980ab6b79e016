package dhcp

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// request answers a REQUEST: RFC 2131 4.3.2. The state of the client shows in
// what the message carries (table 4 of the RFC).
func (s *Server) request(now time.Time, out *Outcome) {
	out.State, out.Asked = s.state()
	if out.State == Selecting && !s.ours() {
		s.sub.table.Withdraw(now, out.MAC)
		out.drop(DropOtherServer, "it took the offer of another server")
		return
	}
	switch {
	case !out.Asked.IsValid():
		out.drop(DropMalformed, "asks for no address")
	case !s.sub.Prefix.Contains(out.Asked):
		s.nak(out, "not an address of this network")
	case out.State == InitReboot && !out.Known:
		// "If the DHCP server has no record of this client, then it MUST remain silent."
		out.drop(DropNoRecord, "confirms an address, but nothing is known of this client")
	default:
		s.acknowledge(now, out)
	}
}

// state returns the state of the client that sends a REQUEST, and the address that it asks for. Who does not
// ask for one by option 50 can only mean the one in ciaddr: clients of RFC 1541 name the server besides (54),
// when they renew. Who does has none, whatever else is in ciaddr.
func (s *Server) state() (RequestState, netip.Addr) {
	asked, has := s.in.Addr(packet.OptionRequestedAddr), !s.in.CIAddr.IsUnspecified()
	switch asks := s.in.Option(packet.OptionRequestedAddr) != nil; {
	case has && !asks:
		return Renewing, s.in.CIAddr
	case s.namesServer():
		return Selecting, asked
	case has && asked == s.in.CIAddr:
		return Renewing, asked
	}
	return InitReboot, asked
}

// hasAddress reports whether the client says that it has the address that it is told about, so that it
// answers ARP for it. It does not while it asks for one (option 50) or names a server (54), which is for
// those that take an offer; some, as VPCS, have what they were offered in ciaddr by then. Behind a relay
// agent who asks past it came through a router, and so from an address.
func (s *Server) hasAddress(out *Outcome) bool {
	switch {
	case out.Type == packet.Inform:
		return true
	case out.State != Renewing:
		return false
	}
	return s.in.Option(packet.OptionRequestedAddr) == nil && !s.namesServer() || s.sub.Relayed
}

// acknowledge leases the address asked for, or refuses it.
func (s *Server) acknowledge(now time.Time, out *Outcome) {
	if refused := s.commit(now, out.Asked, out); refused != 0 {
		s.nak(out, refused.String())
		return
	}
	out.Reason = "from the pool"
	if s.isReserved(out.MAC, out.Addr) {
		out.Reason = lease.Reserved.String()
	}
	s.answer(out, packet.ACK, s.leaseTime())
}

// commit leases addr to the client, if it may have it.
func (s *Server) commit(now time.Time, addr netip.Addr, out *Outcome) (refused lease.Why) {
	if !s.spares(now, out) {
		return lease.KeptForOthers
	}
	name := s.nameFor(now, out.MAC)
	out.Records, refused = s.sub.table.Commit(now, out.MAC, addr, s.leaseTime(), name, out.Records)
	if refused == 0 {
		out.Addr, out.Name = addr, name
		s.grant(out)
		s.sent(out)
	}
	return refused
}

// askedTime returns the lease time the client would like, 0 if it has no wish.
func (s *Server) askedTime() time.Duration {
	n, _ := s.in.Uint32(packet.OptionLeaseTime)
	return time.Duration(n) * time.Second
}

// decline takes an address away that the client found in use: RFC 2131 4.3.3.
func (s *Server) decline(now time.Time, out *Outcome) {
	out.Asked = s.in.Addr(packet.OptionRequestedAddr)
	s.giveBack(out, func(a netip.Addr) bool {
		l, ok := s.sub.table.Decline(now, out.MAC, a)
		if ok {
			out.Records = append(out.Records, l)
			out.Reason = "found in use by somebody else; in quarantine"
		}
		return ok
	})
	if out.Drop == DropNotHeld && !s.sub.table.Believe(now, out.MAC) {
		out.drop(DropNotBelieved, "as many addresses are in quarantine by its word as may be by that of one card")
	}
}

// release ends a lease: RFC 2131 4.3.4.
func (s *Server) release(now time.Time, out *Outcome) {
	out.Asked = s.in.CIAddr
	s.giveBack(out, func(a netip.Addr) bool {
		l, ok := s.sub.table.Release(now, out.MAC, a)
		if ok {
			out.Records = append(out.Records, l)
			out.Reason = "given back"
		}
		return ok
	})
}

func (s *Server) giveBack(out *Outcome, do func(netip.Addr) bool) {
	switch {
	case !s.ours():
		out.drop(DropOtherServer, "for another server")
	case !out.Asked.IsValid() || out.Asked.IsUnspecified():
		out.drop(DropMalformed, "names no address")
	case !do(out.Asked):
		out.drop(DropNotHeld, "the address is not this client's")
	}
}

// inform tells a client that has an address the rest: RFC 2131 4.3.5. "The server
// MUST NOT send a lease expiration time to the client and SHOULD NOT fill in
// 'yiaddr'", and it "SHOULD NOT check for an existing lease binding": only that the
// address is one of the network it is told about.
func (s *Server) inform(out *Outcome) {
	out.Asked = s.in.CIAddr
	if !s.sub.Prefix.Contains(out.Asked) {
		out.drop(DropMalformed, "asks about an address that is not of this network")
		return
	}
	if s.host != nil {
		out.Name = s.host.Name
	}
	out.Reason = "has an address of its own"
	s.answer(out, packet.ACK, 0)
}
