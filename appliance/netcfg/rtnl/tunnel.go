package rtnl

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
)

// sittun is a tunnel in the words of the kernel. With path MTU discovery the packets of the tunnel are not to
// be fragmented on their way, and who sends a packet that is too large for the path is told (RFC 4213 3.2.2);
// below 1280 bytes, which IPv6 must have, they are (net/ipv6/sit.c, ipip6_tunnel_xmit).
func sittun(l netcfg.Link) *netlink.Sittun {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Group = l.Name, netcfg.Owner
	return &netlink.Sittun{
		LinkAttrs: attrs, Local: l.Local.AsSlice(), Remote: l.Remote.AsSlice(), Ttl: netcfg.TunnelTTL,
		PMtuDisc: 1, Proto: unix.IPPROTO_IPV6,
	}
}

func (k kernel) addTunnel(l netcfg.Link) error { return k.LinkAdd(sittun(l)) }

// setTunnel changes the ends of a tunnel in place: what is on it, and who speaks through it, stays. The link
// is named, and has no index here: beside one, Linux takes the name for another, which no link that is up may
// get (net/core/dev.c, dev_change_name: EBUSY).
func (k kernel) setTunnel(l netcfg.Link) error { return k.LinkModify(sittun(l)) }

// addrOf is an address of the kernel's; the zero Addr for none, and for that of everybody.
func addrOf(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	if a = a.Unmap(); a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}
