package admin_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/conntrack"
)

func flowOf(src, dst string, sent, received uint64) conntrack.Flow {
	a, b := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	return conntrack.Flow{Proto: 6, Source: a, Destination: b, ReplySource: b, ReplyDestination: a,
		Sent: firewall.Count{Packets: 1, Bytes: sent}, Received: firewall.Count{Packets: 1, Bytes: received}}
}

// TestBan bans and unbans on one gate; testdata/firewall/ban.txt has what it says.
func TestBan(t *testing.T) {
	g := newGate(t, nil)
	g.ssh = "192.168.32.50 50000 192.168.32.1 22"
	g.flows = []conntrack.Flow{flowOf("198.51.100.7:4000", "192.0.2.10:443", 1, 1), flowOf("192.168.32.11:4000", "203.0.113.9:443", 1, 1),
		flowOf("192.168.32.11:4001", "203.0.113.9:443", 1, 1)}
	var got strings.Builder
	for _, words := range []string{
		"bans",
		"ban 198.51.100.7",
		"ban 203.0.113.0/24 7d",
		"ban web1 90s",
		"ban 2001:db8:bad::/64 30m",
		"ban ::ffff:198.51.100.8 1h",
		"bans",
		"unban web1",
		"unban 203.0.113.9",
		"unban 203.0.113.0/24",
		"unban 203.0.113.0/24",
		"ban 192.168.32.50",
		"ban 192.168.32.48/29",
		"ban 192.168.32.48/29 --force",
		"ban 192.168.32.1 --force",
		"ban 192.168.33.0/24",
		"ban 192.0.2.20",
		"ban 192.0.2.1",
		"ban fe80::1",
		"ban 127.0.0.1",
		"ban ff02::1",
		"ban 0.0.0.0",
		"ban 198.51.100.0/16",
		"ban 198.51.0.0/16",
		"ban laptop",
		"ban nobody",
		"ban 198.51.100.7 never",
		"ban 198.51.100.7 0h",
		"ban 198.51.100.7 31d",
		"ban",
		"unban",
		"bans all",
	} {
		stdout, stderr, code := g.run(t, strings.Fields(words)...)
		fmt.Fprintf(&got, "$ gatehouse firewall %s\n%s%s", words, stdout, stderr)
		if code != 0 {
			fmt.Fprintf(&got, "(exit status %d)\n", code)
		}
		fmt.Fprintln(&got)
	}
	admintest.Golden(t, *update, "firewall/ban.txt", got.String())
	text, _, _ := g.run(t, "bans", "--json")
	var bans []admin.Banned
	if err := json.Unmarshal([]byte(text), &bans); err != nil || len(bans) != len(*g.bans) || bans[0].Left != time.Hour-time.Second {
		t.Errorf("%v: %s", err, text)
	}
}

func TestTop(t *testing.T) {
	g := newGate(t, nil)
	forwarded := flowOf("198.51.100.7:4000", "192.0.2.10:443", 3_000, 9_990_000_000)
	forwarded.ReplySource = netip.MustParseAddrPort("192.168.32.11:443")
	g.flows = []conntrack.Flow{
		flowOf("192.168.33.100:4000", "203.0.113.9:443", 999, 1_000),
		forwarded,
		flowOf("192.168.33.100:4001", "192.168.32.20:631", 123_456, 99_960),
		flowOf("[2001:db8:0:20::11]:4001", "[2001:db8::9]:80", 5, 9_994_999),
		flowOf("127.0.0.1:4000", "127.0.0.1:22", 1_000_000_000, 1_000_000_000),
	}
	for i := range 60_000 { // a flood from everywhere
		src := netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), 999)
		g.flows = append(g.flows, flowOf(src.String(), "192.0.2.10:22", 40, 0))
	}
	want := `
60005 conversations, at most 65536

HOST                      ZONE   CONVERSATIONS   SENT      RECEIVED
web1(192.168.32.11)       lan    1               9.99 GB   3.00 kB
web1(2001:db8:0:20::11)   lan    1               5 B       9.99 MB
box(192.0.2.10)           box    60000           0 B       2.40 MB

CONVERSATION                                                                      SENT      RECEIVED
tcp  198.51.100.7:4000              → web1(192.168.32.11):443 by 192.0.2.10:443   3.00 kB   9.99 GB
tcp  web1(2001:db8:0:20::11):4001   → [2001:db8::9]:80                            5 B       9.99 MB
tcp  192.168.33.100:4001            → printer(192.168.32.20):631                  123 kB    100 kB
`
	stdout, stderr, code := g.run(t, "top", "-n", "3")
	if d := cmp.Diff(strings.TrimPrefix(want, "\n"), stdout); d != "" || stderr != "" || code != 0 {
		t.Errorf("exit status %d, %s (-want +got):\n%s", code, stderr, d)
	}
	text, _, _ := g.run(t, "top", "--json")
	var top admin.Top
	if err := json.Unmarshal([]byte(text), &top); err != nil || len(top.Hosts) != 5 || len(top.Talks) != 10 || top.Others != nil {
		t.Errorf("%v: %s", err, text)
	}
}

// TestTopIsBounded: more hosts than there is room for are one.
func TestTopIsBounded(t *testing.T) {
	g := newGate(t, nil)
	for i := range 20_000 {
		src := netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0x20, 1, 0, 0, 0, 0, 0, byte(i >> 8), byte(i)}), 999)
		g.flows = append(g.flows, flowOf(src.String(), "[2001:db8::9]:80", 1000, 1))
	}
	stdout, _, _ := g.run(t, "top", "-n", "1")
	if !strings.Contains(stdout, "\nall others") || !strings.Contains(stdout, " 3616            3.62 MB   3.62 kB\n") {
		t.Error(stdout)
	}
}
