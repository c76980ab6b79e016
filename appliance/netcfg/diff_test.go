package netcfg

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func route(to, via, link string) Route {
	r := Route{To: prefix(to), Link: link}
	if via != "" {
		r.Via = netip.MustParseAddr(via)
	}
	return r
}

// router is a plan with all there is in one: a WAN, a LAN, a VLAN on it, both families.
func router() Config {
	return Config{
		Links: []Link{{Name: "eth0"}, {Name: "eth1"}, {Name: "eth1.20", Parent: "eth1", VLAN: 20}},
		Addresses: []Address{
			{Link: "eth0", Prefix: prefix("192.0.2.10/24")}, {Link: "eth0", Prefix: prefix("2001:db8::10/64")},
			{Link: "eth1", Prefix: prefix("192.168.32.1/24")}, {Link: "eth1.20", Prefix: prefix("192.168.20.1/24")},
		},
		Routes: []Route{
			route("0.0.0.0/0", "192.0.2.1", "eth0"), route("::/0", "2001:db8::1", "eth0"),
			route("10.9.0.0/16", "192.168.32.2", "eth1"), route("198.51.100.0/24", "", "eth1"),
		},
		Sysctls: []Sysctl{{"net.ipv4.ip_forward", "1"}, {"net.ipv6.conf.eth1/20.accept_ra", "0"}},
	}
}

// fresh is a kernel that has just started.
func fresh() State {
	return State{
		Links:     map[string]LinkState{"lo": {Link: Link{Name: "lo"}, Up: true}, "eth0": {Link: Link{Name: "eth0"}}, "eth1": {Link: Link{Name: "eth1"}}},
		Addresses: map[Address]bool{{Link: "lo", Prefix: prefix("127.0.0.1/8")}: false},
		Sysctls:   map[string]Setting{"net.ipv4.ip_forward": {Value: "0\n"}, "net.ipv6.conf.eth1/20.accept_ra": {Err: os.ErrNotExist}},
	}
}

