package plan

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// logRate bounds what one rule can log: enough to see what goes on, too little
// to drown it.
var logRate = firewall.Rate{Count: 5, Per: firewall.Second, Burst: 20}

// floodRate bounds the TCP conversations that one source upstream may start: far
// above what a browser does, far below what a scan or a flood does.
var floodRate = firewall.Rate{Count: 100, Per: firewall.Second, Burst: 200}

// policy is what the site says and behind it the default of a router: LANs reach
// the WAN and the services of the box, and nobody else reaches anything.
func policy(s *site.Site, facts wan.Facts, l Learned) firewall.Policy {
	p := firewall.Policy{Log: logRate, Flood: floodRate, Zones: zones(s, facts, l), Sets: sets(s),
		Share: share(s, l.Memory), Neighbours: neighbourLimits(s, l.Memory), OwnKnown: s.WAN.DHCP == nil}
	lans := lanNames(s)
	for _, r := range s.Firewall.Rules {
		p.Rules = append(p.Rules, rule(r))
	}
	for _, f := range s.Firewall.Forwards {
		p.Forwards = append(p.Forwards, forward(f, lans))
	}
	for _, service := range s.BoxServices() {
		from := lans
		if service.Name == roster.DHCP || service.Name == roster.DNS {
			from = slices.Concat(lans, relayZones(s))
		}
		p.Defaults = append(p.Defaults, allow(service.Name, from, firewall.Box, serviceOf(service)))
	}
	p.Defaults = append(p.Defaults, tunnelRules(s)...)
	for _, l := range s.LANs {
		if s.Transit(l) {
			p.Defaults = append(p.Defaults, allow("transit-"+l.Name, []string{l.Name}, l.Name))
		}
	}
	if s.WAN.Interface != "" {
		p.Defaults = append(p.Defaults, allow("out", lans, site.ZoneWAN))
	}
	if s.WAN.HasIPv4() && len(s.Firewall.Masquerade) > 0 {
		m := firewall.Masquerade{From: s.Firewall.Masquerade, To: site.ZoneWAN}
		if len(s.WAN.Beside) == 0 { // else the source depends on the neighbour that packets go to
			m.Address = s.WAN.IPv4.Addr()
		}
		p.Masquerade = []firewall.Masquerade{m}
	}
	for _, o := range oneToOne(s, facts) {
		p.OneToOne = append(p.OneToOne, firewall.OneToOne{Outside: o.Outside, Inside: o.Inside,
			Zone: site.ZoneWAN, Host: o.Zone, Hairpin: lans, Origin: o.Place})
	}
	return p
}

// share is how many conversations one source may have.
func share(s *site.Site, memory uint64) uint32 {
	if n := s.Firewall.Share; n != nil {
		return uint32(*n)
	}
	return uint32(conversations(memory) / 4)
}

func lanNames(s *site.Site) []string {
	var names []string
	for _, l := range s.LANs {
		names = append(names, l.Name)
	}
	return names
}

// zones are the LANs, the parts of them that the site names, and the WAN.
func zones(s *site.Site, facts wan.Facts, l Learned) []firewall.Zone {
	var all []firewall.Zone
	for _, l := range s.LANs {
		all = append(all, firewall.Zone{
			Name: l.Name, Interfaces: []string{l.Link()}, Refuse: firewall.Reject, Own: own(l.Own()...),
			OnLink: onLink(l.Own()), Routed: routedBy(s, l),
			Direct:        direct(s, facts, onLink(l.Own())),
			RouterAdverts: l.HasIPv6(), // those of other routers are looked at, and not believed
		})
		for _, part := range s.Firewall.Zones {
			if part.LAN == l.Name {
				all = append(all, firewall.Zone{
					Name: part.Name, Interfaces: []string{l.Link()}, Refuse: firewall.Reject,
					Networks: part.Networks,
				})
			}
		}
	}
	if s.WAN.Interface == "" {
		return all
	}
	upstream, first := own4(s, facts)
	z := firewall.Zone{
		Name: site.ZoneWAN, Interfaces: []string{s.WAN.Link()}, Refuse: firewall.Drop,
		Outside: true, DHCP: s.WAN.DHCP != nil, OnLink: append(onLinkWAN(s, facts), onLink6(own6(s, l))...),
		RouterAdverts: s.WAN.Auto6, DHCPv6: s.WAN.Auto6,
	}
	six := own(own6(s, l)...)
	if t := s.Tunnel; t != nil {
		z.Tunnels = []string{site.TunnelLink}
		z.Interfaces, six = append(z.Interfaces, z.Tunnels...), append(six, t.IPv6.Addr())
	}
	z.Own, z.Bogons = append(own(upstream...), six...), bogons(append(own(upstream[:first]...), six...))
	return append(all, z)
}

// relayZones are the parts of LANs that the site names whose clients ask for
// addresses through a relay agent, and are told of the box as their resolver.
func relayZones(s *site.Site) []string {
	var names []string
	for _, part := range s.Firewall.Zones {
		if slices.ContainsFunc(s.Relayed, func(r site.Relayed) bool {
			return slices.ContainsFunc(part.Networks, r.Network.Overlaps)
		}) {
			names = append(names, part.Name)
		}
	}
	return names
}

// own returns the addresses of those of prefixes that are set.
func own(prefixes ...netip.Prefix) []netip.Addr {
	var all []netip.Addr
	for _, p := range valid(prefixes...) {
		all = append(all, p.Addr())
	}
	return all
}

// bogons are the networks that no stranger upstream can be in. Where our own
// address upstream has no place on the Internet, we stand behind another router,
// and strangers may have such addresses too.
func bogons(own []netip.Addr) []netip.Prefix {
	behind := map[bool]bool{} // by whether it is about IPv4
	for _, a := range own {
		behind[a.Is4()] = behind[a.Is4()] || special(a)
	}
	var all []netip.Prefix
	for _, p := range firewall.SpecialPurpose() {
		if !behind[p.Addr().Is4()] || martian(p) {
			all = append(all, p)
		}
	}
	return all
}

func special(a netip.Addr) bool {
	for _, p := range firewall.SpecialPurpose() {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func martian(p netip.Prefix) bool {
	for _, m := range firewall.Martians() {
		if m == p {
			return true
		}
	}
	return false
}
