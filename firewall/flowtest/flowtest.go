// Package flowtest says which packets must come out of the firewall where, and holds firewalls against it.
//
// [Table] is flows.txt: one packet a line, where it comes from, and its fate. It is about the network of the
// site directory in site/, which [House] describes. Three firewalls are asked: the evaluator ([Evaluate]),
// and by real frames ([World]) the kernel of the machine that runs the tests and the appliance's own one in a
// virtual machine.
//
// A World is the hosts around a box: it sends frames, answers for its hosts when the box looks for their link
// addresses, and sees what comes out. That nothing came is certain, and not a matter of time: behind each
// packet it asks the box for the link address of each of its links, first where the packet went in. A link
// keeps the order, so that with the last answer all has come that ever will. While the box is looking for a
// neighbour, a packet waits; so when it did, it is asked once more.
package flowtest

import (
	_ "embed"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// Site is the directory of the site, from the directory of this package.
const Site = "site"

//go:embed flows.txt
var table string

// A Link is one of the box's.
type Link struct {
	Name   string         // on the box
	Wire   int            // of the World
	VLAN   uint16         // 0: untagged
	Addrs  []netip.Prefix // the box's own; the first is IPv4
	Routes []Route        // by further routers on it
}

// A Route leads to what is behind a neighbour.
type Route struct {
	To  netip.Prefix
	Via netip.Addr
}

// A Host is a neighbour of the box.
type Host struct {
	Name  string
	Link  string // of the box
	MAC   net.HardwareAddr
	Addrs []netip.Addr // that it answers for; none: all that no other host on the link has
}

// A Flow is a line of the table.
type Flow struct {
	Line   int // in flows.txt
	From   string
	State  string // of its conversation: "new", "reply", "related", "invalid", "untracked"
	Packet Packet
	Fate   Fate
	By     string // a counter that must count it; "": any
}

// A Fate is what becomes of a packet.
type Fate struct {
	// Kind is "dropped", "reset", "prohibited" or "box"; the latter is taken, whatever the box makes of it.
	// "answered" is taken and answered. "expired" and "ignored" are decided by the kernel before any rule, in
	// words or without. Empty: passed on.
	Kind     string
	Host     string // that gets it
	Src, Dst netip.AddrPort
	About    string // the ends of what an ICMP error is about, as its receiver sees them
}

// Table is flows.txt.
func Table() ([]Flow, error) {
	var flows []Flow
	for i, line := range strings.Split(table, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		f, err := ParseFlow(line)
		if err != nil {
			return nil, fmt.Errorf("flows.txt:%d: %w", i+1, err)
		}
		f.Line = i + 1
		flows = append(flows, f)
	}
	return flows, nil
}

// ParseFlow reads "HOST STATE PACKET => FATE [by COUNTER]", a line of the table.
func ParseFlow(line string) (Flow, error) {
	left, right, ok := strings.Cut(line, "=>")
	words := strings.Fields(left)
	if !ok || len(words) < 3 {
		return Flow{}, fmt.Errorf("%q: expected HOST STATE PACKET => FATE", line)
	}
	f := Flow{From: words[0], State: words[1]}
	var err error
	if f.Packet, err = ParsePacket(strings.Join(words[2:], " ")); err != nil {
		return f, err
	}
	fate, by, _ := strings.Cut(right, " by ")
	f.By = strings.TrimSpace(by)
	f.Fate, err = parseFate(strings.Fields(fate), f.Packet)
	return f, err
}

// parseFate reads a kind, or "HOST [from SOURCE] [to DESTINATION] [about SOURCE > DESTINATION]".
func parseFate(words []string, p Packet) (Fate, error) {
	fate := Fate{Src: p.Src, Dst: p.Dst}
	if p.About != nil {
		fate.About = p.About.ends()
	}
	if len(words) == 0 {
		return fate, fmt.Errorf("expected a fate")
	}
	switch words[0] {
	case "dropped", "reset", "prohibited", "box", "answered", "expired", "ignored":
		fate.Kind = words[0]
		return fate, nil
	}
	fate.Host = words[0]
	for rest := words[1:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) == 4 && rest[0] == "about" {
			fate.About = strings.Join(rest[1:], " ")
			break
		}
		into := map[string]*netip.AddrPort{"from": &fate.Src, "to": &fate.Dst}[rest[0]]
		if into == nil || len(rest) < 2 {
			return fate, fmt.Errorf("%q: expected from ADDRESS or to ADDRESS", strings.Join(rest, " "))
		}
		var err error
		if *into, err = parseEnd(rest[1]); err != nil {
			return fate, err
		}
	}
	return fate, nil
}

// House is the network of the site: the box's links, WAN first, all on one wire each, and their hosts. The
// guests are VLAN 20 of the LAN's wire.
func House() ([]Link, []Host) {
	prefixes := func(texts ...string) (all []netip.Prefix) {
		for _, t := range texts {
			all = append(all, netip.MustParsePrefix(t))
		}
		return all
	}
	host := func(n byte, name, link string, addrs ...string) Host {
		h := Host{Name: name, Link: link, MAC: net.HardwareAddr{0, 0, 0x5e, 0, 0x53, n}}
		for _, a := range addrs {
			h.Addrs = append(h.Addrs, netip.MustParseAddr(a))
		}
		return h
	}
	routes := []Route{{netip.MustParsePrefix("10.8.0.0/16"), netip.MustParseAddr("192.168.32.2")},
		{netip.MustParsePrefix("2001:db8:80::/48"), netip.MustParseAddr("2001:db8:32::2")}}
	return []Link{
			{"eth0", 0, 0, prefixes("192.0.2.10/24", "2001:db8:1::10/64"), nil},
			{"eth1", 1, 0, prefixes("192.168.32.1/24", "2001:db8:32::1/64"), routes},
			{"eth1.20", 1, 20, prefixes("192.168.33.1/24", "2001:db8:33::1/64"), nil},
		}, []Host{
			host(1, "wan", "eth0", "192.0.2.1", "2001:db8:1::1"), // the provider's router
			host(2, "near", "eth0", "192.0.2.77", "2001:db8:1::77"),
			host(3, "web1", "eth1", "192.168.32.11", "2001:db8:32::11"),
			host(4, "web2", "eth1", "192.168.32.12", "2001:db8:32::12"),
			host(5, "lan", "eth1", "192.168.32.50", "2001:db8:32::50"),
			host(6, "guest", "eth1.20", "192.168.33.50", "2001:db8:33::50"),
			host(7, "router", "eth1", "192.168.32.2", "2001:db8:32::2"), // and what is behind it
		}
}

// Bans are the sources that the table takes for banned: a single address, and the /64 of one.
func Bans() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("203.0.113.200/32"),
		netip.MustParsePrefix("2001:db8:beef:200::/64")}
}

// Banned is a tree with the bans of the table in its sets.
func Banned(t firewall.Table) firewall.Table {
	t.Sets = slices.Clone(t.Sets)
	for i, s := range t.Sets {
		for _, b := range Bans() {
			if s.Name == firewall.Banned4 && b.Addr().Is4() || s.Name == firewall.BannedNet6 &&
				b.Addr().Is6() {
				key := firewall.Value{Prefix: netip.PrefixFrom(b.Addr(), b.Addr().BitLen())}
				t.Sets[i].Elements = append(t.Sets[i].Elements, firewall.Element{Key: []firewall.Value{key}})
			}
		}
	}
	return t
}
