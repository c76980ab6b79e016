package firewall_test

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/explain"
	"github.com/gatehouse-os/gatehouse/firewall/policytest"
)

// A model says what the words of a policy mean for a packet, without sets, maps, chains or jumps: the slow
// obvious way. Zone number i has the networks of package policytest on its first interface, and all else is
// behind that of zone 0.
type model struct {
	firewall.Policy
	packet     explain.Packet
	translated bool
}

type fate struct {
	verdict             firewall.VerdictKind
	source, destination netip.AddrPort
}

func (m *model) fate() fate {
	p := &m.packet
	f := fate{firewall.VerdictDrop, p.Source, p.Destination}
	begun := p.State == firewall.CTEstablished // was asked about when it began
	if p.In != "" && !begun && !m.mayArrive() {
		return f
	}
	if p.State == firewall.CTNew && p.In != "" {
		p.Destination = m.translate()
		f.destination = p.Destination
	}
	dst := p.Destination.Addr()
	if p.In != "" && p.In != "lo" && (p.Source.Addr().IsLoopback() || dst.IsLoopback()) {
		f.verdict = firewall.VerdictNone // the kernel drops it
		return f
	}
	switch out := m.linkTo(dst); {
	case p.In != "" && (p.In == "lo" || m.own(dst) || dst.IsMulticast() || dst.String() == "255.255.255.255"):
		f.verdict = m.input()
	case out == "":
		f.verdict = firewall.VerdictNone
	default:
		if f.verdict = m.forward(out); f.verdict == firewall.VerdictAccept {
			f.source = m.outbound(out)
			if !begun && m.leaks(f.source.Addr(), out) {
				f.verdict = firewall.VerdictDrop
			}
		}
	}
	return f
}

func (m *model) v4() bool { return m.packet.Source.Addr().Is4() }

func (m *model) is(proto uint32, types ...uint8) bool {
	return m.packet.Proto == proto && (len(types) == 0 || slices.Contains(types, m.packet.Type))
}

func (m *model) isAny(protos []firewall.Proto) bool {
	return slices.ContainsFunc(protos, func(p firewall.Proto) bool { return m.packet.Proto == p.Number() })
}

// linkTo is the way to an address.
func (m *model) linkTo(a netip.Addr) string {
	if a.Is6() && a.IsLinkLocalUnicast() {
		return m.packet.In
	}
	for i, z := range m.wholes() {
		if len(z.Interfaces) > 0 && (policytest.Network4(i).Contains(a) || policytest.Network6(i).Contains(a)) {
			return z.Interfaces[0]
		}
	}
	if m.Zones[0].Interfaces == nil {
		return ""
	}
	return m.Zones[0].Interfaces[0]
}

func (m *model) wholes() []firewall.Zone {
	return slices.DeleteFunc(slices.Clone(m.Zones), func(z firewall.Zone) bool { return len(z.Networks) > 0 })
}

func (m *model) own(a netip.Addr) bool {
	return slices.ContainsFunc(m.Zones, func(z firewall.Zone) bool { return len(z.Interfaces) > 0 && slices.Contains(z.Own, a) }) || a.IsLoopback()
}

// whole is the zone that an interface is in.
func (m *model) whole(link string) firewall.Zone {
	for _, z := range m.wholes() {
		if slices.Contains(z.Interfaces, link) {
			return z
		}
	}
	return firewall.Zone{}
}

// onCard is the zone that the packet came in by a card of; tunnels have no servers and no advertising
// routers.
func (m *model) onCard() firewall.Zone {
	if z := m.whole(m.packet.In); !slices.Contains(z.Tunnels, m.packet.In) {
		return z
	}
	return firewall.Zone{}
}

// zoneOf is the zone that an address behind an interface is in.
func (m *model) zoneOf(link string, a netip.Addr) firewall.Zone {
	for _, z := range m.Zones {
		if slices.Contains(z.Interfaces, link) && within(a, z.Networks) {
			return z
		}
	}
	return m.whole(link)
}

