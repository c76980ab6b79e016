package firewall

import (
	"net/netip"
	"slices"
)

// private are the rules that let no private source out: in IPv4 towards zones that are masqueraded to, in
// IPv6 towards all zones outside. The address of the outgoing interface may be one, behind another router,
// and so may those that hosts have one to one.
//
// They are asked where few packets come by: behind all translations of what begins, before ICMP errors pass,
// and about what the appliance itself sends beside conversations. What belongs to an established one has the
// sources that its first packets had.
func (c *compiler) private() []TreeRule {
	var given []netip.Addr
	for _, o := range c.policy.OneToOne {
		given = append(given, o.Outside)
	}
	exempt := Set{Name: "one_to_one_addresses", Key: []Field{IPSaddr},
		Elements: elementsOf(families()[0].of(addresses(given)))}
	masquerading := c.interfaces("masquerading", OIFName, func(z Zone) bool {
		return slices.ContainsFunc(c.policy.Masquerade, func(m Masquerade) bool {
			return m.To == z.Name && len(c.masqueraded(m)) > 0
		})
	})
	outside := c.interfaces("outside", OIFName, func(z Zone) bool { return z.Outside })
	var rules []TreeRule
	for i, links := range []Set{masquerading, outside} {
		f := families()[i]
		r := TreeRule{Matches: match(within(f.src, f.of(privateNetworks()))), Counter: "private",
			Verdict: drop(), Name: "private source"}
		if f.number == NFProtoIPv4 && len(links.Elements) > 0 && c.addSet(exempt, TreeRule{}) != nil {
			r.Matches = append(r.Matches, not(in(exempt)))
		}
		r.Matches = append(r.Matches, not(number(SaddrTypeOIF, AddrLocal)))
		rules = append(rules, c.each(links, r)...)
	}
	return rules
}

// privateErrors are those rules for ICMP errors that pass. Those about translated conversations are
// translated when they leave.
func (c *compiler) privateErrors() []TreeRule {
	rules := c.private()
	if len(rules) == 0 {
		return nil
	}
	return append([]TreeRule{related("forward", number(CTStatus, CTStatusSNAT|CTStatusDNAT))}, rules...)
}

// sent is about what the appliance itself sends that begins nothing. A reset or error about a translated
// conversation has the source of the host inside until it leaves.
func (c *compiler) sent() {
	if rules := c.private(); len(rules) > 0 {
		asked := TreeRule{Matches: match(number(CTState, CTEstablished|CTNew)), Verdict: accept()}
		translated := TreeRule{Matches: match(number(CTStatus, CTStatusSNAT|CTStatusDNAT)), Verdict: accept()}
		c.addChain("output", &Hook{Filter, Output, PriorityFilter, VerdictAccept},
			append([]TreeRule{asked, translated}, rules...)...)
	}
}
