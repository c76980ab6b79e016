// Package nfttext writes a ruleset tree as nft text: what `nft list table inet gatehouse` shows, and what `nft -f`
// loads to the same effect as package nft. It is pure and writes the same text for the same tree. A tree that does not
// come from firewall.Compile may give text that nft refuses; what nft says then is the diagnosis.
package nfttext

import (
	"fmt"
	"strings"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// Render writes the declaration of t, from "table inet …" to the closing brace.
func Render(t firewall.Table) string {
	r := renderer{table: t}
	r.line("table inet %s {", t.Name)
	for _, s := range t.Sets {
		r.set(s)
	}
	for _, m := range t.Maps {
		r.mapping(m)
	}
	for _, c := range t.Chains {
		r.chain(c)
	}
	return strings.TrimSuffix(r.out.String(), "\n") + "}\n"
}

type renderer struct {
	table firewall.Table
	out   strings.Builder
}

func (r *renderer) line(format string, args ...any) {
	fmt.Fprintf(&r.out, format+"\n", args...)
}

func (r *renderer) set(s firewall.Set) {
	r.line("\tset %s {", s.Name)
	r.line("\t\ttype %s", keyType(s.Key))
	if s.Interval {
		r.line("\t\tflags interval")
	}
	r.elements(s.Key, s.Elements)
}

func (r *renderer) mapping(m firewall.Map) {
	r.line("\tmap %s {", m.Name)
	r.line("\t\ttype %s : verdict", keyType(m.Key))
	r.elements(m.Key, m.Elements)
}

// elements writes one element per line and closes the set.
func (r *renderer) elements(key []firewall.Field, elements []firewall.Element) {
	lines := make([]string, len(elements))
	for i, e := range elements {
		values := make([]string, len(e.Key))
		for j, v := range e.Key {
			values[j] = value(key[j].Kind(), v)
		}
		lines[i] = strings.Join(values, " . ")
		if e.Verdict.Kind != firewall.VerdictNone {
			lines[i] += " : " + r.verdict(e.Verdict)
		}
	}
	if len(lines) > 0 {
		r.line("\t\telements = { %s }", strings.Join(lines, ",\n\t\t\t     "))
	}
	r.line("\t}\n")
}

func (r *renderer) chain(c firewall.Chain) {
	r.line("\tchain %s {", c.Name)
	if h := c.Hook; h != nil {
		policy := r.verdict(firewall.Verdict{Kind: h.Policy})
		r.line("\t\ttype %s hook %s priority %s; policy %s;", h.Type, h.Point, priority(h.Priority), policy)
	}
	for _, rule := range c.Rules {
		r.line("\t\t%s", r.rule(rule))
	}
	r.line("\t}\n")
}

func (r *renderer) rule(rule firewall.Rule) string {
	var parts []string
	for _, m := range rule.Matches {
		parts = append(parts, match(m))
	}
	if l := rule.Limit; l.PerSecond > 0 {
		parts = append(parts, fmt.Sprintf("limit rate %d/second burst %d packets", l.PerSecond, l.Burst))
	}
	if rule.Counter {
		parts = append(parts, "counter")
	}
	if rule.Log != "" {
		parts = append(parts, fmt.Sprintf(`log prefix "%s" level info`, rule.Log))
	}
	if rule.Verdict.Kind != firewall.VerdictNone {
		parts = append(parts, r.verdict(rule.Verdict))
	}
	if rule.Comment != "" {
		parts = append(parts, fmt.Sprintf(`comment "%s"`, rule.Comment))
	}
	return strings.Join(parts, " ")
}

func (r *renderer) verdict(v firewall.Verdict) string {
	switch v.Kind {
	case firewall.VerdictJump:
		return "jump " + v.Target
	case firewall.VerdictGoto:
		return "goto " + v.Target
	case firewall.VerdictDispatch:
		return fmt.Sprintf("%s vmap @%s", fieldNames(r.mapKey(v.Target)), v.Target)
	}
	return map[firewall.VerdictKind]string{
		firewall.VerdictAccept: "accept", firewall.VerdictDrop: "drop", firewall.VerdictMasquerade: "masquerade",
		firewall.VerdictRejectICMP: "reject with icmpx admin-prohibited", firewall.VerdictRejectReset: "reject with tcp reset",
	}[v.Kind]
}

func (r *renderer) mapKey(name string) []firewall.Field {
	for _, m := range r.table.Maps {
		if m.Name == name {
			return m.Key
		}
	}
	return nil
}

// priority writes p relative to the nearest named priority below it, as nft does.
func priority(p int) string {
	name, base := "raw", firewall.PriorityRaw
	if p >= firewall.PriorityFilter {
		name, base = "filter", firewall.PriorityFilter
	}
	if p >= firewall.PrioritySrcNAT {
		name, base = "srcnat", firewall.PrioritySrcNAT
	}
	if p == base {
		return name
	}
	return fmt.Sprintf("%s + %d", name, p-base)
}
