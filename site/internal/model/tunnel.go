package model

import "net/netip"

// TunnelLink is the name of the link that the tunnel is. No card may be called so.
const TunnelLink = "tunnel6"

// Tunnel is the way out over IPv6 through IPv4: 6in4 (RFC 4213).
type Tunnel struct {
	Server  netip.Addr     // IPv4 address of the broker's end
	IPv6    netip.Prefix   // own address in the tunnel with the length of its network
	Gateway netip.Addr     // the broker's address on that network
	Routed  []netip.Prefix // masked, disjoint, /16 to /64: what the broker routes to the appliance
	MTU     uint16         // in bytes; 0: WAN's less the outer header
	Update  *Endpoint      // nil: the broker is told nothing
}

// Endpoint is how the broker is told of the appliance's IPv4 address.
type Endpoint struct {
	User   string
	Tunnel string // id at the broker
	File   string // of the site, that holds Key
	Key    Secret
	URL    string
}

// Secret is a text that nobody is shown: not in a message, and not by a %v of what it is in.
type Secret string

// String says that there is one.
func (Secret) String() string { return "(secret)" }

// GoString is that of %#v.
func (s Secret) GoString() string { return s.String() }

// Has reports whether an address is in the network of the tunnel; nil has none.
func (t *Tunnel) Has(a netip.Addr) bool { return t != nil && t.IPv6.Contains(a) }

// RoutedTo is the network among those of the tunnel that has all of p, and whether there is one.
func (t *Tunnel) RoutedTo(p netip.Prefix) (netip.Prefix, bool) {
	for _, r := range t.Routed {
		if r.Bits() <= p.Bits() && r.Contains(p.Addr()) {
			return r, true
		}
	}
	return netip.Prefix{}, false
}
