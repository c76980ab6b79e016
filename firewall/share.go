package firewall

import (
	"net/netip"
	"slices"
)

// Names of the sets of sources that have their share of the conversations: while an element lives, no other
// is forwarded for it; what has begun goes on, and so does what it has with the appliance itself. They are
// empty at first, and loads leave them alone.
const (
	Crowded4    = "crowded4"     // IPv4 addresses
	Crowded6    = "crowded6"     // IPv6 addresses: of a card on a LAN, all that it was seen with
	CrowdedNet6 = "crowded6_net" // the first 64 bits of IPv6 addresses, the others zero
)

const (
	// A source may begin a whole share at once, and then this part of it each second: far above what hosts
	// do, and so little that who counts once a second sees it before it is a second share.
	sharePace = 8

	paceSources = 16384 // at about 200 bytes each
)

// pace is how fast one source may begin conversations. The kernel holds everybody against it at the price of
// one lookup, whatever he has; how many he has is for others to count (firewall/shares). The kernel's own
// count of a source's conversations (ct count, nf_conncount.c) is not used: it leaves out those that wait for
// their end, of which a host has most; it looks each one up again when another begins; and what it has
// refused it forgets at eight a tick, so that a flood of refused ones fills the memory.
func (p Policy) pace() Rate {
	return Rate{Count: min(max(1, p.Share/sharePace), maxRate), Per: Second, Burst: max(1, p.Share)}
}

// shares makes the sets and chains of what sources may have.
func (c *compiler) shares() {
	for _, s := range []Set{
		{Name: Crowded4, Key: []Field{IPSaddr}}, {Name: Crowded6, Key: []Field{IP6Saddr}},
		{Name: CrowdedNet6, Key: []Field{IP6Saddr}},
	} {
		s.Kept, s.Expires = true, true
		c.table.Sets = append(c.table.Sets, s)
	}
	c.toTurnAway("share")
	six := append(c.unanswered(c.absent6(), families()[1]), crowded6()...)
	c.addChain("crowded_ipv6", nil, six...)
	if c.policy.Share == 0 {
		return
	}
	for _, s := range []Set{
		{Name: "pace4", Key: []Field{IPSaddr}}, {Name: "pace6", Key: []Field{IP6Saddr}},
		{Name: "pace_cards", Key: []Field{EtherSaddr}},
	} {
		s.Kept, s.Expires, s.Dynamic, s.Timeout, s.Size = true, true, true, floodMemory, paceSources
		c.table.Sets = append(c.table.Sets, s)
	}
	cards := c.pace(Meter{Set: "pace_cards", Key: EtherSaddr})
	c.addChain("begins_ipv6", nil, append(slices.Clip(six), cards)...)
}

// toTurnAway makes the chain of a reason for which packets of our own hosts are refused too, who are told.
func (c *compiler) toTurnAway(reason string) {
	rules := append(c.log(reason), TreeRule{Counter: reason, Verdict: goTo("turn_away")})
	c.addChain(reason, nil, rules...)
}

// begins are the rules about who may begin what is to be forwarded, if it comes from z: first who has his
// share, then how fast. A host of ours meets no more of them than there must be: most conversations are
// theirs.
func (c *compiler) begins(z Zone) []TreeRule {
	rules := []TreeRule{fullShare(Match{Fields: []Field{IPSaddr}, Set: Crowded4})}
	six := TreeRule{Matches: match(number(NFProto, NFProtoIPv6)), Verdict: jump("crowded_ipv6")}
	switch {
	case z.Outside:
		return append(rules, six, TreeRule{Verdict: jump("strangers_" + z.Name)})
	case c.policy.Share > 0:
		rules = append(rules, c.pace(Meter{Set: "pace4", Key: IPSaddr}))
		six.Verdict = jump("begins_ipv6")
	}
	return append(rules, six)
}

// crowded6 turns away what is to be forwarded for an IPv6 source that has its share.
func crowded6() []TreeRule {
	return []TreeRule{fullShare(Match{Fields: []Field{IP6Saddr}, Set: Crowded6}),
		fullShare(Match{Fields: []Field{IP6Saddr}, Set: CrowdedNet6, Bits: netBits})}
}

func fullShare(m Match) TreeRule {
	return TreeRule{Matches: match(m), Verdict: goTo("share"), Name: "has its share of conversations"}
}

// paced are the rules about how fast sources of a zone begin, to the appliance too. A host of ours is known
// in IPv6 by its card, for it has as many addresses as it likes, and its /64 is its neighbours' too.
// Strangers' TCP is held against the flood's rate, which is lower. Hosts that have no address yet are not
// told apart.
func (c *compiler) paced(z Zone) []TreeRule {
	if c.policy.Share == 0 {
		return nil
	}
	var all []Match
	if z.Outside && c.policy.Flood != (Rate{}) {
		all = match(not(number(L4Proto, ProtoTCP)))
	}
	six := c.pace(Meter{Set: "pace6", Key: IP6Saddr, Bits: netBits}, all...)
	if !z.Outside {
		six = c.pace(Meter{Set: "pace_cards", Key: EtherSaddr}, number(NFProto, NFProtoIPv6))
	}
	nobody := netip.PrefixFrom(netip.IPv4Unspecified(), 32)
	somebody := not(within(IPSaddr, []netip.Prefix{nobody}))
	return []TreeRule{c.pace(Meter{Set: "pace4", Key: IPSaddr}, append(match(somebody), all...)...), six}
}

// pace turns away who begins faster than the rate of all.
func (c *compiler) pace(m Meter, matches ...Match) TreeRule {
	m.Rate = c.policy.pace()
	return TreeRule{Matches: matches, Meter: &m, Verdict: goTo("share"),
		Name: "begins conversations faster than its share lets it"}
}
