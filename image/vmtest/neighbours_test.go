package vmtest

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// Of TestNeighbourFloods.
const (
	floodingMAC   = "02:00:5e:66:66:66"
	floodARP      = 3000 // a second
	floodSolicits = 5000
	floodPackets  = 1000 // of each family
	scanPackets   = 800  // from each of three networks: all of them are more than the processor of the test can route
	floodPings    = 20
	box4          = "192.168.32.1"
)

// box6 is the link-local address that the kernel makes of the appliance's card on the LAN (RFC 4291, appendix
// A).
var box6 = netip.MustParseAddr("fe80::216:3eff:fe20:f1")

// The appliance as those see it who flood it.
var (
	fromLAN = attacked{lanMAC, netip.MustParseAddr(box4), box6}
	fromWAN = attacked{wanMAC, netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("fe80::216:3eff:fe20:f0")}
)

// TestNeighbourFloods: one host of the LAN sends thousands of ARP requests and neighbour solicitations a
// second, from senders that are not there; first by its own card, then by a new one each time. Hosts that
// were there before keep IPv4 and IPv6, new ones get it, and status names the card. Then the same from
// upstream, with packets of the network there; and at last strangers try all addresses of LANs that are
// larger than the kernel's tables.
func TestNeighbourFloods(t *testing.T) {
	img := theImage(t, homeImage)
	ctx, cancel := context.WithTimeout(t.Context(), 5*Guard)
	defer cancel()
	wan, lan := newSwitch(t, "wan", gateway+"/24"), newSwitch(t, "lan", storeAddr)
	a := admin{from: lan, key: img.Key, address: box4, knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	appliance(t, img, wan, lan, disk(ctx, t, img.Root))
	old := newHost(t, lan, "02:00:5e:00:00:01")
	udhcpc(ctx, t, old)
	pingsBox(ctx, t, old, "before")
	flooding := newHost(t, lan, floodingMAC)
	for i, c := range []struct {
		what   string
		others bool // cards, each time another
	}{{"by its own card", false}, {"by other cards", true}} {
		stop := flood(t, flooding, fromLAN.discovery(c.others)...)
		time.Sleep(10 * time.Second) // of the attack: the tables would be full after one of them
		t.Logf("%s: neighbours in IPv4 and IPv6: %v", c.what, neighbours(ctx, t, a))
		pingsBox(ctx, t, old, c.what)
		newcomer := newHost(t, lan, fmt.Sprintf("02:00:5e:00:01:%02x", i))
		udhcpc(ctx, t, newcomer)
		pingsBox(ctx, t, newcomer, c.what+", who is new")
		if got, err := answers(ctx, newcomer, box4, "store.home.example"); got != "192.168.32.10" || err != nil {
			t.Errorf("%s: store is %q, %v", c.what, got, err)
		}
		if !c.others && !named(ctx, t, a) {
			t.Errorf("%s: status does not name the card; the log is\n%s", c.what, a.must(ctx, t, "gatehouse firewall log -n 20"))
		}
		t.Logf("%s: %d frames were sent; neighbours %v", c.what, stop(), neighbours(ctx, t, a))
	}
	stopped := time.Now()
	testnet.Eventually(t, Guard, "status names the card no more", func() bool { return !named(ctx, t, a) })
	t.Logf("%v after it, status has nothing of it, neighbours are %v", time.Since(stopped).Round(time.Second), neighbours(ctx, t, a))
	pingsBox(ctx, t, old, "afterwards")
	flooding.Down(eth0)
	floodsUpstream(ctx, t, a, wan, lan, old)
	scans(ctx, t, a, wan, lan, old)
}

// floodsUpstream has a host of the provider's network do the same, and send packets as others there, while
// hosts of the LAN talk with the provider's router.
func floodsUpstream(ctx context.Context, t *testing.T, a admin, wan, lan, old *testnet.Namespace) {
	t.Helper()
	flooding := newHost(t, wan, floodingMAC)
	defer flooding.Down(eth0)
	for i, c := range []struct {
		what   string
		others bool
	}{{"upstream by its own card", false}, {"upstream by other cards", true}} {
		stop := flood(t, flooding, append(fromWAN.discovery(c.others), fromWAN.neighbours(c.others)...)...)
		time.Sleep(10 * time.Second)
		pingsBox(ctx, t, old, c.what)
		pings(ctx, t, old, c.what, gateway)
		newcomer := newHost(t, lan, fmt.Sprintf("02:00:5e:00:02:%02x", i))
		udhcpc(ctx, t, newcomer)
		pings(ctx, t, newcomer, c.what+", who is new", gateway)
		if !c.others && !named(ctx, t, a) {
			t.Errorf("%s: status does not name the card; the log is\n%s", c.what, a.must(ctx, t, "gatehouse firewall log -n 20"))
		}
		t.Logf("%s: %d frames were sent; neighbours %v", c.what, stop(), neighbours(ctx, t, a))
	}
}

// scans makes the LAN one of 16,384 addresses, and of a /64, to which anything may come from outside, and has
// somebody there send to all of them, each time as another.
func scans(ctx context.Context, t *testing.T, a admin, wan, lan, old *testnet.Namespace) {
	t.Helper()
	w := newWorkstation(t, a, "../../examples/home")
	w.change(t, "site.toml", `"192.168.32.1/24"`, `"192.168.32.1/18"`)
	w.change(t, "site.toml", `gateway   = "192.0.2.1"`, "gateway   = \"192.0.2.1\"\nipv6      = \"2001:db8:0:1::10/64\"\ngateway6  = \"2001:db8:0:1::1\"")
	w.change(t, "site.toml", `lease-time = "12h"`, "lease-time = \"12h\"\nipv6       = [\"2001:db8:0:20::1/64\"]")
	w.add(t, "site.toml", "[[firewall.allow]]\nfrom = \"wan\"\nto = \"lan\"\n")
	w.mustPush(ctx, t, "-within", "5m")
	watcher, scanner := newHost(t, wan, "02:00:5e:00:03:01"), newHost(t, wan, floodingMAC)
	watcher.AddAddr(eth0, "192.0.2.77/24")
	watcher.Run("ip", "addr", "add", "2001:db8:0:1::77/64", "dev", eth0, "nodad")
	watcher.Run("ip", "route", "add", "192.168.0.0/18", "via", "192.0.2.10")
	watcher.Run("ip", "-6", "route", "add", "2001:db8:0:20::/64", "via", "2001:db8:0:1::10")
	host6 := "2001:db8:0:20::77"
	old.Run("ip", "addr", "add", host6+"/64", "dev", eth0, "nodad")
	old.Run("ip", "-6", "route", "replace", "default", "via", box6.String(), "dev", eth0)
	host4, _, _ := strings.Cut(old.Addrs(eth0)[0], "/")
	pingsBox(ctx, t, old, "the large LAN")
	pings(ctx, t, watcher, "the large LAN", host4, host6)
	stop := flood(t, scanner, fromWAN.scan()...)
	time.Sleep(20 * time.Second)
	t.Logf("a scan: neighbours in IPv4 and IPv6: %v", neighbours(ctx, t, a))
	pingsBox(ctx, t, old, "a scan")
	pings(ctx, t, watcher, "a scan", host4, host6)
	newcomer := newHost(t, lan, "02:00:5e:00:03:02")
	udhcpc(ctx, t, newcomer)
	pingsBox(ctx, t, newcomer, "a scan, who is new")
	pings(ctx, t, newcomer, "a scan, who is new", gateway)
	t.Logf("a scan: %d frames were sent; neighbours %v", stop(), neighbours(ctx, t, a))
}

// named reports whether status names the card that floods.
func named(ctx context.Context, t *testing.T, a admin) bool {
	t.Helper()
	var now status
	a.json(ctx, t, "gatehouse status --json || true", &now)
	return slices.ContainsFunc(now.Problems, func(p string) bool { return strings.Contains(p, floodingMAC) })
}

// pingsBox has a host ping the appliance in both families until it was answered often. Some are lost: a flood
// fills the queue of the card too, however well who reads it keeps the senders apart.
func pingsBox(ctx context.Context, t *testing.T, host *testnet.Namespace, when string) {
	t.Helper()
	pings(ctx, t, host, when, box4, box6.String()+"%"+eth0)
}

// pings does the same with others.
func pings(ctx context.Context, t *testing.T, host *testnet.Namespace, when string, all ...string) {
	t.Helper()
	for _, to := range all {
		tries, answered := 0, 0
		for ; answered < floodPings && ctx.Err() == nil; tries++ {
			if _, err := output(ctx, host, nil, "ping", "-q", "-c", "1", "-W", "1", to); err == nil {
				answered++
			}
		}
		t.Logf("%s: %s answered %d of %d pings", when, to, answered, tries)
		if answered < floodPings {
			t.Fatalf("%s: %s does not answer", when, to)
		}
	}
}

// neighbours are how many entries the kernel has in its tables (/proc/net/stat, in hexadecimal), which were
// never full.
func neighbours(ctx context.Context, t *testing.T, a admin) (n [2]int64) {
	t.Helper()
	for i, table := range []string{"arp_cache", "ndisc_cache"} {
		lines := strings.Split(strings.TrimSpace(a.must(ctx, t, "cat /proc/net/stat/"+table)), "\n")
		full := slices.Index(strings.Fields(lines[0]), "table_fulls")
		for _, line := range lines[1:] { // of each processor
			f := strings.Fields(line)
			entries, err := strconv.ParseInt(f[0], 16, 64)
			if err != nil || full < 0 {
				t.Fatalf("%s: %v: %q", table, err, lines)
			}
			if n[i] = entries; strings.Trim(f[full], "0") != "" {
				t.Errorf("%s was full: %q", table, lines)
			}
		}
	}
	return n
}
