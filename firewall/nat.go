package firewall

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// dstnat translates destinations: one to one, then the ports that are forwarded. From each zone it is one
// lookup for all of a kind.
func (c *compiler) dstnat() {
	zones := Map{Name: "dstnat_zones", Key: []Field{IIFName}}
	for _, z := range c.policy.Zones {
		if len(z.Networks) > 0 {
			continue
		}
		rules := c.oneToOneIn(z.Name)
		rules = append(rules, c.translations("dnat_"+z.Name, c.usableFrom(z.Name, false), c.toBox())...)
		rules = append(rules, c.translations("hairpin_"+z.Name, c.usableFrom(z.Name, true), c.toOutside())...)
		if len(rules) > 0 {
			chain := "dstnat_" + z.Name
			c.addChain(chain, nil, rules...)
			zones.Elements = append(zones.Elements, leadTo(jump(chain), keysOf(z.Interfaces))...)
		}
	}
	if rules := c.choose(zones); len(rules) > 0 {
		c.addChain("dstnat", &Hook{NAT, Prerouting, PriorityDstNAT, VerdictAccept}, rules...)
	}
}

// toBox matches IPv4 packets to the appliance, but those that no wire may bring: untranslated, the kernel
// drops them.
func (c *compiler) toBox() []Match {
	if own := c.own4(func(Zone) bool { return true }); c.policy.OwnKnown && len(own) > 0 {
		return match(within(IPDaddr, own))
	}
	return local()
}

// toOutside matches those that are to none of its addresses in zones of ours, if these are known.
func (c *compiler) toOutside() []Match {
	if own := c.own4(func(z Zone) bool { return z.Outside }); c.policy.OwnKnown && len(own) > 0 {
		return match(within(IPDaddr, own))
	}
	return append(c.inside(), local()...)
}

func local() []Match {
	return match(number(NFProto, NFProtoIPv4), number(DaddrType, AddrLocal),
		not(within(IPDaddr, prefixesOf("127.0.0.0/8"))))
}

// own4 are the appliance's IPv4 addresses in those zones that want says yes to.
func (c *compiler) own4(want func(Zone) bool) []netip.Prefix {
	var own []netip.Addr
	for _, z := range c.policy.Zones {
		if len(z.Interfaces) > 0 && want(z) {
			own = append(own, z.Own...)
		}
	}
	return families()[0].of(addresses(own))
}

// inside matches what is not to the appliance's addresses in zones of ours, if these are known and needed.
func (c *compiler) inside() []Match {
	s := Set{Name: "inside", Key: []Field{IPDaddr},
		Elements: elementsOf(c.own4(func(z Zone) bool { return !z.Outside }))}
	needed := slices.ContainsFunc(c.policy.Forwards, func(f Forward) bool { return len(f.Hairpin) > 0 })
	if !needed || c.addSet(s, TreeRule{}) == nil {
		return nil
	}
	return match(not(in(s)))
}

// translations are the rules for some forwards: one for all single ports, and one per protocol for ranges, of
// which each packet keeps its port.
func (c *compiler) translations(name string, forwards []Forward, matches []Match) []TreeRule {
	single := Map{Name: name, Key: []Field{L4Proto, THDport}, Data: []Kind{KindIPv4, KindPort}}
	ranges := map[Proto]Map{}
	for _, p := range []Proto{TCP, UDP, SCTP} {
		ranges[p] = Map{Name: name + "_" + string(p), Key: []Field{portOf(p)}, Data: []Kind{KindIPv4},
			Interval: true}
	}
	for _, f := range forwards {
		to, ok := f.ipv4()
		if !ok {
			continue
		}
		for _, p := range f.Protos {
			if f.single() {
				single.Elements = append(single.Elements,
					Element{Key: []Value{value(p.Number()), f.Ports.value()},
						Data: []Value{address(to), value(uint32(f.port()))}})
				continue
			}
			m := ranges[p]
			m.Elements = append(m.Elements,
				Element{Key: []Value{f.Ports.value()}, Data: []Value{address(to)}})
			ranges[p] = m
		}
	}
	rules := append(assignForwards(forwards, matches), c.addMap(single, translation(single, matches))...)
	for _, p := range []Proto{TCP, UDP, SCTP} {
		rules = append(rules, c.addMap(ranges[p], translation(ranges[p], matches))...)
	}
	return rules
}

