package conntrack

import (
	"net/netip"
	"slices"
)

// Lost matches conversations with, or translated to, one of some addresses that the appliance has no more.
// What is masqueraded the kernel forgets by itself when the address goes (net/netfilter/nf_nat_masquerade.c);
// what was forwarded, translated one to one or is the appliance's own would go on with the old address, and
// hang.
func Lost(addrs []netip.Addr) func(Flow) bool {
	return func(f Flow) bool {
		return slices.ContainsFunc(addrs, func(a netip.Addr) bool {
			return f.Source.Addr() == a || f.Destination.Addr() == a || f.ReplySource.Addr() == a ||
				f.ReplyDestination.Addr() == a
		})
	}
}