func within(a netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (m *model) mayArrive() bool {
	p := m.packet
	src, dst := p.Source.Addr(), p.Destination.Addr()
	toAll := dst.String() == "255.255.255.255" || dst.IsLinkLocalMulticast()
	switch {
	case p.In == "lo":
		return true
	case m.isDHCPAnswer():
		return true
	case src.Is4() && src.As4()[0] == 0:
		return toAll
	case src.String() == "::":
		return m.is(firewall.ProtoICMPv6) && (toAll || dst.IsLinkLocalUnicast())
	}
	return src.IsLinkLocalUnicast() && src.Is6() || !m.own(src) && m.linkTo(src) == p.In
}

func (m *model) isDHCPAnswer() bool {
	p := m.packet
	return m.onCard().DHCP && m.v4() && m.is(firewall.ProtoUDP) && p.Source.Port() == 67 && p.Destination.Port() == 68
}

// translate is where the first packet of a conversation really goes.
func (m *model) translate() netip.AddrPort {
	p, zone := m.packet, m.whole(m.packet.In).Name
	dst := p.Destination
	if zone == "" || !m.v4() || dst.Addr().IsLoopback() {
		return dst
	}
	for _, o := range m.OneToOne {
		if o.Outside == dst.Addr() && (o.Zone == zone || slices.Contains(o.Hairpin, zone)) {
			m.translated = true
			return netip.AddrPortFrom(o.Inside, dst.Port())
		}
	}
	inside := slices.ContainsFunc(m.Zones, func(z firewall.Zone) bool { return !z.Outside && slices.Contains(z.Own, dst.Addr()) })
	for _, hairpin := range []bool{false, true} {
		for _, f := range m.Forwards {
			offered := slices.Contains(f.From, zone)
			if hairpin {
				offered = slices.Contains(f.Hairpin, zone) && !inside
			}
			to := slices.IndexFunc(f.To, netip.Addr.Is4)
			if !offered || to < 0 || !m.own(dst.Addr()) || !m.isAny(f.Protos) || dst.Port() < f.Ports.First || dst.Port() > f.Ports.Last {
				continue
			}
			m.translated = true
			if f.ToPort != 0 {
				return netip.AddrPortFrom(f.To[to], f.ToPort)
			}
			return netip.AddrPortFrom(f.To[to], dst.Port())
		}
	}
	return dst
}

// always is what is decided whatever the policy allows: of conversations that are known, and of none.
func (m *model) always(toBox bool) (firewall.VerdictKind, bool) {
	switch p := m.packet; {
	case p.State == firewall.CTEstablished:
		return firewall.VerdictAccept, true
	case p.State == firewall.CTRelated && (m.v4() && m.is(firewall.ProtoICMP, 5) || !toBox && m.linkOnly()):
		return firewall.VerdictDrop, true
	case p.State == firewall.CTRelated:
		return firewall.VerdictAccept, true
	case p.State == firewall.CTInvalid, p.State == firewall.CTUntracked && !toBox:
		return firewall.VerdictDrop, true
	}
	return firewall.VerdictNone, false
}

func (m *model) linkOnly() bool {
	t := m.packet.Type
	return !m.v4() && m.is(firewall.ProtoICMPv6) && (t >= 130 && t <= 138 || t >= 141 && t <= 143 || t >= 148 && t <= 153)
}

func (m *model) suspect() bool {
	p, z := m.packet, m.whole(m.packet.In)
	return z.Outside && (within(p.Source.Addr(), z.Bogons) ||
		m.is(firewall.ProtoTCP) && p.Flags&(firewall.TCPFin|firewall.TCPSyn|firewall.TCPRst|firewall.TCPAck) != firewall.TCPSyn)
}

func (m *model) input() firewall.VerdictKind {
	p := m.packet
	if p.In == "lo" {
		return firewall.VerdictAccept
	}
	if v, ok := m.always(true); ok {
		return v
	}
	src, icmpv6 := p.Source.Addr(), !m.v4() && p.Proto == firewall.ProtoICMPv6
	linkLocal := src.IsLinkLocalUnicast()
	switch {
	case icmpv6 && m.is(p.Proto, 135, 136) && p.HopLimit == 255,
		icmpv6 && m.is(p.Proto, 130, 131, 132, 143) && p.HopLimit == 1 && (linkLocal || src.IsUnspecified()),
		icmpv6 && m.is(p.Proto, 134) && p.HopLimit == 255 && linkLocal && m.onCard().RouterAdverts,
		m.isDHCPAnswer(),
		m.onCard().DHCPv6 && !m.v4() && linkLocal && m.is(firewall.ProtoUDP) && p.Source.Port() == 547 && p.Destination.Port() == 546:
		return firewall.VerdictAccept
	case m.suspect():
		return firewall.VerdictDrop
	}
	from := m.zoneOf(p.In, src)
	for _, r := range slices.Concat(m.Rules, m.Defaults) {
		if m.speaks(r, from.Name, firewall.Box) {
			return m.say(r)
		}
	}
	return m.refuse()
}

func (m *model) forward(out string) firewall.VerdictKind {
	p := m.packet
	if p.In == "" {
		return firewall.VerdictAccept
	}
	if v, ok := m.always(false); ok {
		return v
	}
	if m.suspect() {
		return firewall.VerdictDrop
	}
	from, to := m.zoneOf(p.In, p.Source.Addr()).Name, m.zoneOf(out, p.Destination.Addr()).Name
	for _, r := range m.Rules {
		if m.speaks(r, from, to) {
			return m.say(r)
		}
	}
	if m.forwarded(from, to) {
		return firewall.VerdictAccept
	}
	for _, r := range m.Defaults {
		if m.speaks(r, from, to) {
			return m.say(r)
		}
	}
	return m.refuse()
}

func (m *model) forwarded(from, to string) bool {
	usable := slices.DeleteFunc(slices.Clone(m.Forwards), func(f firewall.Forward) bool {
		return !slices.Contains(f.From, from) && !slices.Contains(f.Hairpin, from)
	})
	if slices.ContainsFunc(usable, func(f firewall.Forward) bool { return f.Zone == to }) && slices.ContainsFunc(usable, m.allows) {
		return true
	}
	return from == to && m.v4() && m.translated && slices.ContainsFunc(m.OneToOne, func(o firewall.OneToOne) bool {
		return o.Host == to && slices.Contains(o.Hairpin, from)
	})
}

func (m *model) allows(f firewall.Forward) bool {
	dst, first, last := m.packet.Destination, f.Ports.First, f.Ports.Last
	if f.ToPort != 0 {
		first, last = f.ToPort, f.ToPort
	}
	return m.isAny(f.Protos) && slices.Contains(f.To, dst.Addr()) && first <= dst.Port() && dst.Port() <= last &&
		(m.translated || !m.v4()) && m.names(firewall.Endpoint{Addresses: f.Sources.Addresses, Sets: f.Sources.Sets}, m.packet.Source.Addr())
}

// speaks reports whether a rule is about the packet.
func (m *model) speaks(r firewall.Rule, from, to string) bool {
	is := func(ends []firewall.Endpoint, zone string, a netip.Addr) bool {
		return slices.ContainsFunc(ends, func(e firewall.Endpoint) bool { return slices.Contains(e.Zones, zone) && m.names(e, a) })
	}
	return from != "" && to != "" && is(r.From, from, m.packet.Source.Addr()) && is(r.To, to, m.packet.Destination.Addr()) && m.served(r.Services)
}

func (m *model) names(e firewall.Endpoint, a netip.Addr) bool {
	if len(e.Addresses) == 0 && len(e.Sets) == 0 || within(a, e.Addresses) {
		return true
	}
	return slices.ContainsFunc(m.Sets, func(s firewall.AddressSet) bool { return slices.Contains(e.Sets, s.Name) && within(a, s.Networks) })
}

func (m *model) served(services []firewall.Service) bool {
	if len(services) == 0 {
		return true
	}
	p := m.packet
	for _, s := range services {
		for _, f := range s.Flows {
			ok := p.Proto == f.Proto.Number()
			switch f.Proto {
			case firewall.ICMP, firewall.IPv6:
				ok = ok && m.v4()
			case firewall.ICMPv6:
				ok = ok && !m.v4()
			}
			if f.Types != nil {
				ok = ok && slices.Contains(f.Types, p.Type)
			}
			if f.Proto == firewall.ICMPv6 && slices.ContainsFunc(f.Types, func(t uint8) bool { return t >= 133 && t <= 137 }) {
				ok = ok && p.HopLimit == 255
			}
			port := p.Destination.Port()
			if f.Ports != nil {
				ok = ok && slices.ContainsFunc(f.Ports, func(r firewall.PortRange) bool { return r.First <= port && port <= r.Last })
			}
			if ok {
				return true
			}
		}
	}
	return false
}

func (m *model) say(r firewall.Rule) firewall.VerdictKind {
	if r.Action == firewall.Allow {
		return firewall.VerdictAccept
	}
	return m.turnAway()
}

func (m *model) refuse() firewall.VerdictKind {
	if m.packet.ToAll {
		return firewall.VerdictDrop
	}
	return m.turnAway()
}

func (m *model) turnAway() firewall.VerdictKind {
	switch {
	case m.whole(m.packet.In).Refuse != firewall.Reject:
		return firewall.VerdictDrop
	case m.is(firewall.ProtoTCP):
		return firewall.VerdictRejectReset
	}
	return firewall.VerdictRejectICMP
}

// outbound is the source that a packet leaves with.
func (m *model) outbound(out string) netip.AddrPort {
	p, src := m.packet, m.packet.Source
	if p.State != firewall.CTNew || !m.v4() {
		return src
	}
	from, to := m.whole(p.In), m.whole(out)
	for _, o := range m.OneToOne {
		if o.Zone == to.Name && o.Inside == src.Addr() {
			return netip.AddrPortFrom(o.Outside, src.Port())
		}
	}
	mine := src
	for _, a := range to.Own {
		if a.Is4() && slices.Index(to.Interfaces, out) == 0 {
			mine = netip.AddrPortFrom(a, src.Port())
		}
	}
	if m.translated && p.In == out && m.mayHairpin(from.Name) {
		return mine
	}
	for _, masq := range m.Masquerade {
		if from.Name != "" && slices.Contains(masq.From, from.Name) && masq.To == to.Name {
			if masq.Address.IsValid() {
				return netip.AddrPortFrom(masq.Address, src.Port())
			}
			return mine
		}
	}
	return src
}

// mayHairpin reports whether some of what is translated stays in a zone.
func (m *model) mayHairpin(zone string) bool {
	return slices.ContainsFunc(m.Forwards, func(f firewall.Forward) bool {
		return f.Zone == zone && (slices.Contains(f.From, zone) || slices.Contains(f.Hairpin, zone))
	}) || slices.ContainsFunc(m.OneToOne, func(o firewall.OneToOne) bool {
		return o.Host == zone && (o.Zone == zone || slices.Contains(o.Hairpin, zone))
	})
}

// leaks reports whether a private source would leave.
func (m *model) leaks(src netip.Addr, out string) bool {
	to := m.whole(out)
	if slices.Contains(to.Own, src) && slices.Index(to.Interfaces, out) == 0 {
		return false
	}
	if src.Is6() {
		return to.Outside && netip.MustParsePrefix("fc00::/7").Contains(src)
	}
	masqueraded := slices.ContainsFunc(m.Masquerade, func(masq firewall.Masquerade) bool {
		return masq.To == to.Name && slices.ContainsFunc(masq.From, func(from string) bool {
			return slices.ContainsFunc(m.Zones, func(z firewall.Zone) bool { return z.Name == from && len(z.Interfaces) > 0 })
		})
	})
	shared := netip.MustParsePrefix("100.64.0.0/10")
	given := slices.ContainsFunc(m.OneToOne, func(o firewall.OneToOne) bool { return o.Outside == src })
	return masqueraded && !given && (src.IsPrivate() || src.IsLinkLocalUnicast() || shared.Contains(src))
}