func TestDiff(t *testing.T) {
	type W = *Config
	for _, c := range []struct {
		name  string
		world func(w *world) // after the plan has been applied
		plan  func(w W)
		want  string
	}{
		{"nothing to do", nil, nil, ``},
		{"another address: the new one first", nil, func(w W) { w.Addresses[2].Prefix = prefix("192.168.33.1/24") }, `
			ip addr add 192.168.33.1/24 dev eth1
			ip addr del 192.168.32.1/24 dev eth1`},
		{"another length: the old one first", nil, func(w W) { w.Addresses[1].Prefix = prefix("2001:db8::10/48") }, `
			ip addr del 2001:db8::10/64 dev eth0
			ip addr add 2001:db8::10/48 dev eth0 nodad`},
		{"the LAN moves to another card", nil, func(w W) { w.Addresses[2].Link = "eth0" }, `
			ip addr add 192.168.32.1/24 dev eth0
			ip addr del 192.168.32.1/24 dev eth1`},
		{"another gateway in one step", nil, func(w W) { w.Routes[0].Via = netip.MustParseAddr("192.0.2.2") }, `
			ip route replace default via 192.0.2.2 dev eth0`},
		{"no gateway", nil, func(w W) { w.Routes = w.Routes[2:] }, `
			ip route del default via 192.0.2.1 dev eth0
			ip -6 route del default via 2001:db8::1 dev eth0`},
		{"another tag: the link is made anew", nil, func(w W) { w.Links[2].VLAN = 21 }, `
			ip link del eth1.20
			ip link add link eth1 name eth1.20 type vlan id 21
			ip link set eth1.20 up
			ip addr add 192.168.20.1/24 dev eth1.20`},
		{"another parent", nil, func(w W) { w.Links[2].Parent = "eth0" }, `
			ip link del eth1.20
			ip link add link eth0 name eth1.20 type vlan id 20
			ip link set eth1.20 up
			ip addr add 192.168.20.1/24 dev eth1.20`},
		{"the VLAN is no longer wanted, and takes its address along", nil,
			func(w W) { w.Links, w.Addresses, w.Sysctls = w.Links[:2], w.Addresses[:3], nil }, `
			ip link del eth1.20`},
		{"a link is declared no longer: only what is ours goes", func(w *world) { w.Addresses[Address{Link: "eth1", Prefix: prefix("10.0.0.1/8")}] = false },
			func(w W) {
				w.Links, w.Addresses, w.Routes, w.Sysctls = w.Links[:1], w.Addresses[:2], w.Routes[:2], nil
			}, `
			ip link del eth1.20
			ip addr del 192.168.32.1/24 dev eth1
			ip route del 10.9.0.0/16 via 192.168.32.2 dev eth1
			ip route del 198.51.100.0/24 dev eth1`},
		{"a card is gone", func(w *world) { w.unplug("eth0") }, nil, `
			! link eth0 does not exist; there are eth1, eth1.20, lo`},
		{"a parent is gone", func(w *world) { w.unplug("eth1"); w.unplug("eth1.20") }, nil, `
			! link eth1 does not exist; there are eth0, lo
			! link eth1.20: its parent eth1 does not exist`},
		{"a card with a setting of its own is gone", func(w *world) {
			w.unplug("eth1.20")
			w.unplug("eth1")
			delete(w.Sysctls, "net.ipv6.conf.eth1/20.accept_ra")
		}, nil, `
			! sysctl net.ipv6.conf.eth1/20.accept_ra: its link does not exist
			! link eth1 does not exist; there are eth0, lo
			! link eth1.20: its parent eth1 does not exist`},
		{"somebody set it down", func(w *world) { w.set("eth0", func(l *LinkState) { l.Up = false }) }, nil, `
			ip link set eth0 up`},
		{"somebody else's VLAN of that name", func(w *world) {
			w.set("eth1.20", func(l *LinkState) { l.Ours, l.VLAN = false, 5 })
		}, nil, `
			! link eth1.20: there is one of that name already, which is not VLAN 20 of eth1`},
		{"somebody else's VLAN that fits", func(w *world) { w.set("eth1.20", func(l *LinkState) { l.Ours = false }) }, nil, ``},
		{"other people's addresses stay", func(w *world) { w.Addresses[Address{Link: "eth1", Prefix: prefix("192.168.32.9/24")}] = false }, nil, ``},
		{"our address that somebody else made", func(w *world) { w.Addresses[Address{Link: "eth1", Prefix: prefix("192.168.32.1/24")}] = false }, nil, ``},
		{"a setting with many values", func(w *world) { w.Sysctls["net.ipv4.ip_forward"] = Setting{Value: "4096\t131072\t6291456\n"} },
			func(w W) { w.Sysctls[0].Value = "4096 131072 6291456" }, ``},
		{"a setting changed", func(w *world) { w.Sysctls["net.ipv4.ip_forward"] = Setting{Value: "0\n"} }, nil, `
			sysctl -w net.ipv4.ip_forward="1"`},
		{"a setting that is not there", nil, func(w W) { w.Sysctls[0].Key = "net.ipv4.nonsense" }, `
			! sysctl net.ipv4.nonsense: no such setting`},
		{"an address on a link nobody declared", nil, func(w W) { w.Addresses[0].Link = "eth7" }, `
			ip addr del 192.0.2.10/24 dev eth0
			! 192.0.2.10/24: its link "eth7" is not among the links of the plan`},
		{"a network moves to a card that is not there", nil, func(w W) {
			w.Links = append(w.Links, Link{Name: "eth2"})
			w.Addresses[2].Link, w.Routes[2].Link, w.Routes[3].Link = "eth2", "eth2", "eth2"
		}, `
			ip addr del 192.168.32.1/24 dev eth1
			ip route del 10.9.0.0/16 via 192.168.32.2 dev eth1
			ip route del 198.51.100.0/24 dev eth1
			! link eth2 does not exist; there are eth0, eth1, eth1.20, lo`},
		{"a route by a link nobody declared", nil, func(w W) { w.Routes[2].Link = "eth7" }, `
			ip route del 10.9.0.0/16 via 192.168.32.2 dev eth1
			! 10.9.0.0/16: its link "eth7" is not among the links of the plan`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(fresh())
			w.apply(t, router())
			plan := router()
			if c.world != nil {
				c.world(w)
			}
			if c.plan != nil {
				c.plan(&plan)
			}
			changes, problems := Diff(w.seen(plan), plan, nil)
			var got strings.Builder
			for _, c := range changes {
				fmt.Fprintf(&got, "\n\t\t\t%s", c)
			}
			for _, p := range problems {
				fmt.Fprintf(&got, "\n\t\t\t! %s", p)
			}
			if got.String() != c.want {
				t.Errorf("got%s\nwant%s", &got, c.want)
			}
		})
	}
}

