// Package policytest makes firewall policies for tests: the same one for the same source of randomness,
// always valid, small enough to read in a failure, and over many draws using every feature of a policy in
// every combination.
package policytest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// Random draws a valid policy. Its first zones are whole interfaces, among them "wan"; others may follow that
// are some networks behind them. Zone number i has the networks [Network4](i) and [Network6](i), the
// appliance there the first address, and hosts the ones behind.
func Random(r *rand.Rand) firewall.Policy {
	d := draw{Rand: r}
	d.Log, d.Flood = d.rate(), d.rate()
	d.drawZones()
	d.drawSets()
	d.drawRules()
	d.drawForwards()
	for range d.IntN(3) {
		m := firewall.Masquerade{From: d.some(d.whole), To: d.one(d.whole)}
		if len(d.Masquerade) == 0 {
			m.Address = Host4(slices.Index(d.whole, m.To), 1)
		}
		d.Masquerade = append(d.Masquerade, m)
	}
	d.Share = uint32(d.IntN(3) * 1000)
	d.OwnKnown = d.chance(2)
	d.drawNeighbours()
	return d.Policy
}

// Network4 is the IPv4 network of a zone by its number.
func Network4(zone int) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", zone)) }

// Network6 is the IPv6 network of a zone by its number.
func Network6(zone int) netip.Prefix {
	return netip.MustParsePrefix(fmt.Sprintf("2001:db8:%d::/48", zone))
}

// Host4 is a host's IPv4 address in the network of a zone.
func Host4(zone, host int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(zone), byte(host >> 8), byte(host)})
}

// Host6 is a host's IPv6 address in the network of a zone.
func Host6(zone, host int) netip.Addr {
	a := Network6(zone).Addr().As16()
	a[14], a[15] = byte(host>>8), byte(host)
	return netip.AddrFrom16(a)
}

// drawNeighbours bounds neighbours in most policies, with links whose networks are known, or not.
func (d *draw) drawNeighbours() {
	if d.IntN(4) == 0 {
		return
	}
	d.Neighbours = firewall.Neighbours{Size: 4096 << d.IntN(5),
		Link: firewall.Rate{Count: 100, Per: firewall.Second, Burst: 1000}}
	for i := range d.Zones {
		if len(d.Zones[i].Networks) == 0 && d.IntN(3) > 0 {
			d.Zones[i].OnLink = []netip.Prefix{Network4(i), netip.PrefixFrom(Host4(9, i), 32)}[:1+d.IntN(2)]
			if d.Neighbours.Size == 4096 { // and more hosts than the table has places for
				d.Zones[i].OnLink = append(d.Zones[i].OnLink,
					netip.PrefixFrom(netip.AddrFrom4([4]byte{100, byte(64 + i)}), 16))
			}
			if d.Zones[i].Outside {
				d.Zones[i].OnLink = append(d.Zones[i].OnLink, Network6(i))
			}
			if i%2 == 1 && len(d.Zones[i].Interfaces) == 1 {
				d.Zones[i].Direct = []netip.Prefix{Network4(i)}
			}
		}
	}
	if d.IntN(2) == 0 {
		d.Neighbours.Routed = []netip.Prefix{Network6(7)}
	}
}

// hosts is how many hosts of a zone rules speak of.
const hosts = 4

type draw struct {
	*rand.Rand
	firewall.Policy
	whole, zones []string // names of the zones of whole interfaces, and of all
	sets         []string
}

func (d *draw) drawZones() {
	for i := range 1 + d.IntN(5) {
		z := firewall.Zone{Name: []string{"wan", "lan", "guest", "iot-2", "Table"}[i], Refuse: firewall.Drop,
			Own: []netip.Addr{Host4(i, 1), Host6(i, 1)}}
		if d.chance(2) {
			z.Refuse = firewall.Reject
		}
		for j := range d.IntN(4) {
			z.Interfaces = append(z.Interfaces, fmt.Sprintf("eth%d.%d", i, j))
		}
		z.RouterAdverts, z.DHCP, z.DHCPv6 = d.chance(4), d.chance(4), d.chance(4)
		for _, name := range z.Interfaces {
			if d.chance(6) {
				z.Tunnels = append(z.Tunnels, name)
			}
		}
		if z.Outside = i == 0 || d.chance(5); z.Outside && d.chance(2) {
			z.Bogons = firewall.Martians()
			if d.chance(2) {
				z.Bogons = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("fc00::/7")}
			}
		}
		d.whole = append(d.whole, z.Name)
		d.Zones = append(d.Zones, z)
	}
	d.zones = append(d.zones, d.whole...)
	for i, z := range d.Zones {
		if len(z.Interfaces) > 0 && d.chance(3) {
			part := firewall.Zone{Name: "part-" + z.Name, Interfaces: z.Interfaces, Refuse: z.Refuse,
				Networks: []netip.Prefix{netip.PrefixFrom(Host4(i, 2), 31)}}
			if d.chance(2) {
				part.Networks = append(part.Networks, netip.PrefixFrom(Host6(i, 2), 127))
			}
			d.Zones = append(d.Zones, part)
			d.zones = append(d.zones, part.Name)
		}
	}
}

