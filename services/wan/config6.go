package wan

import (
	"net/netip"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
)

// IPv6 is what is asked for over IPv6.
type IPv6 struct {
	// RouterDiscovery: routers upstream are listened to (RFC 4861), and addresses made of
	// their prefixes (RFC 4862).
	RouterDiscovery bool `json:",omitzero"`
	// Delegation is a prefix that is asked for by DHCPv6, whatever routers say of it; nil: none is.
	Delegation *Wish `json:",omitzero"`
	// Address: an address is asked for by DHCPv6, if routers say that addresses are given so
	// (the M flag), or nobody listens to them.
	Address bool `json:",omitzero"`
	// DUID is what servers know us by; empty: one that is made once and kept.
	DUID dhcpv6.DUID `json:",omitzero"`
	// LANs are the networks of the house that do not come from here, and our addresses in
	// them: no router or server has a say about these.
	LANs []LAN `json:",omitzero"`
}

// A Wish is a prefix that is asked for.
type Wish struct {
	// Length is the length that servers are asked for, 32 to 64; 0: what they like.
	Length int    `json:",omitzero"`
	IAID   uint32 `json:",omitzero"` // tells the delegations of one client apart (RFC 8415 12)
}

// Bounds of prefixes that are delegated.
const (
	// minDelegated is the shortest that is believed: that is a provider's own.
	minDelegated = 32
	// subnetBits is the length of a network of hosts (RFC 4291 2.5.1).
	subnetBits = 64
)

func (v *IPv6) isOff() bool { return !v.RouterDiscovery && v.Delegation == nil && !v.Address }

func (v *IPv6) check(wrong func(format string, args ...any)) {
	if d := v.Delegation; d != nil && d.Length != 0 && (d.Length < minDelegated || d.Length > subnetBits) {
		wrong("a prefix of length %d is asked for: %d to %d", d.Length, minDelegated, subnetBits)
	}
	if len(v.DUID) > 0 && !v.DUID.Valid() {
		wrong("the DUID has %d bytes: 3 to %d (RFC 8415 11.1)", len(v.DUID), dhcpv6.MaxDUID)
	}
	if len(v.LANs) > maxLANs {
		wrong("%d LANs with IPv6, %d at most", len(v.LANs), maxLANs)
	}
	for _, l := range v.LANs {
		p := l.Network
		if !is6(p.Addr()) || p != p.Masked() || (l.Address != netip.Addr{} && !p.Contains(l.Address)) {
			wrong("lan %s: %s with our address %s is no IPv6 network", l.Name, l.Network, l.Address)
		}
	}
}

// is6 reports whether a is an IPv6 address, and no IPv4 one in disguise.
func is6(a netip.Addr) bool { return a.Is6() && !a.Is4In6() && a.Zone() == "" }

// IAID is that of an address by DHCPv6, made of the card's as in dhcpcd.
func (c *Config) IAID() uint32 { return iaid(c.MAC) }
