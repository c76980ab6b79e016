package model

import (
	"net/netip"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
)

// WAN is the upstream link.
type WAN struct {
	Interface string         // "" when the site has no WAN
	VLAN      uint16         // IEEE 802.1Q id 1..4094, 0 for untagged
	Priority  uint8          // IEEE 802.1p, 0..7, of all frames that leave by the VLAN
	MAC       MAC            // that the link sends from; zero: the card's own
	MTU       uint16         // in bytes, of the link; 0: what it has by itself
	IPv4      netip.Prefix   // own address with the length of its network; zero: none, or by DHCP
	Beside    []netip.Prefix // further own IPv4 addresses, of which no connection to others begins
	Gateway   netip.Addr     // IPv4 default gateway, on the link; zero when there is none
	IPv6      netip.Prefix   // own address with the length of its network; zero: none, or by the provider
	Gateway6  netip.Addr     // IPv6 default gateway, within IPv6 or link-local; zero when there is none
	DHCP      *DHCPClient    // who asks a provider for IPv4; nil: nobody
	Auto6     bool           // router and address over IPv6 are the provider's (RFC 4862, RFC 8415)
	// Delegation is the length of the prefix that the provider is asked for, 48 to 64; 0: none is.
	Delegation uint8
}

// DHCPClient is what a provider is told who gives addresses by DHCP.
type DHCPClient struct {
	ID          ClientID
	VendorClass string   // option 60; "": none
	HostName    string   // option 12; "": none
	Request     []uint8  // options that are asked for beside the usual ones, by code
	Options     []Option // further ones that are sent, by code
	Broadcast   bool     // answers are to go to everybody on the link
	Hooks       []Hook   // what runs when the lease comes, is renewed or goes, in this order
}

// A Hook is a program of the site: a script of /bin/sh, or a static executable.
type Hook struct {
	Name    string // of its file; letters, digits and ".", "_", "-", of which the last two do not come first
	Content []byte
}

// ClientID is by what a provider knows the appliance: option 61.
type ClientID struct {
	DUID  bool         // as RFC 4361 has it, of the hardware address
	Bytes option.Bytes // as on the wire; none, and not DUID: the hardware address (RFC 2132 9.14)
}

// Link returns the name of the network link: "eth0", with a VLAN "eth0.20", and
// "" when the site has no WAN.
func (w WAN) Link() string { return LinkName(w.Interface, w.VLAN) }

// HasIPv4 reports whether there is IPv4 upstream, or will be once a provider gives it.
func (w WAN) HasIPv4() bool { return w.IPv4.IsValid() || w.DHCP != nil }

// Static4 returns the IPv4 addresses that the site itself gives the link.
func (w WAN) Static4() []netip.Prefix {
	if !w.IPv4.IsValid() {
		return w.Beside
	}
	return append([]netip.Prefix{w.IPv4}, w.Beside...)
}

// Has4 reports whether an address is on an IPv4 network that the site gives the link.
func (w WAN) Has4(a netip.Addr) bool {
	for _, p := range w.Static4() {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
