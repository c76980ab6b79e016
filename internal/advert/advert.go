// Package advert is router discovery as values: what a router advertises (RFC 4861 4.2), for
// both ends of it, the appliance as a router of its LANs and as a host on the way out. It is
// pure. Octets and sockets are in internal/advert/conn.
package advert

import (
	"math"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

const (
	// Infinite is a lifetime without an end: all ones on the wire, in seconds.
	Infinite = math.MaxUint32 * time.Second
	// MaxLifetime is the longest of a default route (RFC 4861 4.2, as RFC 8319 has it).
	MaxLifetime = math.MaxUint16 * time.Second
)

// Preference is that of a router or a route (RFC 4191 2.1).
type Preference int8

// The preferences.
const (
	Low    Preference = -1
	Medium Preference = 0
	High   Preference = 1
)

// An Advertisement is a Router Advertisement. Lifetimes are whole seconds. Of an option that
// is not there the field is zero.
type Advertisement struct {
	HopLimit   uint8      `json:"hop_limit"` // that hosts are to send with; 0: the router does not say
	Managed    bool       `json:"managed"`   // addresses are given by DHCPv6
	Other      bool       `json:"other"`     // other configuration is
	Preference Preference `json:"preference"`
	// of the default route, at most MaxLifetime; 0: this is no default router
	Lifetime time.Duration `json:"lifetime_ns"`
	// whole milliseconds, as the next; 0: the router does not say
	Reachable  time.Duration `json:"reachable_ns"`
	Retransmit time.Duration `json:"retransmit_ns"`
	Source     ethernet.MAC  `json:"source"` // of the router
	MTU        uint32        `json:"mtu"`    // in bytes
	Prefixes   []Prefix      `json:"prefixes"`
	Routes     []Route       `json:"routes"`
	Resolvers  []Resolvers   `json:"resolvers"`
	Search     []Search      `json:"search"`
	// CaptivePortal is the URI of its API (RFC 8910 2.3).
	CaptivePortal string  `json:"captive_portal"`
	NAT64         []NAT64 `json:"nat64"`
}

// A Prefix is one of the link (RFC 4861 4.6.2).
type Prefix struct {
	Prefix     netip.Prefix  `json:"prefix"` // masked
	OnLink     bool          `json:"on_link"`
	Autonomous bool          `json:"autonomous"` // hosts make addresses of it
	Valid      time.Duration `json:"valid_ns"`
	Preferred  time.Duration `json:"preferred_ns"`
}

// A Route is a more specific way (RFC 4191 2.3).
type Route struct {
	Prefix     netip.Prefix  `json:"prefix"` // masked
	Preference Preference    `json:"preference"`
	Lifetime   time.Duration `json:"lifetime_ns"`
}

// Resolvers are DNS servers (RFC 8106 5.1).
type Resolvers struct {
	Servers  []netip.Addr  `json:"servers"`
	Lifetime time.Duration `json:"lifetime_ns"`
}

// Search are domains that names are looked up in (RFC 8106 5.2).
type Search struct {
	Domains  []string      `json:"domains"` // without a dot at the end
	Lifetime time.Duration `json:"lifetime_ns"`
}

// NAT64 is where IPv4 is, for hosts that have IPv6 alone (RFC 8781).
type NAT64 struct {
	Prefix   netip.Prefix  `json:"prefix"`      // of length 32, 40, 48, 56, 64 or 96
	Lifetime time.Duration `json:"lifetime_ns"` // a multiple of 8 s
}