func (d *draw) drawSets() {
	for i := range d.IntN(4) {
		s := firewall.AddressSet{Name: []string{"ip", "servers", "blocked-1"}[i], Live: d.chance(2)}
		for range d.IntN(5) {
			s.Networks = append(s.Networks, d.network())
		}
		if len(s.Networks) > 0 || s.Live {
			d.Sets = append(d.Sets, s)
			d.sets = append(d.sets, s.Name)
		}
	}
}

// network draws a host or a network, also ones that contain or touch each other.
func (d *draw) network() netip.Prefix {
	zone, host := d.IntN(5), 1+d.IntN(hosts)
	a, bits := Host4(zone, host), []int{32, 32, 31, 30, 16, 8}
	if d.chance(2) {
		a, bits = Host6(zone, host), []int{128, 128, 127, 126, 64, 48}
	}
	return netip.PrefixFrom(a, bits[d.IntN(len(bits))]).Masked()
}

func (d *draw) drawRules() {
	many := 5
	if d.chance(10) {
		many = 30 // enough that hosts become keys
	}
	for i := range d.IntN(many) {
		r := d.rule(fmt.Sprintf("r%d", i))
		d.Rules = append(d.Rules, r)
	}
	for i := range d.IntN(3) {
		d.Defaults = append(d.Defaults, d.rule(fmt.Sprintf("default.%d", i)))
	}
}

func (d *draw) rule(name string) firewall.Rule {
	r := firewall.Rule{Name: name, Action: firewall.Allow, Log: d.chance(3),
		From: d.endpoints(d.zones), To: d.endpoints(append(d.zones, firewall.Box))}
	for j := range 1 + d.IntN(3) {
		r.Services = append(r.Services, d.service(j))
	}
	if d.chance(2) {
		r.Origin = fmt.Sprintf("site.toml:%d", d.IntN(99))
	}
	if d.chance(3) { // everything, which the box never allows
		r.To, r.Services = d.endpoints(d.zones), nil
	}
	if d.chance(3) {
		r.Action = firewall.Deny
	} else {
		r.Rate = d.rate()
	}
	return r
}

func (d *draw) endpoints(zones []string) []firewall.Endpoint {
	var ends []firewall.Endpoint
	for range 1 + d.IntN(4)/3 {
		s := d.sources()
		ends = append(ends, firewall.Endpoint{Zones: d.some(zones), Addresses: s.Addresses, Sets: s.Sets})
	}
	return ends
}

// sources draws everybody, or hosts, or networks and sets.
func (d *draw) sources() firewall.Sources {
	var s firewall.Sources
	switch d.IntN(4) {
	case 0:
		for range 1 + d.IntN(2) {
			zone, host := d.IntN(5), 1+d.IntN(hosts)
			s.Addresses = append(s.Addresses, netip.PrefixFrom(Host4(zone, host), 32))
			if d.chance(2) {
				s.Addresses = append(s.Addresses, netip.PrefixFrom(Host6(zone, host), 128))
			}
		}
	case 1:
		for range 1 + d.IntN(3) {
			s.Addresses = append(s.Addresses, d.network())
		}
		if len(d.sets) > 0 {
			s.Sets = d.some(d.sets)
		}
	}
	return s
}

