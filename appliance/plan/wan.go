package plan

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

const (
	// wanMTU is the largest that is believed of a provider, unless the site says what its card can:
	// Ethernet's.
	wanMTU = 1500
	// leastMTU6 is what IPv6 needs of a link (RFC 8200 5); with less the kernel has none there.
	leastMTU6 = 1280
	// wanProbe is how long a leased address is looked for before it is used, at most. A stranger on the link
	// answers within milliseconds, and meanwhile nobody has a way out.
	wanProbe = 300 * time.Millisecond
)

// wayOut are the facts of the WAN over IPv4: those that the site says, or those that its source has said.
// They are without addresses while it has said none.
func wayOut(s *site.Site, l Learned) wan.Facts {
	switch {
	case s.WAN.Interface == "":
		return wan.Facts{}
	case s.WAN.DHCP == nil:
		static := wan.Static{Addrs: s.WAN.Static4(), Gateway: s.WAN.Gateway, MTU: s.WAN.MTU}
		facts, _ := static.Facts()
		return facts
	case l.WAN == nil:
		return wan.Facts{MTU: s.WAN.MTU}
	}
	// They were judged when they came, but by a client that has heard nothing of this site yet, or that
	// somebody has taken over.
	client := wanConfig(s)
	facts, err := client.Again(l.WAN)
	if err != nil {
		return wan.Facts{MTU: s.WAN.MTU}
	}
	if facts.MTU == 0 {
		facts.MTU = s.WAN.MTU
	}
	facts.Routes = slices.DeleteFunc(facts.Routes, func(r wan.Route) bool {
		return isInside(s, r.To) || r.Via.IsValid() && !canRoute(s, r.Via, r.OffLink)
	})
	if facts.Gateway.IsValid() && !canRoute(s, facts.Gateway, facts.OffLink) {
		facts.Gateway, facts.OffLink = netip.Addr{}, false
	}
	return facts
}

// isInside reports whether a network is one that the site reaches by a route of its own, or a part of one.
func isInside(s *site.Site, n netip.Prefix) bool {
	return slices.ContainsFunc(s.Routes, func(r site.Route) bool {
		return r.To.Bits() > 0 && r.To.Bits() <= n.Bits() && r.To.Contains(n.Addr())
	})
}

// canRoute reports whether a can be a router upstream: no address that the site gives the box or a host
// there, nor, if it takes a route of its own to reach it, one that the site reaches otherwise.
func canRoute(s *site.Site, a netip.Addr, offLink bool) bool {
	return !slices.ContainsFunc(s.WAN.Beside, func(p netip.Prefix) bool { return p.Addr() == a }) &&
		!slices.ContainsFunc(s.Firewall.OneToOne, func(o site.OneToOne) bool { return o.Outside == a }) &&
		!(offLink && isInside(s, netip.PrefixFrom(a, a.BitLen())))
}

// own4 are the IPv4 addresses on the WAN: first the one of which connections begin, if there is one, and how
// many such there are.
func own4(s *site.Site, facts wan.Facts) (all []netip.Prefix, first int) {
	all = slices.Clone(facts.Addrs)
	if s.WAN.DHCP != nil {
		for _, p := range s.WAN.Beside {
			if !slices.ContainsFunc(all, func(have netip.Prefix) bool { return have.Addr() == p.Addr() }) {
				all = append(all, p)
			}
		}
	}
	return all, min(1, len(facts.Addrs))
}

// wanHardware completes the link upstream by what the site and its provider want of it.
func wanHardware(s *site.Site, facts wan.Facts, l netcfg.Link) netcfg.Link {
	l.MTU = facts.MTU
	if s.WAN.MAC != (site.MAC{}) {
		l.MAC = s.WAN.MAC.String()
	}
	l.Priority = s.WAN.Priority
	return l
}

// wanRoutes leads out by IPv4, each network once. A router that is no neighbour by an address of ours gets a
// route of its own before those through it.
func wanRoutes(s *site.Site, facts wan.Facts) []netcfg.Route {
	link := s.WAN.Link()
	var all []netcfg.Route
	add := func(to netip.Prefix, via netip.Addr, offLink bool) {
		if offLink {
			all = append(all, netcfg.Route{To: netip.PrefixFrom(via, via.BitLen()), Link: link})
		}
		all = append(all, netcfg.Route{To: to, Via: via, Link: link})
	}
	if facts.Gateway.IsValid() {
		add(netip.PrefixFrom(netip.IPv4Unspecified(), 0), facts.Gateway, facts.OffLink)
	}
	for _, r := range facts.Routes {
		add(r.To, r.Via, r.OffLink)
	}
	return all
}

// gatewayRoutes is how many of wanRoutes are for the default route.
func gatewayRoutes(facts wan.Facts) int {
	switch {
	case !facts.Gateway.IsValid():
		return 0
	case facts.OffLink:
		return 2
	}
	return 1
}

// hooks are the programs that run when the lease changes.
func hooks(s *site.Site) (all []Hook) {
	if s.WAN.DHCP != nil {
		for _, h := range s.WAN.DHCP.Hooks {
			all = append(all, Hook(h))
		}
	}
	return all
}

// wanConfig is what the clients upstream are told.
func wanConfig(s *site.Site) wan.Config {
	c := wan.Config{Link: s.WAN.Link(), MAC: wan.MAC(s.WAN.MAC), MaxMTU: wanMTU, Probe: wanProbe}
	if s.WAN.MTU != 0 {
		c.MaxMTU = s.WAN.MTU
	}
	c.IPv6 = wanConfig6(s)
	client := s.WAN.DHCP
	if client == nil {
		c.Static4 = true
		return c
	}
	switch {
	case client.ID.DUID:
		c.Identity = wan.ByLink
	case len(client.ID.Bytes) == 0:
		c.Identity = wan.ByMAC
	default:
		c.ClientID = client.ID.Bytes
	}
	c.VendorClass, c.HostName, c.Ask = client.VendorClass, client.HostName, client.Request
	c.Broadcast = client.Broadcast
	for _, o := range client.Options {
		c.Options = append(c.Options, wan.Option{Code: o.Code, Data: o.Data})
	}
	for _, l := range s.LANs {
		c.LANs = append(c.LANs, wan.LAN{Name: l.Name, Network: l.IPv4.Masked(), Address: l.IPv4.Addr()})
	}
	for _, r := range s.Relayed { // where the box itself has no address
		c.LANs = append(c.LANs, wan.LAN{Name: r.Name, Network: r.Network, Address: r.Network.Addr()})
	}
	return c
}
