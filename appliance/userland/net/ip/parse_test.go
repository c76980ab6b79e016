package ip

import (
	"bytes"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ args, name, given string }{
		{"a", "ip addr show", ""},
		{"addr show dev eth0 up", "ip addr show", "dev=eth0 up="},
		{"a s eth0", "ip addr show", "dev=eth0"},
		{"-br -4 l", "ip link show", ""},
		{"l s eth0 up", "ip link set", "dev=eth0 up="},
		{"l sh", "ip link show", ""},
		{"link list", "ip link show", ""},
		{"r", "ip route show", ""},
		{"r s t all", "ip route show", "table=all"},
		{"r a 10.0.0.0/8 via 192.0.2.1 preference 5", "ip route add", "metric=5 to=10.0.0.0/8 via=192.0.2.1"},
		{"r g 192.0.2.1", "ip route get", "to=192.0.2.1"},
		{"route delete default", "ip route del", "to=default"},
		{"n f eth0", "ip neigh flush", "dev=eth0"},
		{"neighbor", "ip neigh show", ""},
		{"ru", "ip rule show", ""},
		{"link set dev up up", "ip link set", "dev=up up="},
	} {
		r, err := parse(strings.Fields(tt.args))
		if err != nil || r.name != tt.name {
			t.Errorf("ip %s: %s, %v, want %s", tt.args, r.name, err, tt.name)
		}
		var given []string
		for _, key := range []string{"dev", "metric", "table", "to", "up", "via"} {
			if r.has(key) {
				given = append(given, key+"="+r.given[key])
			}
		}
		if got := strings.Join(given, " "); got != tt.given || len(given) != len(r.given) {
			t.Errorf("ip %s: %s of %v, want %s", tt.args, got, r.given, tt.given)
		}
	}
}

