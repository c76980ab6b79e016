// Package nfttext writes a ruleset tree as nft text: what `nft list table inet gatehouse` shows, and what `nft -f`
// loads to the same effect as package nft. It is pure and writes the same text for the same tree. A tree that does not
// come from firewall.Compile may give text that nft refuses; what nft says then is the diagnosis.
package nfttext

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// Render writes the declaration of t, from "table inet …" to the closing brace. Counters begin at zero.
func Render(t firewall.Table) string { return RenderCounted(t, nil) }

// RenderCounted is Render with what the counters of some names have counted.
func RenderCounted(t firewall.Table, counted map[string]firewall.Count) string {
	r := renderer{maps: map[string]firewall.Map{}}
	for _, m := range t.Maps {
		r.maps[m.Name] = m
	}
	r.line("table inet %s {", t.Name)
	for _, name := range t.Counters {
		r.line("\tcounter %s { packets %d bytes %d; }", name, counted[name].Packets, counted[name].Bytes)
	}
	r.line("")
	for _, f := range t.Flowtables {
		r.flowtable(f)
	}
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
	maps map[string]firewall.Map
	out  strings.Builder
}

func (r *renderer) line(format string, args ...any) {
	fmt.Fprintf(&r.out, format+"\n", args...)
}

func (r *renderer) flowtable(f firewall.Flowtable) {
	devices := make([]string, len(f.Devices))
	for i, d := range f.Devices {
		devices[i] = `"` + d + `"`
	}
	r.line("\tflowtable %s {", f.Name)
	r.line("\t\thook ingress priority filter")
	r.line("\t\tdevices = { %s }", strings.Join(devices, ", "))
	r.line("\t\tcounter")
	r.line("\t}\n")
}

func (r *renderer) set(s firewall.Set) {
	r.line("\tset %s {", s.Name)
	r.line("\t\ttype %s", keyType(s.Key))
	if s.Size > 0 {
		r.line("\t\tsize %d", s.Size)
	}
	var flags []string
	for _, f := range []struct {
		name string
		set  bool
	}{{"dynamic", s.Dynamic}, {"interval", s.Interval}, {"timeout", s.Expires}} {
		if f.set {
			flags = append(flags, f.name)
		}
	}
	if flags != nil {
		r.line("\t\tflags %s", strings.Join(flags, ","))
	}
	if s.Timeout > 0 {
		r.line("\t\ttimeout %ds", s.Timeout/time.Second)
	}
	r.elements(s.Key, nil, s.Elements)
}

func (r *renderer) mapping(m firewall.Map) {
	data := "verdict"
	if m.Data != nil {
		data = kindNames(m.Data)
	}
	r.line("\tmap %s {", m.Name)
	r.line("\t\ttype %s : %s", keyType(m.Key), data)
	if m.Interval {
		r.line("\t\tflags interval")
	}
	r.elements(m.Key, m.Data, m.Elements)
}

// elements writes one element per line and closes the set.
func (r *renderer) elements(key []firewall.Field, data []firewall.Kind, elements []firewall.Element) {
	kinds := make([]firewall.Kind, len(key))
	for i, f := range key {
		kinds[i] = f.Kind()
	}
	lines := make([]string, len(elements))
	for i, e := range elements {
		lines[i] = values(kinds, e.Key)
		switch {
		case data != nil:
			lines[i] += " : " + values(data, e.Data)
		case e.Verdict.Kind != firewall.VerdictNone:
			lines[i] += " : " + r.verdict(e.Verdict)
		}
	}
	if len(lines) > 0 {
		r.line("\t\telements = { %s }", strings.Join(lines, ",\n\t\t\t     "))
	}
	r.line("\t}\n")
}

// values writes a concatenation.
func values(kinds []firewall.Kind, vs []firewall.Value) string {
	texts := make([]string, len(vs))
	for i, v := range vs {
		texts[i] = value(kinds[i], v)
	}
	return strings.Join(texts, " . ")
}

