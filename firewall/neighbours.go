package firewall

import (
	"net/netip"
	"time"
)

// Neighbours bound what strangers on a link can make of the kernel's neighbour tables (net/core/neighbour.c).
// An entry is made by whoever asks for an address of ours, and for whatever address a packet is to leave to.
// Both families share nothing else: an IPv4 network has an end, an IPv6 network has none. The zero Neighbours
// bound nothing.
type Neighbours struct {
	Size uint32 `json:"size"` // of the kernel's table of each family
	Link Rate   `json:"link"` // new neighbours on one link, whoever they are
	// Routed are the IPv6 networks behind routers on LANs: nobody in them is a neighbour.
	Routed []netip.Prefix `json:"routed,omitempty"`
}

// What one card may do. A host has some IPv6 addresses and makes new ones a few times a day; a repeater or a
// container host has those of all behind it.
var (
	newIPv6   = Rate{Count: 16, Per: Second, Burst: 256} // IPv6 addresses that nobody had before
	newIPv4   = Rate{Count: 2, Per: Second, Burst: 64}   // IPv4 addresses that it had not before
	takenIPv4 = Rate{Count: 4, Per: Minute, Burst: 4}    // of these, such as another card has
	takenLink = Rate{Count: 1, Per: Second, Burst: 20}   // the same, by all cards of a link
	askingUs  = Rate{Count: 100, Per: Second, Burst: 500}
	foreign   = Rate{Count: 10, Per: Second, Burst: 20} // ARP from outside by senders of other networks
)

const (
	neighbourMemory = 5 * time.Minute // how long an address is known after its last question for a neighbour
	cardMemory      = time.Minute
	cards           = 4096 // at about 200 bytes each
	asked           = 16384
	askedMemory     = 3 * time.Second
	awaitedMemory   = 5 * time.Second // within which the kernel forgets nobody (neigh_forced_gc)
)

func (n Neighbours) bounded() bool { return n.Size > 0 }

// neighbourSet is a set that packets fill.
func neighbourSet(name string, size uint32, memory time.Duration, key ...Field) Set {
	return Set{Name: name, Key: key, Kept: true, Expires: true, Dynamic: true, Timeout: memory, Size: size}
}

// The sets of IPv6.
const (
	// interface and address: who has asked for a neighbour, or begun something
	known6   = "neighbours6"
	routed6  = "neighbours_routed"  // [Neighbours.Routed]
	asking6  = "neighbours_asking"  // cards that ask
	new6     = "neighbours_new"     // cards that come with new addresses
	links6   = "neighbours_links"   // links of all new neighbours
	asked6   = "neighbours_asked"   // interface, card and address: who was turned away just now
	again6   = "neighbours_again"   // links of those who came again
	unheard6 = "neighbours_unheard" // who begins something with hosts that were not heard
	awaited6 = "neighbours_awaited" // interface and address of these
)

// discovery declares what bounds neighbours in IPv6, and returns the last rules of antispoof. Neighbour
// solicitations and what begins otherwise on a LAN make an entry for their source: by themselves (RFC 4861,
// 7.2.3), or when they are answered. A source that is known costs nothing; a new one is counted against its
// card and its link. So who is known stays so whatever others do, and the others are fewer than the table
// holds.
func (c *compiler) discovery() []TreeRule {
	if !c.policy.Neighbours.bounded() {
		return nil
	}
	c.neighbourSets()
	c.dropped("too_many_neighbours", "neighbours", "neighbours")
	over := func(m Meter) TreeRule {
		return TreeRule{Meter: &m, Verdict: goTo("too_many_neighbours"), Name: "too many new neighbours"}
	}
	source := []Field{IIFName, IP6Saddr}
	known := Match{Fields: source, Set: known6}
	c.addChain("newcomers", nil,
		over(Meter{Set: new6, Key: EtherSaddr, Link: true, Rate: newIPv6}),
		TreeRule{Meter: &Meter{Set: links6, Key: IIFName, Rate: c.policy.Neighbours.Link}, Verdict: goTo("again"),
			Name: "too many new neighbours"},
		TreeRule{Learn: &Learn{known6, source}})
	c.again(over, source)
	c.addChain("asking", nil, TreeRule{
		Meter:   &Meter{Set: asking6, Key: EtherSaddr, Link: true, Rate: askingUs},
		Verdict: goTo("too_many_neighbours"), Name: "too many questions for neighbours"})
	c.addChain("solicitations", nil,
		TreeRule{Matches: match(known), Learn: &Learn{known6, source}, Verdict: goTo("asking")},
		TreeRule{Verdict: goTo("newcomers")})
	c.adverts(known, source)

	lans := c.cards("neighbours_lans", func(z Zone) bool { return !z.Outside })
	somebody := not(within(IP6Saddr, prefixesOf("::/128")))
	rules := []TreeRule{
		{Matches: match(numbers(ICMPv6Type, ndRouterSolicit, ndNeighborSolicit), somebody),
			Verdict: jump("solicitations"), Name: "new neighbours"},
		{Matches: match(numbers(ICMPv6Type, ndNeighborAdvert)), Verdict: goTo("adverts"), Name: "who answers"},
	}
	rules = append(rules, c.addSet(lans, TreeRule{
		Matches: match(in(lans), somebody, not(known), not(Match{Fields: []Field{IP6Saddr}, Set: routed6})),
		Verdict: jump("newcomers"), Name: "new neighbours"})...)
	for _, z := range c.policy.Zones {
		if networks := families()[1].of(z.OnLink); z.Outside && len(networks) > 0 {
			for _, card := range z.cards() {
				rules = append(rules, TreeRule{
					Matches: match(name(IIFName, card), within(IP6Saddr, networks), not(known)),
					Verdict: jump("newcomers"), Name: "new neighbours"})
			}
		}
	}
	return c.ofIPv6("neighbours_from", rules)
}