// TestUsageErrors: nothing is accepted in silence, and every message says what was
// expected. None of these command lines gets as far as the kernel.
func TestUsageErrors(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"", "ip: expected what it is about: link, addr, route, neigh, rule, maddr or monitor"},
		{"x", "ip: x: expected link, addr, route, neigh, rule, maddr or monitor"},
		{"-x a", "ip: -x: expected one of the options -4 -6 -br -d -j -o -p -s -t -ts"},
		{"-s route", "ip route show: -s: only ip link, ip addr and ip neigh show have counters"},
		{"-t a", "ip addr show: -t: only ip monitor says when something happens"},
		{"-j monitor", "ip monitor: ip monitor prints neither JSON nor the brief form"},
		{"monitor roads", "ip monitor: roads: expected one of all, label, link, address, route, neigh"},
		{"route flush", "ip route flush: expected which ones: for all, table main"},
		{"route s via 192.0.2", "ip route show: via 192.0.2: expected an address like 192.0.2.1 or 2001:db8::1"},
		{"route s via", "ip route show: via: expected ADDRESS after it"},
		{"addr show eth0 eth1", "ip addr show: eth1: expected one of up"},
		{"link show up up", "ip link show: up is given twice"},
		{"link show dev", "ip link show: dev: expected LINK after it"},
		{"link set", "ip link set: expected also [dev] LINK"},
		{"link set eth0", "ip link set: eth0: expected what to set: up, down, mtu BYTES or address MAC"},
		{"link set eth0 up down", "ip link set: up and down: expected one of them"},
		{"link set eth0 mtu big", "ip link set: mtu big: expected a number from 1 to 2147483647"},
		{"link set eth0 address 01:00:5e:00:00:01",
			"ip link set: address 01:00:5e:00:00:01: expected the MAC address of one host"},
		{"link set eth0 name x/y", "ip link set: name x/y: expected at most 15 letters"},
		{"link set eth0 arp maybe", "ip link set: arp maybe: expected on or off"},
		{"link add dummy0 type tun", "ip link add: type tun: expected vlan, bridge or dummy"},
		{"link add link eth0 name x type dummy id 1",
			"ip link add: type dummy: expected no link and no id with it"},
		{"link add link eth0 name eth0.7 type vlan", "ip link add: type vlan: expected also link LINK and id VLAN"},
		{"link add link eth0 name eth0.4095 type vlan id 4095",
			"ip link add: id 4095: expected a number from 1 to 4094"},
		{"link add link eth0 name a/b type vlan id 7", "ip link add: name a/b: expected at most 15 letters"},
		{"addr add 192.0.2.1 dev eth0",
			"ip addr add: 192.0.2.1: expected an address with its length like 192.0.2.1/24"},
		{"addr add 192.0.2.1/24", "ip addr add: expected also dev LINK"},
		{"addr add 192.0.2.1/24 peer 192.0.2.2/32 dev eth0",
			"ip addr add: 192.0.2.2/32: expected a peer of the same family"},
		{"-6 addr add 192.0.2.1/24 dev eth0",
			"ip addr add: 192.0.2.1/24: expected an address of the family that -4 or -6 names"},
		{"addr flush", "ip addr flush: expected also [dev] LINK"},
		{"route add 10.0.0.0/8", "ip route add: 10.0.0.0/8: expected via ADDRESS or dev LINK after it"},
		{"route add 10.0.0.1/8 via 192.0.2.1",
			"ip route add: 10.0.0.1/8: expected 10.0.0.0/8, the network of that address"},
		{"route add 10.0.0.0/8 via 2001:db8::1",
			"ip route add: via 2001:db8::1: expected an address of the same family as the prefix"},
		{"route add 10.0.0.0/8 via 192.0.2",
			"ip route add: via 192.0.2: expected an address like 192.0.2.1 or 2001:db8::1"},
		{"route add default via fe80::1%eth0", "ip route add: via fe80::1%eth0: expected an address like"},
		{"route add 10.0.0.0/8 via 192.0.2.1 metric -1", "ip route add: metric -1: expected a number from 1"},
		{"route add 10.0.0.0/8 via 192.0.2.1 table all",
			"ip route add: table all: expected main, local, default or a number"},
		{"route add blackhole 10.0.0.0/8 dev eth0", "ip route add: blackhole: expected no via and no dev with it"},
		{"route add blackhole prohibit 10.0.0.0/8",
			"ip route add: prohibit: expected only one of blackhole, unreachable and prohibit"},
		{"route get 10.0.0.0/8", "ip route get: to 10.0.0.0/8: expected an address like"},
		{"neigh del 192.0.2.1", "ip neigh del: expected also dev LINK"},
		{"rule flush", "ip rule: flush: expected one of show, add, del"},
		{"rule del", "ip rule del: expected what the rule has"},
		{"rule add fwmark x", "ip rule add: mark x: expected a mark like 0x10 or 0x10/0xff"},
		{"rule add from 10.0.0.0/8 to 2001:db8::/32",
			"ip rule add: to 2001:db8::/32: expected addresses of one family"},
		{"rule show x", "ip rule show: x: expected one of pref NUMBER, table TABLE"},
	} {
		var stdout, stderr bytes.Buffer
		status := Commands()["ip"].Main()(t.Context(), append([]string{"ip"}, strings.Fields(tt.args)...), nil,
			&stdout, &stderr)
		message, usage, _ := strings.Cut(stderr.String(), "\n")
		if status != exitUsage || stdout.Len() != 0 || !strings.HasPrefix(message, tt.want) ||
			!strings.HasPrefix(usage, "usage: ip [OPTION]... ") {
			t.Errorf("ip %s: status %d\n%s%s", tt.args, status, &stdout, &stderr)
		}
	}
}

func TestHelp(t *testing.T) {
	for args, want := range map[string]string{
		"help": `usage: ip [OPTION]... addr show [[dev] LINK] [up] [scope global|site|link|host]
           [to PREFIX] [type TYPE] [master LINK] [permanent] [dynamic]
           [primary] [secondary] [temporary] [deprecated] [tentative]
           [dadfailed]
       ip [OPTION]... addr add ADDRESS/LENGTH [peer ADDRESS/LENGTH] dev LINK
           [brd ADDRESS|+|-] [label NAME] [nodad]
`,
		"rule help":    "usage: ip [OPTION]... rule show [pref NUMBER] [table TABLE]\n",
		"monitor help": "usage: ip [OPTION]... monitor [all] [label] [link] [address] [route] [neigh]\n           [rule]\n",
	} {
		var stdout, stderr bytes.Buffer
		status := Commands()["ip"].Main()(t.Context(), append([]string{"ip"}, strings.Fields(args)...), nil,
			&stdout, &stderr)
		if status != exitOK || !strings.HasPrefix(stdout.String(), want) || stderr.Len() != 0 {
			t.Errorf("ip %s: status %d\n%s%s", args, status, &stdout, &stderr)
		}
	}
}