// drawForwards draws forwards of ports that no two of them share, and addresses one to one.
func (d *draw) drawForwards() {
	port := 100
	for i := range d.IntN(4) {
		zone := d.IntN(len(d.whole))
		f := firewall.Forward{Name: fmt.Sprintf("f%d", i), From: d.some(d.whole), Zone: d.whole[zone],
			Protos: [][]firewall.Proto{{firewall.TCP}, {firewall.UDP, firewall.TCP},
				{firewall.SCTP}}[d.IntN(3)],
			Ports: firewall.Port(uint16(port)), Sources: d.sources(), Rate: d.rate(), Log: d.chance(3)}
		if d.chance(3) {
			f.Ports.Last += uint16(d.IntN(50))
		}
		if f.Ports.First == f.Ports.Last && d.chance(2) {
			f.ToPort = uint16(80 + d.IntN(2))
		}
		if d.chance(4) {
			f.Origin = "site.toml:7"
		}
		host := 1 + d.IntN(hosts)
		if d.chance(4) {
			f.To = []netip.Addr{Host6(zone, host)}
		} else {
			f.To = []netip.Addr{Host4(zone, host), Host6(zone, host), Host6(zone, host+1)}[:1+d.IntN(3)]
		}
		if d.chance(2) {
			f.Hairpin = d.some(d.whole)
		}
		d.Forwards = append(d.Forwards, f)
		port += 51
	}
	for i := range d.IntN(3) {
		zone := d.IntN(len(d.whole))
		o := firewall.OneToOne{Outside: netip.AddrFrom4([4]byte{192, 0, 2, byte(20 + i)}),
			Inside: Host4(zone, 10+i), Zone: d.one(d.whole), Host: d.whole[zone]}
		if d.chance(2) {
			o.Hairpin = d.some(d.whole)
		}
		d.OneToOne = append(d.OneToOne, o)
	}
}

func (d *draw) chance(of int) bool { return d.IntN(of) == 0 }

func (d *draw) one(names []string) string { return names[d.IntN(len(names))] }

// some draws at least one of names, in their order.
func (d *draw) some(names []string) []string {
	var drawn []string
	for _, n := range names {
		if d.chance(2) {
			drawn = append(drawn, n)
		}
	}
	if drawn == nil {
		return []string{d.one(names)}
	}
	return drawn
}

func (d *draw) rate() firewall.Rate {
	if d.chance(2) {
		return firewall.Rate{}
	}
	return firewall.Rate{Count: 1 + d.Uint32N(1000), Burst: 1 + d.Uint32N(1000),
		Per: []firewall.Unit{firewall.Second, firewall.Minute, firewall.Hour}[d.IntN(3)]}
}

func (d *draw) service(i int) firewall.Service {
	tcp, udp := firewall.TCP, firewall.UDP
	known := []firewall.Service{
		{Name: "dns", Flows: []firewall.Flow{{Proto: udp, Ports: []firewall.PortRange{firewall.Port(53)}},
			{Proto: tcp, Ports: []firewall.PortRange{firewall.Port(53)}}}},
		{Name: "ping", Flows: []firewall.Flow{{Proto: firewall.ICMP, Types: []uint8{8}},
			{Proto: firewall.ICMPv6, Types: []uint8{128}}}},
		{Name: "ftp", Helper: "ftp", Flows: []firewall.Flow{
			{Proto: tcp, Ports: []firewall.PortRange{firewall.Port(21)}}}},
		{Name: "sip", Helper: "sip", Flows: []firewall.Flow{
			{Proto: udp, Ports: []firewall.PortRange{firewall.Port(5060)}},
			{Proto: tcp, Ports: []firewall.PortRange{{First: 5060, Last: 5061}}}}},
		{Name: "ra", Flows: []firewall.Flow{{Proto: firewall.ICMPv6, Types: []uint8{133}}}},
		{Name: "ssh", Flows: []firewall.Flow{{Proto: tcp, Ports: []firewall.PortRange{firewall.Port(22)}}}},
		{Name: "vpn", Flows: []firewall.Flow{{Proto: firewall.ESP}, {Proto: firewall.AH},
			{Proto: firewall.GRE}, {Proto: firewall.IPv6}}},
	}
	if n := d.IntN(2 * len(known)); n < len(known) {
		return known[n]
	}
	s := firewall.Service{Name: fmt.Sprintf("service %d", i)}
	for range 1 + d.IntN(2) {
		s.Flows = append(s.Flows, d.flow())
	}
	return s
}

func (d *draw) flow() firewall.Flow {
	f := firewall.Flow{Proto: []firewall.Proto{firewall.TCP, firewall.UDP, firewall.SCTP, firewall.ICMP,
		firewall.ICMPv6}[d.IntN(5)]}
	if f.Proto == firewall.ICMP || f.Proto == firewall.ICMPv6 {
		for range 1 + d.IntN(3) {
			f.Types = append(f.Types, uint8(d.IntN(256)))
		}
		return f
	}
	first := 1 + d.IntN(100)
	for range d.IntN(4) {
		last := first + d.IntN(2)*d.IntN(10_000)
		f.Ports = append(f.Ports, firewall.PortRange{First: uint16(first), Last: uint16(last)})
		first = last + 1 + d.IntN(1000)
	}
	if first > 60_000 { // now and then up to the very last port, where intervals have no end
		f.Ports = append(f.Ports, firewall.PortRange{First: uint16(first), Last: 65535})
	}
	return f
}
