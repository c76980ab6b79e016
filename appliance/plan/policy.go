package plan

import (
	"slices"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/site"
)

// wanZone is the firewall zone of the upstream link; site keeps LANs from having
// this name.
const wanZone = "wan"

// logRate bounds what refused packets can write: enough to see what goes on, too
// little to drown the console.
var logRate = firewall.Rate{PerSecond: 5, Burst: 20}

// policy is the default of a router: LANs reach the WAN and the services of the
// box, and nobody else reaches anything.
func policy(s *site.Site) firewall.Policy {
	p := firewall.Policy{Log: logRate}
	var lans []string
	for _, l := range s.LANs {
		lans = append(lans, l.Name)
		p.Zones = append(p.Zones, firewall.Zone{
			Name: l.Name, Interfaces: []string{l.Link()}, Refuse: firewall.Reject,
		})
	}
	p.Allow = []firewall.Allow{{From: lans, To: []string{firewall.Box}, Services: known("dhcp", "ssh", "ping")}}
	for _, name := range transitLANs(s) {
		p.Allow = append(p.Allow, firewall.Allow{From: []string{name}, To: []string{name}})
	}
	if s.WAN.Interface == "" {
		return p
	}
	p.Zones = append(p.Zones, firewall.Zone{
		Name: wanZone, Interfaces: []string{s.WAN.Link()}, Refuse: firewall.Drop,
	})
	p.Allow = append(p.Allow, firewall.Allow{From: lans, To: []string{wanZone}})
	if s.WAN.IPv4.IsValid() {
		p.Masquerade = []firewall.Masquerade{{From: lans, To: wanZone}}
	}
	return p
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

// known returns the services of these names; a name that the firewall does not
// know is left out, which a test would notice.
func known(names ...string) []firewall.Service {
	var services []firewall.Service
	for _, n := range names {
		if s, ok := firewall.Known(n); ok {
			services = append(services, s)
		}
	}
	return services
}
