package rtnl

import (
	"encoding/json"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// routesGone follows the kernel's routes by ip(8). It returns those that were deleted since the last call.
func routesGone(t *testing.T) func() []string {
	t.Helper()
	var text lines
	cmd := exec.Command("ip", "-4", "monitor", "route")
	cmd.Stdout = &text
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	mark := 0
	sync := func() []string { // until it has told of a route that is made after all else
		mark++
		to := netip.AddrFrom4([4]byte{203, 0, 113, byte(mark)}).String()
		testnet.Eventually(t, patience, "ip monitor", func() bool {
			ip(t, "route", "add", "blackhole", to) // anew each time: it may not have listened yet
			ip(t, "route", "del", "blackhole", to)
			return strings.Contains(text.String(), "Deleted blackhole "+to)
		})
		var gone []string
		for line := range strings.Lines(text.take()) {
			if rest, ok := strings.CutPrefix(line, "Deleted "); ok && !strings.Contains(line, "203.0.113.") {
				gone = append(gone, strings.Join(strings.Fields(rest), " "))
			}
		}
		return gone
	}
	sync()
	return sync
}

// lines is text that somebody else writes.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write appends b.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// String is all that was written since it was last taken.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text.String()
	l.text.Reset()
	return text
}

// source is the address of which a connection to a begins.
func source(t *testing.T, a string) string {
	t.Helper()
	var all []struct{ Prefsrc string }
	if err := json.Unmarshal([]byte(ip(t, "-json", "route", "get", a)), &all); err != nil || len(all) != 1 {
		t.Fatalf("ip route get %s: %v", a, err)
	}
	return all[0].Prefsrc
}

func hardware(t *testing.T, link string) (mac string, mtu int) {
	t.Helper()
	var all []struct {
		Address string
		MTU     int
	}
	if err := json.Unmarshal([]byte(ip(t, "-json", "link", "show", "dev", link)), &all); err != nil || len(all) != 1 {
		t.Fatalf("ip link show %s: %v", link, err)
	}
	return all[0].Address, all[0].MTU
}

// leased is a plan with what a provider gave.
func leased(own, gateway string, mtu uint16) netcfg.Config {
	c := plain()
	c.Links[0].MTU = mtu
	c.Addresses[0] = netcfg.Address{Link: "eth0", Prefix: prefix("192.168.100.2/24"), Beside: true}
	c.Addresses = append(c.Addresses, address("eth0", own))
	c.Routes = c.Routes[1:]
	if !prefix(own).Contains(netip.MustParseAddr(gateway)) {
		c.Routes = append(c.Routes, route(gateway+"/32", "", "eth0"))
	}
	c.Routes = append(c.Routes, route("0.0.0.0/0", gateway, "eth0"))
	return c
}

// TestLeases: from lease to lease there is no moment without a way out, and connections begin of the lease's
// address, whatever other is on the link and was there before.
func TestLeases(t *testing.T) {
	enterBox(t)
	apply(t, leased("198.18.7.20/24", "198.18.7.1", 1500))
	gone := routesGone(t)
	for _, step := range []struct {
		own, gateway string
		mtu          uint16
		gone         string // routes, but for the kernel's own to what is on the link
	}{
		{"198.18.7.20/24", "198.18.7.1", 1400, ""},
		{"198.18.7.20/24", "198.18.7.2", 1400, ""},
		{"198.18.7.21/24", "198.18.7.2", 1400, ""},
		{"198.18.9.5/24", "198.18.9.1", 1500, ""},
		{"203.0.112.7/32", "10.64.0.1", 1500, ""},
		{"203.0.112.7/32", "10.64.0.2", 1500, "10.64.0.1"},
		{"203.0.112.6/31", "203.0.112.7", 1492, "10.64.0.2"},
	} {
		what := step.own + " " + step.gateway
		apply(t, leased(step.own, step.gateway, step.mtu))
		var lost []string
		for _, line := range gone() {
			if !strings.Contains(line, "proto kernel") && !strings.HasPrefix(line, "local ") && !strings.HasPrefix(line, "broadcast ") {
				lost = append(lost, strings.Fields(line)[0])
			}
		}
		if got := strings.Join(lost, " "); got != step.gone {
			t.Errorf("%s: for a moment there was no route to %q", what, got)
		}
		if got := source(t, "9.9.9.9"); got != prefix(step.own).Addr().String() {
			t.Errorf("%s: connections begin of %s", what, got)
		}
		if got := source(t, "192.168.100.1"); got != "192.168.100.2" {
			t.Errorf("%s: connections to the modem begin of %s", what, got)
		}
		if _, mtu := hardware(t, "eth0"); mtu != int(step.mtu) {
			t.Errorf("%s: the MTU is %d", what, mtu)
		}
	}
}

// TestModemsNetwork: a lease on the network of an address that was beside it, and none again.
func TestModemsNetwork(t *testing.T) {
	enterBox(t)
	without := leased("198.18.7.20/24", "198.18.7.1", 0)
	same, other := leased("192.168.100.7/24", "192.168.100.1", 0), leased("192.168.100.8/24", "192.168.100.1", 0)
	for _, plan := range []netcfg.Config{same, other} {
		plan.Addresses[0].Beside = false
		slices.Reverse(plan.Addresses)
	}
	for _, plan := range []netcfg.Config{without, same, without, same, other, same, without, other} {
		apply(t, plan)
		own := plan.Addresses[0]
		if own.Beside {
			own = plan.Addresses[len(plan.Addresses)-1]
		}
		if got, want := source(t, "9.9.9.9"), own.Prefix.Addr().String(); got != want {
			t.Errorf("connections begin of %s, want %s", got, want)
		}
	}
}

// TestMasquerade: others are translated to the lease's address, where the gateway is a neighbour by no
// network and other addresses were there first.
func TestMasquerade(t *testing.T) {
	enterBox(t)
	apply(t, leased("198.18.7.20/24", "198.18.7.1", 0))
	apply(t, leased("203.0.112.7/32", "10.64.0.1", 0))
	out, err := exec.Command("nft", `table ip t {
	chain out { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
	chain seen { type filter hook postrouting priority 300; oifname "eth0" udp dport 9 ip saddr 203.0.112.7 counter; }
}`).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ip(t, "neigh", "replace", "10.64.0.1", "lladdr", "02:00:00:00:00:01", "dev", "eth0")
	ping := exec.Command("bash", "-c", "echo x > /dev/udp/9.9.9.9/9")
	if out, err := ping.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command("nft", "list", "chain", "ip", "t", "seen").CombinedOutput(); err != nil || !strings.Contains(string(out), "packets 1 ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestHardware: a card has the address and the MTU of the plan, and the rest of the plan too.
func TestHardware(t *testing.T) {
	enterBox(t)
	apply(t, plain())
	plan := plain()
	plan.Links[0].MAC, plan.Links[0].MTU = "00:16:3e:00:00:99", 1280
	changes := apply(t, plan)
	expect(t, "changes", changes, "ip link set eth0 address 00:16:3e:00:00:99", "ip link set eth0 mtu 1280")
	if mac, mtu := hardware(t, "eth0"); mac != "00:16:3e:00:00:99" || mtu != 1280 {
		t.Errorf("%s, %d", mac, mtu)
	}
	expect(t, "eth0", addresses(t, "eth0"), "UP", "192.0.2.10/24 brd 192.0.2.255", "2001:db8::10/64")
}