func translation(m Map, matches []Match) TreeRule {
	return TreeRule{Matches: matches, Verdict: Verdict{VerdictDNAT, m.Name}, Name: "port forwards"}
}

// oneToOneIn translates addresses that hosts have outside.
func (c *compiler) oneToOneIn(zone string) []TreeRule {
	m := Map{Name: "one_to_one_" + zone, Key: []Field{IPDaddr}, Data: []Kind{KindIPv4}}
	var helpers []TreeRule
	for _, o := range c.policy.OneToOne {
		if o.Zone == zone || slices.Contains(o.Hairpin, zone) {
			m.Elements = append(m.Elements,
				Element{Key: []Value{address(o.Outside)}, Data: []Value{address(o.Inside)}})
			helpers = append(helpers, c.assignOneToOne(zone, o)...)
		}
	}
	to := TreeRule{Verdict: Verdict{VerdictDNAT, m.Name}, Name: "one to one"}
	return append(helpers, c.addMap(m, to)...)
}

// srcnat translates sources on their way out, and lets no source out that means nothing there. The chain is
// there even without rules: with the last chain of its type the kernel stops translating what it has begun to
// (nf_nat_unregister_fn).
func (c *compiler) srcnat() {
	out := Map{Name: "one_to_one_out", Key: []Field{OIFName, IPSaddr}, Data: []Kind{KindIPv4}}
	for _, o := range c.policy.OneToOne {
		for _, link := range c.zones[o.Zone].Interfaces {
			out.Elements = append(out.Elements, Element{Key: []Value{{Name: link}, address(o.Inside)},
				Data: []Value{address(o.Outside)}})
		}
	}
	rules := c.addMap(out, TreeRule{Verdict: Verdict{VerdictSNAT, out.Name}, Name: "one to one"})
	back := Set{Name: "hairpins", Key: []Field{IIFName, OIFName}, Elements: c.hairpins()}
	rules = append(rules, c.addSet(back, TreeRule{
		Matches: match(number(NFProto, NFProtoIPv4), number(CTStatus, CTStatusDNAT), in(back)),
		Counter: "srcnat_hairpin", Verdict: Verdict{Kind: VerdictMasquerade}, Name: "hairpin"})...)
	for i, m := range c.policy.Masquerade {
		pairs := Set{Name: fmt.Sprintf("masqueraded_%d", i+1), Key: []Field{IIFName, OIFName},
			Elements: pairsOf(c.masqueraded(m), c.zones[m.To].Interfaces)}
		r := TreeRule{Matches: match(number(NFProto, NFProtoIPv4)), Verdict: Verdict{Kind: VerdictMasquerade}}
		if m.Address.IsValid() {
			r.Verdict = Verdict{VerdictSource, m.Address.String()}
		}
		rules = append(rules, c.each(pairs, r)...)
	}
	c.addChain("srcnat", &Hook{NAT, Postrouting, PrioritySrcNAT, VerdictAccept},
		slices.Concat(c.absentFirst, rules, c.private(), c.absentLast)...)
}

// masqueraded are the interfaces of the zones that m is about, each once.
func (c *compiler) masqueraded(m Masquerade) []string {
	var from []string
	for _, z := range c.policy.Zones {
		if len(z.Networks) == 0 && slices.Contains(m.From, z.Name) {
			from = append(from, z.Interfaces...)
		}
	}
	return from
}

// hairpins are the interfaces that translated packets may leave by as they came: the host there would answer
// the client directly, from an address that the client did not ask. With our source it answers us.
func (c *compiler) hairpins() []Element {
	links := map[string]bool{}
	add := func(zones []string, host string) {
		for _, z := range zones {
			for _, link := range c.zones[z].Interfaces {
				links[link] = links[link] || slices.Contains(c.zones[host].Interfaces, link)
			}
		}
	}
	for _, f := range c.policy.Forwards {
		add(slices.Concat(f.From, f.Hairpin), f.Zone)
	}
	for _, o := range c.policy.OneToOne {
		add(append(o.Hairpin, o.Zone), o.Host)
	}
	var pairs []Element
	for _, link := range slices.Sorted(maps.Keys(links)) {
		if links[link] {
			pairs = append(pairs, pairsOf([]string{link}, []string{link})...)
		}
	}
	return pairs
}
