package firewall

import (
	"net/netip"
	"slices"
)

const (
	// onLinkHopLimit proves that a router did not forward the packet (RFC 4861, 6.1.1: "The IP Hop Limit
	// field has a value of 255, i.e., the packet could not possibly have been forwarded by a router").
	onLinkHopLimit = 255
	// mldHopLimit is that of all MLD messages (RFC 3810, 5).
	mldHopLimit = 1
)

// flowtable is the name of the short cut.
const flowtable = "shortcut"

// replies are the rules for what belongs to a conversation that was allowed when it began, or to none at all:
// most packets pass by the first, and those that begin one by a second test of their state. The chain of
// strays is for ICMP errors, with some rules that are asked before they pass, and for the states of what
// belongs to none. Redirects count as errors for the kernel, and a router neither follows nor passes them
// (RFC 1812, 5.2.7.2).
func (c *compiler) replies(hook string, none uint32, errors ...TreeRule) []TreeRule {
	begun := established()
	begun.Counter = hook + "_established"
	rules := []TreeRule{{Matches: match(number(ICMPType, icmpRedirect)), Counter: hook + "_redirect",
		Verdict: drop(), Name: "redirect"}}
	if none&CTUntracked != 0 {
		rules = append(rules, TreeRule{Matches: match(linkOnly()), Counter: hook + "_link_only",
			Verdict: drop(), Name: "ICMPv6 of a link"})
		rules = append(rules, c.halves()...)
	}
	rules = append(rules, TreeRule{Matches: match(number(CTState, none)), Counter: hook + "_invalid",
		Verdict: drop(), Name: "belongs to no conversation"})
	c.addChain("strays_"+hook, nil, append(append(rules, errors...), related(hook))...)
	strays := TreeRule{Matches: match(number(CTState, CTRelated|none)), Verdict: goTo("strays_" + hook)}
	return []TreeRule{begun, strays}
}

// related lets ICMP errors about known conversations pass, and the conversations that known ones announced,
// if a rule gave these a [Helper].
func related(hook string, ms ...Match) TreeRule {
	return TreeRule{Matches: ms, Counter: hook + "_related", Verdict: accept(),
		Name: "ICMP errors, and what a helper expects"}
}

// established lets most packets past a hooked chain by its first rule: those whose conversation passed it
// when it began.
func established() TreeRule {
	return TreeRule{Matches: match(number(CTState, CTEstablished)), Verdict: accept()}
}

// input decides what reaches the appliance itself.
func (c *compiler) input() {
	rules := []TreeRule{{Matches: match(name(IIFName, "lo")), Verdict: accept()}}
	rules = append(rules, c.replies("input", CTInvalid)...)
	rules = append(rules, TreeRule{Matches: match(number(L4Proto, ProtoICMPv6)), Verdict: jump("neighbours")})
	c.addChain("neighbours", nil, c.neighbours()...)
	rules = append(rules, c.dhcpAnswers()...)
	rules = append(rules, c.suspects...)

	zones := Map{Name: "input_zones", Key: []Field{IIFName}}
	for _, z := range c.policy.Zones {
		if chain := c.inputFrom(z); chain != "" {
			zones.Elements = append(zones.Elements, leadTo(jump(chain), keysOf(z.Interfaces))...)
		}
	}
	rules = append(rules, c.choose(zones)...)
	rules = append(rules, TreeRule{Verdict: goTo("refuse")})
	c.addChain("input", &Hook{Filter, Input, PriorityFilter, VerdictDrop}, rules...)
}

// neighbours are the ICMPv6 messages without which IPv6 does not work on a link at all, so that RFC 4890,
// 4.4.1 wants them from everywhere. Errors (types 1 to 4) are replies; echo and router solicitation are
// services; redirects a router must not follow (RFC 4861, 8.2).
func (c *compiler) neighbours() []TreeRule {
	onLink := number(IP6HopLimit, onLinkHopLimit)
	rules := []TreeRule{
		{Matches: match(numbers(ICMPv6Type, ndNeighborSolicit, ndNeighborAdvert), onLink),
			Counter: "neighbours_nd", Verdict: accept(), Name: "neighbour discovery"},
		{Matches: match(numbers(ICMPv6Type, mldQuery, mldReport, mldDone, mld2Report),
			number(IP6HopLimit, mldHopLimit),
			within(IP6Saddr, prefixesOf("::/128", "fe80::/10"))),
			Counter: "neighbours_mld", Verdict: accept(), Name: "multicast listener discovery"},
	}
	adverts := c.cards("router_adverts", func(z Zone) bool { return z.RouterAdverts })
	return append(rules, c.addSet(adverts, TreeRule{
		Matches: match(in(adverts), numbers(ICMPv6Type, ndRouterAdvert), onLink,
			within(IP6Saddr, prefixesOf("fe80::/10"))),
		Counter: "neighbours_ra", Verdict: accept(), Name: "router advertisement"})...)
}

