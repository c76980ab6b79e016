package firewall

import "net/netip"

// What is to leave to a host that is not there makes an entry of the kernel's table all the same, which stays
// while the kernel asks for it. In IPv6 who is there is known from its own questions and answers (see
// discovery). In IPv4 only ARP tells, which these rules do not see; there a host is known from what it
// begins, and all of this is about large links alone.
//
//	┌ srcnat: begins, to one ┐   ┌ unheard ────────────────┐   ┌ awaiting ──────────────────┐
//	│ that was not heard     ├──►│ too many by one source: ├──►│ it is awaited from now on  │
//	└────────────────────────┘   │ neighbours              │   │ too many are: neighbours   │
//	┌ forward: goes on, and  ┐   └─────────────────────────┘   └────────────────────────────┘
//	│ nobody has answered    ├───────────────────────────────────►
//	└────────────────────────┘
//
// srcnat is asked about the first packet, when all others have let it pass, so that what is refused counts
// nothing. Those that follow unanswered keep the kernel asking, and pass as long as there is room for who is
// awaited.

// What one source may begin with hosts that were not heard.
var (
	unheardIPv6 = Rate{Count: 16, Per: Second, Burst: 64}
	unheardIPv4 = Rate{Count: 64, Per: Second, Burst: 512} // who watches over silent devices asks many
)

// The sets of large IPv4 links.
const (
	known4   = "neighbours4"         // interface and address: who has begun something
	new4     = "neighbours4_new"     // cards that come with new addresses
	links4   = "neighbours4_links"   // links of all new neighbours
	unheard4 = "neighbours4_unheard" // who begins something with hosts that were not heard
	awaited4 = "neighbours4_awaited" // interface and address of these
)

// awaited is how many hosts may be asked for at once that were not heard. With who comes by himself, of whom
// there is half a table, they would leave room if they were a quarter of it; but packets wait for each of
// them, in memory.
func (n Neighbours) awaited() uint32 { return n.Size / 16 }

// large reports whether the hosts of a link and those of others are more than half of a table, of which this
// link has more than its part. Of other links all hosts may be asked for at once.
func (p Policy) large(z Zone) bool {
	var all, links uint64
	for _, z := range p.Zones {
		if n := hostsOf(z.OnLink); n > 0 && len(z.Networks) == 0 {
			all, links = all+n, links+1
		}
	}
	half := uint64(p.Neighbours.Size / 2)
	return p.Neighbours.bounded() && all > half && hostsOf(z.OnLink) > half/links
}

// hostsOf is how many addresses IPv4 networks have.
func hostsOf(networks []netip.Prefix) (n uint64) {
	for _, p := range networks {
		if p.Addr().Is4() {
			n += 1 << (32 - p.Bits())
		}
	}
	return n
}

// A largeLink is one with its IPv4 networks.
type largeLink struct {
	name     string
	outside  bool
	networks []netip.Prefix
}

func (c *compiler) largeLinks() (all []largeLink) {
	for _, z := range c.policy.Zones {
		if len(z.Networks) > 0 || !c.policy.large(z) {
			continue
		}
		for _, card := range z.cards() {
			all = append(all, largeLink{card, z.Outside, families()[0].of(z.OnLink)})
		}
	}
	return all
}

// heard are rules about what hosts of large links begin in IPv4: who is new counts against his card, but for
// outside, where all may come by the card of a router, and against his link.
func (c *compiler) heard() []TreeRule {
	links := c.largeLinks()
	if len(links) == 0 {
		return nil
	}
	size := c.policy.Neighbours.Size
	c.table.Sets = append(c.table.Sets,
		neighbourSet(known4, size, neighbourMemory, IIFName, IPSaddr),
		neighbourSet(new4, cards, cardMemory, IIFName, EtherSaddr),
		neighbourSet(links4, cards, cardMemory, IIFName),
		neighbourSet(unheard4, cards, cardMemory, IPSaddr),
		neighbourSet(awaited4, c.policy.Neighbours.awaited(), awaitedMemory, OIFName, IPDaddr))
	source := []Field{IIFName, IPSaddr}
	link := Meter{Set: links4, Key: IIFName, Rate: c.policy.Neighbours.Link}
	c.addChain("newcomers4", nil, c.tooMany(Meter{Set: new4, Key: EtherSaddr, Link: true, Rate: newIPv4}),
		c.tooMany(link))
	c.addChain("newcomers4_outside", nil, c.tooMany(link))
	var rules []TreeRule
	for _, l := range links {
		chain := "newcomers4"
		if l.outside {
			chain += "_outside"
		}
		host := match(name(IIFName, l.name), within(IPSaddr, l.networks))
		rules = append(rules,
			TreeRule{Matches: append(host, not(Match{Fields: source, Set: known4})), Verdict: jump(chain),
				Name: "new neighbours"},
			TreeRule{Matches: host, Learn: &Learn{known4, source}})
	}
	return rules
}

