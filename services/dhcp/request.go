package dhcp

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/packet"
)

// request answers a REQUEST: RFC 2131 4.3.2. The state of the client shows in
// what the message carries (table 4 of the RFC).
func (s *Server) request(now time.Time, sub *subnet, out *Outcome) {
	asked, has := s.in.Addr(packet.OptionRequestedAddr), !s.in.CIAddr.IsUnspecified()
	switch {
	case s.in.Option(packet.OptionServerID) != nil:
		out.State, out.Asked = Selecting, asked
		if !s.ours(sub) {
			sub.table.Withdraw(now, out.MAC)
			out.drop(DropOtherServer, "it took the offer of another server")
			return
		}
	case has:
		out.State, out.Asked = Renewing, s.in.CIAddr
	default:
		out.State, out.Asked = InitReboot, asked
	}
	switch {
	case !out.Asked.IsValid():
		out.drop(DropMalformed, "asks for no address")
	case !sub.Prefix.Contains(out.Asked):
		s.nak(sub, out, "not an address of this network")
	case out.State == InitReboot && !s.knows(now, sub, out):
		// "If the DHCP server has no record of this client, then it MUST remain silent."
		out.drop(DropNoRecord, "confirms an address, but nothing is known of this client")
	default:
		s.acknowledge(now, sub, out)
	}
}

// knows reports whether there is any record of the client on this subnet.
func (s *Server) knows(now time.Time, sub *subnet, out *Outcome) bool {
	if s.hosts[out.MAC] != nil {
		return true
	}
	_, ok := sub.table.Of(now, out.MAC)
	return ok
}

// acknowledge leases the address asked for, or refuses it.
func (s *Server) acknowledge(now time.Time, sub *subnet, out *Outcome) {
	name, life := s.nameFor(now, sub, out.MAC), sub.leaseTime(s.askedTime())
	records, refused := sub.table.Commit(now, out.MAC, out.Asked, life, name, out.Records)
	if refused != 0 {
		s.nak(sub, out, refused.String())
		return
	}
	out.Records = records
	out.Addr, out.Name, out.Reason = out.Asked, name, "from the pool"
	if s.isReserved(out.MAC, out.Addr) {
		out.Reason = lease.Reserved.String()
	}
	s.answer(sub, out, packet.ACK, life)
}

// askedTime returns the lease time the client would like, 0 if it has no wish.
func (s *Server) askedTime() time.Duration {
	b := s.in.Option(packet.OptionLeaseTime)
	if len(b) != 4 {
		return 0
	}
	return time.Duration(binary.BigEndian.Uint32(b)) * time.Second
}

// decline takes an address away that the client found in use: RFC 2131 4.3.3.
func (s *Server) decline(now time.Time, sub *subnet, out *Outcome) {
	out.Asked = s.in.Addr(packet.OptionRequestedAddr)
	s.giveBack(sub, out, func(a netip.Addr) bool {
		l, ok := sub.table.Decline(now, out.MAC, a)
		if ok {
			out.Records = append(out.Records, l)
			out.Reason = "found in use by somebody else; in quarantine"
		}
		return ok
	})
}

// release ends a lease: RFC 2131 4.3.4.
func (s *Server) release(now time.Time, sub *subnet, out *Outcome) {
	out.Asked = s.in.CIAddr
	s.giveBack(sub, out, func(a netip.Addr) bool {
		l, ok := sub.table.Release(now, out.MAC, a)
		if ok {
			out.Records = append(out.Records, l)
			out.Reason = "given back"
		}
		return ok
	})
}

func (s *Server) giveBack(sub *subnet, out *Outcome, do func(netip.Addr) bool) {
	switch {
	case !s.ours(sub):
		out.drop(DropOtherServer, "for another server")
	case !out.Asked.IsValid() || out.Asked.IsUnspecified():
		out.drop(DropMalformed, "names no address")
	case !do(out.Asked):
		out.drop(DropNotHeld, "the address is not this client's")
	}
}

// inform tells a client that has an address the rest: RFC 2131 4.3.5. "The server
// MUST NOT send a lease expiration time to the client and SHOULD NOT fill in 'yiaddr'."
func (s *Server) inform(sub *subnet, out *Outcome) {
	out.Asked = s.in.CIAddr
	if !sub.Prefix.Contains(out.Asked) {
		out.drop(DropMalformed, "asks about an address that is not of this network")
		return
	}
	if h := s.hosts[out.MAC]; h != nil {
		out.Name = h.Name
	}
	out.Reason = "has an address of its own"
	s.answer(sub, out, packet.ACK, 0)
}
