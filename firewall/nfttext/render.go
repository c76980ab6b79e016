// Package nfttext writes a ruleset tree as nft text: what `nft list table inet gatehouse` shows, and what
// `nft -f` loads to the same effect as package nft. It is pure and writes the same text for the same tree. A
// tree that does not come from firewall.Compile may give text that nft refuses; what nft says then is the
// diagnosis.
package nfttext

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// A Block is one declaration of a table: a counter, a helper, a flowtable, a set, a map or a chain.
type Block struct {
	Title    string   // "chain input"
	Head     []string // what is said once: types, flags, hooks
	Rules    []string // of a chain, in their order
	Elements []string // of a set or map
}

// Render writes the declaration of t, from "table …" to the closing brace. Counters begin at zero.
func Render(t firewall.Table) string { return write(t, Blocks(t)) }

// RenderCounted is Render with what the counters of some names have counted: where they are declared, and as
// a comment behind each rule that counts.
func RenderCounted(t firewall.Table, counted map[string]firewall.Count) string {
	return write(t, renderer{mapsOf(t), counted}.blocks(t))
}

// RenderOnly is RenderCounted of the declarations whose titles are asked for.
func RenderOnly(t firewall.Table, counted map[string]firewall.Count, asked func(title string) bool) string {
	all := renderer{mapsOf(t), counted}.blocks(t)
	return write(t, slices.DeleteFunc(all, func(b Block) bool { return !asked(b.Title) }))
}

// Blocks are the declarations of t in the order of the text.
func Blocks(t firewall.Table) []Block { return renderer{mapsOf(t), nil}.blocks(t) }

// Rule writes one rule of a table.
func Rule(t firewall.Table, rule firewall.TreeRule) string {
	return renderer{mapsOf(t), nil}.rule(rule)
}

func write(t firewall.Table, blocks []Block) string {
	var b strings.Builder
	fmt.Fprintf(&b, "table %s {\n", Title(t))
	for i, block := range blocks {
		counter := strings.HasPrefix(block.Title, "counter ")
		if i > 0 && !(counter && strings.HasPrefix(blocks[i-1].Title, "counter ")) {
			b.WriteByte('\n')
		}
		if counter {
			fmt.Fprintf(&b, "\t%s { %s; }\n", block.Title, block.Head[0])
			continue
		}
		fmt.Fprintf(&b, "\t%s {\n", block.Title)
		for _, line := range append(block.Head, block.Rules...) {
			fmt.Fprintf(&b, "\t\t%s\n", line)
		}
		if block.Elements != nil {
			fmt.Fprintf(&b, "\t\telements = { %s }\n", strings.Join(block.Elements, ",\n\t\t\t     "))
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// Title is the family and the name of a table: "inet gatehouse".
func Title(t firewall.Table) string {
	return map[firewall.Family]string{firewall.Inet: "inet", firewall.ARP: "arp"}[t.Family] + " " + t.Name
}

type renderer struct {
	maps    map[string]firewall.Map
	counted map[string]firewall.Count // nil: say nothing behind rules
}

func mapsOf(t firewall.Table) map[string]firewall.Map {
	maps := map[string]firewall.Map{}
	for _, m := range t.Maps {
		maps[m.Name] = m
	}
	return maps
}

func (r renderer) blocks(t firewall.Table) []Block {
	var all []Block
	for _, name := range t.Counters {
		all = append(all, Block{Title: "counter " + name, Head: []string{
			fmt.Sprintf("packets %d bytes %d", r.counted[name].Packets, r.counted[name].Bytes)}})
	}
	for _, h := range t.Helpers {
		family := "inet"
		if h.OnlyIPv4() {
			family = "ip"
		}
		all = append(all, Block{Title: "ct helper " + h.Object(), Head: []string{
			fmt.Sprintf(`type "%s" protocol %s`, h.Name, h.Proto), "l3proto " + family}})
	}
	for _, f := range t.Flowtables {
		all = append(all, Block{Title: "flowtable " + f.Name, Head: []string{"hook ingress priority filter",
			`devices = { "` + strings.Join(f.Devices, `", "`) + `" }`, "counter"}})
	}
	for _, s := range t.Sets {
		all = append(all, r.set(s))
	}
	for _, m := range t.Maps {
		all = append(all, r.mapping(m))
	}
	for _, c := range t.Chains {
		all = append(all, r.chain(c))
	}
	return all
}

func (r renderer) set(s firewall.Set) Block {
	b := Block{Title: "set " + s.Name, Head: []string{"type " + keyType(s.Key)},
		Elements: r.elements(s.Key, nil, s.Elements)}
	if s.Size > 0 {
		b.Head = append(b.Head, fmt.Sprintf("size %d", s.Size))
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
		b.Head = append(b.Head, "flags "+strings.Join(flags, ","))
	}
	if s.Timeout > 0 {
		b.Head = append(b.Head, fmt.Sprintf("timeout %ds", s.Timeout/time.Second))
	}
	return b
}

func (r renderer) mapping(m firewall.Map) Block {
	data := "verdict"
	if m.Data != nil {
		data = kindNames(m.Data)
	}
	b := Block{Title: "map " + m.Name, Head: []string{"type " + keyType(m.Key) + " : " + data},
		Elements: r.elements(m.Key, m.Data, m.Elements)}
	if m.Interval {
		b.Head = append(b.Head, "flags interval")
	}
	return b
}

func (r renderer) elements(key []firewall.Field, data []firewall.Kind, elements []firewall.Element) []string {
	kinds := make([]firewall.Kind, len(key))
	for i, f := range key {
		kinds[i] = f.Kind()
	}
	var lines []string
	for _, e := range elements {
		line := values(kinds, e.Key)
		switch {
		case data != nil:
			line += " : " + values(data, e.Data)
		case e.Verdict.Kind != firewall.VerdictNone:
			line += " : " + r.verdict(e.Verdict)
		}
		lines = append(lines, line)
	}
	return lines
}

// values writes a concatenation.
func values(kinds []firewall.Kind, vs []firewall.Value) string {
	texts := make([]string, len(vs))
	for i, v := range vs {
		texts[i] = value(kinds[i], v)
	}
	return strings.Join(texts, " . ")
}

func (r renderer) chain(c firewall.Chain) Block {
	b := Block{Title: "chain " + c.Name}
	if h := c.Hook; h != nil {
		policy := r.verdict(firewall.Verdict{Kind: h.Policy})
		b.Head = []string{fmt.Sprintf("type %s hook %s priority %s; policy %s;", h.Type, h.Point, priority(h),
			policy)}
	}
	for _, rule := range c.Rules {
		line := r.rule(rule)
		if count, counts := r.counted[rule.Counter]; counts {
			line += fmt.Sprintf(" # %d packets, %d bytes", count.Packets, count.Bytes)
		}
		b.Rules = append(b.Rules, line)
	}
	return b
}

// priority writes a priority relative to the nearest named one below it, of those that nft knows at that
// point.
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
