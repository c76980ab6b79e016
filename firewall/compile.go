package firewall

import (
	"slices"
	"unicode/utf8"
)

// TableName is the name of the table that [Compile] makes, of family inet.
const TableName = "gatehouse"

// Features are what the kernel at hand can do.
type Features struct {
	// Offload are the devices between which established TCP and UDP may take the short cut of a flowtable.
	// They must exist when the table is loaded. Fewer than two: no short cut.
	Offload []string `json:"offload,omitempty"`
	// Links are the indexes of interfaces that exist, by their names: what asks for one of them asks for its
	// index, and no longer applies to one of that name that comes in its place. The others are known by name.
	Links map[string]uint32 `json:"links,omitempty"`
}

// Compile makes the ruleset of a policy. It fails only with the error of [Policy.Check].
func Compile(p Policy, f Features) (Table, error) {
	if err := p.Check(); err != nil {
		return Table{}, err
	}
	c := compiler{policy: p, features: f, table: Table{Name: TableName}, zones: map[string]Zone{}}
	for _, z := range p.Zones {
		c.zones[z.Name] = z
	}
	c.addressSets()
	c.oneLink()
	c.antispoof()
	c.dstnat()
	c.clamp()
	c.shares()
	c.strangers()
	c.absentFirst, c.absentLast = c.toUnheard()
	c.forwardChains()
	c.input()
	c.forward()
	c.refuse()
	c.srcnat()
	c.sent()
	c.table.Counters, c.table.Helpers = countersOf(c.table), helpersOf(c.table)
	return c.table, nil
}

// countersOf lists the counters that rules name, in the order in which they come first.
func countersOf(t Table) []string {
	var names []string
	seen := map[string]bool{"": true}
	for _, chain := range t.Chains {
		for _, r := range chain.Rules {
			if !seen[r.Counter] {
				seen[r.Counter] = true
				names = append(names, r.Counter)
			}
		}
	}
	return names
}

type compiler struct {
	policy   Policy
	features Features
	zones    map[string]Zone
	suspects []TreeRule // ask about strangers, see strangers
	// They ask about hosts that were not heard, see toUnheard.
	absentFirst, absentLast []TreeRule
	table                   Table
}

func (c *compiler) addChain(name string, hook *Hook, rules ...TreeRule) {
	c.table.Chains = append(c.table.Chains, Chain{Name: name, Hook: hook, Rules: rules})
}

func (c *compiler) hasChain(name string) bool {
	return slices.ContainsFunc(c.table.Chains, func(known Chain) bool { return known.Name == name })
}

// addSet declares a set, once, if it has elements, and returns rules if so: what asks an empty set is left
// out.
func (c *compiler) addSet(s Set, rules ...TreeRule) []TreeRule {
	if len(s.Elements) == 0 {
		return nil
	}
	if !slices.ContainsFunc(c.table.Sets, func(known Set) bool { return known.Name == s.Name }) {
		c.table.Sets = append(c.table.Sets, s)
	}
	return rules
}

// addMap declares a map if it has elements, and returns rules if so.
func (c *compiler) addMap(m Map, rules ...TreeRule) []TreeRule {
	if len(m.Elements) == 0 {
		return nil
	}
	c.table.Maps = append(c.table.Maps, m)
	return rules
}

// dispatch is the rule that applies a map of verdicts.
func dispatch(m Map) TreeRule { return TreeRule{Verdict: Verdict{VerdictDispatch, m.Name}} }

// fewNames is how many names of interfaces a packet is compared with in turn before they become keys of a set
// or map: one lookup of a name takes as long as about ten comparisons that fail.
const fewNames = 8

// choose is addMap of a map of verdicts by names of interfaces.
func (c *compiler) choose(m Map) []TreeRule {
	if len(m.Elements) > fewNames {
		return c.addMap(m, dispatch(m))
	}
	rules := make([]TreeRule, len(m.Elements))
	for i, e := range m.Elements {
		rules[i] = TreeRule{Matches: c.named(m.Key, e), Verdict: e.Verdict}
	}
	return rules
}

// each is addSet of a set of names of interfaces, with a rule that is about them.
func (c *compiler) each(s Set, r TreeRule) []TreeRule {
	if len(s.Elements) > fewNames {
		r.Matches = append(match(in(s)), r.Matches...)
		return c.addSet(s, r)
	}
	rules := make([]TreeRule, len(s.Elements))
	for i, e := range s.Elements {
		rules[i] = r
		rules[i].Matches = append(c.named(s.Key, e), r.Matches...)
	}
	return rules
}

// named matches the names of an element.
func (c *compiler) named(key []Field, e Element) []Match {
	ms := make([]Match, len(key))
	for i, f := range key {
		ms[i] = c.link(f, e.Key[i].Name)
	}
	return ms
}

// link matches an interface, by its index if it has one.
func (c *compiler) link(f Field, s string) Match {
	index := c.features.Links[s]
	if index == 0 {
		return name(f, s)
	}
	by := map[Field]Field{IIFName: IIF, OIFName: OIF}
	return Match{Fields: []Field{by[f]}, Values: []Value{{Name: s, Lo: index, Hi: index}}}
}

// interfaces is the set of the interfaces of those zones that want says yes to. Zones with Networks share
// theirs with another.
func (c *compiler) interfaces(name string, field Field, want func(Zone) bool) Set {
	s := Set{Name: name, Key: []Field{field}}
	for _, z := range c.policy.Zones {
		if len(z.Networks) == 0 && want(z) {
			s.Elements = append(s.Elements, keysOf(z.Interfaces)...)
		}
	}
	return s
}

// cards is the set of those of them that are no tunnels.
func (c *compiler) cards(name string, want func(Zone) bool) Set {
	s := Set{Name: name, Key: []Field{IIFName}}
	for _, z := range c.policy.Zones {
		if len(z.Networks) == 0 && want(z) {
			s.Elements = append(s.Elements, keysOf(z.cards())...)
		}
	}
	return s
}

// cut shortens s to at most n bytes, between characters.
func cut(s string, n int) string {
	for len(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

func accept() Verdict           { return Verdict{Kind: VerdictAccept} }
func drop() Verdict             { return Verdict{Kind: VerdictDrop} }
func goTo(chain string) Verdict { return Verdict{VerdictGoto, chain} }
func jump(chain string) Verdict { return Verdict{VerdictJump, chain} }
func match(ms ...Match) []Match { return ms }
func name(f Field, s string) Match {
	return Match{Fields: []Field{f}, Values: []Value{{Name: s}}}
}

func number(f Field, n uint32) Match {
	return Match{Fields: []Field{f}, Values: []Value{value(n)}}
}

func value(n uint32) Value { return Value{Lo: n, Hi: n} }

func (r PortRange) value() Value { return Value{Lo: uint32(r.First), Hi: uint32(r.Last)} }

// numbers matches any of ns, each named once as a set of the kernel wants it.
func numbers(f Field, ns ...uint8) Match {
	m := Match{Fields: []Field{f}}
	for _, n := range slices.Compact(slices.Sorted(slices.Values(ns))) {
		m.Values = append(m.Values, value(uint32(n)))
	}
	return m
}

func in(s Set) Match {
	return Match{Fields: s.Key, Set: s.Name}
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

// leadTo gives every element a verdict.
func leadTo(v Verdict, elements []Element) []Element {
	for i := range elements {
		elements[i].Verdict = v
	}
	return elements
}
