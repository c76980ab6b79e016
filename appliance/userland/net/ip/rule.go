package ip

import (
	"errors"
	"fmt"
	"math"
	"net"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// An ipRule is a rule as the kernel tells it, all of it: one that were shown without what it asks for or does
// would be another.
type ipRule struct {
	priority     int
	inverted     bool
	src, dst     *net.IPNet
	tos, action  uint8
	mark, mask   uint32
	masked       bool
	iif, oif     string
	detached     [2]bool // of links that are not there: iif, oif
	vrf          bool
	uids         []byte // of FRA_UID_RANGE, nil for any
	transport    uint8
	sport, dport []byte // of FRA_SPORT_RANGE
	table        int
	quiet        map[string]uint32 // what of the table's answers does not count
	flow         uint32
	jump         uint32
	unresolved   bool // there is no rule to jump to
	protocol     uint8
}

// showRules prints the rules that choose a routing table: of IPv4 without -6.
func showRules(r *request) error {
	family := r.family
	if family == unix.AF_UNSPEC {
		family = unix.AF_INET
	}
	only, err := r.table()
	if err != nil {
		return err
	}
	pref, err := r.number(keyPref, 0, math.MaxInt32)
	if err != nil {
		return err
	}
	messages, err := whole(func() ([][]byte, error) {
		req := nl.NewNetlinkRequest(unix.RTM_GETRULE, unix.NLM_F_DUMP)
		req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: uint8(family)}})
		return req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWRULE)
	})
	if err != nil {
		return fmt.Errorf("list of rules: %w", err)
	}
	for _, m := range messages {
		rule, err := parseRule(m)
		if err != nil {
			return fmt.Errorf("list of rules: %w", err)
		}
		if r.has(keyTable) && rule.table != only || r.has(keyPref) && rule.priority != pref {
			continue
		}
		p := &record{}
		sayRule(p, rule, r.details)
		p.printf("\n")
		r.out.write(p)
	}
	return nil
}

// parseRule reads a fib_rule_hdr with its attributes (linux/fib_rules.h).
func parseRule(m []byte) (rule ipRule, err error) {
	if len(m) < unix.SizeofRtMsg {
		return rule, errors.New("a rule of the kernel's is cut off")
	}
	h := nl.DeserializeRtMsg(m)
	all := inner(m[unix.SizeofRtMsg:])
	number, network := all.number, all.network
	pairOf := func(kind uint16, size int) []byte {
		if b := all[kind]; len(b) == size {
			return b
		}
		return nil
	}
	rule = ipRule{
		priority: int(number(nl.FRA_PRIORITY)), inverted: h.Flags&netlink.FibRuleInvert != 0,
		src: network(nl.FRA_SRC, h.Src_len), dst: network(nl.FRA_DST, h.Dst_len), tos: h.Tos, action: h.Type,
		mark: number(nl.FRA_FWMARK), mask: number(nl.FRA_FWMASK), masked: all[nl.FRA_FWMASK] != nil,
		iif: text(all[nl.FRA_IIFNAME]), oif: text(all[nl.FRA_OIFNAME]),
		detached: [2]bool{h.Flags&unix.FIB_RULE_IIF_DETACHED != 0, h.Flags&unix.FIB_RULE_OIF_DETACHED != 0},
		vrf:      number(nl.FRA_L3MDEV) != 0, uids: pairOf(nl.FRA_UID_RANGE, 8),
		transport: uint8(number(nl.FRA_IP_PROTO)), sport: pairOf(nl.FRA_SPORT_RANGE, 4),
		dport: pairOf(nl.FRA_DPORT_RANGE, 4), table: int(h.Table), quiet: map[string]uint32{},
		flow: number(nl.FRA_FLOW), jump: number(nl.FRA_GOTO),
		unresolved: h.Flags&unix.FIB_RULE_UNRESOLVED != 0, protocol: uint8(number(nl.FRA_PROTOCOL)),
	}
	if id := number(nl.FRA_TABLE); id != 0 {
		rule.table = int(id)
	}
	for name, kind := range map[string]uint16{"suppress_prefixlength": nl.FRA_SUPPRESS_PREFIXLEN,
		"suppress_ifgroup": nl.FRA_SUPPRESS_IFGROUP} {
		if n := number(kind); all[kind] != nil && n != math.MaxUint32 {
			rule.quiet[name] = n
		}
	}
	return rule, nil
}

