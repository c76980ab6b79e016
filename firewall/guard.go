package firewall

import (
	"net/netip"
	"time"
)

// Names of the sets of addresses that are banned: while an element lives, nothing begins from that address
// nor from a wire to it; what has begun before goes on. They are empty at first, and loads leave them alone.
const (
	Banned4    = "banned4"     // IPv4 addresses
	Banned6    = "banned6"     // IPv6 addresses
	BannedNet6 = "banned6_net" // the first 64 bits of IPv6 addresses, the others zero
)

const (
	// netBits is how much of an IPv6 address tells one source from another: who has one address has its /64
	// (RFC 6177).
	netBits = 64

	floodMemory  = time.Minute // how long a source is remembered after its last attempt
	floodSources = 16384       // at about 200 bytes each
)

// antispoof drops packets whose source cannot be where they come from, and keeps banned sources away, before
// conntrack remembers them: what is dropped here is never confirmed. Packets of conversations that began with
// such a check pass without one: a look into the routes for each of them would be the most expensive of all
// rules. So whoever bans an address ends its conversations too, as it takes for those in a flowtable anyway.
// The kernel looks for no way back on the loopback, nor to 0.0.0.0 and ::, of hosts that have no address yet,
// when they speak to everybody on the link (net/ipv4/netfilter/nft_fib_ipv4.c,
// net/ipv6/netfilter/nft_fib_ipv6.c). It drops 127.0.0.0/8 and ::1 from a wire itself, behind these rules and
// before them (RFC 1122, 3.2.1.3, in net/ipv4/route.c; RFC 4291, 2.5.3, in net/ipv6/ip6_input.c). A DHCP
// server may answer us before we have a way back to it.
func (c *compiler) antispoof() {
	c.logged("banned")
	c.logged("spoofed")
	six := c.banned(Banned6, families()[1], 0)
	c.addChain("banned_ipv6", nil, append(six, c.banned(BannedNet6, families()[1], netBits)...)...)
	rules := append([]TreeRule{established()}, c.banned(Banned4, families()[0], 0)...)
	rules = append(rules, c.heard()...)
	rules = append(rules, c.direct()...)
	rules = append(rules, TreeRule{Matches: match(number(NFProto, NFProtoIPv6)), Verdict: jump("banned_ipv6")})
	clients := c.dhcpClients()
	rules = append(rules, c.addSet(clients, TreeRule{
		Matches: append(dhcpAnswer(), in(clients)), Verdict: accept(), Name: "answer of a DHCP server"})...)
	rules = append(rules, TreeRule{Matches: match(number(ReversePath, 0)), Verdict: goTo("spoofed"),
		Name: "no way back to the source"})
	rules = append(rules, c.discovery()...)
	c.addChain("antispoof", &Hook{Filter, Prerouting, PriorityMangle, VerdictAccept}, rules...)
}

// banned declares a set of who is banned, by the first bits of their addresses or, if bits is 0, by all, and
// asks it about both ends of a packet.
func (c *compiler) banned(set string, f family, bits int) []TreeRule {
	c.table.Sets = append(c.table.Sets, Set{Name: set, Key: []Field{f.src}, Kept: true, Expires: true})
	var rules []TreeRule
	for _, end := range []Field{f.src, f.dst} {
		rules = append(rules, TreeRule{Matches: match(Match{Fields: []Field{end}, Set: set, Bits: bits}),
			Verdict: goTo("banned")})
	}
	return rules
}

// direct accepts what comes from an address of the link's own networks, which is what the routes would say of
// it. Our own addresses are left to the routes, which know no way back to them.
func (c *compiler) direct() []TreeRule {
	var rules []TreeRule
	for _, z := range c.policy.Zones {
		for _, network := range families()[0].of(z.Direct) {
			matches := match(within(IPSaddr, []netip.Prefix{network}))
			for _, a := range z.Own {
				if network.Contains(a) {
					matches = append(matches, not(within(IPSaddr, addresses([]netip.Addr{a}))))
				}
			}
			rules = append(rules, TreeRule{Matches: append(matches, c.link(IIFName, z.Interfaces[0])),
				Verdict: accept(), Name: "a host of the link"})
		}
	}
	if len(rules) > fewNames {
		return nil
	}
	return rules
}

// DropReasons are the names by which packets are logged and dropped that no rule of the policy speaks of.
func DropReasons() []string {
	return []string{"refused", "spoofed", "banned", "flood", "share", "arp", "neighbours"}
}

// logged makes the chain where packets end for a reason that is worth a line in the log, as far as the rate
// allows. What was sent to everybody is dropped without a word, for every LAN is full of it.
func (c *compiler) logged(reason string) {
	rules := []TreeRule{{Matches: match(not(number(PktType, PktToHost))), Counter: reason + "_to_all",
		Verdict: drop(), Name: "broadcast or multicast"}}
	rules = append(rules, c.log(reason)...)
	c.addChain(reason, nil, append(rules, TreeRule{Counter: reason, Verdict: drop()})...)
}

