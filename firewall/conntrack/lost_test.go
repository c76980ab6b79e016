package conntrack

import (
	"net/netip"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

const lostNAT = `
table ip t {
	chain pre { type nat hook prerouting priority dstnat; ip daddr 198.51.100.1 udp dport 443 dnat to 192.168.32.50:443; }
	chain post {
		type nat hook postrouting priority srcnat
		ip saddr 192.168.32.51 oifname "wan" snat to 198.51.100.1
		iifname "lan" oifname "wan" masquerade
	}
	chain in { type filter hook input priority filter; ct state new accept; }
}`

// TestLost: with an address the conversations through it go, whoever began them, and no others. What the
// kernel does by itself is a part of it.
func TestLost(t *testing.T) {
	box, lan, wan := testnet.New(t, "box"), testnet.New(t, "lan"), testnet.New(t, "wan")
	box.Connect("lan", lan, "eth0")
	box.Connect("wan", wan, "eth0")
	box.AddAddr("lan", "192.168.32.1/24")
	lan.AddAddr("eth0", "192.168.32.50/24")
	lan.AddAddr("eth0", "192.168.32.51/24")
	lan.AddRoute("default", "192.168.32.1")
	box.AddAddr("wan", "198.51.100.1/24")
	wan.AddAddr("eth0", "198.51.100.2/24")
	box.Sysctl("ipv4.ip_forward", "1")
	box.Sysctl("ipv4.conf.all.promote_secondaries", "1")
	box.Run("nft", lostNAT)
	at := netip.MustParseAddrPort
	send(t, lan, "192.168.32.50:4000", "198.51.100.2:9", "masqueraded")
	send(t, lan, "192.168.32.51:4001", "198.51.100.2:9", "one to one")
	send(t, wan, "198.51.100.2:4002", "198.51.100.1:443", "forwarded")
	send(t, box, "198.51.100.1:4003", "198.51.100.2:9", "the box's own")
	send(t, lan, "192.168.32.50:4004", "192.168.32.1:9", "in the house")
	var got map[netip.AddrPort]Flow
	testnet.Eventually(t, patience, "five conversations", func() bool { got = flows(t, box); return len(got) == 5 })

	box.AddAddr("wan", "198.51.100.7/24") // the new comes before the old goes
	box.Run("ip", "addr", "del", "198.51.100.1/24", "dev", "wan")
	testnet.Eventually(t, patience, "the kernel to forget what was masqueraded", func() bool {
		got = flows(t, box)
		_, there := got[at("192.168.32.50:4000")]
		return !there
	})
	if len(got) != 4 {
		t.Errorf("the kernel has forgotten all but %v: less is left to do than was thought", got)
	}
	n := 0
	if err := box.Do(func() (err error) {
		n, err = Forget(Lost([]netip.Addr{netip.MustParseAddr("198.51.100.1")}))
		return err
	}); err != nil || n < 3 {
		t.Errorf("forgot %d, %v", n, err)
	}
	got = flows(t, box)
	if _, there := got[at("192.168.32.50:4004")]; len(got) != 1 || !there {
		t.Errorf("left are %v", got)
	}
}
