package rtnl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// enterBox moves the test into a new network namespace with the interfaces eth0 and eth1. Its thread never
// leaves it, and ends with the test.
func enterBox(t *testing.T) {
	t.Helper()
	ns := testnet.New(t, "netcfg")
	runtime.LockOSThread()
	fd, err := unix.Open("/run/netns/"+ns.Name(), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(fd)
		err = unix.Setns(fd, unix.CLONE_NEWNET)
	}
	if err != nil {
		t.Fatalf("enter %s: %v", ns.Name(), err)
	}
	for _, name := range []string{"eth0", "eth1"} { // the other ends are up, so that there is a carrier
		ip(t, "link", "add", name, "type", "veth", "peer", "name", name+"-peer")
		ip(t, "link", "set", name+"-peer", "up")
	}
}

func ip(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		t.Errorf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// apply applies a plan, and once more: the second time nothing may change.
func apply(t *testing.T, plan netcfg.Config) []string {
	t.Helper()
	changes, err := Apply(t.Context(), plan)
	if err != nil {
		t.Fatalf("%v\nafter %q", err, changes)
	}
	if again, err := Apply(t.Context(), plan); err != nil || len(again) > 0 {
		t.Errorf("applied twice: %q, %v", again, err)
	}
	return changes
}

// addresses are those of a link without the kernel's own link-local one, as ip(8) sees them.
func addresses(t *testing.T, link string) []string {
	t.Helper()
	var links []struct {
		Operstate string
		AddrInfo  []struct {
			Local, Broadcast, Protocol string
			Prefixlen                  int
			Nodad, Tentative           bool
		} `json:"addr_info"`
	}
	if err := json.Unmarshal([]byte(ip(t, "-json", "addr", "show", "dev", link)), &links); err != nil {
		t.Fatal(err)
	}
	all := []string{links[0].Operstate}
	for _, a := range links[0].AddrInfo {
		if !strings.HasPrefix(a.Local, "fe80:") {
			line := fmt.Sprintf("%s/%d", a.Local, a.Prefixlen)
			if a.Broadcast != "" {
				line += " brd " + a.Broadcast
			}
			if a.Tentative {
				line += " tentative"
			}
			all = append(all, line)
		}
	}
	return all
}

// routes are ours, as ip(8) sees them.
func routes(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, family := range []string{"-4", "-6"} {
		var rs []struct{ Dst, Gateway, Dev string }
		if err := json.Unmarshal([]byte(ip(t, "-json", family, "route", "show", "proto", fmt.Sprint(netcfg.Owner))), &rs); err != nil {
			t.Fatal(err)
		}
		for _, r := range rs {
			all = append(all, strings.TrimSpace(r.Dst+" "+r.Gateway)+" "+r.Dev)
		}
	}
	return all
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func address(link, p string) netcfg.Address { return netcfg.Address{Link: link, Prefix: prefix(p)} }

func route(to, via, link string) netcfg.Route {
	r := netcfg.Route{To: prefix(to), Link: link}
	if via != "" {
		r.Via = netip.MustParseAddr(via)
	}
	return r
}

// plain is a plan for the host's kernel, which has no VLANs.
func plain() netcfg.Config {
	c := netcfg.Config{
		Links:     []netcfg.Link{{Name: "eth0"}, {Name: "eth1"}},
		Addresses: []netcfg.Address{address("eth0", "192.0.2.10/24"), address("eth0", "2001:db8::10/64"), address("eth1", "192.168.32.1/24")},
		Routes: []netcfg.Route{
			route("0.0.0.0/0", "192.0.2.1", "eth0"), route("::/0", "2001:db8::1", "eth0"),
			route("10.9.0.0/16", "192.168.32.2", "eth1"), route("198.51.100.0/24", "", "eth1"),
		},
	}
	c.Sysctls = []netcfg.Sysctl{
		{Key: "net.ipv4.ip_forward", Value: "1"}, {Key: "net.ipv6.conf.all.forwarding", Value: "1"},
		{Key: "net.ipv6.conf.eth0.accept_ra", Value: "0"}, {Key: "net/ipv4/conf/eth1/rp_filter", Value: "1"}, {Key: "net.ipv4.tcp_rmem", Value: "4096 65536 1000000"},
	}
	return c
}

func TestApply(t *testing.T) {
	enterBox(t)
	apply(t, plain())
	expect(t, "eth0", addresses(t, "eth0"), "UP", "192.0.2.10/24 brd 192.0.2.255", "2001:db8::10/64")
	expect(t, "eth1", addresses(t, "eth1"), "UP", "192.168.32.1/24 brd 192.168.32.255")
	expect(t, "routes", routes(t), "default 192.0.2.1 eth0", "10.9.0.0/16 192.168.32.2 eth1", "198.51.100.0/24 eth1",
		"default 2001:db8::1 eth0")
	for file, want := range map[string]string{"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1",
		"ipv4/conf/eth1/rp_filter": "1", "ipv4/tcp_rmem": "4096\t65536\t1000000"} {
		if got, err := os.ReadFile("/proc/sys/net/" + file); err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("%s: %q, %v", file, got, err)
		}
	}
}

// TestPlanToPlan: what the kernel does by itself on the way must not show at the end.
func TestPlanToPlan(t *testing.T) {
	enterBox(t)
	apply(t, plain())

	plan := plain() // the old address is the first of its network, and takes the others along when it goes
	plan.Addresses[2].Prefix = prefix("192.168.32.2/24")
	apply(t, plan)
	expect(t, "another address", addresses(t, "eth1"), "UP", "192.168.32.2/24 brd 192.168.32.255")

	plan.Addresses[2].Prefix = prefix("192.168.32.2/16")
	plan.Addresses[1].Prefix = prefix("2001:db8::10/48")
	apply(t, plan)
	expect(t, "another length", addresses(t, "eth1"), "UP", "192.168.32.2/16 brd 192.168.255.255")
	expect(t, "another length", addresses(t, "eth0"), "UP", "192.0.2.10/24 brd 192.0.2.255", "2001:db8::10/48")

	plan.Addresses[0].Prefix = prefix("192.0.2.130/25") // its routes go with the only IPv4 address of the link
	plan.Routes[0].Via = prefix("192.0.2.129/32").Addr()
	changes := apply(t, plan)
	expect(t, "another network", addresses(t, "eth0"), "UP", "192.0.2.130/25 brd 192.0.2.255", "2001:db8::10/48")
	expect(t, "routes", routes(t), "default 192.0.2.129 eth0", "10.9.0.0/16 192.168.32.2 eth1", "198.51.100.0/24 eth1",
		"default 2001:db8::1 eth0")
	expect(t, "changes", changes, "ip addr add 192.0.2.130/25 dev eth0",
		"ip route replace default via 192.0.2.129 dev eth0", "ip addr del 192.0.2.10/24 dev eth0")

	plan.Routes = plan.Routes[2:3]
	apply(t, plan)
	expect(t, "fewer routes", routes(t), "10.9.0.0/16 192.168.32.2 eth1")

	apply(t, netcfg.Config{})
	expect(t, "nothing is ours", slices.Concat(addresses(t, "eth0"), addresses(t, "eth1"), routes(t)), "UP", "UP")
}

// TestOthersWorkStays: what people and other daemons add is theirs.
func TestOthersWorkStays(t *testing.T) {
	enterBox(t)
	apply(t, plain())
	ip(t, "addr", "add", "10.1.1.1/24", "dev", "eth1")
	ip(t, "addr", "add", "2001:db8:5::1/64", "dev", "eth1", "nodad")
	ip(t, "route", "add", "10.2.0.0/16", "via", "10.1.1.9")
	if changes := apply(t, plain()); len(changes) > 0 {
		t.Errorf("changed %q", changes)
	}
	apply(t, netcfg.Config{})
	expect(t, "eth1", addresses(t, "eth1"), "UP", "10.1.1.1/24", "2001:db8:5::1/64")
	if got := ip(t, "route", "show", "10.2.0.0/16"); !strings.Contains(got, "via 10.1.1.9 dev eth1") {
		t.Errorf("their route: %q", got)
	}
}

// TestRepair: what people take away comes back.
func TestRepair(t *testing.T) {
	enterBox(t)
	apply(t, plain())
	ip(t, "addr", "flush", "dev", "eth0")
	ip(t, "link", "set", "eth1", "down")
	changes := apply(t, plain())
	want := []string{"ip link set eth1 up", "ip addr add 192.0.2.10/24 dev eth0", "ip addr add 2001:db8::10/64 dev eth0 nodad",
		"ip route add default via 192.0.2.1 dev eth0", "ip -6 route add default via 2001:db8::1 dev eth0",
		"ip route add 10.9.0.0/16 via 192.168.32.2 dev eth1", "ip route add 198.51.100.0/24 dev eth1"}
	for _, line := range changes {
		if !slices.Contains(want, line) {
			t.Errorf("needless: %s", line)
		}
	}
	expect(t, "routes", routes(t), "default 192.0.2.1 eth0", "10.9.0.0/16 192.168.32.2 eth1", "198.51.100.0/24 eth1",
		"default 2001:db8::1 eth0")
}

// TestRestIsDone: what cannot be done is named, one by one, and does not keep the rest from being done.
func TestRestIsDone(t *testing.T) {
	enterBox(t)
	plan := plain()
	plan.Links = append(plan.Links, netcfg.Link{Name: "eth7"}, netcfg.Link{Name: "eth7.3", Parent: "eth7", VLAN: 3})
	plan.Addresses = append(plan.Addresses, address("eth7", "10.7.0.1/24"))
	plan.Routes = append(plan.Routes, route("10.8.0.0/16", "172.16.5.5", "eth1"), route("10.77.0.0/16", "10.7.0.2", "eth7"))
	plan.Sysctls = append(plan.Sysctls, netcfg.Sysctl{Key: "net.ipv4.nonsense", Value: "1"}, netcfg.Sysctl{Key: "net.ipv4.conf.eth1.rp_filter", Value: "often"})
	changes, err := Apply(t.Context(), plan)
	for _, want := range []string{
		"network: link eth7 does not exist; there are eth0, eth0-peer, eth1, eth1-peer, lo\n",
		"network: link eth7.3: its parent eth7 does not exist\n",
		"network: sysctl net.ipv4.nonsense: open /proc/sys/net/ipv4/nonsense: no such file or directory\n",
		`network: sysctl -w net.ipv4.conf.eth1.rp_filter="often": write /proc/sys/net/ipv4/conf/eth1/rp_filter: invalid argument`,
		"network: ip route add 10.8.0.0/16 via 172.16.5.5 dev eth1: network is unreachable",
	} {
		if err == nil || !strings.Contains(err.Error()+"\n", want) {
			t.Errorf("missing %q in\n%v", want, err)
		}
	}
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, unix.ENETUNREACH) {
		t.Errorf("the causes are lost: %v", err)
	}
	if n := strings.Count(err.Error(), "network:"); n != 5 {
		t.Errorf("%d problems, want 5:\n%v", n, err)
	}
	expect(t, "eth0", addresses(t, "eth0"), "UP", "192.0.2.10/24 brd 192.0.2.255", "2001:db8::10/64")
	expect(t, "routes", routes(t), "default 192.0.2.1 eth0", "10.9.0.0/16 192.168.32.2 eth1", "198.51.100.0/24 eth1",
		"default 2001:db8::1 eth0")
	if len(changes) < 10 {
		t.Errorf("only %q", changes)
	}
}

func TestSettingsThatFightAreReported(t *testing.T) {
	enterBox(t)
	_, err := Apply(t.Context(), netcfg.Config{Sysctls: []netcfg.Sysctl{{Key: "net.ipv4.ip_forward", Value: "1"}, {Key: "net.ipv4.ip_forward", Value: "0"}}})
	if err == nil || !strings.Contains(err.Error(), "something changes it back") {
		t.Errorf("got %v", err)
	}
}

func TestApplyEndsWithItsContext(t *testing.T) {
	enterBox(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if changes, err := Apply(ctx, plain()); !errors.Is(err, context.Canceled) || len(changes) > 0 {
		t.Errorf("%q, %v", changes, err)
	}
}
