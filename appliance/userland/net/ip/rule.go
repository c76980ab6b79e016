package ip

import (
	"fmt"
	"net"
	"strings"

	"github.com/vishvananda/netlink"
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
		fmt.Fprintf(r.out, "%d:\t%s\n", rule.Priority, ruleWords(rule))
	}
	return nil
}

// ruleWords words a rule. What the library does not say, such as that the rule is
// a blackhole, is missing.
func ruleWords(rule netlink.Rule) string {
	var words []string
	if rule.Invert {
		words = append(words, "not")
	}
	words = append(words, "from", selector(rule.Src))
	if rule.Dst != nil {
		words = append(words, "to", selector(rule.Dst))
	}
	if rule.Mark != 0 || rule.Mask != nil && *rule.Mask != 0 {
		mark := fmt.Sprintf("%#x", rule.Mark)
		if rule.Mask != nil && *rule.Mask != 1<<32-1 {
			mark += fmt.Sprintf("/%#x", *rule.Mask)
		}
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
