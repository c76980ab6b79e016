package firewall

import (
	"net/netip"
	"slices"
)

// ICMP errors about conversations (RFC 792; RFC 4443, 2.1): destination unreachable, too big, time exceeded,
// parameter problem.
var (
	icmpErrors   = []uint8{3, 11, 12}
	icmpv6Errors = []uint8{1, 2, 3, 4}
)

// oneLink leaves out of conntrack what comes in by a link and goes out by it again, because a further router
// on it leads to [Zone.Routed]:
//
//	host ──▶ box ──▶ router ──▶ routed network
//	  ▲                │
//	  └────────────────┘ the answers go past the box
//
// Of such conversations the box sees one half. Conntrack would call all of it invalid that follows the first
// packet, or comes from the side that did not begin. The kernel's own routes say whether a packet leaves by
// its link, for another link may have a part of a routed network; they know our own addresses as no way out.
// Nothing here is translated, and what is not tracked takes no short cut.
func (c *compiler) oneLink() {
	var rules []TreeRule
	for _, z := range c.policy.Zones {
		for _, f := range families() {
			own := f.of(z.Routed)
			if len(own) == 0 {
				continue
			}
			for _, end := range []Field{f.dst, f.src} {
				rules = append(rules, TreeRule{
					Matches: append(match(name(IIFName, z.Interfaces[0])),
						append(f.anyOf(end, own), name(WayOut, z.Interfaces[0]))...),
					Verdict: Verdict{Kind: VerdictNoTrack}, Name: "another router of the link"})
			}
		}
	}
	if len(rules) > 0 {
		c.addChain("one_link", &Hook{Filter, Prerouting, PriorityRaw, VerdictAccept}, rules...)
	}
}

// halves are the rules that lead to what may pass of conversations that [compiler.oneLink] leaves out.
func (c *compiler) halves() []TreeRule {
	var rules []TreeRule
	for _, z := range c.policy.Zones {
		if len(z.Routed) > 0 {
			link := z.Interfaces[0]
			rules = append(rules, TreeRule{
				Matches: match(number(CTState, CTUntracked), name(IIFName, link), name(OIFName, link)),
				Verdict: goTo(c.halvesOf(z)), Name: "another router of the link"})
		}
	}
	return rules
}

// halvesOf makes the chain of one zone. What begins is for the policy, and so is each packet of protocols of
// which nobody can see whether it begins. TCP that does not begin, and ICMP errors, pass between zones of the
// link if something may begin between them, one way or the other.
func (c *compiler) halvesOf(z Zone) string {
	chain, begun := "one_link_"+z.Name, "one_link_begun_"+z.Name
	c.addChain(begun, nil, c.begunBetween(z)...)
	begins := number(TCPFlags, TCPSyn)
	begins.Mask = TCPFin | TCPSyn | TCPRst | TCPAck
	rules := append(slices.Concat(c.absentFirst, c.absentLast),
		TreeRule{Matches: match(not(begins)), Verdict: goTo(begun), Name: "TCP that has begun"},
		TreeRule{Matches: match(numbers(ICMPType, icmpErrors...)), Verdict: goTo(begun), Name: "ICMP errors"},
		TreeRule{Matches: match(numbers(ICMPv6Type, icmpv6Errors...)), Verdict: goTo(begun), Name: "ICMP errors"})
	if policy := "forward_" + z.Name + "_" + z.Name; c.hasChain(policy) {
		rules = append(rules, TreeRule{Verdict: jump(policy)})
	}
	c.addChain(chain, nil, append(rules, TreeRule{Verdict: goTo("refuse")})...)
	return chain
}

func (c *compiler) begunBetween(whole Zone) []TreeRule {
	const passing = "one_link_begun"
	if !c.hasChain(passing) {
		c.addChain(passing, nil, TreeRule{Counter: "forward_one_link", Verdict: accept(),
			Name: "the other half goes past the box"})
	}
	target := func(a, b Zone) string {
		if c.mayBegin(a.Name, b.Name) || c.mayBegin(b.Name, a.Name) {
			return passing
		}
		return "refuse"
	}
	var rules []TreeRule
	for _, a := range append(c.partsOf(whole), whole) {
		for _, b := range append(c.partsOf(whole), whole) {
			rules = append(rules, lead(target(a, b), a.Networks, b.Networks)...)
		}
	}
	return rules
}

// mayBegin reports whether the policy allows something from one zone to another.
func (c *compiler) mayBegin(from, to string) bool {
	for _, e := range c.between(from, to) {
		if e.rule == nil || e.rule.Action == Allow {
			return true
		}
	}
	return false
}

// anyOf matches addresses in any of some networks of f; if these are all addresses, the family.
func (f family) anyOf(end Field, networks []netip.Prefix) []Match {
	if networks[0].Bits() == 0 {
		return match(number(NFProto, f.number))
	}
	return match(within(end, networks))
}
