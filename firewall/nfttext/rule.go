package nfttext

import (
	"fmt"
	"strings"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// rule writes the parts of a rule in the order in which they apply.
func (r renderer) rule(rule firewall.TreeRule) string {
	var parts []string
	for _, m := range rule.Matches {
		parts = append(parts, match(m))
	}
	if m := rule.Meter; m != nil {
		key := fieldNames(m.Fields())
		if m.Bits > 0 {
			key += " & " + mask(m.Key, m.Bits)
		}
		parts = append(parts, fmt.Sprintf("update @%s { %s limit rate over %s }", m.Set, key, rate(m.Rate)))
	}
	if l := rule.Learn; l != nil {
		parts = append(parts, fmt.Sprintf("update @%s { %s }", l.Set, fieldNames(l.Key)))
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
	if rule.Helper != (firewall.Helper{}) {
		parts = append(parts, fmt.Sprintf(`ct helper set "%s"`, rule.Helper.Object()))
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

func (r renderer) verdict(v firewall.Verdict) string {
	key := func() string { return fieldNames(r.maps[v.Target].Key) }
	switch v.Kind {
	case firewall.VerdictJump:
		return "jump " + v.Target
	case firewall.VerdictGoto:
		return "goto " + v.Target
	case firewall.VerdictDispatch:
		return fmt.Sprintf("%s vmap @%s", key(), v.Target)
	case firewall.VerdictDNAT:
		return fmt.Sprintf("dnat ip to %s map @%s", key(), v.Target)
	case firewall.VerdictSNAT:
		return fmt.Sprintf("snat ip to %s map @%s", key(), v.Target)
	case firewall.VerdictSource:
		return "snat ip to " + v.Target
	case firewall.VerdictOffload:
		return "flow add @" + v.Target
	}
	return map[firewall.VerdictKind]string{
		firewall.VerdictAccept: "accept", firewall.VerdictDrop: "drop", firewall.VerdictMasquerade: "masquerade",
		firewall.VerdictRejectICMP:  "reject with icmpx admin-prohibited",
		firewall.VerdictRejectReset: "reject with tcp reset", firewall.VerdictNoTrack: "notrack",
		firewall.VerdictClampMSS: "tcp option maxseg size set rt mtu",
	}[v.Kind]
}
