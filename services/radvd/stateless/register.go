package stateless

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/radvd"
)

// Register returns the acknowledgement of a message by which a host says that it has made an address: RFC
// 9686; nil: there is none. from is where the message, which came to ff02::1:2 on a LAN, came from.
//
// Nothing is kept of it here. The acknowledgement is sent to that address, so the kernel asks the link who
// has it, and what it hears is worth more than what the message says: see services/radvd/stations.
func Register(l *radvd.Link, from netip.Addr, message []byte) []byte {
	m, err := dhcpv6.Read(message)
	if err != nil || m.Type != dhcpv6.AddrRegInform || !l.Other || !registers(m.Options) {
		return nil
	}
	all := slices.Collect(m.Options.All(dhcpv6.OptionIAAddr))
	if len(all) != 1 {
		return nil
	}
	a, err := dhcpv6.ReadAddress(all[0])
	onLink := slices.ContainsFunc(l.Prefixes, func(p radvd.Prefix) bool { return p.Prefix.Contains(from) })
	if err != nil || a.Addr != from || !onLink {
		return nil
	}
	reply := dhcpv6.Message{Type: dhcpv6.AddrRegReply, ID: m.ID}
	reply.Options.Add(dhcpv6.OptionIAAddr, all[0])
	return reply.Append(nil)
}

// registers are the checks of RFC 9686 4.2.1.
func registers(o dhcpv6.Options) bool {
	return dhcpv6.DUID(o.Get(dhcpv6.OptionClientID)).Valid() && !o.Has(dhcpv6.OptionServerID) &&
		!o.Has(dhcpv6.OptionORO)
}
