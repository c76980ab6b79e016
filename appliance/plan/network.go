package plan

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// A link is one network that the box is on.
type link struct {
	network, name, parent string
	vlan                  uint16
	prefixes              []netip.Prefix // own addresses with the lengths of their networks
}

// links returns the WAN, if there is one, and the LANs.
func links(s *site.Site, facts wan.Facts, learned Learned) []link {
	var all []link
	if s.WAN.Interface != "" {
		own, _ := own4(s, facts)
		own = append(own, own6(s, learned)...)
		all = append(all, link{site.ZoneWAN, s.WAN.Link(), s.WAN.Interface, s.WAN.VLAN, own})
	}
	for _, l := range s.LANs {
		all = append(all, link{l.Name, l.Link(), l.Interface, l.VLAN, l.Own()})
	}
	return all
}

// valid returns those of prefixes that are set.
func valid(prefixes ...netip.Prefix) []netip.Prefix {
	var set []netip.Prefix
	for _, p := range prefixes {
		if p.IsValid() {
			set = append(set, p)
		}
	}
	return set
}

func network(s *site.Site, learned Learned) netcfg.Config {
	facts := wayOut(s, learned)
	all := links(s, facts, learned)
	up := linksUp(s, facts, wayOut6(s, learned).MTU, all)
	c := netcfg.Config{
		Links: up, Addresses: addresses(s, facts, all), Routes: routes(s, facts, all),
		Sysctls: slices.Concat(sysctls(), redirects(s, up), tables(learned.Memory, hosts4(s)),
			fragments(learned.Memory), timeouts()),
	}
	addTunnel(&c, s, facts)
	addUnreachable(&c, s, learned)
	addWays6(&c, ways6(s, learned))
	return c
}

// linksUp are the links that are up: the networks, and wires under VLANs.
func linksUp(s *site.Site, facts wan.Facts, mtu6 uint16, all []link) []netcfg.Link {
	up := []netcfg.Link{{Name: "lo"}}
	known, networks := map[string]bool{}, map[string]string{}
	for _, l := range all {
		networks[l.name] = l.network
	}
	for _, l := range all {
		if l.vlan != 0 && !known[l.parent] { // the wire under a VLAN has no address, but must be up
			known[l.parent] = true
			up = append(up, netcfg.Link{Name: l.parent, Network: networks[l.parent]})
		}
		if known[l.name] {
			continue
		}
		known[l.name] = true
		wanted := netcfg.Link{Name: l.name, Network: l.network}
		if l.vlan != 0 {
			wanted.Parent, wanted.VLAN = l.parent, l.vlan
		}
		if l.network == site.ZoneWAN {
			wanted = wanHardware(s, facts, wanted)
			if mtu6 != 0 && (wanted.MTU == 0 || mtu6 < wanted.MTU) {
				wanted.MTU = mtu6
			}
			if l.vlan != 0 && wanted.MTU > wanMTU {
				up[len(up)-1].MTU = wanted.MTU // its wire, for the WAN is the first network
			}
		}
		up = append(up, wanted)
	}
	return up
}

// addresses are all of the box, those of others on the WAN too for which it answers there.
func addresses(s *site.Site, facts wan.Facts, all []link) []netcfg.Address {
	var own []netcfg.Address
	_, first := own4(s, facts)
	for _, l := range all {
		for i, p := range l.prefixes {
			// On the network of the first the kernel itself takes the others for second ones.
			beside := l.network == site.ZoneWAN && p.Addr().Is4() && i >= first &&
				(first == 0 || p.Masked() != l.prefixes[0].Masked())
			detect := l.network == site.ZoneWAN && p.Addr().Is6() && s.WAN.Auto6
			own = append(own, netcfg.Address{Link: l.name, Prefix: p, Beside: beside, Detect: detect})
		}
	}
	for _, p := range oneToOneAddresses(s, facts) {
		own = append(own, netcfg.Address{Link: s.WAN.Link(), Prefix: p, Beside: true})
	}
	return own
}

// routes returns the default routes, the site's own, and those of its provider; each network has one.
func routes(s *site.Site, facts wan.Facts, all []link) []netcfg.Route {
	out := wanRoutes(s, facts)
	rs := slices.Clone(out[:gatewayRoutes(facts)])
	for _, r := range s.Routes {
		rs = append(rs, netcfg.Route{To: r.To, Via: r.Via, Link: linkOf(all, r.Via)})
	}
	taken := map[netip.Prefix]bool{}
	for _, l := range all { // the kernel has a route to what is connected
		for _, p := range l.prefixes {
			taken[p.Masked()] = !p.IsSingleIP()
		}
	}
	return slices.DeleteFunc(append(rs, out[gatewayRoutes(facts):]...), func(r netcfg.Route) bool {
		was := taken[r.To]
		taken[r.To] = true
		return was
	})
}

// linkOf returns the name of the link whose network has a; site has seen to it
// that there is one.
func linkOf(all []link, a netip.Addr) string {
	for _, l := range all {
		for _, p := range l.prefixes {
			if p.Contains(a) {
				return l.name
			}
		}
	}
	return ""
}

// sysctls returns the kernel settings of a router. Reverse path filtering is the
// firewall's, in both families, so the kernel's own is off; the box learns
// nothing from advertisements or redirects, it has a plan.
func sysctls() []netcfg.Sysctl {
	return []netcfg.Sysctl{
		{Key: "net.ipv4.ip_forward", Value: "1"},
		{Key: "net.ipv6.conf.all.forwarding", Value: "1"},
		{Key: "net.ipv6.conf.default.forwarding", Value: "1"},
		{Key: "net.ipv6.conf.all.accept_ra", Value: "0"},
		{Key: "net.ipv6.conf.default.accept_ra", Value: "0"},
		{Key: "net.ipv4.conf.all.rp_filter", Value: "0"},
		{Key: "net.ipv4.conf.default.rp_filter", Value: "0"},
		{Key: "net.ipv4.conf.all.accept_redirects", Value: "0"},
		{Key: "net.ipv4.conf.default.accept_redirects", Value: "0"},
		{Key: "net.ipv6.conf.all.accept_redirects", Value: "0"},
		{Key: "net.ipv6.conf.default.accept_redirects", Value: "0"},
		{Key: "net.ipv4.conf.all.accept_source_route", Value: "0"},
		{Key: "net.ipv4.conf.default.accept_source_route", Value: "0"},
		{Key: "net.ipv4.conf.all.send_redirects", Value: "0"},
		{Key: "net.ipv4.conf.default.send_redirects", Value: "0"},
		// Deleting the first address of a network must not take the others along.
		{Key: "net.ipv4.conf.all.promote_secondaries", Value: "1"},
		// Answer ARP for an address only on the link that has it, and ask with
		// an address of that link: a host must not learn us by a wrong card.
		{Key: "net.ipv4.conf.all.arp_ignore", Value: "1"},
		{Key: "net.ipv4.conf.all.arp_announce", Value: "2"},
		{Key: "net.ipv4.tcp_syncookies", Value: "1"},
		// How many bytes each conversation has had: gatehouse firewall top.
		{Key: "net.netfilter.nf_conntrack_acct", Value: "1"},
		// What a socket may ask to hold of messages not yet read: a service that opens its sockets again, for
		// a link that came back, is no longer privileged to have more.
		{Key: "net.core.rmem_max", Value: "4194304"},
		// Fallback tunnel devices (sit0, …) would appear between eth0 and eth1.
		{Key: "net.core.fb_tunnels_only_for_init_net", Value: "2"},
	}
}
