package netcfg

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// leased is a plan with what a provider gave on eth0, beside an address of the site there.
func leased(own, gateway string, mtu uint16) Config {
	c := router()
	c.Links[0].MTU = mtu
	c.Addresses = append([]Address{{Link: "eth0", Prefix: prefix("192.168.100.2/24"), Beside: true}}, c.Addresses[1:]...)
	c.Routes = c.Routes[1:]
	if own == "" {
		return c
	}
	c.Addresses = append(c.Addresses, Address{Link: "eth0", Prefix: prefix(own)})
	if !prefix(own).Contains(netip.MustParseAddr(gateway)) {
		c.Routes = append(c.Routes, route(gateway+"/32", "", "eth0"))
	}
	c.Routes = append(c.Routes, route("0.0.0.0/0", gateway, "eth0"))
	return c
}

// TestLeases goes from one lease to the next. What is new comes before what was goes, and whoever had a way
// out and is to have one has it at each step.
func TestLeases(t *testing.T) {
	w := newWorld(fresh())
	w.apply(t, router())
	for i, step := range []struct {
		own, gateway string
		mtu          uint16
		want         string
	}{
		{"", "", 1500, `ip link set eth0 mtu 1500
			ip addr add 192.168.100.2/24 dev eth0 scope link
			ip addr del 192.0.2.10/24 dev eth0
			ip route del default via 192.0.2.1 dev eth0`},
		{"198.18.7.20/24", "198.18.7.1", 1500, `ip addr add 198.18.7.20/24 dev eth0
			ip route add default via 198.18.7.1 dev eth0`},
		{"198.18.7.20/24", "198.18.7.1", 1500, ``},
		{"198.18.7.20/24", "198.18.7.1", 1400, `ip link set eth0 mtu 1400`},
		{"198.18.7.20/24", "198.18.7.2", 1400, `ip route replace default via 198.18.7.2 dev eth0`},
		{"198.18.7.21/24", "198.18.7.2", 1400, `ip addr add 198.18.7.21/24 dev eth0
			ip addr del 198.18.7.20/24 dev eth0`},
		{"198.18.9.5/24", "198.18.9.1", 1500, `ip link set eth0 mtu 1500
			ip addr add 198.18.9.5/24 dev eth0
			ip route replace default via 198.18.9.1 dev eth0
			ip addr del 198.18.7.21/24 dev eth0`},
		{"203.0.113.7/32", "10.64.0.1", 1500, `ip addr add 203.0.113.7/32 dev eth0
			ip route add 10.64.0.1/32 dev eth0
			ip route replace default via 10.64.0.1 dev eth0
			ip addr del 198.18.9.5/24 dev eth0`},
		{"203.0.113.7/32", "10.64.0.2", 1500, `ip route add 10.64.0.2/32 dev eth0
			ip route replace default via 10.64.0.2 dev eth0
			ip route del 10.64.0.1/32 dev eth0`},
		{"203.0.113.6/31", "203.0.113.7", 1500, `ip addr add 203.0.113.6/31 dev eth0
			ip route replace default via 203.0.113.7 dev eth0
			ip addr del 203.0.113.7/32 dev eth0
			ip route del 10.64.0.2/32 dev eth0`},
		{"203.0.113.6/32", "203.0.113.7", 1500, `ip addr del 203.0.113.6/31 dev eth0
			ip addr add 203.0.113.6/32 dev eth0
			ip route add 203.0.113.7/32 dev eth0`},
		{"", "", 1500, `ip addr del 203.0.113.6/32 dev eth0
			ip route del default via 203.0.113.7 dev eth0
			ip route del 203.0.113.7/32 dev eth0`},
	} {
		plan := leased(step.own, step.gateway, step.mtu)
		got := strings.Join(w.apply(t, plan), "\n\t\t\t")
		if got != step.want {
			t.Errorf("%d: got\n\t\t\t%s\nwant\n\t\t\t%s", i, got, step.want)
		}
		if again := w.apply(t, plan); len(again) > 0 {
			t.Errorf("%d: twice changes %q", i, again)
		}
	}
}

// TestFirstOfNetwork: connections begin of the address that is first in the plan, whatever was there before.
func TestFirstOfNetwork(t *testing.T) {
	w := newWorld(fresh())
	for _, step := range []struct{ own, want string }{
		{"192.0.2.10 192.0.2.11", ""},
		{"192.0.2.10 192.0.2.11 192.0.2.12", "ip addr add 192.0.2.12/24 dev eth0"},
		{"192.0.2.11 192.0.2.10", "ip addr del 192.0.2.10/24 dev eth0, ip addr add 192.0.2.10/24 dev eth0, " +
			"ip addr del 192.0.2.12/24 dev eth0"},
		{"192.0.2.13 192.0.2.10", "ip addr del 192.0.2.10/24 dev eth0, ip addr add 192.0.2.13/24 dev eth0, " +
			"ip addr add 192.0.2.10/24 dev eth0, ip addr del 192.0.2.11/24 dev eth0"},
	} {
		plan := Config{Links: router().Links}
		for a := range strings.FieldsSeq(step.own) {
			plan.Addresses = append(plan.Addresses, Address{Link: "eth0", Prefix: prefix(a + "/24")})
		}
		got := w.apply(t, plan)
		if text := strings.Join(got, ", "); step.want != "" && text != step.want {
			t.Errorf("%s: got %s, want %s", step.own, text, step.want)
		}
		if again := w.apply(t, plan); len(again) > 0 {
			t.Errorf("%s: twice changes %q", step.own, again)
		}
		w.check(t, plan)
	}
}

