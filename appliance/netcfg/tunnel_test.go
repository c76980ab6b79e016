package netcfg

import (
	"net/netip"
	"strings"
	"testing"
)

// tunnelled is a plan with a 6in4 tunnel from an own address, "" for none of ours and "-" for no tunnel, with
// what is routed here unreachable.
func tunnelled(local, remote string, mtu uint16) Config {
	c := router()
	c.Routes = append(c.Routes[:1:1], c.Routes[2:]...) // IPv6 goes by the tunnel
	c.Routes = append(c.Routes, Route{To: prefix("2001:db8:abcd::/48"), Unreachable: true})
	if local == "-" {
		return c
	}
	l := Link{Name: "tunnel6", Remote: netip.MustParseAddr(remote), MTU: mtu, Network: "tunnel"}
	if local != "" {
		l.Local = netip.MustParseAddr(local)
	}
	c.Links = append(c.Links, l)
	c.Addresses = append(c.Addresses, Address{Link: "tunnel6", Prefix: prefix("2001:db8:1f0a::2/64")})
	c.Routes = append(c.Routes, route("::/0", "2001:db8:1f0a::1", "tunnel6"))
	return c
}

// TestTunnel makes a tunnel, changes it where it is, and takes it away: as long as it is there, so is all
// that is on it.
func TestTunnel(t *testing.T) {
	w := newWorld(fresh())
	w.apply(t, router())
	for i, step := range []struct {
		local, remote string
		mtu           uint16
		want          string
	}{
		{"-", "", 0, `ip -6 route add unreachable 2001:db8:abcd::/48
			ip -6 route del default via 2001:db8::1 dev eth0`},
		{"192.0.2.10", "203.0.113.30", 1472,
			`ip tunnel add tunnel6 mode sit remote 203.0.113.30 local 192.0.2.10 ttl 64
			ip link set tunnel6 mtu 1472
			ip link set tunnel6 up
			ip addr add 2001:db8:1f0a::2/64 dev tunnel6 nodad
			ip -6 route add default via 2001:db8:1f0a::1 dev tunnel6`},
		{"192.0.2.10", "203.0.113.30", 1472, ``},
		{"", "203.0.113.30", 1472, `ip tunnel change tunnel6 mode sit remote 203.0.113.30 local any ttl 64`},
		{"192.0.2.11", "203.0.113.30", 1472,
			`ip tunnel change tunnel6 mode sit remote 203.0.113.30 local 192.0.2.11 ttl 64`},
		{"192.0.2.11", "203.0.113.31", 1480,
			`ip tunnel change tunnel6 mode sit remote 203.0.113.31 local 192.0.2.11 ttl 64
			ip link set tunnel6 mtu 1480`},
		{"-", "", 0, `ip link del tunnel6`},
	} {
		plan := tunnelled(step.local, step.remote, step.mtu)
		got := strings.Join(w.apply(t, plan), "\n\t\t\t")
		if got != step.want {
			t.Errorf("%d: got\n\t\t\t%s\nwant\n\t\t\t%s", i, got, step.want)
		}
		if again := w.apply(t, plan); len(again) > 0 {
			t.Errorf("%d: twice changes %q", i, again)
		}
		w.check(t, plan)
	}
}

// TestTunnelOfOthers: one of that name that is not ours is left alone, and said.
func TestTunnelOfOthers(t *testing.T) {
	w := newWorld(fresh())
	plan := tunnelled("192.0.2.10", "203.0.113.30", 1480)
	plan.Sysctls = nil
	other := plan.Links[len(plan.Links)-1]
	w.Links["tunnel6"] = LinkState{Link: other}
	changes, problems := Diff(w.seen(plan), plan, nil)
	for _, c := range changes {
		if c.on() == "tunnel6" {
			t.Errorf("does %q", c)
		}
	}
	if len(problems) != 1 || !strings.Contains(problems[0].Error(), "not ours") {
		t.Errorf("problems %v", problems)
	}
}
