package plan

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/dns"
	"github.com/gatehouse-os/gatehouse/site"
)

// lostOutside is about what is outside: the ways there that go, and its names when they cannot be looked up
// any more. It says nothing of what others say already: that a card goes, or that a provider is waited for.
func lostOutside(to *site.Site, a, b Plan) []string {
	var all []string
	lost := func(is func(netip.Addr) bool) bool {
		return to.WAN.Interface != "" && leadsOut(a.Network, is) && !leadsOut(b.Network, is)
	}
	waits := to.WAN.DHCP != nil && !leadsOut(b.Network, netip.Addr.Is4)
	if lost(netip.Addr.Is4) && !waits {
		all = append(all, "Nothing reaches the outside by IPv4 any more: there is no default route.")
	}
	if lost(netip.Addr.Is6) {
		all = append(all, "Nothing reaches the outside by IPv6 any more: there is no default route.")
	}
	switch {
	case !asksOutside(a) || asksOutside(b):
	case waits:
		all = append(all, "Till the provider has given the box an address, names outside are answered from the cache only.")
	case len(resolversOf(b)) == 0 && slices.ContainsFunc(to.DNS.Upstream, func(r site.Resolver) bool {
		return r.WAN
	}):
		all = append(all, "Names outside are answered from the cache only: the provider names no resolvers.")
	case len(resolversOf(b)) == 0:
		all = append(all, "Names outside are not looked up any more: there is no resolver.")
	default:
		all = append(all, "Names outside are not looked up any more: no route leads to a resolver.")
	}
	return all
}

// leadsOut reports whether there is a default route of a family.
func leadsOut(c netcfg.Config, is func(netip.Addr) bool) bool {
	return slices.ContainsFunc(c.Routes, func(r netcfg.Route) bool {
		return r.To.Bits() == 0 && is(r.To.Addr())
	})
}

// asksOutside reports whether there is a resolver for all names that a route or a network leads to.
func asksOutside(p Plan) bool {
	return slices.ContainsFunc(resolversOf(p), func(a netip.Addr) bool {
		return slices.ContainsFunc(p.Network.Routes, func(r netcfg.Route) bool { return r.To.Contains(a) }) ||
			slices.ContainsFunc(p.Network.Addresses, func(x netcfg.Address) bool {
				return x.Prefix.Contains(a)
			})
	})
}

// resolversOf are those that are asked for all names.
func resolversOf(p Plan) []netip.Addr {
	var all []netip.Addr
	for _, s := range p.Services {
		if c, ok := s.Config.(dns.Config); ok && s.Name == roster.DNS {
			for _, server := range c.Upstream.Servers {
				all = append(all, server.Address)
			}
		}
	}
	return all
}
