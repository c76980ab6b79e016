package firewall

import "net/netip"

const (
	// onLinkHopLimit proves that a router did not forward the packet (RFC 4861, 6.1.1: "The IP Hop Limit field has a
	// value of 255, i.e., the packet could not possibly have been forwarded by a router").
	onLinkHopLimit = 255
	// mldHopLimit is that of all MLD messages (RFC 3810, 5).
	mldHopLimit = 1
)

// input decides what reaches the appliance itself.
func (c *compiler) input() {
	rules := []Rule{{Matches: []Match{name(IIFName, "lo")}, Verdict: Verdict{Kind: VerdictAccept}}}
	rules = append(rules, replies()...)
	rules = append(rules, Rule{Matches: []Match{number(L4Proto, ProtoICMPv6)}, Verdict: Verdict{VerdictJump, "neighbours"}})
	c.addChain("neighbours", nil, c.neighbours()...)

	zones := Map{Name: "input_zones", Key: []Field{IIFName}}
	for _, z := range c.policy.Zones {
		allowed := c.between(z.Name, Box)
		if len(allowed) == 0 {
			continue
		}
		chain := "input_" + z.Name
		c.addChain(chain, nil, allowed...)
		zones.Elements = append(zones.Elements, leadTo(chain, keysOf(z.Interfaces))...)
	}
	rules = append(rules, c.addMap(zones)...)
	rules = append(rules, Rule{Verdict: Verdict{VerdictGoto, "refuse"}})
	c.addChain("input", &Hook{Filter, Input, PriorityFilter, VerdictDrop}, rules...)
}

// neighbours are the ICMPv6 messages without which IPv6 does not work on a link at all, so that RFC 4890, 4.4.1 wants
// them from everywhere. Errors (types 1 to 4) are replies; echo and router solicitation are services; redirects a
// router must not follow (RFC 4861, 8.2).
func (c *compiler) neighbours() []Rule {
	onLink := number(IP6HopLimit, onLinkHopLimit)
	accept := Verdict{Kind: VerdictAccept}
	rules := []Rule{
		{Matches: []Match{numbers(ICMPv6Type, []uint8{ndNeighborSolicit, ndNeighborAdvert}), onLink},
			Counter: true, Verdict: accept, Comment: "neighbour discovery"},
		{Matches: []Match{
			numbers(ICMPv6Type, []uint8{mldQuery, mldReport, mldDone, mld2Report}), number(IP6HopLimit, mldHopLimit),
			prefixes(IP6Saddr, netip.IPv6Unspecified().String()+"/128", "fe80::/10")},
			Counter: true, Verdict: accept, Comment: "multicast listener discovery"},
	}
	adverts := c.interfaces("router_adverts", func(z Zone) bool { return z.RouterAdverts })
	return append(rules, c.addSet(adverts, Rule{
		Matches: []Match{in(adverts.Name, IIFName), numbers(ICMPv6Type, []uint8{ndRouterAdvert}), onLink},
		Counter: true, Verdict: accept, Comment: "router advertisement"})...)
}

// forward decides what passes from zone to zone. All pairs that may talk are keys of one map.
func (c *compiler) forward() {
	pairs := Map{Name: "forward_zones", Key: []Field{IIFName, OIFName}}
	for _, from := range c.policy.Zones {
		for _, to := range c.policy.Zones {
			allowed := c.between(from.Name, to.Name)
			if len(allowed) == 0 {
				continue
			}
			chain := "forward_" + from.Name + "_" + to.Name
			c.addChain(chain, nil, allowed...)
			pairs.Elements = append(pairs.Elements, leadTo(chain, pairsOf(from.Interfaces, to.Interfaces))...)
		}
	}
	rules := append(replies(), c.addMap(pairs)...)
	rules = append(rules, Rule{Verdict: Verdict{VerdictGoto, "refuse"}})
	c.addChain("forward", &Hook{Filter, Forward, PriorityFilter, VerdictDrop}, rules...)
}

// refuse is where everything ends that nothing allowed.
func (c *compiler) refuse() {
	rules := c.logged("refused")
	told := c.interfaces("told", func(z Zone) bool { return z.Refuse == Reject })
	fromTold := in(told.Name, IIFName)
	rules = append(rules, c.addSet(told,
		Rule{Matches: []Match{fromTold, number(L4Proto, ProtoTCP)}, Counter: true, Verdict: Verdict{Kind: VerdictRejectReset}},
		Rule{Matches: []Match{fromTold}, Counter: true, Verdict: Verdict{Kind: VerdictRejectICMP}})...)
	c.addChain("refuse", nil, append(rules, Rule{Counter: true, Verdict: Verdict{Kind: VerdictDrop}})...)
}

// logged are the rules before a refusal: what was sent to everybody is dropped without a word, for every LAN is full
// of it; the rest gets a line in the log, as far as the rate allows, so that no flood of packets floods the console.
func (c *compiler) logged(what string) []Rule {
	rules := []Rule{{Matches: []Match{not(number(PktType, PktToHost))}, Counter: true, Verdict: Verdict{Kind: VerdictDrop},
		Comment: "broadcast or multicast"}}
	if c.policy.Log == (Rate{}) {
		return rules
	}
	return append(rules, Rule{Limit: c.policy.Log, Counter: true, Log: "gatehouse " + what + ": "})
}

// leadTo makes every element jump to chain.
func leadTo(chain string, elements []Element) []Element {
	for i := range elements {
		elements[i].Verdict = Verdict{VerdictJump, chain}
	}
	return elements
}

// prefixes matches any of some constant prefixes.
func prefixes(f Field, texts ...string) Match {
	m := Match{Fields: []Field{f}}
	for _, t := range texts {
		m.Values = append(m.Values, Value{Prefix: netip.MustParsePrefix(t)})
	}
	return m
}
