package plan

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/site"
)

// wanZone is the firewall zone of the upstream link; site keeps LANs from having
// this name.
const wanZone = "wan"

// logRate bounds what one rule can log: enough to see what goes on, too little
// to drown it.
var logRate = firewall.Rate{Count: 5, Per: firewall.Second, Burst: 20}

// floodRate bounds the TCP conversations that one source upstream may start: far
// above what a browser does, far below what a scan or a flood does.
var floodRate = firewall.Rate{Count: 100, Per: firewall.Second, Burst: 200}

// policy is the default of a router: LANs reach the WAN and the services of the
// box, and nobody else reaches anything.
func policy(s *site.Site) firewall.Policy {
	p := firewall.Policy{Log: logRate, Flood: floodRate}
	var lans []string
	for _, l := range s.LANs {
		lans = append(lans, l.Name)
		p.Zones = append(p.Zones, firewall.Zone{
			Name: l.Name, Interfaces: []string{l.Link()}, Refuse: firewall.Reject, Own: own(l.IPv4, l.IPv6),
		})
	}
	for _, service := range known("dhcp", "ssh", "ping") {
		p.Defaults = append(p.Defaults, allow("box-"+service.Name, lans, []string{firewall.Box}, service))
	}
	for _, name := range transitLANs(s) {
		p.Defaults = append(p.Defaults, allow("transit-"+name, []string{name}, []string{name}))
	}
	if s.WAN.Interface == "" {
		return p
	}
	p.Zones = append(p.Zones, firewall.Zone{
		Name: wanZone, Interfaces: []string{s.WAN.Link()}, Refuse: firewall.Drop, Own: own(s.WAN.IPv4, s.WAN.IPv6),
		Outside: true, Bogons: firewall.Martians(),
	})
	p.Defaults = append(p.Defaults, allow("lans-wan", lans, []string{wanZone}))
	if s.WAN.IPv4.IsValid() {
		p.Masquerade = []firewall.Masquerade{{From: lans, To: wanZone}}
	}
	return p
}

func allow(name string, from, to []string, services ...firewall.Service) firewall.Rule {
	return firewall.Rule{Name: name, Action: firewall.Allow, From: firewall.Endpoint{Zones: from},
		To: firewall.Endpoint{Zones: to}, Services: services}
}

// own returns the addresses of those of prefixes that are set.
func own(prefixes ...netip.Prefix) []netip.Addr {
	var all []netip.Addr
	for _, p := range valid(prefixes...) {
		all = append(all, p.Addr())
	}
	return all
}

// transitLANs returns the LANs that have a further router on them: its networks
// are reached through the box from the LAN that it is on.
func transitLANs(s *site.Site) []string {
	var names []string
	for _, l := range s.LANs {
		if slices.ContainsFunc(s.Routes, func(r site.Route) bool {
			return l.IPv4.Contains(r.Via) || l.IPv6.Contains(r.Via)
		}) {
			names = append(names, l.Name)
		}
	}
	return names
}

// known returns the services of these names; a name that is not known is left
// out, which a test would notice.
func known(names ...string) []firewall.Service {
	table := map[string][]firewall.Flow{
		"dhcp": {{Proto: firewall.UDP, Ports: []firewall.PortRange{firewall.Port(67)}}},
		"ssh":  {{Proto: firewall.TCP, Ports: []firewall.PortRange{firewall.Port(22)}}},
		"ping": {{Proto: firewall.ICMP, Types: []uint8{8}}, {Proto: firewall.ICMPv6, Types: []uint8{128}}},
	}
	var services []firewall.Service
	for _, n := range names {
		if flows, ok := table[n]; ok {
			services = append(services, firewall.Service{Name: n, Flows: flows})
		}
	}
	return services
}
