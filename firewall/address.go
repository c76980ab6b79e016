package firewall

import "slices"

// antispoof drops packets whose source cannot be where they come from, before conntrack remembers them. Hosts that have
// no address yet pass, for the kernel does not look for a way back to 0.0.0.0 and :: when they speak to everybody on
// the link (net/ipv4/netfilter/nft_fib_ipv4.c, net/ipv6/netfilter/nft_fib_ipv6.c); and it drops ::1 from a wire before
// any rule (RFC 4291, 2.5.3).
func (c *compiler) antispoof() {
	spoofed := Verdict{VerdictGoto, "spoofed"}
	c.addChain("spoofed", nil, append(c.logged("spoofed"), Rule{Counter: true, Verdict: Verdict{Kind: VerdictDrop}})...)
	c.addChain("antispoof", &Hook{Filter, Prerouting, PriorityRaw, VerdictAccept},
		Rule{Matches: []Match{name(IIFName, "lo")}, Verdict: Verdict{Kind: VerdictAccept}},
		Rule{Matches: []Match{prefixes(IPSaddr, "127.0.0.0/8")}, Verdict: spoofed},
		Rule{Matches: []Match{prefixes(IPDaddr, "127.0.0.0/8")}, Verdict: spoofed},
		Rule{Matches: []Match{number(ReversePath, 0)}, Verdict: spoofed, Comment: "no way back to the source"})
}

// masquerade translates sources on their way out, and lets no source out that means nothing there.
func (c *compiler) masquerade() {
	pairs := Set{Name: "masqueraded", Key: []Field{IIFName, OIFName}}
	outside := Set{Name: "outside", Key: []Field{OIFName}}
	for _, to := range c.policy.Zones {
		from := c.masqueradedTo(to.Name)
		pairs.Elements = append(pairs.Elements, pairsOf(from, to.Interfaces)...)
		if len(from) > 0 {
			outside.Elements = append(outside.Elements, keysOf(to.Interfaces)...)
		}
	}
	if len(pairs.Elements) == 0 {
		return
	}
	c.addChain("srcnat", &Hook{NAT, Postrouting, PrioritySrcNAT, VerdictAccept}, c.addSet(pairs, Rule{
		Matches: []Match{number(NFProto, NFProtoIPv4), in(pairs.Name, pairs.Key...)},
		Counter: true, Verdict: Verdict{Kind: VerdictMasquerade}})...)
	c.addChain("private", &Hook{Filter, Postrouting, PrioritySrcNAT + 10, VerdictAccept},
		c.addSet(outside, leaks(outside.Name)...)...)
}

// leaks drop private sources on their way to the interfaces of a set: RFC 1918, RFC 6598 (shared), RFC 3927
// (link-local) and RFC 4193 (ULA). The outgoing interface's own address may be one, behind another router.
func leaks(outside string) []Rule {
	rules := make([]Rule, 0, 2)
	for _, private := range []Match{
		prefixes(IPSaddr, "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
		prefixes(IP6Saddr, "fc00::/7"),
	} {
		rules = append(rules, Rule{Matches: []Match{in(outside, OIFName), private, not(number(SaddrTypeOIF, AddrLocal))},
			Counter: true, Verdict: Verdict{Kind: VerdictDrop}, Comment: "private source"})
	}
	return rules
}

// masqueradedTo are the interfaces of the zones that are masqueraded towards a zone, each once.
func (c *compiler) masqueradedTo(to string) []string {
	var from []string
	for _, z := range c.policy.Zones {
		if slices.ContainsFunc(c.policy.Masquerade, func(m Masquerade) bool {
			return m.To == to && slices.Contains(m.From, z.Name)
		}) {
			from = append(from, z.Interfaces...)
		}
	}
	return from
}
