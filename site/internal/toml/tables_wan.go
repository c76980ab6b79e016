package toml

import "github.com/gatehouse-os/gatehouse/site/internal/source"

// WAN is [wan].
type WAN struct {
	At          source.Span `toml:"-"` // of the header; no place when the table is not there
	Interface   Str         `toml:"interface"`
	VLAN        Int         `toml:"vlan"`
	Priority    Int         `toml:"priority"`
	MAC         Str         `toml:"mac"`
	MTU         Int         `toml:"mtu"`
	IPv4        Many        `toml:"ipv4"`
	Gateway     Str         `toml:"gateway"`
	IPv6        Str         `toml:"ipv6"`
	Gateway6    Str         `toml:"gateway6"`
	Delegation  Int         `toml:"delegation"`
	ClientID    Str         `toml:"client-id"`
	VendorClass Str         `toml:"vendor-class"`
	HostName    Str         `toml:"hostname"`
	Request     List        `toml:"request"`
	Options     Options     `toml:"options"`
	Broadcast   Bool        `toml:"broadcast"`
	Hooks       Many        `toml:"hooks"`
}
