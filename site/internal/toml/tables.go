package toml

import "github.com/gatehouse-os/gatehouse/site/internal/source"

// Site is site.toml as it was written: every value with its place, unset ones without. Keys documents each
// field; a test holds the two together.
type Site struct {
	At      source.Span `toml:"-"`
	Name    Str         `toml:"name"`
	Domain  Str         `toml:"domain"`
	WAN     WAN         `toml:"wan"`
	Tunnel  Tunnel      `toml:"tunnel"`
	LANs    []LAN       `toml:"lan"`
	IPv6    IPv6        `toml:"ipv6"`
	Routes  []Route     `toml:"route"`
	DNS     DNS         `toml:"dns"`
	Records []Record    `toml:"record"`
	Offers  []Service   `toml:"service"`
	NTP     NTP         `toml:"ntp"`
	Netboot Netboot     `toml:"netboot"`
	Console Console     `toml:"console"`

	Firewall Firewall `toml:"firewall"`

	Relayed []Relayed `toml:"relayed"`
	Groups  []Host    `toml:"host"`
	Ports   []Port    `toml:"port"`
}

// LAN is a [[lan]].
type LAN struct {
	At        source.Span `toml:"-"`
	Name      Str         `toml:"name"`
	Interface Str         `toml:"interface"`
	VLAN      Int         `toml:"vlan"`
	IPv4      Str         `toml:"ipv4"`
	IPv6      Many        `toml:"ipv6"`
	Subnet    Int         `toml:"subnet"`
	NAT64     Str         `toml:"nat64"`
	Clients
}

// IPv6 is [ipv6].
type IPv6 struct {
	At      source.Span `toml:"-"`
	ULA     Str         `toml:"ula"`
	Default Str         `toml:"default"`
	Names   Str         `toml:"names"`
}

// Route is a [[route]].
type Route struct {
	At  source.Span `toml:"-"`
	To  Str         `toml:"to"`
	Via Str         `toml:"via"`
}

// NTP is [ntp].
type NTP struct {
	At           source.Span `toml:"-"`
	Servers      Many        `toml:"servers"`
	Pools        Many        `toml:"pools"`
	LocalStratum Int         `toml:"local-stratum"`
	StepLimit    Str         `toml:"step-limit"`
}

// Netboot is [netboot].
type Netboot struct {
	At     source.Span `toml:"-"`
	Server Str         `toml:"server"`
	Scheme
	Hosts List `toml:"hosts"`
}

// Console is [console].
type Console struct {
	At    source.Span `toml:"-"`
	Login Str         `toml:"login"`
}
