package nft_test

import (
	"bufio"
	"context"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

const (
	farBehind4, farBehind6 = "10.8.0.50", "2001:db8:80::50"
	router4, router6       = "192.168.32.2", "2001:db8:32::2"
)

// twoRouters is the LAN with another router on it, and a host behind that:
//
//	box eth1 ──┬── lan
//	         bridge ── router ── behind 10.8.0.50
//
// lan knows the box alone, and router has lan on its own link.
func twoRouters(t *testing.T, policy firewall.Policy) (l lab, behind netns) {
	l = newLab(t, policy)
	wire, router, behind := newNetns(t, "wire"), newNetns(t, "router"), newNetns(t, "behind")
	for _, ns := range []netns{wire, router, behind} {
		ns.sysctl(t, "ipv6/conf/default/accept_dad", "0")
	}
	l.box.run(t, "ip link set eth1 down")
	l.lan.run(t, "ip link del eth0")
	wire.Bridge("lan")
	wire.Plug("lan", l.box.Namespace, "eth1")
	wire.Plug("lan", l.lan.Namespace, "eth0")
	wire.Plug("lan", router.Namespace, "eth0")
	router.Connect("eth1", behind.Namespace, "eth0")
	for _, a := range []struct {
		ns    netns
		addrs string
	}{
		{l.box, "eth1 192.168.32.1/24 2001:db8:32::1/64 fd00:32::1/64"}, {l.lan, "eth0 192.168.32.50/24 2001:db8:32::50/64"},
		{router, "eth0 192.168.32.2/24 2001:db8:32::2/64"}, {router, "eth1 10.8.0.1/24 2001:db8:80::1/64"},
		{behind, "eth0 10.8.0.50/24 2001:db8:80::50/64"},
	} {
		words := strings.Fields(a.addrs)
		a.ns.run(t, "ip link set "+words[0]+" up")
		for _, addr := range words[1:] {
			a.ns.AddAddr(words[0], addr)
		}
	}
	router.sysctl(t, "ipv4/ip_forward", "1")
	router.sysctl(t, "ipv6/conf/all/forwarding", "1")
	for _, r := range []struct {
		ns      netns
		to, via string
	}{
		{l.lan, "default", lanBox4}, {l.lan, "default", lanBox6}, {behind, "default", "10.8.0.1"}, {behind, "default", "2001:db8:80::1"},
		{l.box, "10.8.0.0/16", router4}, {l.box, "2001:db8:80::/48", router6}, {router, "default", lanBox4}, {router, "default", lanBox6},
	} {
		r.ns.run(t, "ip route add "+r.to+" via "+r.via)
	}
	serveTCP(t, behind, ":80")
	serveUDP(t, behind, ":5000")
	return l, behind
}

// transit is the policy of two LANs, of which one has another router; nobody is told of it.
func transit(t *testing.T) firewall.Policy {
	p := twoLANs(t)
	for i, z := range p.Zones {
		if z.Name == "lan" {
			p.Zones[i].Routed = []netip.Prefix{netip.MustParsePrefix("10.8.0.0/16"), netip.MustParsePrefix("2001:db8:80::/48")}
		}
	}
	lan := []firewall.Endpoint{{Zones: []string{"lan"}}}
	p.Defaults = append(p.Defaults, firewall.Rule{Name: "transit", Action: firewall.Allow, From: lan, To: lan})
	return p
}

// TestTwoRoutersOnOneLAN: conversations of which the box sees one half go on, both ways, and for as long as
// the host likes to send them by the box. Other zones get nothing by it.
func TestTwoRoutersOnOneLAN(t *testing.T) {
	l, behind := twoRouters(t, transit(t))
	l.box.sysctl(t, "ipv4/conf/all/send_redirects", "0")
	l.box.sysctl(t, "ipv4/conf/eth1/send_redirects", "0")
	for _, ns := range []netns{l.lan, behind} { // of IPv6 the kernel always tells; nobody listens
		ns.sysctl(t, "ipv6/conf/all/accept_redirects", "0")
		ns.sysctl(t, "ipv6/conf/eth0/accept_redirects", "0")
	}
	toBehind, toLAN := lan, func(lab) netns { return behind }
	for _, f := range []flow{
		{"tcp", toBehind, tcpTo(farBehind4, 80), lan4, 0, "rule_transit+forward_one_link"},
		{"tcp6", toBehind, tcpTo(farBehind6, 80), lan6, 0, "rule_transit+forward_one_link"},
		{"udp", toBehind, udpTo(farBehind4, 5000, 10), lan4, 0, "rule_transit"},
		{"ping", toBehind, pingTo(farBehind4), farBehind4, 0, "rule_transit"},
		{"tcp, from behind", toLAN, tcpTo(lan4, 80), farBehind4, 0, "forward_one_link"},
		{"tcp6, from behind", toLAN, tcpTo(lan6, 80), farBehind6, 0, "forward_one_link"},
		{"udp, from behind", toLAN, udpTo(lan4, 5000, 10), farBehind4, 0, "rule_transit"},
		{"from behind to wan", toLAN, tcpTo(wan4, 80), wanBox4, 0, "rule_lan-wan"},
		{"from behind to the box", toLAN, tcpTo(lanBox4, 22), farBehind4, 0, "rule_lan-ssh"},
		{"from guests", guest, tcpTo(farBehind4, 80), "", unix.ECONNREFUSED, "turn_away_told"},
		{"to guests", toLAN, tcpTo(guest4, 80), "", unix.ECONNREFUSED, "turn_away_told"},
		{"guests answer nothing", guest, raw(ip(guest4, farBehind4, protoTCP, 64, tcp(80, 4002, flagSYN|flagACK))), "", 0, "forward_invalid"},
	} {
		t.Run(strings.ReplaceAll(f.name, " ", "_"), func(t *testing.T) { f.run(t, l) })
	}
	tracked := 0
	l.box.do(t, func() {
		all, err := netlink.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
		if err != nil {
			t.Error(err)
		}
		for _, c := range all {
			if tracked++; c.Forward.SrcIP.String() == lan4 && c.Forward.DstIP.String() == farBehind4 {
				t.Errorf("conntrack knows of half a conversation: %v", c)
			}
		}
	})
	if tracked == 0 {
		t.Error("conntrack knows of nothing, not of what goes to wan either")
	}
}

// TestWithoutKnowingOfTheOtherRouter is why: without Routed the first answer is the last.
func TestWithoutKnowingOfTheOtherRouter(t *testing.T) {
	policy := transit(t)
	for i := range policy.Zones {
		policy.Zones[i].Routed = nil
	}
	l, behind := twoRouters(t, policy)
	l.box.sysctl(t, "ipv4/conf/all/send_redirects", "0")
	l.box.sysctl(t, "ipv4/conf/eth1/send_redirects", "0")
	f := flow{"tcp, from behind", func(lab) netns { return behind }, tcpTo(lan4, 80), "", 0, "forward_invalid"}
	f.run(t, l)
}

// TestRedirects: with the settings of the plan the kernel tells a neighbour of the shorter way (RFC 1812,
// 5.2.7.2), and nobody whose way it is not.
func TestRedirects(t *testing.T) {
	l, behind := twoRouters(t, transit(t))
	l.box.sysctl(t, "ipv4/conf/all/send_redirects", "0")
	l.box.sysctl(t, "ipv4/conf/all/shared_media", "0")
	l.box.sysctl(t, "ipv4/conf/eth1/shared_media", "0")
	l.box.sysctl(t, "ipv4/conf/eth1/send_redirects", "1")
	l.lan.sysctl(t, "ipv4/conf/eth0/accept_redirects", "1")
	l.lan.sysctl(t, "ipv4/conf/eth0/secure_redirects", "1")
	dump := exec.Command(testnet.Need(t, "tcpdump", "tcpdump"), "--immediate-mode", "-n", "-l", "-i", "eth0", "icmp[icmptype] == icmp-redirect")
	told := l.lan.Start(dump)
	testnet.Eventually(t, patience, "tcpdump listens", func() bool { return strings.Contains(told.Output(), "listening on") })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if answer, err := tcpTo(farBehind4, 80)(ctx, t, l, l.lan); err != nil || answer != lan4 {
		t.Errorf("answered %q, %v", answer, err)
	}
	testnet.Eventually(t, patience, "a redirect to "+router4, func() bool {
		return strings.Contains(told.Output(), lanBox4+" > "+lan4+": ICMP redirect "+farBehind4+" to host "+router4)
	})
	testnet.Eventually(t, patience, "the host goes the shorter way", func() bool {
		// It looks for the router first, and believes the next; TCP that is just being sent hears nothing.
		if answer, err := udpTo(farBehind4, 5000, 10)(ctx, t, l, l.lan); err != nil || answer != lan4 {
			t.Errorf("answered %q, %v", answer, err)
		}
		return strings.Contains(l.lan.run(t, "ip route get "+farBehind4), "via "+router4)
	})
	if answer, err := tcpTo(wan4, 80)(ctx, t, l, behind); err != nil || answer != wanBox4 {
		t.Errorf("from behind: %q, %v", answer, err)
	}
	for lines := bufio.NewScanner(strings.NewReader(told.Output())); lines.Scan(); {
		if strings.Contains(lines.Text(), "redirect") && !strings.Contains(lines.Text(), farBehind4+" to host "+router4) {
			t.Errorf("a redirect of another kind: %s", lines.Text())
		}
	}
}
