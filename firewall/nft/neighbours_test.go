package nft_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// neighbourLab is the lab with links whose networks are known, and LAN as wide as wanted.
func neighbourLab(t *testing.T, lan string) lab {
	p := policyFile(t, "home")
	p.Zones[0].OnLink = []netip.Prefix{netip.MustParsePrefix(lan)}
	p.Zones[1].OnLink = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	l := newLab(t, p)
	load(t, l.box, firewall.Loaded{Policy: p}.ARP())
	return l
}

// arpCounters are what the rules about ARP counted.
func (l lab) arpCounters(t *testing.T) map[string]int {
	t.Helper()
	packets := map[string]int{}
	l.box.do(t, func() {
		counts, err := nft.CountersOf(firewall.Table{Name: firewall.TableName, Family: firewall.ARP})
		if err != nil {
			t.Error(err)
		}
		for name, c := range counts {
			packets[name] = int(c.Packets)
		}
	})
	return packets
}

// frames puts whole frames on the wire of a host.
func frames(t *testing.T, from netns, all ...[]byte) {
	t.Helper()
	from.do(t, func() {
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			t.Error(err)
			return
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer unix.Close(fd)
		for _, f := range all {
			if err := unix.Sendto(fd, f, 0, &unix.SockaddrLinklayer{Ifindex: eth0.Index}); err != nil {
				t.Errorf("frame from %s: %v", from.Name(), err)
			}
		}
	})
}

// card is one that nobody has.
func card(n int) net.HardwareAddr {
	return net.HardwareAddr{2, 0, 0x5e, byte(n >> 16), byte(n >> 8), byte(n)}
}

// arp is a frame of one card with ARP that names another.
func arp(from, named net.HardwareAddr, operation byte, sender, target string) []byte {
	b := append(net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, from...)
	b = append(b, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, operation)
	b = append(append(b, named...), netip.MustParseAddr(sender).AsSlice()...)
	return append(append(b, 0, 0, 0, 0, 0, 0), netip.MustParseAddr(target).AsSlice()...)
}

func asks(from net.HardwareAddr, sender, target string) []byte {
	return arp(from, from, 1, sender, target)
}

// solicits is a frame with a neighbour solicitation to the box's card.
func solicits(from net.HardwareAddr, n int, source, target string) []byte {
	body := append(make([]byte, 4), netip.MustParseAddr(target).AsSlice()...)
	packet := ip(source, target, protoICMPv6, 255, icmp(135, 0, append(body, append([]byte{1, 1}, from...)...)))
	head := append(append([]byte{}, boxMAC(n)...), from...)
	return append(binary.BigEndian.AppendUint16(head, unix.ETH_P_IPV6), packet...)
}

// TestARPSenders: who is believed, and who is not.
func TestARPSenders(t *testing.T) {
	l := neighbourLab(t, "192.168.32.0/24")
	host := card(1)
	for _, c := range []struct {
		what    string
		from    netns
		frame   []byte
		sender  string
		refused bool
	}{
		{"a host", l.lan, asks(host, "192.168.32.60", lanBox4), "192.168.32.60", false},
		{"a host of another network", l.lan, asks(host, "10.9.9.9", lanBox4), "10.9.9.9", true},
		{"a host of the other link", l.lan, asks(host, "192.0.2.77", lanBox4), "192.0.2.77", true},
		{"the appliance", l.lan, asks(host, lanBox4, lanBox4), "", true},
		{"the appliance, in a reply", l.lan, arp(host, host, 2, lanBox4, "192.168.32.60"), "", true},
		{"another card", l.lan, arp(host, card(9), 1, "192.168.32.61", lanBox4), "192.168.32.61", true},
		{"nobody", l.lan, asks(host, "0.0.0.0", "192.168.32.62"), "", false},
		{"a host upstream", l.wan, asks(card(2), "192.0.2.7", wanBox4), "192.0.2.7", false},
		{"a router upstream of another network", l.wan, asks(card(3), "198.51.100.1", wanBox4), "198.51.100.1", false},
	} {
		before := l.arpCounters(t)
		frames(t, c.from, c.frame)
		if c.refused {
			testnet.Eventually(t, patience, c.what+" is refused", func() bool { return l.arpCounters(t)["refused_arp"] == before["refused_arp"]+1 })
		} else if c.sender != "" {
			testnet.Eventually(t, patience, c.what+" is believed", func() bool { return strings.Contains(l.box.run(t, "ip neigh"), c.sender+" ") })
		}
		if c.refused && c.sender != "" && strings.Contains(l.box.run(t, "ip neigh"), c.sender+" ") {
			t.Errorf("%s is a neighbour all the same", c.what)
		}
		if now := l.arpCounters(t); !c.refused && (now["refused_arp"] != before["refused_arp"] || now["neighbours"] != before["neighbours"]) {
			t.Errorf("%s is refused", c.what)
		}
	}
}