// tooMany drops what is above a rate.
func (c *compiler) tooMany(m Meter) TreeRule {
	return TreeRule{Meter: &m, Verdict: goTo("too_many_neighbours"), Name: "too many neighbours"}
}

// unheard makes the chains of one family, and names the first.
func (c *compiler) unheard(f family, set, awaited string, rate Rate) string {
	key := []Field{OIFName, f.dst}
	c.addChain("awaiting"+f.suffix(), nil,
		TreeRule{Learn: &Learn{awaited, key}},
		TreeRule{Matches: match(not(Match{Fields: key, Set: awaited})), Verdict: goTo("too_many_neighbours"),
			Name: "too many hosts that do not answer"})
	c.addChain("unheard"+f.suffix(), nil, c.tooMany(Meter{Set: set, Key: f.src, Rate: rate}),
		TreeRule{Verdict: goTo("awaiting" + f.suffix())})
	return "unheard" + f.suffix()
}

// absent4 match what comes by a card and is to leave to hosts of large links that were not heard.
func (c *compiler) absent4() (all [][]Match) {
	for _, l := range c.largeLinks() {
		all = append(all, match(name(OIFName, l.name), within(IPDaddr, l.networks),
			not(Match{Fields: []Field{OIFName, IPDaddr}, Set: known4}), c.byCard()))
	}
	return all
}

// absent6 match the same in IPv6, of all LANs and of networks of the link outside.
func (c *compiler) absent6() (all [][]Match) {
	if !c.policy.Neighbours.bounded() {
		return nil
	}
	unknown := not(Match{Fields: []Field{OIFName, IP6Daddr}, Set: known6})
	if lans := c.cards("neighbours_lans", func(z Zone) bool { return !z.Outside }); len(lans.Elements) > 0 {
		all = append(all, match(c.byCard(), Match{Fields: []Field{OIFName}, Set: lans.Name}, unknown,
			not(Match{Fields: []Field{IP6Daddr}, Set: routed6})))
	}
	for _, z := range c.policy.Zones {
		if networks := families()[1].of(z.OnLink); z.Outside && len(networks) > 0 {
			for _, card := range z.cards() {
				all = append(all, match(name(OIFName, card), within(IP6Daddr, networks), unknown, c.byCard()))
			}
		}
	}
	return all
}

// byCard matches what has come by a card: the appliance itself may ask for whom it likes.
func (c *compiler) byCard() Match {
	cards := c.cards("neighbours_cards", func(Zone) bool { return true })
	c.addSet(cards)
	return in(cards)
}

// toUnheard are the rules of srcnat; those of IPv4 come before its own, which end the chain.
func (c *compiler) toUnheard() (first, last []TreeRule) {
	lead := func(chain string, all [][]Match) (rules []TreeRule) {
		for _, ms := range all {
			rules = append(rules, TreeRule{Matches: ms, Verdict: jump(chain), Name: "new neighbours"})
		}
		return rules
	}
	if absent := c.absent4(); len(absent) > 0 {
		first = lead(c.unheard(families()[0], unheard4, awaited4, unheardIPv4), absent)
	}
	if absent := c.absent6(); len(absent) > 0 {
		last = c.ofIPv6("neighbours_to", lead(c.unheard(families()[1], unheard6, awaited6, unheardIPv6),
			absent))
	}
	return first, last
}

// unanswered are rules of forward about what goes on without an answer.
func (c *compiler) unanswered(absent [][]Match, f family) (rules []TreeRule) {
	for _, ms := range absent {
		rules = append(rules, TreeRule{Matches: append(match(number(CTStatus, CTStatusConfirmed)), ms...),
			Verdict: jump("awaiting" + f.suffix()), Name: "goes on without an answer"})
	}
	return rules
}