// adverts make who answers known: hosts that never begin anything are heard by that alone. An advertisement
// makes no entry (RFC 4861, 7.2.5), so none is refused; above the rates it is not remembered.
func (c *compiler) adverts(known Match, source []Field) {
	c.addChain("adverts", nil,
		TreeRule{Matches: match(known), Learn: &Learn{known6, source}, Verdict: accept()},
		TreeRule{Meter: &Meter{Set: new6, Key: EtherSaddr, Link: true, Rate: newIPv6}, Verdict: accept()},
		TreeRule{Meter: &Meter{Set: links6, Key: IIFName, Rate: c.policy.Neighbours.Link}, Verdict: accept()},
		TreeRule{Learn: &Learn{known6, source}, Verdict: accept()})
}

// ofIPv6 makes a chain of rules, and the rule that leads packets of IPv6 to it: others meet one comparison.
func (c *compiler) ofIPv6(chain string, rules []TreeRule) []TreeRule {
	if len(rules) == 0 {
		return nil
	}
	c.addChain(chain, nil, rules...)
	return []TreeRule{{Matches: match(number(NFProto, NFProtoIPv6)), Verdict: jump(chain)}}
}

// again is for new neighbours of a link on which too many come. Who sends each time as another does not ask
// twice; a host does, a second later (RFC 4861, 10), and then there is room for it.
func (c *compiler) again(over func(Meter) TreeRule, source []Field) {
	asked := []Field{IIFName, EtherSaddr, IP6Saddr}
	c.addChain("asks_again", nil,
		over(Meter{Set: again6, Key: IIFName, Rate: c.policy.Neighbours.Link}),
		TreeRule{Learn: &Learn{known6, source}})
	c.addChain("again", nil,
		TreeRule{Matches: match(Match{Fields: asked, Set: asked6}), Verdict: goTo("asks_again")},
		TreeRule{Learn: &Learn{asked6, asked}},
		TreeRule{Verdict: goTo("too_many_neighbours"), Name: "too many new neighbours"})
}

func (c *compiler) neighbourSets() {
	routed := family{NFProtoIPv6, IP6Saddr, IP6Daddr}.of(c.policy.Neighbours.Routed)
	c.table.Sets = append(c.table.Sets,
		Set{Name: routed6, Key: []Field{IP6Saddr}, Interval: true, Elements: elementsOf(routed)},
		neighbourSet(known6, c.policy.Neighbours.Size, neighbourMemory, IIFName, IP6Saddr),
		neighbourSet(asked6, asked, askedMemory, IIFName, EtherSaddr, IP6Saddr),
		neighbourSet(again6, cards, cardMemory, IIFName),
		neighbourSet(asking6, cards, cardMemory, IIFName, EtherSaddr),
		neighbourSet(new6, cards, cardMemory, IIFName, EtherSaddr),
		neighbourSet(links6, cards, cardMemory, IIFName),
		neighbourSet(unheard6, cards, cardMemory, IP6Saddr),
		neighbourSet(awaited6, c.policy.Neighbours.awaited(), awaitedMemory, OIFName, IP6Daddr))
}
