// Package policytest makes firewall policies for tests: the same one for the same source of randomness, always valid,
// small enough to read in a failure, and over many draws using every feature of a policy in every combination.
package policytest

import (
	"fmt"
	"math/rand/v2"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// Random draws a valid policy of up to 5 zones.
func Random(r *rand.Rand) firewall.Policy {
	p := firewall.Policy{Log: rate(r)}
	var zones []string
	for i := range 1 + r.IntN(5) {
		z := firewall.Zone{Name: []string{"wan", "lan", "guest", "iot-2", "Table"}[i], Refuse: firewall.Drop}
		if r.IntN(2) == 0 {
			z.Refuse = firewall.Reject
		}
		for j := range r.IntN(4) {
			z.Interfaces = append(z.Interfaces, fmt.Sprintf("eth%d.%d", i, j))
		}
		z.RouterAdverts = r.IntN(4) == 0
		zones = append(zones, z.Name)
		p.Zones = append(p.Zones, z)
	}
	for i := range r.IntN(5) {
		a := firewall.Allow{From: some(r, zones), To: some(r, append(zones, firewall.Box)), Rate: rate(r)}
		for j := range 1 + r.IntN(3) {
			a.Services = append(a.Services, service(r, j))
		}
		if r.IntN(2) == 0 {
			a.Origin = fmt.Sprintf("site.toml:%d", i+10)
		}
		if r.IntN(3) == 0 { // everything, which the box never allows
			a.To, a.Services = some(r, zones), nil
		}
		p.Allow = append(p.Allow, a)
	}
	for range r.IntN(3) {
		p.Masquerade = append(p.Masquerade, firewall.Masquerade{From: some(r, zones), To: zones[r.IntN(len(zones))]})
	}
	return p
}

// some draws at least one of names, in their order.
func some(r *rand.Rand, names []string) []string {
	var drawn []string
	for _, n := range names {
		if r.IntN(2) == 0 {
			drawn = append(drawn, n)
		}
	}
	if drawn == nil {
		return []string{names[r.IntN(len(names))]}
	}
	return drawn
}

func rate(r *rand.Rand) firewall.Rate {
	if r.IntN(2) == 0 {
		return firewall.Rate{}
	}
	return firewall.Rate{PerSecond: 1 + r.Uint32N(1000), Burst: 1 + r.Uint32N(1000)}
}

func service(r *rand.Rand, i int) firewall.Service {
	names := []string{"dhcp", "dns", "ntp", "ping", "ra", "ssh"}
	if n := r.IntN(2 * len(names)); n < len(names) {
		s, _ := firewall.Known(names[n])
		return s
	}
	s := firewall.Service{Name: fmt.Sprintf("service %d", i)}
	for range 1 + r.IntN(2) {
		s.Flows = append(s.Flows, flow(r))
	}
	return s
}

func flow(r *rand.Rand) firewall.Flow {
	f := firewall.Flow{Proto: []firewall.Proto{firewall.TCP, firewall.UDP, firewall.ICMP, firewall.ICMPv6}[r.IntN(4)]}
	if f.Proto == firewall.ICMP || f.Proto == firewall.ICMPv6 {
		for range 1 + r.IntN(3) {
			f.Types = append(f.Types, uint8(r.IntN(256)))
		}
		return f
	}
	first := 1 + r.IntN(100)
	for range r.IntN(4) {
		last := first + r.IntN(2)*r.IntN(10_000)
		f.Ports = append(f.Ports, firewall.PortRange{First: uint16(first), Last: uint16(last)})
		first = last + 1 + r.IntN(1000)
	}
	if first > 60_000 { // now and then up to the very last port, where intervals have no end
		f.Ports = append(f.Ports, firewall.PortRange{First: uint16(first), Last: 65535})
	}
	return f
}
