package toml

import "github.com/gatehouse-os/gatehouse/site/internal/source"

// Clients are the keys that say what the DHCP clients of a network get, which is
// the same for a LAN and for a relayed network.
type Clients struct {
	Pool          Many    `toml:"pool"`
	Exclude       Many    `toml:"exclude"`
	LeaseTime     Str     `toml:"lease-time"`
	Probe         Str     `toml:"probe"`
	RapidCommit   Bool    `toml:"rapid-commit"`
	Router        Str     `toml:"router"`
	DNS           List    `toml:"dns"`
	NTP           List    `toml:"ntp"`
	Search        List    `toml:"search"`
	MTU           Int     `toml:"mtu"`
	Routes        List    `toml:"routes"`
	CaptivePortal Str     `toml:"captive-portal"`
	IPv6OnlyWait  Str     `toml:"ipv6-only-wait"`
	Options       Options `toml:"options"`
	Always        Options `toml:"options-always"`
}

// Relayed is a [[relayed]].
type Relayed struct {
	At      source.Span `toml:"-"`
	Name    Str         `toml:"name"`
	Network Str         `toml:"network"`
	Clients
}

// Host is a [[host]], a group of hosts.
type Host struct {
	At        source.Span `toml:"-"`
	Names     List        `toml:"names"`
	LeaseTime Str         `toml:"lease-time"`
	Router    Str         `toml:"router"`
	Options   Options     `toml:"options"`
	Always    Options     `toml:"options-always"`
	Netboot   Profile     `toml:"netboot"`
}

// Port is a [[port]].
type Port struct {
	At      source.Span `toml:"-"`
	Host    Str         `toml:"host"`
	Circuit Str         `toml:"circuit"`
	Remote  Str         `toml:"remote"`
}

// Scheme is the templates that say what hosts boot from.
type Scheme struct {
	Initiator        Str     `toml:"initiator"`
	RootPath         Str     `toml:"root-path"`
	RootPath2        Str     `toml:"root-path2"`
	CHAPUser         Str     `toml:"chap-user"`
	CHAPSecret       Str     `toml:"chap-secret-file"`
	CHAPMutualUser   Str     `toml:"chap-mutual-user"`
	CHAPMutualSecret Str     `toml:"chap-mutual-secret-file"`
	Script           Str     `toml:"script"`
	HTTP             Str     `toml:"http"`
	BIOS             Str     `toml:"bios"`
	UEFI             Str     `toml:"uefi"`
	UEFIARM64        Str     `toml:"uefi-arm64"`
	UEFIIA32         Str     `toml:"uefi-ia32"`
	UEFIARM32        Str     `toml:"uefi-arm32"`
	UEFIRISCV64      Str     `toml:"uefi-riscv64"`
	UEFILoong64      Str     `toml:"uefi-loong64"`
	Files            Options `toml:"files"` // by number
}

// Profile is how the hosts of a group boot otherwise than [netboot] says.
type Profile struct {
	At      source.Span `toml:"-"`
	Install Bool        `toml:"install"`
	Server  Str         `toml:"server"`
	Scheme
}
