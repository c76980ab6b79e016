package ip

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// showRules prints the rules that choose a routing table: of IPv4 without -6.
func showRules(r *request) error {
	family := r.family
	if family == unix.AF_UNSPEC {
		family = unix.AF_INET
	}
	rules, err := whole(func() ([]netlink.Rule, error) { return netlink.RuleList(family) })
	if err != nil {
		return fmt.Errorf("list of rules: %w", err)
	}
	for _, rule := range rules {
		fmt.Fprintf(&r.out, "%d:\t%s\n", rule.Priority, ruleWords(rule))
		r.out.end(newRuleRecord(rule))
	}
	return nil
}

// ruleRecord is a rule in JSON, with the keys of iproute2.
type ruleRecord struct {
	Priority  int              `json:"priority"`
	Not       *json.RawMessage `json:"not,omitempty"` // null if it is for what does not match
	Src       string           `json:"src"`
	SrcLength int              `json:"srclen,omitempty"`
	Dst       string           `json:"dst,omitempty"`
	DstLength int              `json:"dstlen,omitempty"`
	Mark      string           `json:"fwmark,omitempty"`
	Mask      string           `json:"fwmask,omitempty"`
	In        string           `json:"iif,omitempty"`
	Out       string           `json:"oif,omitempty"`
	Table     string           `json:"table,omitempty"`
	Goto      int              `json:"goto,omitempty"`
	Action    string           `json:"action,omitempty"`
}

// newRuleRecord is rule.
func newRuleRecord(rule netlink.Rule) ruleRecord {
	r := ruleRecord{Priority: rule.Priority, Src: "all", In: rule.IifName, Out: rule.OifName}
	if rule.Invert {
		null := json.RawMessage("null")
		r.Not = &null
	}
	if rule.Src != nil {
		r.Src, r.SrcLength = selectorRecord(rule.Src)
	}
	if rule.Dst != nil {
		r.Dst, r.DstLength = selectorRecord(rule.Dst)
	}
	r.Mark, r.Mask, _ = strings.Cut(ruleMark(rule), "/")
	switch {
	case rule.Goto > 0:
		r.Goto = rule.Goto
	case rule.Table != 0:
		r.Table = tableName(rule.Table)
	case ruleAction(rule) != "":
		r.Action = ruleAction(rule)
	}
	return r
}

// selectorRecord is a prefix in JSON: a single address has no length.
func selectorRecord(n *net.IPNet) (addr string, length int) {
	p := prefixOf(n)
	if !p.IsSingleIP() {
		length = p.Bits()
	}
	return p.Addr().String(), length
}

// ruleMark words the mark that a rule is for.
func ruleMark(rule netlink.Rule) string {
	if rule.Mark == 0 && (rule.Mask == nil || *rule.Mask == 0) {
		return ""
	}
	mark := fmt.Sprintf("%#x", rule.Mark)
	if rule.Mask != nil && *rule.Mask != 1<<32-1 {
		mark += fmt.Sprintf("/%#x", *rule.Mask)
	}
	return mark
}

// ruleAction words what a rule does that leads to no table.
func ruleAction(rule netlink.Rule) string {
	switch rule.Type {
	case nl.FR_ACT_BLACKHOLE, nl.FR_ACT_UNREACHABLE, nl.FR_ACT_PROHIBIT:
		return routeType(int(rule.Type))
	}
	return ""
}

// ruleWords words a rule.
func ruleWords(rule netlink.Rule) string {
	var words []string
	if rule.Invert {
		words = append(words, "not")
	}
	words = append(words, "from", selector(rule.Src))
	if rule.Dst != nil {
		words = append(words, "to", selector(rule.Dst))
	}
	if mark := ruleMark(rule); mark != "" {
		words = append(words, "fwmark", mark)
	}
	if rule.IifName != "" {
		words = append(words, "iif", rule.IifName)
	}
	if rule.OifName != "" {
		words = append(words, "oif", rule.OifName)
	}
	switch {
	case rule.Goto > 0:
		words = append(words, "goto", fmt.Sprint(rule.Goto))
	case rule.Table != 0:
		words = append(words, "lookup", tableName(rule.Table))
	case ruleAction(rule) != "":
		words = append(words, ruleAction(rule))
	}
	return strings.Join(words, " ")
}

// selector words the addresses that a rule is for.
func selector(n *net.IPNet) string {
	if n == nil {
		return "all"
	}
	return destination(n)
}