func (c *compiler) dhcpClients() Set {
	return c.cards("dhcp_clients", func(z Zone) bool { return z.DHCP })
}

// dhcpAnswers lets servers answer our clients.
func (c *compiler) dhcpAnswers() []TreeRule {
	clients := c.dhcpClients()
	rules := c.addSet(clients, TreeRule{Matches: append(dhcpAnswer(), in(clients)), Counter: "input_dhcp",
		Verdict: accept(), Name: "answer of a DHCP server"})
	clients = c.cards("dhcpv6_clients", func(z Zone) bool { return z.DHCPv6 })
	return append(rules, c.addSet(clients, TreeRule{Matches: append(dhcpv6Answer(), in(clients)), Counter: "input_dhcpv6",
		Verdict: accept(), Name: "answer of a DHCPv6 server"})...)
}

// inputFrom makes the chain of what may be started from a zone of whole interfaces to the appliance, "" if
// nothing. What comes from some of its networks may have a zone, and so a chain, of its own.
func (c *compiler) inputFrom(z Zone) string {
	if len(z.Networks) > 0 {
		return ""
	}
	var rules []TreeRule
	for _, part := range c.partsOf(z) {
		target := "refuse"
		if own := c.between(part.Name, Box); len(own) > 0 {
			target = c.arrange("input_"+part.Name, own)
		}
		rules = append(rules, lead(target, part.Networks, nil)...)
	}
	own := c.between(z.Name, Box)
	if len(rules) == 0 && len(own) == 0 {
		return ""
	}
	return c.arrange("input_"+z.Name, append(raw(rules), own...))
}

// forward decides what passes. Each zone has a chain of what comes from it, so that a packet's interfaces are
// asked for once.
func (c *compiler) forward() {
	from := Map{Name: "forward_zones", Key: []Field{IIFName}}
	for _, z := range c.policy.Zones {
		if len(z.Networks) == 0 {
			from.Elements = append(from.Elements, leadTo(goTo(c.forwardFrom(z)), keysOf(z.Interfaces))...)
		}
	}
	rules := append(c.shortcut(), c.replies("forward", CTInvalid|CTUntracked, c.privateErrors()...)...)
	rules = append(rules, c.unanswered(c.absent4(), families()[0])...)
	rules = append(rules, c.choose(from)...)
	rules = append(rules, TreeRule{Verdict: goTo("refuse")})
	c.addChain("forward", &Hook{Filter, Forwarding, PriorityFilter, VerdictDrop}, rules...)
}

// forwardFrom makes the chain of what comes from a zone of whole interfaces: first of who may begin something
// at all, then of where it goes, by the ways out first, the busiest.
func (c *compiler) forwardFrom(z Zone) string {
	chain := "from_" + z.Name
	to := Map{Name: chain, Key: []Field{OIFName}}
	zones := slices.Clone(c.policy.Zones)
	slices.SortStableFunc(zones, func(a, b Zone) int { return rank(a) - rank(b) })
	for _, other := range zones {
		if between := c.forwardBetween(z, other); between != "" {
			to.Elements = append(to.Elements, leadTo(jump(between), keysOf(other.Interfaces))...)
		}
	}
	rules := append(c.begins(z), c.choose(to)...)
	c.addChain(chain, nil, append(rules, TreeRule{Verdict: goTo("refuse")})...)
	return chain
}

// rank is lower for zones that more packets go to.
func rank(z Zone) int {
	if z.Outside {
		return 0
	}
	return 1
}