// TestHardware: what a card is given comes before it is up, and with another priority a VLAN is another.
func TestHardware(t *testing.T) {
	w := newWorld(fresh())
	plan := router()
	plan.Links[0].MAC = "00:16:3e:00:00:99"
	plan.Links[2].Priority, plan.Links[2].MTU = 6, 1492
	got := w.apply(t, plan)
	before := func(first, then string) {
		t.Helper()
		if i, j := slices.Index(got, first), slices.Index(got, then); i < 0 || j < 0 || i > j {
			t.Errorf("%q, then %q: %q", first, then, got)
		}
	}
	before("ip link set eth0 address 00:16:3e:00:00:99", "ip link set eth0 up")
	before("ip link add link eth1 name eth1.20 type vlan id 20 egress-qos-map 0:6 1:6 2:6 3:6 4:6 5:6 6:6 7:6",
		"ip link set eth1.20 mtu 1492")
	before("ip link set eth1.20 mtu 1492", "ip link set eth1.20 up")
	plan.Links[2].Priority = 0
	got = w.apply(t, plan)
	before("ip link del eth1.20", "ip link add link eth1 name eth1.20 type vlan id 20")
}

// TestHardwareComesBack: a plan that says nothing of address and MTU gives a card what it had before another
// plan gave it something else. Of another card that has its name now nobody knows any such thing.
func TestHardwareComesBack(t *testing.T) {
	card := func(b *box, mac string, mtu uint16) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.set("eth0", func(l *LinkState) { l.MAC, l.MTU = mac, mtu })
	}
	before := func(b *box) { card(b, "00:16:3e:00:00:01", 1450) }
	keptFrom(t, named(), before, func(b *box) {
		is := func(what, mac string, mtu uint16) {
			t.Helper()
			if l, _ := b.link("eth0"); l.MAC != mac || l.MTU != mtu {
				t.Errorf("%s: %s, %d; want %s, %d", what, l.MAC, l.MTU, mac, mtu)
			}
		}
		set := func(mac string, mtu uint16) {
			plan := named()
			plan.Links[0].MAC, plan.Links[0].MTU = mac, mtu
			if missing, wrong := b.Set(b.t.Context(), plan); missing != nil || wrong != nil {
				t.Errorf("%v, %v", missing, wrong)
			}
		}
		is("untouched", "00:16:3e:00:00:01", 1450)
		set("00:16:3e:00:00:99", 0)
		is("an address", "00:16:3e:00:00:99", 1450)
		set("00:16:3e:00:00:98", 1400)
		is("both", "00:16:3e:00:00:98", 1400)
		set("", 1300)
		is("its own address", "00:16:3e:00:00:01", 1300)
		set("", 0)
		is("its own", "00:16:3e:00:00:01", 1450)
		set("00:16:3e:00:00:99", 1400)
		b.out("eth0")
		b.settle()
		b.in("eth0")
		card(b, "00:16:3e:00:00:07", 9000)
		b.settle()
		is("another card", "00:16:3e:00:00:99", 1400)
		set("", 0)
		is("its own", "00:16:3e:00:00:07", 9000)
	})
}

// TestGone: whoever cares hears which own addresses are gone, and of no others.
func TestGone(t *testing.T) {
	var heard []string
	b := func(k *Keeper) {
		k.tell.Gone = func(all []netip.Addr) {
			for _, a := range all {
				heard = append(heard, a.String())
			}
			heard = append(heard, ".")
		}
	}
	keptFrom(t, leased("198.18.7.20/24", "198.18.7.1", 0), func(x *box) { b(x.Keeper) }, func(x *box) {
		for _, plan := range []Config{
			leased("198.18.7.20/24", "198.18.7.2", 0), leased("198.18.7.20/25", "198.18.7.2", 0),
			leased("198.18.9.5/24", "198.18.9.1", 0), leased("198.18.9.5/24", "198.18.9.1", 0), {Links: router().Links},
		} {
			x.Set(x.t.Context(), plan)
		}
	})
	want := "198.18.7.20 . 192.168.20.1 192.168.32.1 192.168.100.2 198.18.9.5 2001:db8::10 ."
	if got := strings.Join(heard, " "); got != want {
		t.Errorf("heard of %s, want %s", got, want)
	}
}
