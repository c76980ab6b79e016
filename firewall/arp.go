package firewall

// compileARP makes the rules about ARP, which have a table of their own:
//
//	┌ from_ZONE ───────────┐   ┌ cards (LANs) ────────┐   ┌ pairs ───────────────────────────┐
//	│ nobody: accept       │   │ the card that it     │   │ card and address known: asking   │
//	│ our address: arp     ├──►│ names has sent:      ├──►│ address of another card: taken   │
//	│ of another network:  │   │ else arp             │   │ too many new ones: neighbours    │
//	│ arp (outside: a few) │   └──────────────────────┘   │ else it is known from now on     │
//	└──────────────────────┘                              └──────────────────────────────────┘
//
// The kernel makes an entry for the sender of each request for an address of ours, whatever address that is,
// and takes the word of each sender for an address that it knows (net/ipv4/arp.c, arp_process). So who has no
// address of the link is refused, and who takes those of others is slowed down.
func compileARP(p Policy) Table {
	c := compiler{policy: p, table: Table{Name: TableName, Family: ARP}}
	if !p.Neighbours.bounded() {
		return c.table
	}
	c.arpSets()
	c.dropped("refuse_arp", "arp", "refused_arp")
	c.dropped("too_many_neighbours", "neighbours", "neighbours")
	links := Map{Name: "links", Key: []Field{IIFName}}
	c.arpCards()
	c.arpPairs()
	for _, z := range p.Zones {
		if len(z.Networks) == 0 && len(z.cards()) > 0 {
			c.arpFrom(z)
			links.Elements = append(links.Elements, leadTo(goTo("from_"+z.Name), keysOf(z.cards()))...)
		}
	}
	c.addChain("input", &Hook{Filter, Input, PriorityFilter, VerdictAccept},
		c.addMap(links, dispatch(links))...)
	c.table.Counters = countersOf(c.table)
	return c.table
}

// The sets of ARP.
const (
	arpCards     = "arp_cards"     // interface and card: who has sent ARP
	arpPairs     = "arp_pairs"     // and with which address
	arpAddresses = "arp_addresses" // interface and address: somebody has it
	arpAsking    = "arp_asking"    // cards that ask
	arpNew       = "arp_new"       // cards that come with new addresses
	arpTaken     = "arp_taken"     // cards that come with those of others
	arpLinks     = "arp_links"     // links of all new neighbours
	takenLinks   = "arp_links_taken"
)

func (c *compiler) arpSets() {
	size := c.policy.Neighbours.Size
	c.table.Sets = append(c.table.Sets,
		neighbourSet(arpCards, size, cardMemory, IIFName, EtherSaddr),
		neighbourSet(arpPairs, size/2, neighbourMemory, IIFName, EtherSaddr, ARPSaddrIP),
		neighbourSet(arpAddresses, size/2, neighbourMemory, IIFName, ARPSaddrIP),
		neighbourSet(arpAsking, cards, cardMemory, IIFName, EtherSaddr),
		neighbourSet(arpNew, cards, cardMemory, IIFName, EtherSaddr),
		neighbourSet(arpTaken, cards, cardMemory, IIFName, EtherSaddr),
		neighbourSet(arpLinks, cards, cardMemory, IIFName),
		neighbourSet(takenLinks, cards, cardMemory, IIFName))
}

// dropped makes the chain where packets end for a reason, and are counted by a name that is no word of nft.
func (c *compiler) dropped(chain, reason, counter string) {
	c.addChain(chain, nil, append(c.log(reason), TreeRule{Counter: counter, Verdict: drop()})...)
}

