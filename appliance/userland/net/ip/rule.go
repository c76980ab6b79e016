package ip

import (
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
		p := &record{}
		sayRule(p, rule)
		p.printf("\n")
		r.out.write(p)
	}
	return nil
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

// sayRule says a rule. A flag is null in JSON.
func sayRule(p *record, rule netlink.Rule) {
	p.say("priority", "%d:\t", rule.Priority)
	if rule.Invert {
		p.set("not", nil)
		p.printf("not ")
	}
	saySelector(p, "src", "from", rule.Src)
	if rule.Dst != nil {
		saySelector(p, "dst", " to", rule.Dst)
	}
	if mark := ruleMark(rule); mark != "" {
		mark, mask, masked := strings.Cut(mark, "/")
		p.say("fwmark", " fwmark %s", mark)
		if masked {
			p.say("fwmask", "/%s", mask)
		}
	}
	if rule.IifName != "" {
		p.say("iif", " iif %s", rule.IifName)
	}
	if rule.OifName != "" {
		p.say("oif", " oif %s", rule.OifName)
	}
	switch {
	case rule.Goto > 0:
		p.say("goto", " goto %d", rule.Goto)
	case rule.Table != 0:
		p.say("table", " lookup %s", tableName(rule.Table))
	case ruleAction(rule) != "":
		p.say("action", " %s", ruleAction(rule))
	}
}

// saySelector says the addresses that a rule is for; a single address has no length.
func saySelector(p *record, key, word string, n *net.IPNet) {
	p.printf("%s %s", word, selector(n))
	if n == nil {
		p.set(key, "all")
		return
	}
	prefix := prefixOf(n)
	p.set(key, prefix.Addr().String())
	if !prefix.IsSingleIP() {
		p.set(key+"len", prefix.Bits())
	}
}

// selector words the addresses that a rule is for.
func selector(n *net.IPNet) string {
	if n == nil {
		return "all"
	}
	return destination(n)
}
