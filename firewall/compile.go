package firewall

import (
	"slices"
	"unicode/utf8"
)

// TableName is the name of the table that [Compile] makes, of family inet.
const TableName = "gatehouse"

// Compile makes the ruleset of a policy. It fails only with the error of [Policy.Check].
func Compile(p Policy) (Table, error) {
	if err := p.Check(); err != nil {
		return Table{}, err
	}
	c := compiler{policy: p, table: Table{Name: TableName}}
	c.antispoof()
	c.input()
	c.forward()
	c.refuse()
	c.masquerade()
	return c.table, nil
}

type compiler struct {
	policy Policy
	table  Table
}

func (c *compiler) addChain(name string, hook *Hook, rules ...Rule) {
	c.table.Chains = append(c.table.Chains, Chain{Name: name, Hook: hook, Rules: rules})
}

// addSet declares a set if it has elements, and returns rules if so: what asks an empty set is left out.
func (c *compiler) addSet(s Set, rules ...Rule) []Rule {
	if len(s.Elements) == 0 {
		return nil
	}
	c.table.Sets = append(c.table.Sets, s)
	return rules
}

// addMap declares a map if it has elements, and returns the rule that applies it.
func (c *compiler) addMap(m Map) []Rule {
	if len(m.Elements) == 0 {
		return nil
	}
	c.table.Maps = append(c.table.Maps, m)
	return []Rule{{Verdict: Verdict{VerdictDispatch, m.Name}}}
}

// interfaces is the set of the interfaces of those zones that want says yes to.
func (c *compiler) interfaces(name string, want func(Zone) bool) Set {
	s := Set{Name: name, Key: []Field{IIFName}}
	for _, z := range c.policy.Zones {
		if want(z) {
			s.Elements = append(s.Elements, keysOf(z.Interfaces)...)
		}
	}
	return s
}

// replies are the rules for what belongs to a conversation that was allowed when it began, or to none at all. Redirects
// count as related for the kernel, and a router neither follows nor passes them (RFC 1812, 5.2.7.2).
func replies() []Rule {
	accept, drop := Verdict{Kind: VerdictAccept}, Verdict{Kind: VerdictDrop}
	return []Rule{
		{Matches: []Match{number(CTState, CTEstablished)}, Counter: true, Verdict: accept},
		{Matches: []Match{number(ICMPType, icmpRedirect)}, Counter: true, Verdict: drop, Comment: "redirect"},
		{Matches: []Match{number(CTState, CTRelated)}, Counter: true, Verdict: accept, Comment: "ICMP errors"},
		{Matches: []Match{number(CTState, CTInvalid)}, Counter: true, Verdict: drop, Comment: "belongs to no conversation"},
	}
}

// between are the rules for what zone from may start towards zone to, in the policy's order.
func (c *compiler) between(from, to string) []Rule {
	var rules []Rule
	for _, a := range c.policy.Allow {
		if slices.Contains(a.From, from) && slices.Contains(a.To, to) {
			rules = append(rules, a.rules()...)
		}
	}
	return rules
}

func (a Allow) rules() []Rule {
	rule := Rule{Limit: a.Rate, Counter: true, Verdict: Verdict{Kind: VerdictAccept}, Comment: comment("everything", a.Origin)}
	if len(a.Services) == 0 {
		return []Rule{rule}
	}
	var rules []Rule
	for _, s := range a.Services {
		for _, f := range s.Flows {
			rule.Matches, rule.Comment = f.matches(), comment(s.Name, a.Origin)
			rules = append(rules, rule)
		}
	}
	return rules
}

func (f Flow) matches() []Match {
	switch f.Proto {
	case ICMP:
		return []Match{numbers(ICMPType, f.Types)}
	case ICMPv6:
		matches := []Match{numbers(ICMPv6Type, f.Types)}
		if slices.ContainsFunc(f.Types, func(t uint8) bool { return t >= ndRouterSolicit && t <= ndRedirect }) {
			matches = append(matches, number(IP6HopLimit, onLinkHopLimit))
		}
		return matches
	}
	field, proto := TCPDport, uint32(ProtoTCP)
	if f.Proto == UDP {
		field, proto = UDPDport, ProtoUDP
	}
	if len(f.Ports) == 0 {
		return []Match{number(L4Proto, proto)}
	}
	m := Match{Fields: []Field{field}}
	for _, r := range f.Ports {
		m.Values = append(m.Values, Value{Lo: uint32(r.First), Hi: uint32(r.Last)})
	}
	return []Match{m}
}

// comment joins what a rule is for and where it comes from, cut to what the kernel keeps.
func comment(what, origin string) string {
	if origin != "" {
		what += " (" + origin + ")"
	}
	for len(what) > maxComment {
		_, size := utf8.DecodeLastRuneInString(what)
		what = what[:len(what)-size]
	}
	return what
}

func name(f Field, ifname string) Match {
	return Match{Fields: []Field{f}, Values: []Value{{Name: ifname}}}
}

func number(f Field, n uint32) Match {
	return Match{Fields: []Field{f}, Values: []Value{{Lo: n, Hi: n}}}
}

// numbers matches any of ns, each named once as a set of the kernel wants it.
func numbers(f Field, ns []uint8) Match {
	m := Match{Fields: []Field{f}}
	for _, n := range slices.Compact(slices.Sorted(slices.Values(ns))) {
		m.Values = append(m.Values, Value{Lo: uint32(n), Hi: uint32(n)})
	}
	return m
}

func in(set string, fields ...Field) Match {
	return Match{Fields: fields, Set: set}
}

func not(m Match) Match {
	m.Not = true
	return m
}

// keysOf makes one element of each name.
func keysOf(names []string) []Element {
	elements := make([]Element, len(names))
	for i, n := range names {
		elements[i].Key = []Value{{Name: n}}
	}
	return elements
}

// pairsOf makes one element of each pair of names.
func pairsOf(first, second []string) []Element {
	var elements []Element
	for _, a := range first {
		for _, b := range second {
			elements = append(elements, Element{Key: []Value{{Name: a}, {Name: b}}})
		}
	}
	return elements
}
