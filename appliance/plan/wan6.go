package plan

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// wayOut6 are the facts of the WAN over IPv6 that its source has said; none if the site says them itself.
func wayOut6(s *site.Site, l Learned) wan.Facts6 {
	if !s.WAN.Auto6 || l.WAN6 == nil {
		return wan.Facts6{}
	}
	client := wanConfig(s) // they were judged before, as those of IPv4 were
	return client.Again6(l.WAN6)
}

// own6 are the IPv6 addresses on the WAN: the site's own, or those that its provider has given.
func own6(s *site.Site, l Learned) []netip.Prefix {
	switch {
	case s.WAN.Auto6:
		return wayOut6(s, l).Addrs
	case s.WAN.IPv6.IsValid():
		return []netip.Prefix{s.WAN.IPv6}
	}
	return nil
}

// addUnreachable: what is routed to the appliance is unreachable but for the LANs; no packet for it may leave
// by the default route, and come back by it (RFC 7084 4.3, WPD-5).
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
	if s.WAN.Auto6 {
		return wayOut6(s, l).Gateway
	}
	return s.WAN.Gateway6
}

// wanConfig6 is what they are told of IPv6.
func wanConfig6(s *site.Site) wan.IPv6 {
	if !s.WAN.Auto6 {
		return wan.IPv6{}
	}
	c := wan.IPv6{RouterDiscovery: true, Address: true}
	if s.WAN.Delegation != 0 {
		c.Delegation = &wan.Wish{Length: int(s.WAN.Delegation)}
	}
	house := func(name string, network netip.Prefix, own netip.Addr) {
		c.LANs = append(c.LANs, wan.LAN{Name: name, Network: network.Masked(), Address: own})
	}
	for _, l := range s.LANs {
		for _, p := range l.IPv6 {
			house(l.Name, p, p.Addr())
		}
	}
	if s.IPv6.ULA.IsValid() {
		house(string(site.FromULA), s.IPv6.ULA, netip.Addr{})
	}
	if t := s.Tunnel; t != nil {
		house(string(site.FromTunnel), t.IPv6, t.IPv6.Addr())
		for _, p := range t.Routed {
			house(string(site.FromTunnel), p, netip.Addr{})
		}
	}
	return c
}