// sayRule says a rule, in the order of iproute2. A flag is null in JSON.
func sayRule(p *record, rule ipRule, details bool) {
	p.say("priority", "%d:\t", rule.priority)
	if rule.inverted {
		p.set("not", nil)
		p.printf("not ")
	}
	saySelector(p, "src", "from", rule.src)
	if rule.dst != nil {
		saySelector(p, "dst", " to", rule.dst)
	}
	if rule.tos != 0 {
		p.say("tos", " tos %s", tosText(int(rule.tos)))
	}
	if rule.mark != 0 || rule.masked && rule.mask != 0 {
		p.say("fwmark", " fwmark %s", fmt.Sprintf("%#x", rule.mark))
		if rule.masked && rule.mask != math.MaxUint32 {
			p.say("fwmask", "/%s", fmt.Sprintf("%#x", rule.mask))
		}
	}
	for i, link := range []string{rule.iif, rule.oif} {
		word := []string{"iif", "oif"}[i]
		if link == "" {
			continue
		}
		p.say(word, " "+word+" %s", link)
		if rule.detached[i] {
			p.set(word+"_detached", nil)
			p.printf(" [detached]")
		}
	}
	rule.sayTransport(p)
	rule.sayAction(p)
	if rule.protocol != 0 && rule.protocol != unix.RTPROT_KERNEL || details {
		p.say("protocol", " proto %s", protocolName(int(rule.protocol)))
	}
}

// sayTransport says whose packets and of which ports a rule is for.
func (rule ipRule) sayTransport(p *record) {
	if rule.vrf {
		p.set("l3mdev", nil)
		p.printf(" lookup [l3mdev-table]")
	}
	if e := nl.NativeEndian(); rule.uids != nil {
		p.say("uid_start", " uidrange %d", e.Uint32(rule.uids))
		p.say("uid_end", "-%d", e.Uint32(rule.uids[4:]))
	}
	if rule.transport != 0 {
		p.say("ipproto", " ipproto %s", transportName(int(rule.transport)))
	}
	for i, ports := range [][]byte{rule.sport, rule.dport} {
		word := []string{"sport", "dport"}[i]
		if ports == nil {
			continue
		}
		first, last := nl.NativeEndian().Uint16(ports), nl.NativeEndian().Uint16(ports[2:])
		if first == last {
			p.say(word, " "+word+" %d", first)
			continue
		}
		p.say(word+"_start", " "+word+" %d", first)
		p.say(word+"_end", "-%d", last)
	}
}

// sayAction says what a rule does.
func (rule ipRule) sayAction(p *record) {
	if rule.table != 0 {
		p.say("table", " lookup %s", tableName(rule.table))
		for _, name := range []string{"suppress_prefixlength", "suppress_ifgroup"} {
			if n, ok := rule.quiet[name]; ok {
				p.say(strings.TrimSuffix(name, "gth"), " "+name+" %d", n)
			}
		}
	}
	if rule.flow != 0 {
		p.printf(" realms ")
		if from := rule.flow >> 16; from != 0 {
			p.say("flow_from", "%s/", fmt.Sprint(from))
		}
		p.say("flow_to", "%s", fmt.Sprint(rule.flow&0xffff))
	}
	switch {
	case rule.action == nl.FR_ACT_GOTO:
		p.say("goto", " goto %d", rule.jump)
		if rule.unresolved {
			p.set("unresolved", nil)
			p.printf(" [unresolved]")
		}
	case rule.action == nl.FR_ACT_NOP:
		p.set("nop", nil)
		p.printf(" nop")
	case rule.action != nl.FR_ACT_TO_TBL:
		p.say("action", " %s", routeType(int(rule.action)))
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
	return destination(prefixOf(n))
}
