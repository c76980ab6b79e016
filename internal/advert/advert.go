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
	HopLimit   uint8 // that hosts are to send with; 0: the router does not say
	Managed    bool  // addresses are given by DHCPv6
	Other      bool  // other configuration is
	Preference Preference
	Lifetime   time.Duration // of the default route, at most MaxLifetime; 0: this is no default router
	Reachable  time.Duration // whole milliseconds, as the next; 0: the router does not say
	Retransmit time.Duration
	Source     ethernet.MAC // of the router
	MTU        uint32       // in bytes
	Prefixes   []Prefix
	Routes     []Route
	Resolvers  []Resolvers
	Search     []Search
	// CaptivePortal is the URI of its API (RFC 8910 2.3).
	CaptivePortal string
	NAT64         []NAT64
}

// A Prefix is one of the link (RFC 4861 4.6.2).
type Prefix struct {
	Prefix     netip.Prefix // masked
	OnLink     bool
	Autonomous bool // hosts make addresses of it
	Valid      time.Duration
	Preferred  time.Duration
}

// A Route is a more specific way (RFC 4191 2.3).
type Route struct {
	Prefix     netip.Prefix // masked
	Preference Preference
	Lifetime   time.Duration
}

// Resolvers are DNS servers (RFC 8106 5.1).
type Resolvers struct {
	Servers  []netip.Addr
	Lifetime time.Duration
}

// Search are domains that names are looked up in (RFC 8106 5.2).
type Search struct {
	Domains  []string // without a dot at the end
	Lifetime time.Duration
}

// NAT64 is where IPv4 is, for hosts that have IPv6 alone (RFC 8781).
type NAT64 struct {
	Prefix   netip.Prefix  // of length 32, 40, 48, 56, 64 or 96
	Lifetime time.Duration // a multiple of 8 s
}