// TestARPRates: one card gets no more than some addresses, and fewer of those that others have; a thousand
// hosts that come back at once all have theirs. They ask for somebody who is not there: the kernel's table is
// that of all tests of this machine.
func TestARPRates(t *testing.T) {
	l := neighbourLab(t, "192.168.32.0/22")
	const hosts, nobody = 1000, "192.168.35.254"
	addr := func(n int) string { return fmt.Sprintf("192.168.%d.%d", 32+(n+2)>>8, (n+2)&255) }
	var all [][]byte
	for n := range hosts {
		for range 3 {
			all = append(all, asks(card(n), addr(n), nobody))
		}
	}
	frames(t, l.lan, all...)
	marker := func(when string) {
		t.Helper()
		before := l.arpCounters(t)["refused_arp"]
		frames(t, l.lan, asks(card(70000), "10.9.9.9", nobody))
		testnet.Eventually(t, patience, when, func() bool { return l.arpCounters(t)["refused_arp"] > before })
	}
	marker("all hosts were heard")
	if got := l.arpCounters(t); got["refused_arp"] != 1 || got["neighbours"] != 0 {
		t.Errorf("of %d hosts some were refused: %v", hosts, got)
	}
	before, start := l.arpCounters(t), time.Now()
	all = nil
	for n := range 500 { // addresses of others
		all = append(all, asks(card(80000), addr(n), nobody))
	}
	frames(t, l.lan, all...)
	marker("who takes addresses was heard")
	if got := l.arpCounters(t); got["refused_arp"]-before["refused_arp"]-1 < 500-4-int(time.Since(start).Minutes()*4+1) {
		t.Errorf("a card that takes 500 addresses has: %v, before %v", got, before)
	}
	before = l.arpCounters(t)
	frames(t, l.lan, asks(card(5), addr(5), nobody))
	marker("an old host was heard")
	if got := l.arpCounters(t); got["refused_arp"] != before["refused_arp"]+1 || got["neighbours"] != before["neighbours"] {
		t.Errorf("an old host is refused: %v, before %v", got, before)
	}
}

// TestSolicitationRates: the same in IPv6, where each card has several addresses.
func TestSolicitationRates(t *testing.T) {
	l := neighbourLab(t, "192.168.32.0/24")
	const nobody = "fe80::dead"
	var all [][]byte
	for n := range 300 {
		for _, net := range []string{"fe80::", "2001:db8:32::"} {
			all = append(all, solicits(card(n), 1, fmt.Sprintf("%s1:%x", net, n+1), nobody))
		}
	}
	frames(t, l.lan, all...)
	settled := func(when string, want func(map[string]int) bool) {
		t.Helper()
		testnet.Eventually(t, patience, when, func() bool { return want(l.counters(t)) })
	}
	known := func() int { return strings.Count(l.box.run(t, "nft list set inet gatehouse neighbours6"), "expires") }
	testnet.Eventually(t, patience, "all hosts are known", func() bool { return known() >= 600 })
	if got := l.counters(t)["neighbours"]; got != 0 {
		t.Errorf("%d of some hosts were refused", got)
	}
	all = nil
	for n := range 3000 {
		all = append(all, solicits(card(80000), 1, fmt.Sprintf("fe80::2:%x", n+1), nobody))
	}
	start := time.Now()
	frames(t, l.lan, all...)
	settled("a card with 3000 addresses is refused", func(c map[string]int) bool {
		return c["neighbours"] >= 3000-256-16*int(time.Since(start).Seconds()+1)
	})
	before := l.counters(t)["neighbours"]
	frames(t, l.lan, solicits(card(7), 1, "fe80::1:8", nobody), solicits(card(90000), 1, "fe80::3:1", nobody))
	testnet.Eventually(t, patience, "a new host is known", func() bool {
		return strings.Contains(l.box.run(t, "nft list set inet gatehouse neighbours6"), "fe80::3:1 ")
	})
	if got := l.counters(t)["neighbours"]; got != before {
		t.Errorf("an old or a new host is refused while another floods")
	}
}

