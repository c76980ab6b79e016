package plan

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/services/radvd"
	"github.com/gatehouse-os/gatehouse/site"
)

// radvdConfig is what hosts of the LANs are told over IPv6. LANs without a network have their place too:
// hosts may hold one that is gone, and other routers are watched. What is too much to be told is said in
// sentences.
func radvdConfig(s *site.Site, l Learned) (c radvd.Config, untold []string) {
	ways := ways6(s, l)
	for _, lan := range s.LANs {
		if !lan.HasIPv6() {
			continue
		}
		networks := networks6(s, l, lan)
		link := radvd.Link{
			Name: lan.Link(), Network: lan.Name, Other: true, MTU: uint32(lan.MTU), Search: lan.Search,
			CaptivePortal: lan.CaptivePortal, Resolvers: servers6(s, lan, networks, lan.DNS),
			NTP:   servers6(s, lan, networks, lan.NTP),
			NAT64: lan.NAT64, Awaited: !l.Decided6 && isDelegated(s, lan),
		}
		if len(link.Search) == 0 {
			link.Search = []string{s.Domain}
		}
		for _, n := range networks {
			link.Prefixes = append(link.Prefixes, prefixOf(n, ways))
			if w, ok := wayOf(ways, n); ok && w.up {
				link.Lifetime = radvd.DefaultLifetime
			}
		}
		for _, p := range shared6(s, l) {
			link.Routes = append(link.Routes, radvd.Route{Prefix: p, Lifetime: radvd.DefaultLifetime})
		}
		untold = append(untold, link.Fit()...)
		c.Links = append(c.Links, link)
	}
	if s.WAN.Interface != "" && (s.WAN.Auto6 || len(own6(s, l)) > 0) {
		c.Watched = []string{s.WAN.Link()}
	}
	return c, untold
}

// isDelegated reports whether a LAN has networks that the provider delegates.
func isDelegated(s *site.Site, lan site.LAN) bool {
	return s.WAN.Auto6 && s.WAN.Delegation != 0 && slices.Contains(lan.From6, site.FromWAN)
}

// prefixOf is what hosts are told of a network. Where there are two ways out, the networks of the second are
// not for conversations that begin: it takes over when the first is down. So are those whose own way is not
// there, while there is another.
func prefixOf(n network6, ways []way6) radvd.Prefix {
	p := radvd.Prefix{
		Prefix: n.own.Masked(), OnLink: true, Autonomous: true, Preferred: radvd.DefaultPreferred,
		Valid: radvd.DefaultValid, PreferredUntil: n.preferred, ValidUntil: n.valid,
	}
	if len(ways) == 0 || !ways[0].up || p.Prefix.Addr().IsPrivate() {
		return p
	}
	if w, ok := wayOf(ways, n); !ok || w.link != ways[0].link {
		p.Preferred = 0
	}
	return p
}

// shared6 are the prefixes that the LANs have their networks of: hosts reach all of the house by the
// appliance, whether or not it leads out (RFC 7084 4.3, L-3).
func shared6(s *site.Site, l Learned) []netip.Prefix {
	var all []netip.Prefix
	for _, from := range s.Sources6() {
		for _, d := range prefixes6(s, l, from) {
			all = append(all, d.Prefix)
		}
	}
	return all
}

// servers6 are the IPv6 addresses of the servers that a LAN's clients are told of over IPv4: other resolvers
// would be a way around these. The appliance's own is one that stays: a local one, a fixed one, any other.
func servers6(s *site.Site, lan site.LAN, networks []network6, of []netip.Addr) []netip.Addr {
	var all []netip.Addr
	for _, a := range of {
		if a == lan.IPv4.Addr() {
			all = append(all, bestOwn(networks)...)
			continue
		}
		all = append(all, addrs6(s, []netip.Addr{a})...)
	}
	return once(all)
}

// addrs6 are the IPv6 addresses of the hosts that have certain IPv4 addresses.
func addrs6(s *site.Site, of []netip.Addr) []netip.Addr {
	var all []netip.Addr
	for _, a := range of {
		for _, h := range s.Hosts {
			if slices.Contains(h.Addrs, a) {
				all = append(all, slices.DeleteFunc(slices.Clone(h.Addrs), netip.Addr.Is4)...)
			}
		}
	}
	return once(all)
}

// once is all without what was there before.
func once(all []netip.Addr) (some []netip.Addr) {
	for _, a := range all {
		if !slices.Contains(some, a) {
			some = append(some, a)
		}
	}
	return some
}

func bestOwn(networks []network6) []netip.Addr {
	best, rank := netip.Addr{}, -1
	for _, n := range networks {
		r := 0
		switch {
		case n.own.Addr().IsPrivate():
			r = 2
		case n.from == "":
			r = 1
		}
		if r > rank {
			best, rank = n.own.Addr(), r
		}
	}
	if rank < 0 {
		return nil
	}
	return []netip.Addr{best}
}
