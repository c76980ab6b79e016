package main

import (
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
	dnsrun "github.com/gatehouse-os/gatehouse/services/dns/run"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// A leaseJournal is the journal of the DHCP service as the DNS service reads it. The two do not know each
// other.
type leaseJournal struct{ *leasefile.Follower }

func followLeases(dir string) dnsrun.Journal { return leaseJournal{leasefile.Follow(dir)} }

// Poll implements dnsrun.Journal.
func (j leaseJournal) Poll(restart func(), each func(zone.Lease)) error {
	return j.Follower.Poll(restart, func(l lease.Lease) {
		z := zone.Lease{Name: l.Name, Addr: l.Addr, Client: l.MAC.String()}
		if l.State == lease.Bound {
			z.Until = l.Until
		}
		each(z)
	})
}