// TestSilentHosts: a host that begins nothing is heard by its answers, and whoever begins something with it
// is not slowed down then; of absent ones one source asks for a few.
func TestSilentHosts(t *testing.T) {
	p := policyFile(t, "home")
	p.Rules = append(p.Rules, firewall.Rule{Name: "syslog", Action: firewall.Allow, From: []firewall.Endpoint{{Zones: []string{"wan"}}},
		To: []firewall.Endpoint{{Zones: []string{"lan"}}}})
	l := newLab(t, p)
	l.lan.run(t, fmt.Sprintf("ip -6 neigh add 2001:db8:32::1 lladdr %v dev eth0", boxMAC(1))) // it asks for nobody
	burst := func(port, packets int, to func(int) string) (dropped int) {
		t.Helper()
		before := l.counters(t)
		var all [][]byte
		for n := range packets {
			all = append(all, ip("2001:db8::1", to(n), protoUDP, 64, udp(uint16(port+n), 5000, "x")))
		}
		l.sendRaw(t, l.wan, all...)
		var now map[string]int
		testnet.Eventually(t, patience, "all were counted", func() bool {
			now = l.counters(t)
			return now["rule_syslog"]-before["rule_syslog"] >= packets
		})
		return now["neighbours"] - before["neighbours"]
	}
	silent := func(int) string { return "2001:db8:32::50" }
	burst(1000, 1, silent)
	testnet.Eventually(t, patience, "who has answered is heard", func() bool {
		return strings.Contains(l.box.run(t, "nft list set inet gatehouse neighbours6"), "2001:db8:32::50 ")
	})
	if dropped := burst(2000, 300, silent); dropped > 0 {
		t.Errorf("%d of 300 conversations with a silent host were refused", dropped)
	}
	absent := func(n int) string { return fmt.Sprintf("2001:db8:32::a:%x", n+1) }
	start := time.Now()
	if dropped := burst(3000, 300, absent); dropped < 300-64-16*int(time.Since(start).Seconds()+1) {
		t.Errorf("%d of 300 absent hosts were refused", dropped)
	}
	if dropped := burst(4000, 300, silent); dropped > 0 {
		t.Errorf("meanwhile %d of 300 conversations with a silent host were refused", dropped)
	}
}

// TestLargeLink: where an IPv4 network has more addresses than the kernel's table, one card begins
// conversations by some of them; who is known goes on, and so does another card.
func TestLargeLink(t *testing.T) {
	l := neighbourLab(t, "192.168.0.0/18")
	l.box.run(t, "ip route add 192.168.0.0/18 dev eth1")
	begins := func(from net.HardwareAddr, source string, port int) []byte {
		packet := ip(source, "198.51.100.77", protoUDP, 64, udp(uint16(port), 5000, "x"))
		return append(binary.BigEndian.AppendUint16(append(append([]byte{}, boxMAC(1)...), from...), unix.ETH_P_IP), packet...)
	}
	seen := func(c map[string]int) int { return c["neighbours"] + c["rule_default.lan-wan"] + c["rule_lan-wan"] }
	sends := func(what string, all ...[]byte) (dropped int) {
		t.Helper()
		before := l.counters(t)
		frames(t, l.lan, all...)
		testnet.Eventually(t, patience, what, func() bool { return seen(l.counters(t)) >= seen(before)+len(all) })
		return l.counters(t)["neighbours"] - before["neighbours"]
	}
	if n := sends("a host begins something", begins(card(1), "192.168.32.50", 1000)); n > 0 {
		t.Error("a host is refused")
	}
	var all [][]byte
	for n := range 300 {
		all = append(all, begins(card(2), fmt.Sprintf("192.168.%d.%d", 4+n/200, 1+n%200), 1000))
	}
	start := time.Now()
	if n := sends("somebody begins by 300 addresses", all...); n < 300-64-2*int(time.Since(start).Seconds()+1) {
		t.Errorf("of 300 addresses of a card %d are refused", n)
	}
	if n := sends("others go on", begins(card(1), "192.168.32.50", 1001), begins(card(2), "192.168.4.1", 1001), begins(card(3), "192.168.9.1", 1000)); n > 0 {
		t.Errorf("%d of others are refused", n)
	}
}
