package nft_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// A flow is a conversation that a host starts, and what becomes of it.
type flow struct {
	name string
	from func(lab) netns
	probe
	answer string        // what the other side says, "" if nothing must come back
	errno  syscall.Errno // how the sender is told that it may not, 0 if not at all
	rule   string        // what must have counted it, see lab.counters; several are joined by "+"
}

func wan(l lab) netns      { return l.wan }
func lan(l lab) netns      { return l.lan }
func guest(l lab) netns    { return l.guest }
func stranger(l lab) netns { return l.stranger }
func box(l lab) netns      { return l.box }

const (
	wan4, wanBox4         = "192.0.2.1", "192.0.2.10"
	wan6, wanBox6         = "2001:db8::1", "2001:db8::10"
	lan4, lanBox4         = "192.168.32.50", "192.168.32.1"
	lan6, lanBox6         = "2001:db8:32::50", "2001:db8:32::1"
	guest4, guestBox4     = "192.168.33.50", "192.168.33.1"
	guest6, guestBox6     = "2001:db8:33::50", "2001:db8:33::1"
	strange4, strangeBox4 = "192.168.34.50", "192.168.34.1"
	strange6, strangeBox6 = "2001:db8:34::50", "2001:db8:34::1"
)

func flows() []flow {
	const told, prohibited6 = unix.EHOSTUNREACH, unix.EACCES // what "administratively prohibited" means to a program
	syn := func(src, dst string) probe { return raw(ip(src, dst, protoTCP, 64, tcp(4000, 22, flagSYN))) }
	synAck := func(src, dst string) probe { return raw(ip(src, dst, protoTCP, 64, tcp(80, 4001, flagSYN|flagACK))) }
	return []flow{
		// The services of the box are for those who were promised them.
		{"lan ssh", lan, tcpTo(lanBox4, 22), lan4, 0, "rule_lan-ssh"},
		{"lan ssh6", lan, tcpTo(lanBox6, 22), lan6, 0, "rule_lan-ssh"},
		{"lan ssh to the other address", lan, tcpTo(wanBox4, 22), lan4, 0, "rule_lan-ssh"},
		{"lan ping", lan, pingTo(lanBox4), lanBox4, 0, "rule_lan-ping"},
		{"lan ping6", lan, pingTo(lanBox6), lanBox6, 0, "rule_lan-ping"},
		{"lan telnet", lan, tcpTo(lanBox4, 23), "", unix.ECONNREFUSED, "turn_away_told"},
		{"lan telnet6", lan, tcpTo(lanBox6, 23), "", unix.ECONNREFUSED, "turn_away_told"},
		{"lan udp", lan, udpTo(lanBox4, 5000, 10), "", told, "turn_away_told"},
		{"lan udp6", lan, udpTo(lanBox6, 5000, 10), "", prohibited6, "turn_away_told"},
		{"lan dhcp discover", lan, raw(dhcpDiscover()), "", 0, "rule_lan-dhcp"},
		{"lan dhcp renew", lan, udpTo(lanBox4, 67, 300), lan4, 0, "rule_lan-dhcp"},
		{"guest dhcp discover", guest, raw(dhcpDiscover()), "", 0, "rule_guest-dhcp"},
		{"guest ssh", guest, tcpTo(guestBox4, 22), "", unix.ECONNREFUSED, "turn_away_told"},
		{"guest ssh6", guest, tcpTo(guestBox6, 22), "", unix.ECONNREFUSED, "turn_away_told"},
		{"guest ssh to lan's address of the box", guest, tcpTo(lanBox4, 22), "", unix.ECONNREFUSED, "turn_away_told"},
		{"guest ping", guest, pingTo(guestBox4), "", told, "turn_away_told"},
		{"guest ping6", guest, pingTo(guestBox6), "", prohibited6, "turn_away_told"},

		// Nothing of it is for the WAN, and the WAN is not told.
		{"wan ssh", wan, tcpTo(wanBox4, 22), "", 0, "turn_away_silent"},
		{"wan ssh6", wan, tcpTo(wanBox6, 22), "", 0, "turn_away_silent"},
		{"wan ssh to lan's address of the box", wan, tcpTo(lanBox4, 22), "", 0, "turn_away_silent"},
		{"wan ssh6 to lan's address of the box", wan, tcpTo(lanBox6, 22), "", 0, "turn_away_silent"},
		{"wan ping", wan, pingTo(wanBox4), "", 0, "turn_away_silent"},
		{"wan ping6", wan, pingTo(wanBox6), "", 0, "turn_away_silent"},
		{"wan udp", wan, udpTo(wanBox4, 5000, 10), "", 0, "turn_away_silent"},
		{"wan udp6", wan, udpTo(wanBox6, 5000, 10), "", 0, "turn_away_silent"},
		{"wan dhcp", wan, udpTo(wanBox4, 67, 300), "", 0, "turn_away_silent"},
		{"wan dhcp discover", wan, raw(dhcpDiscover()), "", 0, "bogon"},
		{"wan rogue router", wan, raw(routerAdvert("ff02::1")), "", 0, "refused_to_all"},
		{"wan rogue router, unicast", wan, raw(routerAdvert(wanBox6)), "", 0, "turn_away_silent"},
		{"lan rogue router, unicast", lan, raw(routerAdvert(lanBox6)), "", 0, "turn_away_told"},
		{"wan gre", wan, raw(ip(wan4, wanBox4, 47, 64, make([]byte, 8))), "", 0, "turn_away_silent"},

		// Hosts reach the WAN: in IPv4 with the box's address, in IPv6 with their own.
		{"lan to wan", lan, tcpTo(wan4, 80), wanBox4, 0, "rule_lan-wan"},
		{"lan to wan6", lan, tcpTo(wan6, 80), lan6, 0, "rule_lan-wan"},
		{"lan to wan udp", lan, udpTo(wan4, 5000, 10), wanBox4, 0, "rule_lan-wan"},
		{"lan to wan udp6", lan, udpTo(wan6, 5000, 10), lan6, 0, "rule_lan-wan"},
		{"lan to wan, fragments", lan, udpTo(wan4, 5000, 4000), wanBox4, 0, "rule_lan-wan"},
		{"lan to wan6, fragments", lan, udpTo(wan6, 5000, 4000), lan6, 0, "rule_lan-wan"},
		{"lan to wan ping", lan, pingTo(wan4), wan4, 0, "rule_lan-wan"},
		{"lan to wan ping6", lan, pingTo(wan6), wan6, 0, "rule_lan-wan"},
		{"guest to wan", guest, tcpTo(wan4, 80), wanBox4, 0, "rule_guest-wan"},
		{"guest to wan6", guest, tcpTo(wan6, 80), guest6, 0, "rule_guest-wan"},
		{"closed port of wan", lan, udpTo(wan4, 9, 10), "", unix.ECONNREFUSED,
			"rule_lan-wan+forward_related"},
		{"closed port of wan6", lan, udpTo(wan6, 9, 10), "", unix.ECONNREFUSED,
			"rule_lan-wan+forward_related"},

		// Nobody reaches the hosts unasked.
		{"wan to lan", wan, tcpTo(lan4, 80), "", 0, "turn_away_silent"},
		{"wan to lan6", wan, tcpTo(lan6, 80), "", 0, "turn_away_silent"},
		{"wan to lan udp", wan, udpTo(lan4, 5000, 10), "", 0, "turn_away_silent"},
		{"wan to lan udp6", wan, udpTo(lan6, 5000, 10), "", 0, "turn_away_silent"},
		{"wan to lan udp6, fragments", wan, udpTo(lan6, 5000, 4000), "", 0, "turn_away_silent"},
		{"wan to lan ping", wan, pingTo(lan4), "", 0, "turn_away_silent"},
		{"wan to lan ping6", wan, pingTo(lan6), "", 0, "turn_away_silent"},
		{"wan to lan, an answer to nothing", wan, synAck(wan4, lan4), "", 0, "forward_invalid"},
		{"wan to lan6, an answer to nothing", wan, synAck(wan6, lan6), "", 0, "forward_invalid"},
		{"wan to box, an answer to nothing", wan, synAck(wan4, wanBox4), "", 0, "input_invalid"},
		{"wan to box6, an answer to nothing", wan, synAck(wan6, wanBox6), "", 0, "input_invalid"},
		{"forged error", wan, raw(icmpError(wan4, wanBox4, 3, 1, ip(wanBox4, wan4, protoUDP, 64, udp(7, 7, "")))), "", 0,
			"input_invalid"},
		{"forged error6", wan, raw(icmpError(wan6, wanBox6, 1, 0, ip(wanBox6, wan6, protoUDP, 64, udp(7, 7, "")))), "", 0,
			"input_invalid"},
		{"redirect", wan, raw(icmpError(wan4, wanBox4, 5, 1, ip(wanBox4, wan4, protoUDP, 64, udp(7, 7, "")))), "", 0,
			"input_redirect"},

		// LANs are strangers to each other, but are told.
		{"lan to guest", lan, tcpTo(guest4, 80), "", unix.ECONNREFUSED, "turn_away_told"},
		{"lan to guest6", lan, tcpTo(guest6, 80), "", unix.ECONNREFUSED, "turn_away_told"},
		{"lan to guest udp", lan, udpTo(guest4, 5000, 10), "", told, "turn_away_told"},
		{"lan to guest udp6", lan, udpTo(guest6, 5000, 10), "", prohibited6, "turn_away_told"},
		{"guest to lan", guest, tcpTo(lan4, 80), "", unix.ECONNREFUSED, "turn_away_told"},
		{"guest to lan6", guest, tcpTo(lan6, 80), "", unix.ECONNREFUSED, "turn_away_told"},
		{"guest to lan ping", guest, pingTo(lan4), "", told, "turn_away_told"},
		{"guest to lan ping6", guest, pingTo(lan6), "", prohibited6, "turn_away_told"},

		// Sources that cannot be there.
		{"lan as guest", lan, syn(guest4, lanBox4), "", 0, "spoofed"},
		{"lan as guest6", lan, syn(guest6, lanBox6), "", 0, "spoofed"},
		{"lan as the internet", lan, syn("203.0.113.5", wan4), "", 0, "spoofed"},
		{"lan as the internet6", lan, syn("2001:db8:beef::5", wan6), "", 0, "spoofed"},
		{"lan as the box", lan, syn(lanBox4, lanBox4), "", 0, "spoofed"},
		{"lan as the box6", lan, syn(lanBox6, lanBox6), "", 0, "spoofed"},
		{"wan as lan", wan, syn(lan4, wanBox4), "", 0, "spoofed"},
		{"wan as lan6", wan, syn(lan6, wanBox6), "", 0, "spoofed"},
		{"wan as lan to guest", wan, syn(lan4, guest4), "", 0, "spoofed"},
		{"wan as loopback", wan, syn("127.0.0.1", wanBox4), "", 0, "spoofed"},
		// The kernel drops them itself (net/ipv4/route.c, net/ipv6/ip6_input.c); the ping behind them shows
		// that they have been there.
		{"lan to loopback", lan, then(syn(lan4, "127.0.0.1"), pingTo(lanBox4)), lanBox4, 0, "rule_lan-ping"},
		{"lan as loopback6", lan, then(syn("::1", lanBox6), pingTo(lanBox6)), lanBox6, 0, "rule_lan-ping"},
		{"lan to loopback6", lan, then(syn(lan6, "::1"), pingTo(lanBox6)), lanBox6, 0, "rule_lan-ping"},
		{"lan with no address to ssh", lan, syn("0.0.0.0", lanBox4), "", 0, "spoofed"},
		{"wan, honestly from far away", wan, syn("203.0.113.5", wanBox4), "", 0, "turn_away_silent"},

		// Messages of the link must come from the link.
		{"neighbour solicitation from afar", lan,
			raw(ip(lan6, lanBox6, protoICMPv6, 254, icmp(135, 0, make([]byte, 20)))), "", 0, "turn_away_told"},
		{"multicast listener query from afar", lan,
			raw(ip(lan6, lanBox6, protoICMPv6, 1, icmp(130, 0, make([]byte, 20)))), "", 0, "turn_away_told"},
		{"duplicate address detection", lan,
			raw(ip("::", "ff02::1:ff00:1", protoICMPv6, 255, icmp(135, 0, make([]byte, 20)))), "", 0, "neighbours_nd"},
		{"neighbour advertisement", wan,
			raw(ip(wan6, wanBox6, protoICMPv6, 255, icmp(136, 0, make([]byte, 20)))), "", 0, "neighbours_nd"},
		{"multicast listener query", lan,
			raw(ip("fe80::5", "ff02::1", protoICMPv6, 1, icmp(130, 0, make([]byte, 20)))), "", 0,
			"neighbours_mld"},

		// An interface that is in no zone has no rights and no manners.
		{"stranger ssh", stranger, tcpTo(strangeBox4, 22), "", 0, "turn_away_silent"},
		{"stranger ssh6", stranger, tcpTo(strangeBox6, 22), "", 0, "turn_away_silent"},
		{"stranger to wan", stranger, tcpTo(wan4, 80), "", 0, "turn_away_silent"},
		{"stranger to wan6", stranger, tcpTo(wan6, 80), "", 0, "turn_away_silent"},
		{"lan to stranger", lan, tcpTo(strange4, 80), "", unix.ECONNREFUSED, "turn_away_told"},
		{"lan to stranger6", lan, tcpTo(strange6, 80), "", unix.ECONNREFUSED, "turn_away_told"},

		// The box may speak to all, but not with an address that means nothing there.
		{"box to wan", box, tcpTo(wan4, 80), wanBox4, 0, "input_established"},
		{"box to wan6", box, tcpTo(wan6, 80), wanBox6, 0, "input_established"},
		{"box to lan", box, pingTo(lan4), lan4, 0, "input_established"},
		{"box to guest6", box, udpTo(guest6, 5000, 10), guestBox6, 0, "input_established"},
		{"box to itself", box, udpTo("127.0.0.1", 5000, 10), "127.0.0.1", 0, ""},
		{"box as lan to wan", box, udpFrom(lanBox4, wan4, 5000, 10), "", 0, "private"},
		{"box as lan to wan6", box, udpFrom("fd00:32::1", wan6, 5000, 10), "", 0, "private"},
		{"lan with a local address to wan6", lan, udpFrom("fd00:32::50", wan6, 5000, 10), "", 0, "private+rule_lan-wan"},
	}
}