// linkOnly matches ICMPv6 that has no business beyond its link or site: MLD, neighbour discovery, its inverse
// and secure kinds, router renumbering, multicast router discovery (RFC 4890, 4.3.3 and 4.3.4). None begins a
// conversation: conntrack leaves them out, or calls them invalid (net/netfilter/nf_conntrack_proto_icmpv6.c).
func linkOnly() Match {
	return Match{Fields: []Field{ICMPv6Type}, Values: []Value{{Lo: 130, Hi: 138}, {Lo: 141, Hi: 143},
		{Lo: 148, Hi: 153}}}
}

// forwardBetween makes the chain of what passes between two zones of whole interfaces, "" if nothing does.
func (c *compiler) forwardBetween(from, to Zone) string {
	if len(from.Networks) > 0 || len(to.Networks) > 0 {
		return ""
	}
	var rules []TreeRule
	some := false
	for _, a := range append(c.partsOf(from), from) {
		for _, b := range append(c.partsOf(to), to) {
			if a.Name == from.Name && b.Name == to.Name {
				continue
			}
			target := "refuse"
			if own := c.between(a.Name, b.Name); len(own) > 0 {
				target, some = c.arrange("forward_"+a.Name+"_"+b.Name, own), true
			}
			rules = append(rules, lead(target, a.Networks, b.Networks)...)
		}
	}
	own := c.between(from.Name, to.Name)
	if !some && len(own) == 0 {
		return ""
	}
	return c.arrange("forward_"+from.Name+"_"+to.Name, append(raw(rules), own...))
}

// partsOf are the zones of some networks behind the interfaces of z.
func (c *compiler) partsOf(z Zone) []Zone {
	return slices.DeleteFunc(slices.Clone(c.policy.Zones), func(part Zone) bool {
		return len(part.Networks) == 0 || !slices.ContainsFunc(part.Interfaces, func(i string) bool {
			return slices.Contains(z.Interfaces, i)
		})
	})
}

// lead sends what comes from and goes to some networks to a chain for good; no networks: any.
func lead(chain string, from, to []netip.Prefix) []TreeRule {
	var rules []TreeRule
	for _, f := range families() {
		src, dst := f.of(from), f.of(to)
		if len(from) > 0 && len(src) == 0 || len(to) > 0 && len(dst) == 0 {
			continue
		}
		r := TreeRule{Verdict: goTo(chain), Name: "zone of networks"}
		if len(src) > 0 {
			r.Matches = append(r.Matches, within(f.src, src))
		}
		if len(dst) > 0 {
			r.Matches = append(r.Matches, within(f.dst, dst))
		}
		rules = append(rules, r)
	}
	return rules
}

// shortcut is the rule that lets established conversations take the flowtable.
func (c *compiler) shortcut() []TreeRule {
	if len(c.features.Offload) < 2 {
		return nil
	}
	c.table.Flowtables = []Flowtable{{Name: flowtable, Devices: c.features.Offload}}
	ends := Set{Name: "shortcut_ends", Key: []Field{IIFName}, Elements: keysOf(c.features.Offload)}
	c.table.Sets = append(c.table.Sets, ends)
	out := in(ends)
	out.Fields = []Field{OIFName}
	return []TreeRule{{Matches: match(number(CTState, CTEstablished), in(ends), out,
		numbers(L4Proto, ProtoTCP, ProtoUDP)),
		Verdict: Verdict{VerdictOffload, flowtable}}}
}

// clamp lowers the MSS of TCP that goes through tunnels, whose hosts believe in 1500 bytes and whose path MTU
// discovery fails where ICMP is filtered (RFC 4459, 3.2; RFC 2923, 2.1). The kernel takes the smaller MTU of
// both ways.
func (c *compiler) clamp() {
	narrow := Set{Name: "narrow", Key: []Field{IIFName}}
	for _, z := range c.policy.Zones {
		narrow.Elements = append(narrow.Elements, keysOf(z.Tunnels)...)
	}
	syn := number(TCPFlags, TCPSyn)
	syn.Mask = TCPSyn | TCPRst
	clamped := TreeRule{Matches: match(in(narrow), syn), Verdict: Verdict{Kind: VerdictClampMSS},
		Name: "what fits the way"}
	out := clamped
	out.Matches = match(Match{Fields: []Field{OIFName}, Set: narrow.Name}, syn)
	if rules := c.addSet(narrow, clamped, out); rules != nil {
		c.addChain("clamp", &Hook{Filter, Forwarding, PriorityMangle, VerdictAccept}, rules...)
	}
}
