package explain

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// A Network is what the kernel knows of addresses and ways.
type Network struct {
	Addresses []Address
	Routes    []Route // beside those that follow from Addresses
}

// An Address is one of the appliance's own, with the length of the network that it is on.
type Address struct {
	Link   string
	Prefix netip.Prefix
}

// A Route leads to a network by a link.
type Route struct {
	To   netip.Prefix // masked
	Link string
}

// own reports whether a is the appliance's.
func (n Network) own(a netip.Addr) bool {
	return a.IsLoopback() || slices.ContainsFunc(n.Addresses, func(own Address) bool {
		return own.Prefix.Addr() == a
	})
}

// Own reports whether a is one of the appliance's addresses.
func (n Network) Own(a netip.Addr) bool { return n.own(a) }

// Direct is the link that a host with address a is on itself, false if it is behind a router.
func (n Network) Direct(a netip.Addr) (link string, ok bool) {
	bits := -1
	for _, own := range n.Addresses {
		if own.Prefix.Contains(a) && own.Prefix.Bits() > bits {
			bits, link = own.Prefix.Bits(), own.Link
		}
	}
	routed := slices.ContainsFunc(n.Routes, func(r Route) bool {
		return r.To.Contains(a) && r.To.Bits() > bits
	})
	return link, bits >= 0 && !routed
}

// ownOn reports whether a is the appliance's on a link.
func (n Network) ownOn(link string, a netip.Addr) bool {
	return slices.Contains(n.Addresses, Address{link, netip.PrefixFrom(a, n.bitsOf(link, a))})
}

// bitsOf is the length of the network of an own address, -1 if it is none.
func (n Network) bitsOf(link string, a netip.Addr) int {
	i := slices.IndexFunc(n.Addresses, func(own Address) bool {
		return own.Link == link && own.Prefix.Addr() == a
	})
	if i < 0 {
		return -1
	}
	return n.Addresses[i].Prefix.Bits()
}

// addressOn is the address that a link's packets get as their source when they are masqueraded.
func (n Network) addressOn(link string, v4 bool) (netip.Addr, bool) {
	i := slices.IndexFunc(n.Addresses, func(own Address) bool {
		return own.Link == link && own.Prefix.Addr().Is4() == v4
	})
	if i < 0 {
		return netip.Addr{}, false
	}
	return n.Addresses[i].Prefix.Addr(), true
}

// next is the link by which a packet to a goes on, or that it is for the appliance itself, as all is that
// came in by a link for everybody there.
func (n Network) next(a netip.Addr, in string) (link string, local bool) {
	if in != "" && (n.own(a) || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) ||
		in == "lo") {
		return "", true
	}
	if a.Is6() && a.IsLinkLocalUnicast() {
		return in, false
	}
	return n.LinkTo(a), false
}

// LinkTo is the link of the best route to a, "" if there is none.
func (n Network) LinkTo(a netip.Addr) string {
	best, link := -1, ""
	consider := func(to netip.Prefix, by string) {
		if to.Contains(a) && to.Bits() > best {
			best, link = to.Bits(), by
		}
	}
	for _, own := range n.Addresses {
		consider(own.Prefix.Masked(), own.Link)
	}
	for _, r := range n.Routes {
		consider(r.To, r.Link)
	}
	return link
}

// wayOut is the link by which a packet to a goes on, "" if it is for the appliance or for everybody.
func (n Network) wayOut(a netip.Addr) string {
	if n.own(a) || a.IsMulticast() || a.IsLinkLocalUnicast() ||
		a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return ""
	}
	return n.LinkTo(a)
}

// leadsBack reports whether the best route to the source of p leaves by the interface that p came in by. The
// kernel does not ask on the loopback, nor about a host that has no address yet and speaks to everybody, and
// each link leads to its link-local addresses.
func (n Network) leadsBack(p Packet) bool {
	src, dst := p.Source.Addr(), p.Destination.Addr()
	switch {
	case p.In == "lo":
		return true
	case src.Is4() && src.As4()[0] == 0:
		return dst == netip.AddrFrom4([4]byte{255, 255, 255, 255}) || dst.IsLinkLocalMulticast()
	case src == netip.IPv6Unspecified():
		return p.Proto == firewall.ProtoICMPv6 && (dst.IsLinkLocalMulticast() || dst.IsLinkLocalUnicast())
	case src.Is6() && src.IsLinkLocalUnicast():
		return true
	}
	return !n.own(src) && n.LinkTo(src) == p.In
}
