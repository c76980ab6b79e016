package nft_test

import (
	"fmt"
	"testing"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestDirect: a source in a network of one link is compared with it, and what becomes of it is what became of
// it by the routes. Only without a route is there a difference.
func TestDirect(t *testing.T) {
	t.Parallel()
	compared := policyFile(t, "home")
	routed := policyFile(t, "home")
	routed.Zones[0].Direct = nil
	l := newLab(t, compared)
	for _, conf := range []string{"all", "eth1"} {
		l.box.sysctl(t, "ipv4/conf/"+conf+"/rp_filter", "0") // the kernel's own look into the routes
	}
	const passes, spoofed = "rule_lan-dhcp", "spoofed"
	port := uint16(40000)
	send := func(what string, from netns, source, counter string) {
		t.Helper()
		other := map[string]string{spoofed: passes, passes: spoofed}[counter]
		before := l.counters(t)
		port++
		l.sendRaw(t, from, ip(source, lanBox4, protoUDP, hopLimit, udp(port, 67, "")))
		testnet.Eventually(t, patience, fmt.Sprintf("%s from %s: %s counts", what, source, counter),
			func() bool { return l.counters(t)[counter] == before[counter]+1 })
		if after := l.counters(t); after[other] != before[other] {
			t.Errorf("%s from %s: %s counts", what, source, other)
		}
	}
	for what, policy := range map[string]firewall.Policy{"by routes": routed, "compared": compared} {
		load(t, l.box, compile(t, policy))
		for _, a := range []string{"192.168.32.60", "192.168.32.0", "192.168.32.255"} {
			send(what, l.lan, a, passes)
		}
		send(what, l.lan, lanBox4, spoofed)
		send(what, l.lan, "192.168.33.60", spoofed)
		send(what+", by another link,", l.guest, "192.168.32.60", spoofed)
		send(what+", from upstream,", l.wan, "192.168.32.60", spoofed)
	}

	// A card in the place of another is known when its rules are loaded, and not before.
	load(t, l.box, compileWithLinks(t, l.box, compared))
	send("by its index", l.lan, "192.168.32.60", passes)
	l.box.run(t, "ip link del eth1")
	l.connect(t, 1, l.lan, "192.168.32.1/24", "192.168.32.50/24")
	l.box.sysctl(t, "ipv4/conf/eth1/rp_filter", "0")
	before := l.counters(t)["refused"]
	l.sendRaw(t, l.lan, ip("192.168.32.60", lanBox4, protoUDP, hopLimit, udp(port+1, 67, "")))
	testnet.Eventually(t, patience, "another card of that name is refused", func() bool { return l.counters(t)["refused"] == before+1 })
	port++
	load(t, l.box, compileWithLinks(t, l.box, compared))
	send("by its new index", l.lan, "192.168.32.60", passes)

	l.box.run(t, "ip route del 192.168.32.0/24 dev eth1")
	load(t, l.box, compile(t, compared))
	send("compared, without a way back,", l.lan, "192.168.32.60", passes)
	send("compared, without a way back,", l.lan, lanBox4, spoofed)
	load(t, l.box, compile(t, routed))
	send("by routes, without a way back,", l.lan, "192.168.32.60", spoofed)
}

// compileWithLinks is for the interfaces that a namespace has.
func compileWithLinks(t *testing.T, ns netns, policy firewall.Policy) firewall.Table {
	t.Helper()
	var features firewall.Features
	ns.do(t, func() { features.Links = nft.Links(policy.Shortcuts()) })
	table, err := firewall.Compile(policy, features)
	if err != nil {
		t.Fatal(err)
	}
	return table
}
