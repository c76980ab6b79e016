package plan

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/site"
)

// own6 are the IPv6 addresses on the WAN: the site's own, or those that its provider has given.
func own6(s *site.Site, l Learned) []netip.Prefix {
	switch {
	case s.WAN.Auto6 && l.WAN6 != nil:
		return l.WAN6.Addrs
	case s.WAN.IPv6.IsValid():
		return []netip.Prefix{s.WAN.IPv6}
	}
	return nil
}

// addUnreachable: what is routed to the appliance is unreachable but for the LANs; no packet for it may leave by
// the default route, and come back by it (RFC 7084 4.3, WPD-5).
func addUnreachable(c *netcfg.Config, s *site.Site, l Learned) {
	routed := shared6(s, l)
	if s.Tunnel != nil {
		routed = append(slices.Clone(s.Tunnel.Routed), routed...)
	}
	for i, p := range routed {
		if !slices.Contains(routed[:i], p) {
			c.Routes = append(c.Routes, netcfg.Route{To: p, Unreachable: true})
		}
	}
}

// gateway6 is the router upstream for IPv6; the zero Addr: there is none.
func gateway6(s *site.Site, l Learned) netip.Addr {
	if s.WAN.Auto6 && l.WAN6 != nil {
		return l.WAN6.Gateway
	}
	return s.WAN.Gateway6
}
