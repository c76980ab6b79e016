package dhcp

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// A Holder is whose an address is: of a host by its cards, or of who has the lease.
type Holder struct {
	Name string // "": it did not say
	MACs []lease.MAC
}

// Holders returns whose which addresses are at now, of the subnets on links of this machine: of hosts that
// are known by their cards, and of running leases.
func (s *Server) Holders(now time.Time) map[netip.Addr]Holder {
	all := map[netip.Addr]Holder{}
	for _, sub := range s.subnets {
		if sub.Interface == "" {
			continue
		}
		for _, h := range s.hosts {
			for _, a := range h.Addrs {
				if sub.Prefix.Contains(a) {
					all[a] = Holder{h.Name, h.MACs}
				}
			}
		}
		for l := range sub.table.All(now) {
			if l.State != lease.Bound || isBehind(l.MAC) {
				continue
			}
			h := all[l.Addr]
			if h.Name == "" {
				h.Name = l.Name
			}
			h.MACs = append(slices.Clip(h.MACs), l.MAC)
			all[l.Addr] = h
		}
	}
	return all
}

// NameOf is what the host with a card is called, "" if that is not known.
func (s *Server) NameOf(mac lease.MAC) string {
	if h := s.hostOf(mac); h != nil {
		return h.Name
	}
	return ""
}