// log is the rule that logs by a name, as far as the rate allows, so that no flood of packets is a flood of
// lines. It has no effect on the packet.
func (c *compiler) log(name string) []TreeRule {
	if c.policy.Log == (Rate{}) {
		return nil
	}
	return []TreeRule{{Limit: c.policy.Log, Counter: "log_" + name, Log: name}}
}

// strangers holds what starts outside against what no honest stranger does, and what starts anywhere against
// how fast a source may begin, by c.suspects. It decides nothing in anybody's favour.
func (c *compiler) strangers() {
	all := Map{Name: "sources", Key: []Field{IIFName}}
	for _, z := range c.policy.Zones {
		if !z.Outside && len(z.Networks) == 0 && c.policy.Share > 0 {
			c.addChain("hosts_"+z.Name, nil, c.paced(z)...)
			all.Elements = append(all.Elements, leadTo(jump("hosts_"+z.Name), keysOf(z.Interfaces))...)
		}
		if !z.Outside {
			continue
		}
		if c.policy.Flood != (Rate{}) && !c.hasChain("flood") {
			c.logged("flood")
			c.floodSets()
		}
		chain := "strangers_" + z.Name
		c.addChain(chain, nil, append(c.suspicions(z), c.paced(z)...)...)
		all.Elements = append(all.Elements, leadTo(jump(chain), keysOf(z.Interfaces))...)
	}
	c.suspects = c.choose(all)
}

// suspicions are the rules about strangers of one zone. TCP that begins in the middle is a scan, or a
// conversation whose beginning we forgot, which the host that started it repeats.
func (c *compiler) suspicions(z Zone) []TreeRule {
	var rules []TreeRule
	for _, f := range families() {
		bogons := Set{Name: "bogons_" + z.Name + f.suffix(), Key: []Field{f.src}, Interval: true,
			Elements: elementsOf(f.of(z.Bogons))}
		rules = append(rules, c.addSet(bogons, TreeRule{Matches: match(in(bogons)), Counter: "bogon", Verdict: drop(), Name: "bogon"})...)
	}
	begins := number(TCPFlags, TCPSyn)
	begins.Mask = TCPFin | TCPSyn | TCPRst | TCPAck
	rules = append(rules, TreeRule{Matches: match(not(begins)), Counter: "strangers_no_syn", Verdict: drop(),
		Name: "TCP that begins in the middle"})
	if c.policy.Flood == (Rate{}) {
		return rules
	}
	for _, f := range families() {
		rules = append(rules, TreeRule{Matches: match(number(L4Proto, ProtoTCP)),
			Meter: &Meter{Set: "flood" + f.suffix(), Key: f.src, Bits: f.sourceBits(),
				Rate: c.policy.Flood},
			Verdict: goTo("flood"), Name: "too many conversations from one source"})
	}
	return rules
}

func (c *compiler) floodSets() {
	for _, f := range families() {
		c.table.Sets = append(c.table.Sets, Set{Name: "flood" + f.suffix(), Key: []Field{f.src}, Kept: true,
			Expires: true, Dynamic: true, Timeout: floodMemory, Size: floodSources})
	}
}

// sourceBits is how much of a source address is one source.
func (f family) sourceBits() int {
	if f.number == NFProtoIPv6 {
		return netBits
	}
	return 0
}

// refuse is where everything ends that nothing allowed.
func (c *compiler) refuse() {
	rules := []TreeRule{{Matches: match(not(number(PktType, PktToHost))), Counter: "refused_to_all",
		Verdict: drop(), Name: "broadcast or multicast"}}
	rules = append(rules, c.log("refused")...)
	c.addChain("refuse", nil, append(rules, TreeRule{Counter: "refused", Verdict: goTo("turn_away")})...)

	told := c.interfaces("told", IIFName, func(z Zone) bool { return z.Refuse == Reject })
	rules = c.addSet(told,
		TreeRule{Matches: match(in(told), number(L4Proto, ProtoTCP)), Counter: "turn_away_told",
			Verdict: Verdict{Kind: VerdictRejectReset}},
		TreeRule{Matches: match(in(told)), Counter: "turn_away_told",
			Verdict: Verdict{Kind: VerdictRejectICMP}})
	c.addChain("turn_away", nil, append(rules, TreeRule{Counter: "turn_away_silent", Verdict: drop()})...)
}

// dhcpAnswer matches what a DHCPv4 server says to a client (RFC 2131, 4.1).
func dhcpAnswer() []Match {
	return match(number(NFProto, NFProtoIPv4), number(UDPSport, 67), number(UDPDport, 68))
}

// dhcpv6Answer matches what a DHCPv6 server or relay says to a client (RFC 8415, 7.2).
func dhcpv6Answer() []Match {
	return match(within(IP6Saddr, []netip.Prefix{netip.MustParsePrefix("fe80::/10")}), number(UDPSport, 547),
		number(UDPDport, 546))
}
