package rtnl

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
)

// tableOf is the number that the kernel has for a table.
func tableOf(table uint8) int {
	if table == 0 {
		return unix.RT_TABLE_MAIN
	}
	return int(table)
}

// rules lists our own.
func (k kernel) rules() ([]netcfg.Rule, error) {
	all, err := dump(func() ([]netlink.Rule, error) { return k.RuleList(netlink.FAMILY_V6) })
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	var ours []netcfg.Rule
	for _, r := range all {
		if r.Protocol != netcfg.Owner {
			continue
		}
		rule := netcfg.Rule{Priority: uint16(r.Priority), From: prefixOf(r.Src)}
		if r.Table != unix.RT_TABLE_MAIN {
			rule.Table = uint8(r.Table)
		}
		ours = append(ours, rule)
	}
	return ours, nil
}

// ruleOf is a rule as the kernel has it.
func ruleOf(r netcfg.Rule) *netlink.Rule {
	rule := netlink.NewRule()
	rule.Family, rule.Priority, rule.Protocol = netlink.FAMILY_V6, int(r.Priority), netcfg.Owner
	if rule.Table = tableOf(r.Table); r.Table == 0 {
		rule.SuppressPrefixlen = 0
	}
	if r.From.IsValid() {
		rule.Src = ipNet(r.From)
	}
	return rule
}