// TestKernelErrors: what the kernel answers with an error number, a person reads as
// a sentence.
func TestKernelErrors(t *testing.T) {
	n := box(t)
	for _, tt := range []struct{ args, want string }{
		{"link show eth9", "ip link show: there is no link eth9\n"},
		{"route show dev eth9", "ip route show: there is no link eth9\n"},
		{"link set eth9 up", "ip link set: there is no link eth9\n"},
		{"link set eth0 mtu 20", "ip link set: eth0 mtu 20: the kernel refuses it (Invalid argument)\n"},
		{"addr add 192.0.2.10/24 dev eth0", "ip addr add: 192.0.2.10/24: it is there already (File exists)\n"},
		{"addr del 192.0.2.99/24 dev eth0",
			"ip addr del: 192.0.2.99/24: there is no such address (Cannot assign requested address)\n"},
		{"route add 10.20.0.0/16 via 203.0.113.1",
			"ip route add: 10.20.0.0/16: the gateway is in no network of this box (Network is unreachable)\n"},
		{"route add 10.20.0.0/16 dev eth2", "ip route add: 10.20.0.0/16: the link is down (Network is down)\n"},
		{"route del 10.99.0.0/16", "ip route del: 10.99.0.0/16: there is no such route (No such process)\n"},
		{"route get 10.10.0.1", "ip route get: 10.10.0.1: a blackhole route drops it (Invalid argument)\n"},
		{"route get 10.11.0.1", "ip route get: 10.11.0.1: an unreachable route refuses it (No route to host)\n"},
		{"route get 2001:db8:9::1",
			"ip route get: 2001:db8:9::1: a prohibit route refuses it (Permission denied)\n"},
		{"route show table 77", "ip route show: table 77: there is none\n"},
		{"-6 route list table 77", "ip route show: table 77: there is none\n"},
		{"route flush table 77", "ip route flush: table 77: there is none\n"},
		{"neigh del 192.0.2.99 dev eth0",
			"ip neigh del: 192.0.2.99: there is no such entry (No such file or directory)\n"},
	} {
		stdout, stderr, status := ours(t, n, tt.args)
		wanted := exitFailed
		if strings.Contains(tt.want, "there is no link") {
			wanted = exitUsage
		}
		if status != wanted || stdout != "" || stderr != tt.want {
			t.Errorf("ip %s: status %d, %q\n%s", tt.args, status, stdout, stderr)
		}
	}
	empty := testnet.New(t, "empty")
	if _, stderr, _ := ours(t, empty,
		"route get 192.0.2.1"); stderr != "ip route get: 192.0.2.1: there is no route to it (Network is unreachable)\n" {
		t.Errorf("without routes: %s", stderr)
	}
}

// TestVLANRequest: what the kernel is asked for, also where it has no VLANs.
func TestVLANRequest(t *testing.T) {
	r, err := parse(strings.Fields("link add link eth1 name eth1.20 type vlan id 20"))
	if err != nil {
		t.Fatal(err)
	}
	link, err := r.newLink()
	vlan, ok := link.(*netlink.Vlan)
	if err != nil || !ok || vlan.Name != "eth1.20" || vlan.VlanId != 20 || vlan.VlanProtocol != 0x8100 {
		t.Errorf("%+v, %v", vlan, err)
	}
}

// FuzzParse: no command line makes it panic, and what is understood has all that
// is needed.
func FuzzParse(f *testing.F) {
	for _, args := range []string{"-4 a s eth0", "route add default via 192.0.2.1 dev eth0", "l s eth0 up", "help",
		"-br"} {
		f.Add(args)
	}
	f.Fuzz(func(t *testing.T, args string) {
		r, err := parse(strings.Fields(args))
		if r.usage() == "" {
			t.Error("no usage")
		}
		if err != nil || r.help {
			return
		}
		for _, w := range r.verb.words {
			if w.use&needed != 0 && !r.has(w.key) {
				t.Errorf("%s: understood without %s", args, w.key)
			}
		}
		_, _ = r.prefix()
		_, _ = r.table()
		_, _ = r.fate()
		_, _ = r.newLink()
		_, _ = r.rule()
		_, _ = r.mac()
	})
}
