package radvd

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
)

const (
	// DefaultMin is the shortest time between two advertisements to everybody. With DefaultMax it makes seven
	// an hour, which is what RFC 7772 4 asks for the sake of batteries.
	DefaultMin = 450 * time.Second
	// DefaultMax is the longest: that of RFC 4861 6.2.1.
	DefaultMax = 600 * time.Second
	// DefaultLifetime is that of a default route: 45 minutes (RFC 7772 4).
	DefaultLifetime = 2700 * time.Second
	// DefaultPreferred is ND_PREFERRED_LIMIT of RFC 9096 3.4: a prefix that is gone without a word is not
	// used for long.
	DefaultPreferred = 2700 * time.Second
	// DefaultValid is its ND_VALID_LIMIT.
	DefaultValid = 5400 * time.Second
	// AwaitMost is how long what is delegated is waited for, from when there is a socket on the LAN, which is
	// as soon as there is one upstream: a Rebind is sent within a second, and again after another (RFC 8415
	// 18.2.12, 7.6), so one of them may be lost.
	AwaitMost = 4 * time.Second
	// MaxValid is the longest that a prefix may be promised: an old one is said to be gone for as long.
	MaxValid = 30 * 24 * time.Hour
)

// Config is everything the service is told. It is derived from the site by others, survives a round trip
// through JSON, and is checked by Check.
type Config struct {
	Links []Link
	// Watched are links of the kernel that are no LANs: there it is only looked who claims an address of this
	// router.
	Watched []string `json:",omitzero"`
}

// A Link is one LAN. All lifetimes are whole seconds.
type Link struct {
	Name string // of the kernel's link
	// Network is the LAN's name. What hosts may hold is remembered by it, whatever link it is on.
	Network string
	// MinInterval and MaxInterval are how long between two advertisements to everybody; 0: the defaults.
	MinInterval time.Duration `json:",omitzero"`
	MaxInterval time.Duration `json:",omitzero"`
	// Lifetime is that of the default route; 0: there is none now.
	Lifetime   time.Duration     `json:",omitzero"`
	Preference advert.Preference `json:",omitzero"` // of the default route
	HopLimit   uint8             `json:",omitzero"` // that hosts are to send with; 0: not said
	Managed    bool              `json:",omitzero"` // addresses are given by DHCPv6
	// Other: the rest is given by DHCPv6 too. It is by this service, which tells there what it tells here.
	Other bool `json:",omitzero"`
	// MTU is that of the way out, in octets, 1280 or more; 0: not said.
	MTU      uint32   `json:",omitzero"`
	Prefixes []Prefix `json:",omitzero"`
	// Awaited: what is delegated is being asked for, and may be what it was before the start. For the first
	// AwaitMost nothing is said to everybody, and to nobody of prefixes that hosts hold and that are not in
	// Prefixes.
	Awaited   bool         `json:",omitzero"`
	Routes    []Route      `json:",omitzero"`
	Resolvers []netip.Addr `json:",omitzero"`
	Search    []string     `json:",omitzero"`
	// NTP are time servers, for those that ask by DHCPv6.
	NTP []netip.Addr `json:",omitzero"`
	// CaptivePortal is the URI of its API (RFC 8910); empty: there is none.
	CaptivePortal string `json:",omitzero"`
	// NAT64 is where IPv4 is for hosts without it (RFC 8781); the zero Prefix: nowhere.
	NAT64 netip.Prefix `json:",omitzero"`
}

// A Prefix is one of a LAN.
type Prefix struct {
	Prefix     netip.Prefix // masked
	OnLink     bool         `json:",omitzero"`
	Autonomous bool         `json:",omitzero"` // hosts make addresses of it
	// Preferred and Valid are what hosts are promised at most, in whole seconds; Preferred may be 0.
	Preferred time.Duration
	Valid     time.Duration
	// PreferredUntil and ValidUntil are when its own lifetimes end, on CLOCK_BOOTTIME: no host is promised
	// more. Never: no end.
	PreferredUntil time.Duration
	ValidUntil     time.Duration
}

// A Route is a more specific way by this router (RFC 4191).
type Route struct {
	Prefix     netip.Prefix
	Preference advert.Preference `json:",omitzero"`
	Lifetime   time.Duration
}

// intervals are those of the link, with their defaults.
func (l *Link) intervals() (shortest, longest time.Duration) {
	longest = l.MaxInterval
	if longest == 0 {
		longest = DefaultMax
	}
	if shortest = l.MinInterval; shortest == 0 {
		shortest = min(DefaultMin, longest*3/4).Truncate(time.Second)
	}
	return max(shortest, minGap), longest
}

// told is the lifetime of what is said in each advertisement and has none of its own: who misses two still
// has it (RFC 8106 5.1). It is a multiple of 8 s, as RFC 8781 wants it.
func (l *Link) told() time.Duration {
	_, longest := l.intervals()
	const unit = 8 * time.Second
	return (3*longest + unit - 1) / unit * unit
}

// lifetimes are what hosts are promised of a prefix at a moment.
func (p *Prefix) lifetimes(now time.Duration) (preferred, valid time.Duration) {
	valid = left(p.Valid, p.ValidUntil, now)
	return min(left(p.Preferred, p.PreferredUntil, now), valid), valid
}

// left is a lifetime that ends at a moment at the latest, in whole seconds.
func left(lifetime, until, now time.Duration) time.Duration {
	return max(0, min(lifetime, until-now)).Truncate(time.Second)
}
