package model

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// IPv6 is what the networks behind the appliance have in common over IPv6.
type IPv6 struct {
	ULA     netip.Prefix // unique local addresses (RFC 4193): a /48; zero: none, or MakeULA
	MakeULA bool         // the appliance makes a ULA prefix, once, and keeps it
	// of which conversations with the outside begin, of FromTunnel and FromWAN; "": of FromWAN
	Default Source6
	Names   Names6 // which addresses that hosts make themselves have names
}

// A Source6 is where the IPv6 networks of LANs come from, beside those that site.toml has.
type Source6 string

// The sources, by the words of site.toml.
const (
	FromTunnel Source6 = "tunnel"    // what the tunnel's broker routes to the appliance
	FromWAN    Source6 = "delegated" // what the provider does (RFC 8415)
	FromULA    Source6 = "ula"       // unique local addresses
)

// Sources6 are all of them, in the order in which a LAN has them.
func Sources6() []Source6 { return []Source6{FromTunnel, FromWAN, FromULA} }

// Names6 is which addresses that hosts make themselves (RFC 4862) have names.
type Names6 string

// The choices, by the words of site.toml.
const (
	NamesStable Names6 = "stable" // those that a host keeps
	NamesAll    Names6 = "all"    // temporary ones too (RFC 8981)
	NamesOff    Names6 = "off"
)

// Sources6 returns those that the site has.
func (s *Site) Sources6() []Source6 {
	return slices.DeleteFunc(Sources6(), func(from Source6) bool {
		switch from {
		case FromTunnel:
			return s.Tunnel == nil
		case FromWAN:
			return s.WAN.Delegation == 0
		case FromULA:
			return !s.IPv6.ULA.IsValid() && !s.IPv6.MakeULA
		}
		return true
	})
}

// Prefix6 returns the prefix of a source that the site itself knows; false: it is to be learned, or there is
// none. Of those that a broker routes it is the shortest: it has room for all, and hosts with an address in
// each would choose between them.
func (s *Site) Prefix6(from Source6) (netip.Prefix, bool) {
	var p netip.Prefix
	switch {
	case from == FromTunnel && s.Tunnel != nil && len(s.Tunnel.Routed) > 0:
		p = slices.MinFunc(s.Tunnel.Routed, func(a, b netip.Prefix) int { return a.Bits() - b.Bits() })
	case from == FromULA:
		p = s.IPv6.ULA
	}
	return p, p.IsValid()
}

// HasIPv6 reports whether the LAN has IPv6, or will have it when a source gives it a network.
func (l LAN) HasIPv6() bool { return len(l.IPv6)+len(l.From6) > 0 }

// Own6 returns the appliance's IPv6 addresses on the LAN: of a site that is Numbered those of today, else the
// fixed ones.
func (l LAN) Own6() []netip.Prefix {
	if l.Today != nil {
		return l.Today
	}
	return l.IPv6
}

// Has6 reports whether an address is on one of the IPv6 networks of a LAN.
func (l LAN) Has6(a netip.Addr) bool {
	return slices.ContainsFunc(l.Own6(), func(p netip.Prefix) bool { return p.Contains(a) })
}

// Own returns the appliance's addresses on the LAN, as Own6 does, with the lengths of its networks.
func (l LAN) Own() []netip.Prefix {
	if !l.IPv4.IsValid() {
		return slices.Clone(l.Own6())
	}
	return append([]netip.Prefix{l.IPv4}, l.Own6()...)
}

// A host's IPv6 suffix in hosts, such as ::20, is an address in each network that its LAN has at a time.
// Until these are known it is an address in the LAN's stand-in, a network that nobody can have (::/8 is
// reserved, RFC 4291 2.4): the suffix with the LAN's number, counted from 1, before it. So all that is said
// of addresses holds for it, and Numbered puts the true ones in its place.

// StandIn returns the stand-in of the LAN at an index of LANs, with the appliance's address in it.
func StandIn(lan int) netip.Prefix {
	var b [16]byte
	binary.BigEndian.PutUint32(b[4:], uint32(lan+1))
	b[15] = 1
	return netip.PrefixFrom(netip.AddrFrom16(b), Network6)
}

// Network6 is the length of a network whose hosts make addresses (RFC 4862 with RFC 4291 2.5.1).
const Network6 = 64

// standsIn returns the index of the LAN in whose stand-in an address is; -1: it is a true one.
func standsIn(a netip.Addr) int {
	b := a.As16()
	if !a.Is6() || binary.BigEndian.Uint32(b[:]) != 0 || a.Is4In6() {
		return -1
	}
	return int(binary.BigEndian.Uint32(b[4:])) - 1
}

// IsSuffix reports whether an address is one as hosts has it for a host in whatever network: ::20.
func IsSuffix(a netip.Addr) bool {
	b := a.As16()
	return a.Is6() && !a.Is4In6() && binary.BigEndian.Uint64(b[:]) == 0 && !a.IsUnspecified() &&
		!a.IsLoopback()
}

// Suffix returns the part of an address behind its network.
func Suffix(a netip.Addr) netip.Addr {
	b := a.As16()
	clear(b[:8])
	return netip.AddrFrom16(b)
}

// Plain returns an address as it was written: of a stand-in the suffix.
func Plain(a netip.Addr) netip.Addr {
	if standsIn(a) >= 0 {
		return Suffix(a)
	}
	return a
}

// Within returns the address of a suffix in a network of 64 bits.
func Within(network netip.Prefix, suffix netip.Addr) netip.Addr {
	b, n := suffix.As16(), network.Addr().As16()
	copy(b[:8], n[:8])
	return netip.AddrFrom16(b)
}

// Subnet6 returns the network of a number in a prefix that several LANs share; false: it has none.
func Subnet6(prefix netip.Prefix, number uint16) (netip.Prefix, bool) {
	bits := prefix.Bits()
	if !prefix.Addr().Is6() || bits > Network6 || bits < 0 || uint64(number)>>min(Network6-bits, 16) != 0 {
		return netip.Prefix{}, false
	}
	b := prefix.Masked().Addr().As16()
	net := binary.BigEndian.Uint64(b[:]) | uint64(number)
	binary.BigEndian.PutUint64(b[:], net)
	return netip.PrefixFrom(netip.AddrFrom16(b), Network6), true
}
