package plan

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/site"
)

// routedBy are the networks that further routers on a LAN lead to.
func routedBy(s *site.Site, lan site.LAN) []netip.Prefix {
	var all []netip.Prefix
	for _, r := range s.Routes {
		if lan.IPv4.Contains(r.Via) || lan.Has6(r.Via) {
			all = append(all, r.To)
		}
	}
	return all
}

// redirects lets the kernel tell hosts of a LAN of the router on it that is the shorter way (RFC 1812,
// 5.2.7.2): the packet leaves by the link that it came by, and its source is in the network of that router,
// for which the kernel looks when the medium is not said to be shared. Where the site has rules about what
// passes there, hosts are not sent past them. In IPv6 the kernel asks no setting. Each card is told, for it
// may have been another network's.
func redirects(s *site.Site, up []netcfg.Link) []netcfg.Sysctl {
	all := []netcfg.Sysctl{{Key: "net.ipv4.conf.all.shared_media", Value: "0"},
		{Key: "net.ipv4.conf.default.shared_media", Value: "0"}}
	for _, link := range up {
		send := "0"
		if slices.ContainsFunc(s.LANs, func(l site.LAN) bool {
			return l.Link() == link.Name && SendsRedirects(s, l)
		}) {
			send = "1"
		}
		if link.Name != "lo" {
			all = append(all, netcfg.Sysctl{Key: "net/ipv4/conf/" + link.Name + "/send_redirects",
				Value: send})
		}
	}
	return all
}

// SendsRedirects reports whether hosts of a LAN are told of further routers on it.
func SendsRedirects(s *site.Site, lan site.LAN) bool {
	routed := slices.ContainsFunc(routedBy(s, lan), func(p netip.Prefix) bool { return p.Addr().Is4() })
	return routed && !slices.ContainsFunc(s.Firewall.Rules, func(r site.FirewallRule) bool {
		return r.Deny && onLAN(s, lan, r.From) && onLAN(s, lan, r.To)
	})
}

// onLAN reports whether some of ends are in a LAN or in a part of it.
func onLAN(s *site.Site, lan site.LAN, ends []site.FirewallEnd) bool {
	names := []string{lan.Name}
	for _, part := range s.Firewall.Zones {
		if part.LAN == lan.Name {
			names = append(names, part.Name)
		}
	}
	return slices.ContainsFunc(ends, func(e site.FirewallEnd) bool {
		return slices.ContainsFunc(e.Zones, func(zone string) bool { return slices.Contains(names, zone) })
	})
}