// arpFrom makes the chain of one link. Outside, routers of a provider may ask from other networks than ours,
// and their word may be all that leads to us: a few of them pass.
func (c *compiler) arpFrom(z Zone) {
	next := "cards"
	if z.Outside {
		next = "pairs"
	}
	rules := []TreeRule{{Matches: match(within(ARPSaddrIP, prefixesOf("0.0.0.0/32"))), Verdict: accept(),
		Name: "asks whether an address is free"}}
	v4 := families()[0]
	// there it changes, and the kernel refuses it too
	if own := v4.of(addresses(z.Own)); len(own) > 0 && !z.Outside {
		rules = append(rules, TreeRule{Matches: match(within(ARPSaddrIP, own)), Verdict: goTo("refuse_arp"),
			Name: "an address of the appliance"})
	}
	networks := v4.of(z.OnLink)
	if len(networks) == 0 { // not known yet
		c.addChain("from_"+z.Name, nil, append(rules, TreeRule{Verdict: goTo(next)})...)
		return
	}
	rules = append(rules, TreeRule{Matches: match(within(ARPSaddrIP, networks)), Verdict: goTo(next)})
	if z.Outside {
		rules = append(rules, TreeRule{Limit: foreign, Verdict: goTo(next), Name: "a router of another network"})
	}
	rules = append(rules,
		TreeRule{Matches: match(within(ARPSaddrIP, prefixesOf("169.254.0.0/16"))), Counter: "refused_arp",
			Verdict: drop(), Name: "a host that got no address (RFC 3927), of which networks are full"},
		TreeRule{Verdict: goTo("refuse_arp"), Name: "an address of no network here"})
	c.addChain("from_"+z.Name, nil, rules...)
}

// arpCards asks whether the card that ARP names is one that sends. Rules cannot compare two fields: the card
// that has sent the packet is put into a set, and then the one that it names is looked up there. A set that
// is full says nothing.
func (c *compiler) arpCards() {
	named := Match{Fields: []Field{IIFName, ARPSaddrEther}, Set: arpCards}
	sent := []Field{IIFName, EtherSaddr}
	known := TreeRule{Matches: match(named), Verdict: goTo("pairs")}
	c.addChain("cards", nil, known,
		TreeRule{Learn: &Learn{arpCards, sent}}, known,
		TreeRule{Matches: match(not(Match{Fields: sent, Set: arpCards})), Verdict: goTo("pairs"),
			Name: "no room for more cards"},
		TreeRule{Verdict: goTo("refuse_arp"), Name: "names another card than sent it"})
}

// arpPairs bounds how many addresses one card can have. A link of which all hosts fit into the kernel's table
// needs no bound for all of its cards: it would only keep honest ones away.
func (c *compiler) arpPairs() {
	over := func(m Meter, matches ...Match) TreeRule {
		if len(matches) > 0 && matches[0].Set == arpAddresses {
			return TreeRule{Matches: matches, Meter: &m, Verdict: goTo("refuse_arp"),
				Name: "too many addresses of other cards"}
		}
		return TreeRule{Matches: matches, Meter: &m, Verdict: goTo("too_many_neighbours"),
			Name: "too many new neighbours"}
	}
	pair, addr := []Field{IIFName, EtherSaddr, ARPSaddrIP}, []Field{IIFName, ARPSaddrIP}
	taken := Match{Fields: addr, Set: arpAddresses}
	c.addChain("asking", nil, over(Meter{Set: arpAsking, Key: EtherSaddr, Link: true, Rate: askingUs}))
	large := c.interfaces("large", IIFName, c.policy.large)
	rules := []TreeRule{
		{Matches: match(Match{Fields: pair, Set: arpPairs}), Learn: &Learn{arpPairs, pair},
			Verdict: goTo("asking")},
		over(Meter{Set: arpTaken, Key: EtherSaddr, Link: true, Rate: takenIPv4}, taken),
		over(Meter{Set: takenLinks, Key: IIFName, Rate: takenLink}, taken),
		over(Meter{Set: arpNew, Key: EtherSaddr, Link: true, Rate: newIPv4}),
	}
	rules = append(rules, c.addSet(large,
		over(Meter{Set: arpLinks, Key: IIFName, Rate: c.policy.Neighbours.Link}, in(large)))...)
	c.addChain("pairs", nil, append(rules, TreeRule{Learn: &Learn{arpAddresses, addr}},
		TreeRule{Learn: &Learn{arpPairs, pair}})...)
}
