package model

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// LinkName returns the name of a network link: "eth1", with a VLAN "eth1.20".
func LinkName(iface string, vlan uint16) string {
	if vlan == 0 {
		return iface
	}
	return fmt.Sprintf("%s.%d", iface, vlan)
}

// v4Number returns an IPv4 address as a number, for counting.
func v4Number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// Broadcast returns the last address of an IPv4 network.
func Broadcast(p netip.Prefix) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v4Number(p.Addr())|^uint32(0)>>p.Bits())
	return netip.AddrFrom4(b)
}

// hasBroadcast reports whether the first and the last address of p are the
// network's own: IPv4 networks with more than two addresses (RFC 3021).
func hasBroadcast(p netip.Prefix) bool { return p.Addr().Is4() && p.Bits() <= 30 }

// NotForHost says why a cannot be the address of one host on the network p, ""
// if it can. It continues a sentence that starts with the address.
func NotForHost(a netip.Addr, p netip.Prefix) string {
	network := p.Masked()
	switch {
	case p.Addr().Is6() && p.Bits() < 127 && a == network.Addr():
		return "is the address of the network " + network.String() + " itself (RFC 4291 2.6.1)"
	case !hasBroadcast(p):
		return ""
	case a == network.Addr():
		return "is the address of the network " + network.String() + " itself"
	case a == Broadcast(p):
		return "is the broadcast address of " + network.String()
	}
	return ""
}

// LimitedBroadcast is the address of every host on a link (RFC 919 7).
func LimitedBroadcast() netip.Addr { return netip.AddrFrom4([4]byte{255, 255, 255, 255}) }

// NotUnicast says why a can be no host's address anywhere, "" if it can. It
// continues a sentence that starts with the address.
func NotUnicast(a netip.Addr) string {
	switch {
	case a.IsUnspecified(), a.Is4() && a.As4()[0] == 0:
		return "is the address of no host (RFC 1122 3.2.1.3)"
	case a.IsLoopback():
		return "is a loopback address"
	case a.IsMulticast():
		return "is a multicast address"
	case a.Is4() && a.As4()[0] >= 240:
		return "is in the reserved range 240.0.0.0/4"
	case standsIn(a) >= 0:
		return "is in the reserved range ::/32 (RFC 4291 2.4)"
	}
	return ""
}