func TestDiffFromScratch(t *testing.T) {
	const want = `sysctl -w net.ipv4.ip_forward="1"
ip link add link eth1 name eth1.20 type vlan id 20
ip link set eth0 up
ip link set eth1 up
ip link set eth1.20 up
sysctl -w net.ipv6.conf.eth1/20.accept_ra="0"
ip addr add 192.0.2.10/24 dev eth0
ip addr add 2001:db8::10/64 dev eth0 nodad
ip addr add 192.168.32.1/24 dev eth1
ip addr add 192.168.20.1/24 dev eth1.20
ip route add default via 192.0.2.1 dev eth0
ip -6 route add default via 2001:db8::1 dev eth0
ip route add 10.9.0.0/16 via 192.168.32.2 dev eth1
ip route add 198.51.100.0/24 dev eth1`
	got := newWorld(fresh()).apply(t, router())
	lines, wanted := strings.Split(want, "\n"), slices.Clone(got)
	slices.Sort(lines)
	slices.Sort(wanted)
	if !slices.Equal(lines, wanted) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	before := func(first, then string) {
		if slices.Index(got, first) > slices.Index(got, then) {
			t.Errorf("%q comes after %q", first, then)
		}
	}
	before("ip link add link eth1 name eth1.20 type vlan id 20", `sysctl -w net.ipv6.conf.eth1/20.accept_ra="0"`)
	before(`sysctl -w net.ipv6.conf.eth1/20.accept_ra="0"`, "ip link set eth1.20 up") // or it would have listened already
	before("ip link set eth0 up", "ip addr add 192.0.2.10/24 dev eth0")
	before("ip addr add 192.0.2.10/24 dev eth0", "ip route add default via 192.0.2.1 dev eth0")
}

// TestEveryPlanIsReached goes from plan to plan at random, in a world that refuses what a kernel refuses.
func TestEveryPlanIsReached(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	w := newWorld(fresh())
	w.Sysctls = map[string]Setting{}
	for range 2000 {
		plan := randomPlan(r)
		w.apply(t, plan)
		if again := w.apply(t, plan); len(again) > 0 {
			t.Fatalf("applied twice, %+v changes again: %q", plan, again)
		}
		w.check(t, plan)
	}
}

func randomPlan(r *rand.Rand) Config {
	var c Config
	for i := range 2 {
		c.Links = append(c.Links, Link{Name: fmt.Sprintf("eth%d", i)})
	}
	for _, name := range []string{"a", "b"} {
		if r.IntN(2) == 0 {
			c.Links = append(c.Links, Link{Name: name, Parent: fmt.Sprintf("eth%d", r.IntN(2)), VLAN: uint16(1 + r.IntN(2))})
		}
	}
	if n := len(c.Links); n == 4 && c.Links[2].Parent == c.Links[3].Parent && c.Links[2].VLAN == c.Links[3].VLAN {
		c.Links = c.Links[:3] // two links of one tag there cannot be
	}
	link := func() string { return c.Links[r.IntN(len(c.Links))].Name }
	for i := range 4 {
		v4, v6 := fmt.Sprintf("10.0.%d.1/%d", i, 20+r.IntN(3)), fmt.Sprintf("2001:db8:%d::1/%d", i, 62+r.IntN(3))
		for _, p := range []string{v4, v6} {
			if r.IntN(2) == 0 {
				c.Addresses = append(c.Addresses, Address{Link: link(), Prefix: prefix(p), Beside: strings.HasSuffix(p, "/21")})
			}
		}
	}
	for _, to := range []string{"0.0.0.0/0", "192.0.2.0/24", "::/0"} {
		if r.IntN(2) == 0 {
			via := map[bool]string{true: fmt.Sprintf("10.0.0.%d", r.IntN(5)), false: fmt.Sprintf("fe80::%d", r.IntN(5))}[to != "::/0"]
			c.Routes = append(c.Routes, route(to, via, link()))
		}
	}
	for i := range uint16(r.IntN(4)) { // ways out of their own for some sources
		out := route("::/0", fmt.Sprintf("fe80::%d", r.IntN(5)), link())
		out.Table = uint8(41 + i)
		from := prefix(fmt.Sprintf("2001:db8:%d::/48", r.IntN(3)))
		c.Routes, c.Rules = append(c.Routes, out), append(c.Rules, Rule{Priority: 1000 + i, From: from, Table: out.Table})
	}
	return c
}

func TestConfigRoundTripsAsJSON(t *testing.T) {
	for _, want := range []Config{{}, router()} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Config
		if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s was read as %+v, %v", text, got, err)
		}
	}
}

func TestSysctlPath(t *testing.T) {
	for key, want := range map[string]string{
		"net.ipv4.ip_forward":                   "/proc/sys/net/ipv4/ip_forward",
		"net.ipv6.conf.eth1/20.accept_ra":       "/proc/sys/net/ipv6/conf/eth1.20/accept_ra",
		"net/ipv6/conf/eth1.20/accept_ra":       "/proc/sys/net/ipv6/conf/eth1.20/accept_ra",
		"/../../etc/passwd":                     "/proc/sys/etc/passwd",
		"net/../../../etc/passwd":               "/proc/sys/etc/passwd",
		"kernel.printk":                         "/proc/sys/kernel/printk",
		"net.ipv4.conf.all.promote_secondaries": "/proc/sys/net/ipv4/conf/all/promote_secondaries",
	} {
		if got := (Sysctl{Key: key}).Path(); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

var errNoSetting = errors.New("no such setting")
