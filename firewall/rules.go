package firewall

import "slices"

// between is what may start from one zone towards another, or [Box], in the order in which it is asked.
func (c *compiler) between(from, to string) []entry {
	entries := c.entriesOf(c.policy.Rules, from, to)
	if to != Box {
		entries = append(entries, raw(c.forwarded(from, to))...)
	}
	return append(entries, c.entriesOf(c.policy.Defaults, from, to)...)
}

func (c *compiler) entriesOf(rules []Rule, from, to string) []entry {
	var entries []entry
	for i, r := range rules {
		for _, src := range r.From {
			for _, dst := range r.To {
				if slices.Contains(src.Zones, from) && slices.Contains(dst.Zones, to) {
					entries = append(entries, entry{rule: &rules[i], ends: [2]Endpoint{src, dst}})
				}
			}
		}
	}
	return entries
}

// An entry is one part of a chain: rules as they are, or a rule of the policy of which some is decided
// already.
type entry struct {
	raw  []TreeRule
	rule *Rule
	ends [2]Endpoint // what of rule.From and rule.To is left to ask
}

// Indexes of entry.ends.
const (
	source = iota
	destination
)

// raw makes one entry of rules, none of none.
func raw(rules []TreeRule) []entry {
	if len(rules) == 0 {
		return nil
	}
	return []entry{{raw: rules}}
}

// rulesOf are the tree's rules for an entry: one for each flow, family and way to name an address.
func (c *compiler) rulesOf(e entry) []TreeRule {
	if e.rule == nil {
		return e.raw
	}
	verdict := accept()
	if e.rule.Action == Deny {
		verdict = goTo("turn_away")
	}
	last := c.finish(e.rule.Name, e.rule.Origin, verdict, e.rule.Rate, e.rule.Log)
	var rules []TreeRule
	for _, ends := range matchesOf(c.table.Sets, e.ends[source], e.ends[destination]) {
		for _, flow := range ends.flows(e.rule.Services) {
			r := last
			r.Matches = slices.Concat(ends.matches, flow.matches)
			if e.rule.Action == Allow {
				r.Helper = flow.helper
			}
			rules = append(rules, r)
		}
	}
	return rules
}

// RuleCounter is the counter that all rules of one name share. The prefix keeps names and words of nft apart.
func RuleCounter(name string) string { return "rule_" + name }

// finish is the last part of a rule: what becomes of packets that it speaks of. If there is more to do than a
// verdict, it is in a chain of its own, so that all rules of one name share one rate. They share a counter
// too: RuleCounter.
func (c *compiler) finish(name, origin string, verdict Verdict, rate Rate, log bool) TreeRule {
	r := TreeRule{Counter: RuleCounter(name), Verdict: verdict, Name: name, Origin: origin}
	if log && c.policy.Log != (Rate{}) {
		r = c.detour("logged_"+name, goTo, r, append(c.log(name), r)...)
	}
	if rate != (Rate{}) {
		limited := r
		limited.Limit = rate
		r = c.detour("rate_"+name, jump, r, limited)
	}
	return r
}

// detour makes a chain, unless it is there already, and returns r as the way into it.
func (c *compiler) detour(chain string, way func(string) Verdict, r TreeRule, rules ...TreeRule) TreeRule {
	if !c.hasChain(chain) {
		c.addChain(chain, nil, rules...)
	}
	return TreeRule{Verdict: way(chain), Name: r.Name, Origin: r.Origin}
}

// ends are matches for both sides of a conversation, of one family or, if they name no address, of both.
type ends struct {
	family  uint32 // 0: any
	matches []Match
}

// matchesOf are the ways in which packets can be between two endpoints of known zones; nil if there is none.
func matchesOf(sets []Set, from, to Endpoint) []ends {
	if from.everybody() && to.everybody() {
		return []ends{{}}
	}
	var all []ends
	for _, f := range families() {
		for _, src := range from.matches(sets, f, f.src) {
			for _, dst := range to.matches(sets, f, f.dst) {
				all = append(all, ends{f.number, slices.Concat(src, dst)})
			}
		}
	}
	return all
}

func (e Endpoint) everybody() bool { return len(e.Addresses) == 0 && len(e.Sets) == 0 }

// matches are the ways in which an address of a family can be one of e's: no match if anybody is.
func (e Endpoint) matches(sets []Set, f family, field Field) [][]Match {
	if e.everybody() {
		return [][]Match{nil}
	}
	var ways [][]Match
	if own := f.of(e.Addresses); len(own) > 0 {
		ways = append(ways, match(within(field, own)))
	}
	for _, name := range e.Sets {
		i := slices.IndexFunc(sets, func(s Set) bool { return s.Name == setName(name, f) })
		if i >= 0 {
			ways = append(ways, match(Match{Fields: []Field{field}, Set: sets[i].Name}))
		}
	}
	return ways
}

// A flowMatch is what asks for one flow of a service.
type flowMatch struct {
	matches []Match
	helper  Helper
}

// flows ask for each flow of some services that the family of e has; no services: everything.
func (e ends) flows(services []Service) []flowMatch {
	if len(services) == 0 {
		return []flowMatch{{}}
	}
	var all []flowMatch
	for _, s := range services {
		for _, f := range s.Flows {
			if family := f.family(); family == 0 || e.family == 0 || family == e.family {
				all = append(all, flowMatch{f.matches(), s.helper(f)})
			}
		}
	}
	return all
}

// family is the only one that f exists in, 0 if it exists in both.
func (f Flow) family() uint32 {
	return map[Proto]uint32{ICMP: NFProtoIPv4, ICMPv6: NFProtoIPv6, IPv6: NFProtoIPv4}[f.Proto]
}

func (f Flow) matches() []Match {
	switch f.Proto {
	case ICMP:
		return match(numbers(ICMPType, f.Types...))
	case ICMPv6:
		matches := match(numbers(ICMPv6Type, f.Types...))
		if slices.ContainsFunc(f.Types, func(t uint8) bool {
			return t >= ndRouterSolicit && t <= ndRedirect
		}) {
			matches = append(matches, number(IP6HopLimit, onLinkHopLimit))
		}
		return matches
	case IPv6:
		return match(number(NFProto, NFProtoIPv4), number(L4Proto, ProtoIPv6))
	}
	if len(f.Ports) == 0 {
		return match(number(L4Proto, f.Proto.Number()))
	}
	return match(ports(f.Proto, f.Ports...))
}

// ports matches destination ports of a protocol that has some.
func ports(p Proto, ranges ...PortRange) Match {
	m := Match{Fields: []Field{portOf(p)}}
	for _, r := range ranges {
		m.Values = append(m.Values, r.value())
	}
	return m
}

func portOf(p Proto) Field {
	return map[Proto]Field{TCP: TCPDport, UDP: UDPDport, SCTP: SCTPDport}[p]
}