// twoLANs is the reference policy with a second LAN, which gets addresses and the WAN only.
func twoLANs(t *testing.T) firewall.Policy {
	p := policyFile(t, "home")
	p.Zones = append(p.Zones, firewall.Zone{Name: "guest", Interfaces: []string{"eth2"}, Refuse: firewall.Reject})
	guest := []firewall.Endpoint{{Zones: []string{"guest"}}}
	p.Defaults = append(p.Defaults,
		firewall.Rule{Name: "guest-dhcp", Action: firewall.Allow, From: guest, To: []firewall.Endpoint{{Zones: []string{firewall.Box}}},
			Services: []firewall.Service{{Name: "dhcp", Flows: []firewall.Flow{{Proto: firewall.UDP, Ports: []firewall.PortRange{firewall.Port(67)}}}}}},
		firewall.Rule{Name: "guest-wan", Action: firewall.Allow, From: guest, To: []firewall.Endpoint{{Zones: []string{"wan"}}}})
	p.Masquerade[0].From = append(p.Masquerade[0].From, "guest")
	return p
}

// TestFlows lets packets decide. A flow that must die has died when the rule that kills it has counted it, so
// that nobody waits for an answer that does not come.
func TestFlows(t *testing.T) {
	l := newLab(t, twoLANs(t))
	for _, f := range flows() {
		t.Run(strings.ReplaceAll(f.name, " ", "_"), func(t *testing.T) { f.run(t, l) })
	}
	if log := l.counters(t)["log_refused"]; log == 0 || log > l.counters(t)["turn_away_silent"]+l.counters(t)["turn_away_told"] {
		t.Errorf("%d lines about refusals", log)
	}
}

