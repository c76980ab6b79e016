package wan

import (
	"net/netip"
	"slices"
	"time"
)

// Facts6 are what the way out is over IPv6, as routers and DHCPv6 servers upstream tell it.
// Two that are Equal need nothing done. Ends are on the clock of Term.
type Facts6 struct {
	// Link is where they hold, by its name; "": where the site has its way out.
	Link string `json:",omitzero"`
	// Addrs are the addresses on the link. A /128 has no neighbours.
	Addrs []netip.Prefix `json:",omitzero"`
	// Gateway is where the default route leads, link-local; the zero Addr: there is none.
	Gateway netip.Addr `json:",omitzero"`
	// MTU is that of the link, in bytes, at least 1280; 0: what the link has by itself.
	MTU uint16 `json:",omitzero"`
	// DNS are resolvers; NTP time servers, NTPNames such as are to be resolved (RFC 5908 4.3); Search
	// domains.
	DNS      []netip.Addr `json:",omitzero"`
	NTP      []netip.Addr `json:",omitzero"`
	NTPNames []string     `json:",omitzero"`
	Search   []string     `json:",omitzero"`
	// Delegated are the prefixes that are routed to the appliance (RFC 8415 6.3).
	Delegated []Delegation `json:",omitzero"`
}

// A Delegation is a prefix that is the appliance's for a time.
type Delegation struct {
	Prefix netip.Prefix `json:"prefix"` // masked, /64 or shorter
	// Preferred and Valid are when new conversations are not to begin of it any more, and
	// when it is not the appliance's any more. Never: no end. Both are above 0 once they were judged, the
	// first no later.
	Preferred time.Duration `json:"preferred_ns"`
	Valid     time.Duration `json:"valid_ns"`
}

// Equal reports whether f and g are the same way out; nil: none is known.
func (f *Facts6) Equal(g *Facts6) bool {
	if f == nil || g == nil {
		return f == g
	}
	return f.Link == g.Link && slices.Equal(f.Addrs, g.Addrs) && f.Gateway == g.Gateway && f.MTU == g.MTU &&
		slices.Equal(f.DNS, g.DNS) && slices.Equal(f.NTP, g.NTP) && slices.Equal(f.NTPNames, g.NTPNames) &&
		slices.Equal(f.Search, g.Search) &&
		slices.Equal(f.Delegated, g.Delegated)
}

// IsZero reports whether nothing is known.
func (f *Facts6) IsZero() bool { return f.Equal(&Facts6{Link: f.Link}) }
