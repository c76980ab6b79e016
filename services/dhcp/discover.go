package dhcp

import (
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/packet"
)

// discover answers a DISCOVER with an offer: RFC 2131 4.3.1. Nothing is stored.
func (s *Server) discover(now time.Time, sub *subnet, out *Outcome) {
	out.Asked = s.in.Addr(packet.OptionRequestedAddr)
	c := sub.table.Offer(now, out.MAC, out.Asked)
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
	if h := s.hosts[out.MAC]; h != nil {
		out.Name = h.Name
	}
	s.answer(sub, out, packet.Offer, sub.leaseTime(s.askedTime()))
}

func blocked(w lease.Why) string {
	if w == lease.Quarantined {
		return "in quarantine after a DECLINE"
	}
	return "still leased to another card"
}
