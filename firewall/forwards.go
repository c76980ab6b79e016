package firewall

import (
	"fmt"
	"net/netip"
	"slices"
)

// usableFrom are the forwards that are offered to a zone at the addresses of the appliance there or, as
// hairpins, at its addresses outside.
func (c *compiler) usableFrom(zone string, hairpin bool) []Forward {
	return slices.DeleteFunc(slices.Clone(c.policy.Forwards), func(f Forward) bool {
		return hairpin && !slices.Contains(f.Hairpin, zone) || !hairpin && !slices.Contains(f.From, zone)
	})
}

// ipv4 is the IPv4 address of the host that f leads to.
func (f Forward) ipv4() (netip.Addr, bool) {
	i := slices.IndexFunc(f.To, netip.Addr.Is4)
	if i < 0 {
		return netip.Addr{}, false
	}
	return f.To[i], true
}

// port is the host's port of a forward of a single port.
func (f Forward) port() uint16 {
	if f.ToPort != 0 {
		return f.ToPort
	}
	return f.Ports.First
}

func (f Forward) single() bool { return f.Ports.First == f.Ports.Last }

// chain is where the sources of f are asked for and its packets are counted.
func (f Forward) chain() string { return "forwarded_" + f.Name }

// forwardChains makes the chain of each forward. Of a range it asks for the host too.
func (c *compiler) forwardChains() {
	for _, f := range c.policy.Forwards {
		last := c.finish(f.Name, f.Origin, accept(), f.Rate, f.Log)
		from, to := Endpoint{Addresses: f.Sources.Addresses, Sets: f.Sources.Sets}, Endpoint{}
		if !f.single() {
			to.Addresses = addresses(f.To)
		}
		var rules []TreeRule
		for _, h := range f.helpers() { // in IPv4 it is there already
			port := ports(h.Proto, PortRange{f.port(), f.port()})
			rules = append(rules, assign(h, f, number(NFProto, NFProtoIPv6), port))
		}
		for _, ends := range matchesOf(c.table.Sets, from, to) {
			r := last
			if ends.family == NFProtoIPv4 && !f.single() {
				r.Matches = match(number(CTStatus, CTStatusDNAT))
			}
			r.Matches = append(r.Matches, ends.matches...)
			rules = append(rules, r)
		}
		c.addChain(f.chain(), nil, rules...)
	}
}

// forwarded are the rules that allow what was translated on its way between two zones. They are about all
// forwards that are usable from the one, whatever zone their hosts are in: one lookup by the host's address
// and port or, of ranges, by the port. In IPv6 nothing is translated.
func (c *compiler) forwarded(from, to string) []TreeRule {
	usable := slices.DeleteFunc(slices.Clone(c.policy.Forwards), func(f Forward) bool {
		return !slices.Contains(f.From, from) && !slices.Contains(f.Hairpin, from)
	})
	var rules []TreeRule
	if slices.ContainsFunc(usable, func(f Forward) bool { return f.Zone == to }) {
		for _, f := range families() {
			rules = append(rules, c.singlePorts("forwarded_"+from, f, usable)...)
		}
		for _, p := range []Proto{TCP, UDP, SCTP} {
			rules = append(rules, c.portRanges("forwarded_"+from, p, usable)...)
		}
	}
	return append(rules, c.hairpinned(from, to)...)
}

// singlePorts leads to the chain of each forward of a single port by the address and the port of its host.
func (c *compiler) singlePorts(name string, f family, forwards []Forward) []TreeRule {
	m := Map{Name: name + f.suffix(), Key: []Field{f.dst, L4Proto, THDport}}
	for _, t := range targetsOf(f, forwards) {
		key := []Value{address(t.to), value(t.proto.Number()), value(uint32(t.port))}
		chain := c.anyOf(fmt.Sprintf("%s_%d", m.Name, len(m.Elements)+1), t.forwards)
		m.Elements = append(m.Elements, Element{Key: key, Verdict: jump(chain)})
	}
	r := dispatch(m)
	if f.number == NFProtoIPv4 {
		r.Matches = match(number(CTStatus, CTStatusDNAT))
	}
	return c.addMapOnce(m, r)
}

// portRanges leads to the chain of each forward of a range by the port, which no two of them share.
func (c *compiler) portRanges(name string, p Proto, forwards []Forward) []TreeRule {
	m := Map{Name: name + "_" + string(p), Key: []Field{portOf(p)}, Interval: true}
	for _, f := range forwards {
		if !f.single() && slices.Contains(f.Protos, p) {
			m.Elements = append(m.Elements, Element{Key: []Value{f.Ports.value()}, Verdict: jump(f.chain())})
		}
	}
	return c.addMapOnce(m, dispatch(m))
}

// A target is a port of a host.
type target struct {
	to    netip.Addr
	proto Proto
	port  uint16
}

// A busyTarget is a target with the forwards that lead there: the same port of a host may be offered as
// several.
type busyTarget struct {
	target
	forwards []Forward
}

// targetsOf are the targets of forwards of single ports, in their order.
func targetsOf(f family, forwards []Forward) []busyTarget {
	var all []busyTarget
	index := map[target]int{}
	for _, fwd := range forwards {
		for _, t := range fwd.targets(f) {
			i, known := index[t]
			if !known {
				i = len(all)
				index[t] = i
				all = append(all, busyTarget{target: t})
			}
			all[i].forwards = append(all[i].forwards, fwd)
		}
	}
	return all
}

// targets are where a forward of a single port leads to in one family.
func (f Forward) targets(of family) []target {
	var all []target
	for _, to := range f.To {
		for _, p := range f.Protos {
			if f.single() && of.has(to) {
				all = append(all, target{to, p, f.port()})
			}
		}
	}
	return all
}

// anyOf is the chain that allows what any of some forwards does: its own, or one of that name that asks all
// of them.
func (c *compiler) anyOf(name string, forwards []Forward) string {
	if len(forwards) == 1 {
		return forwards[0].chain()
	}
	if !c.hasChain(name) {
		var rules []TreeRule
		for _, f := range forwards {
			rules = append(rules, TreeRule{Verdict: jump(f.chain()), Name: f.Name, Origin: f.Origin})
		}
		c.addChain(name, nil, rules...)
	}
	return name
}

// addMapOnce is addMap of a map that may be declared already.
func (c *compiler) addMapOnce(m Map, rules ...TreeRule) []TreeRule {
	if slices.ContainsFunc(c.table.Maps, func(known Map) bool { return known.Name == m.Name }) {
		return rules
	}
	return c.addMap(m, rules...)
}

// hairpinned lets a zone's hosts reach a neighbour by the address that it has outside: they could do so
// directly.
func (c *compiler) hairpinned(from, to string) []TreeRule {
	if from != to || !slices.ContainsFunc(c.policy.OneToOne, func(o OneToOne) bool {
		return o.Host == to && slices.Contains(o.Hairpin, from)
	}) {
		return nil
	}
	return []TreeRule{{Matches: match(number(NFProto, NFProtoIPv4), number(CTStatus, CTStatusDNAT)),
		Counter: "forward_hairpin", Verdict: accept(), Name: "one to one"}}
}