// TestFloodDoesNotFloodTheLog counts lines about a flood against what the rate allows in the time that it
// took.
func TestFloodDoesNotFloodTheLog(t *testing.T) {
	policy := twoLANs(t)
	policy.Flood = firewall.Rate{}
	l := newLab(t, policy)
	start, before := time.Now(), l.counters(t)
	packet := ip("203.0.113.9", wanBox4, protoTCP, 64, tcp(4000, 22, flagSYN))
	l.sendRaw(t, l.wan, slices.Repeat([][]byte{packet}, 500)...)
	after := l.counters(t)
	for after["turn_away_silent"]-before["turn_away_silent"] < 500 && time.Since(start) < patience {
		after = l.counters(t)
	}
	most := float64(policy.Log.Burst) + 1 + float64(policy.Log.Count)*time.Since(start).Seconds()
	lines := after["log_refused"] - before["log_refused"]
	if dropped := after["turn_away_silent"] - before["turn_away_silent"]; dropped < 500 || lines == 0 || float64(lines) > most {
		t.Errorf("%d lines about %d packets, at most %.0f wanted", lines, dropped, most)
	}
}

func (f flow) run(t *testing.T, l lab) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	before := l.counters(t)
	type result struct {
		answer string
		err    error
	}
	done := make(chan result, 1)
	go func() {
		answer, err := f.probe(ctx, t, l, f.from(l))
		done <- result{answer, err}
	}()
	if f.answer == "" && f.errno == 0 {
		last, _, _ := strings.Cut(f.rule, "+")
		for l.counters(t)[last] == before[last] && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}
	got := <-done
	switch {
	case got.answer != f.answer:
		t.Errorf("answered %q (%v), want %q", got.answer, got.err, f.answer)
	case f.errno != 0 && !errors.Is(got.err, f.errno):
		t.Errorf("the sender was told %v, want %v", got.err, f.errno)
	}
	f.checkCounters(t, before, l.counters(t))
}

// checkCounters: its rules counted it, and no other let it in.
func (f flow) checkCounters(t *testing.T, before, after map[string]int) {
	t.Helper()
	rules := strings.Split(f.rule, "+")
	for _, rule := range rules {
		if _, ok := after[rule]; rule != "" && !ok {
			t.Errorf("there is no rule %q among %v", rule, after)
		} else if rule != "" && after[rule] == before[rule] {
			t.Errorf("rule %q did not count it", rule)
		}
	}
	for rule, n := range after {
		if strings.HasPrefix(rule, "rule_") && n != before[rule] && !slices.Contains(rules, rule) {
			t.Errorf("rule %q accepted it", rule)
		}
	}
}