func (r *renderer) chain(c firewall.Chain) {
	r.line("\tchain %s {", c.Name)
	if h := c.Hook; h != nil {
		policy := r.verdict(firewall.Verdict{Kind: h.Policy})
		r.line("\t\ttype %s hook %s priority %s; policy %s;", h.Type, h.Point, priority(h), policy)
	}
	for _, rule := range c.Rules {
		r.line("\t\t%s", r.rule(rule))
	}
	r.line("\t}\n")
}

func (r *renderer) rule(rule firewall.TreeRule) string {
	var parts []string
	for _, m := range rule.Matches {
		parts = append(parts, match(m))
	}
	if m := rule.Meter; m != nil {
		key := fieldName(m.Key)
		if m.Bits > 0 {
			key += " & " + mask(m.Key, m.Bits)
		}
		parts = append(parts, fmt.Sprintf("update @%s { %s limit rate over %s }", m.Set, key, rate(m.Rate)))
	}
	if rule.Limit.Count > 0 {
		parts = append(parts, "limit rate "+rate(rule.Limit))
	}
	if rule.Counter != "" {
		parts = append(parts, fmt.Sprintf(`counter name "%s"`, rule.Counter))
	}
	if rule.Log != "" {
		parts = append(parts, fmt.Sprintf(`log prefix "%s" group %d`, rule.Log, firewall.LogGroup))
	}
	if rule.Verdict.Kind != firewall.VerdictNone {
		parts = append(parts, r.verdict(rule.Verdict))
	}
	if comment := rule.Comment(); comment != "" {
		parts = append(parts, fmt.Sprintf(`comment "%s"`, comment))
	}
	return strings.Join(parts, " ")
}

func rate(r firewall.Rate) string {
	return fmt.Sprintf("%d/%s burst %d packets", r.Count, r.Per, r.Burst)
}

func (r *renderer) verdict(v firewall.Verdict) string {
	switch v.Kind {
	case firewall.VerdictJump:
		return "jump " + v.Target
	case firewall.VerdictGoto:
		return "goto " + v.Target
	case firewall.VerdictDispatch:
		return fmt.Sprintf("%s vmap @%s", fieldNames(r.maps[v.Target].Key), v.Target)
	case firewall.VerdictDNAT:
		return fmt.Sprintf("dnat ip to %s map @%s", fieldNames(r.maps[v.Target].Key), v.Target)
	case firewall.VerdictSNAT:
		return fmt.Sprintf("snat ip to %s map @%s", fieldNames(r.maps[v.Target].Key), v.Target)
	case firewall.VerdictOffload:
		return "flow add @" + v.Target
	}
	return map[firewall.VerdictKind]string{
		firewall.VerdictAccept: "accept", firewall.VerdictDrop: "drop", firewall.VerdictMasquerade: "masquerade",
		firewall.VerdictRejectICMP: "reject with icmpx admin-prohibited", firewall.VerdictRejectReset: "reject with tcp reset",
		firewall.VerdictClampMSS: "tcp option maxseg size set rt mtu",
	}[v.Kind]
}

// priority writes a priority relative to the nearest named one below it, of those that nft knows at that point.
func priority(h *firewall.Hook) string {
	name, base := "raw", firewall.PriorityRaw
	for _, named := range []struct {
		name string
		base int
		only firewall.Point
	}{{"mangle", firewall.PriorityMangle, ""}, {"dstnat", firewall.PriorityDstNAT, firewall.Prerouting},
		{"filter", firewall.PriorityFilter, ""}, {"srcnat", firewall.PrioritySrcNAT, firewall.Postrouting}} {
		if h.Priority >= named.base && (named.only == "" || named.only == h.Point) {
			name, base = named.name, named.base
		}
	}
	if h.Priority == base {
		return name
	}
	return fmt.Sprintf("%s + %d", name, h.Priority-base)
}
