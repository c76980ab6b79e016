// Package wan is the way out of the house over IPv4, as its sources tell it: the site,
// a provider's DHCP server, later PPPoE. It is one model for all of them: Facts, what
// the way out is, and a Term, whose word that is and for how long.
//
// What a provider says is judged before it is believed: Judge makes Facts of it that
// take nothing from the LANs, with a sentence for each thing that was left out. The
// package touches nothing. Addresses, routes and resolvers are set by process 1, from
// the Facts that services/wan/client reports; only what differs is touched there, and so
// the Term, which changes with every renewal, is no part of the Facts.
package wan

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
)

// Never is a moment that does not come: the end of an infinite lease.
const Never = time.Duration(math.MaxInt64)

// Facts are what the way out is. Two that are Equal need nothing done.
type Facts struct {
	// Link is where they hold, by its name; "": where the site has its way out.
	Link string `json:",omitzero"`
	// Addrs are the addresses on the link; the first is the one of which connections
	// begin. A /32 has no neighbours, a /31 (RFC 3021) has one.
	Addrs []netip.Prefix
	// Gateway is where the default route leads; the zero Addr: there is none.
	Gateway netip.Addr `json:",omitzero"`
	// OffLink: the gateway is in no network of Addrs, yet on the link. It needs a route
	// of its own before the one through it.
	OffLink bool `json:",omitzero"`
	// MTU is that of the link, in bytes; 0: what the link has by itself.
	MTU    uint16       `json:",omitzero"`
	DNS    []netip.Addr `json:",omitzero"` // resolvers
	NTP    []netip.Addr `json:",omitzero"`
	Domain string       `json:",omitzero"`
	Search []string     `json:",omitzero"`
	Routes []Route      `json:",omitzero"` // beside the default route
}

// A Route is a way to a further network.
type Route struct {
	To  netip.Prefix
	Via netip.Addr `json:",omitzero"` // the zero Addr: To is on the link itself
	// OffLink: Via is in no network of Facts.Addrs, yet on the link.
	OffLink bool `json:",omitzero"`
}

// Equal reports whether f and g are the same way out, or both nil: none.
func (f *Facts) Equal(g *Facts) bool {
	if f == nil || g == nil {
		return f == g
	}
	return f.Link == g.Link && slices.Equal(f.Addrs, g.Addrs) && f.Gateway == g.Gateway &&
		f.OffLink == g.OffLink &&
		f.MTU == g.MTU && slices.Equal(f.DNS, g.DNS) && slices.Equal(f.NTP, g.NTP) && f.Domain == g.Domain &&
		slices.Equal(f.Search, g.Search) && slices.Equal(f.Routes, g.Routes)
}

// Source is what Facts come from.
type Source uint8

// The sources.
const (
	_ Source = iota
	FromSite
	FromDHCP
)

// String returns the name of the source.
func (s Source) String() string {
	if s > FromDHCP {
		s = 0
	}
	return [...]string{"none", "site", "dhcp"}[s]
}

// A Term is how long Facts hold. Its times are on the machine's clock that nobody sets
// and that goes on while it sleeps (CLOCK_BOOTTIME), so they mean the same to every
// process until the machine starts again.
type Term struct {
	Source Source        `json:"source"`
	Server netip.Addr    `json:"server,omitzero"` // the DHCP server's identifier
	Start  time.Duration `json:"start_ns"`        // from when the term is counted: its first request was sent
	Renew  time.Duration `json:"renew_ns"`        // T1: its server is asked; Never: never
	Rebind time.Duration `json:"rebind_ns"`       // T2: all servers are asked
	End    time.Duration `json:"end_ns"`          // from then on the Facts do not hold
	// Unconfirmed: no server has confirmed it since the machine, this client or the
	// link came up. It holds all the same until End, as RFC 2131 3.2 lets it.
	Unconfirmed bool `json:"unconfirmed,omitzero"`
}

// Said is what a source says of the way out, before it is judged: what is not there is
// zero.
type Said struct {
	Addr    netip.Addr
	Mask    netip.Addr     `json:",omitzero"`
	Routers []netip.Addr   `json:",omitzero"` // the best first
	MTU     uint16         `json:",omitzero"`
	DNS     []netip.Addr   `json:",omitzero"`
	NTP     []netip.Addr   `json:",omitzero"`
	Domain  string         `json:",omitzero"` // may be several, with spaces
	Search  []string       `json:",omitzero"`
	Routes  []option.Route `json:",omitzero"` // a default route may be among them
	// RoutesOnly: Routers do not count beside Routes (RFC 3442: "the DHCP client MUST
	// ignore the Router option").
	RoutesOnly bool `json:",omitzero"`
}
