package dhcp

import (
	"time"
)

// TakeOver keeps the offers that old has made and s, into which the leases of old were
// restored, would still make, and who asked for the leases. That is all that old knows beyond
// them: a server takes over from one of another Config as after a restart, but for the clients
// between OFFER and REQUEST.
func (s *Server) TakeOver(now time.Time, old *Server) {
	s.ids = old.ids
	for _, from := range old.subnets {
		for _, to := range s.subnets {
			if to.Prefix.Overlaps(from.Prefix) {
				to.table.KeepSent(from.table)
			}
		}
		for _, o := range from.table.Offers(now) {
			for _, to := range s.subnets {
				if to.Prefix.Contains(o.Addr) {
					to.table.Keep(now, o)
				}
			}
		}
	}
}
