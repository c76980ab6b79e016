package ip

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// addRule adds a rule that is not there yet.
func addRule(r *request) error { return r.changeRule(netlink.RuleAdd) }

// delRule deletes the first rule that has everything that is given.
func delRule(r *request) error {
	if len(r.given) == 0 {
		return usageError{fmt.Errorf("expected what the rule has")}
	}
	return r.changeRule(netlink.RuleDel)
}

// changeRule hands the rule of r to change.
func (r *request) changeRule(change func(*netlink.Rule) error) error {
	rule, err := r.rule()
	if err != nil {
		return err
	}
	return explain("the rule", change(rule))
}

// rule reads a rule.
func (r *request) rule() (rule *netlink.Rule, err error) {
	rule = netlink.NewRule()
	rule.Invert = r.has(keyNot)
	rule.IifName, rule.OifName = r.given[keyIif], r.given[keyOif]
	if rule.Family, err = r.ruleFamily(rule); err != nil {
		return nil, err
	}
	if rule.Priority, err = r.number(keyPref, 0, math.MaxInt32); err != nil {
		return nil, err
	}
	if !r.has(keyPref) {
		rule.Priority = -1
	}
	if err := r.ruleMark(rule); err != nil {
		return nil, err
	}
	if rule.Table, err = r.table(); err != nil {
		return nil, err
	}
	fate, err := r.onlyFate()
	if err != nil {
		return nil, err
	}
	if fate != 0 {
		rule.Type = uint8(fate)
	}
	if (fate != 0 || r.verb.names[0] == "del") && !r.has(keyTable) {
		rule.Table = unix.RT_TABLE_UNSPEC
	}
	return rule, nil
}

// ruleFamily reads what addresses rule is for, and returns their family: that of -4 and -6, or IPv4.
func (r *request) ruleFamily(rule *netlink.Rule) (int, error) {
	of := r.family
	for _, key := range []string{keyFrom, keyTo} {
		text, ok := r.given[key]
		if !ok || text == "all" || text == "any" || text == "default" {
			continue
		}
		p, err := r.network(text)
		if err != nil {
			return 0, err
		}
		if of != unix.AF_UNSPEC && of != family(p.Addr()) {
			return 0, expected(key+" "+text, "addresses of one family")
		}
		of = family(p.Addr())
		if key == keyFrom {
			rule.Src = wholeNet(p)
		} else {
			rule.Dst = wholeNet(p)
		}
	}
	if of == unix.AF_UNSPEC {
		of = unix.AF_INET
	}
	return of, nil
}

// ruleMark reads the mark with its mask.
func (r *request) ruleMark(rule *netlink.Rule) error {
	given, ok := r.given[keyMark]
	if !ok {
		return nil
	}
	mark, mask, masked := strings.Cut(given, "/")
	m, err := strconv.ParseUint(mark, 0, 32)
	full := uint64(math.MaxUint32)
	if err == nil && masked {
		full, err = strconv.ParseUint(mask, 0, 32)
	}
	if err != nil {
		return expected(keyMark+" "+given, "a mark like 0x10 or 0x10/0xff")
	}
	short := uint32(full)
	rule.Mark, rule.Mask = uint32(m), &short
	return nil
}

// network reads a prefix or an address.
func (r *request) network(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if addr, notAddr := netip.ParseAddr(text); notAddr == nil && addr.Zone() == "" {
		p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	switch {
	case err != nil || p.Addr().Is4In6():
		return p, expected(text, "a prefix like 192.0.2.0/24, an address, or default")
	case p != p.Masked():
		return p, expected(text, fmt.Sprintf("%v, the network of that address", p.Masked()))
	}
	return p, r.checkFamily(text, p.Addr())
}
