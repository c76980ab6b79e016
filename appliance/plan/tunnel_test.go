package plan_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/explain"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// tunnelled is the reference site of a tunnel with other lines in the place of some.
func tunnelled(t *testing.T, changes ...string) *site.Site {
	t.Helper()
	fsys := siteCases(t)["every-key-tunnel.txtar"]
	text := string(fsys["site.toml"].Data)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			t.Fatalf("the site has no %q", changes[i])
		}
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	fsys["site.toml"].Data = []byte(text)
	s, err := site.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ofDHCP makes WAN's address the provider's, and leaves the MTU of the tunnel to what there is.
func ofDHCP(t *testing.T) *site.Site {
	return tunnelled(t, `ipv4      = "192.0.2.10/24"`, `ipv4 = "dhcp"`, `gateway   = "192.0.2.1"`, "",
		"mtu      = 1452", "")
}

// TestTunnelFollowsWAN: with another address the link is the same, with another end; without one it has none
// of ours. What is routed to the appliance is unreachable at all times.
func TestTunnelFollowsWAN(t *testing.T) {
	s := ofDHCP(t)
	for _, c := range []struct {
		facts *wan.Facts
		local string
		mtu   uint16
		want  tunnel6in4.Behind
	}{
		{nil, "", 1480, tunnel6in4.Nothing},
		{&wan.Facts{Addrs: []netip.Prefix{netip.MustParsePrefix("203.0.113.7/24")}}, "203.0.113.7", 1480,
			tunnel6in4.Nothing},
		{&wan.Facts{Addrs: []netip.Prefix{netip.MustParsePrefix("203.0.113.8/24")}, MTU: 1492}, "203.0.113.8",
			1472, tunnel6in4.Nothing},
		{&wan.Facts{Addrs: []netip.Prefix{netip.MustParsePrefix("10.9.8.7/24")}, MTU: 1400}, "10.9.8.7", 1380,
			tunnel6in4.NAT},
		{&wan.Facts{Addrs: []netip.Prefix{netip.MustParsePrefix("100.64.8.7/24")}, MTU: 1290}, "100.64.8.7",
			1280, tunnel6in4.CGNAT},
	} {
		p := plan.Make(s, plan.Learned{WAN: c.facts})
		if err := p.Check(plan.Plan{}); err != nil {
			t.Errorf("%s: %v", c.local, err)
		}
		conf := configOf[tunnel6in4.Config](t, p, roster.Tunnel)
		i := slices.IndexFunc(p.Network.Links, func(l netcfg.Link) bool { return l.Name == site.TunnelLink })
		local, _ := netip.ParseAddr(c.local)
		if l := p.Network.Links[i]; l.Local != local || l.MTU != c.mtu || l.Remote != s.Tunnel.Server ||
			conf.Local != local {
			t.Errorf("%s: %+v, %+v", c.local, l, conf)
		}
		if conf.Behind != c.want || conf.MTU != c.mtu {
			t.Errorf("%s: %+v", c.local, conf)
		}
		var ways []string
		for _, r := range p.Network.Routes {
			if r.To.Addr().Is6() {
				ways = append(ways, fmt.Sprint(r.To, " ", r.Via, " ", r.Link, " ", r.Unreachable))
			}
		}
		want := []string{"2001:db8:1f0b:1::/64 invalid IP  true", "2001:db8:abcd::/48 invalid IP  true",
			"::/0 2001:db8:1f0a:1::3 tunnel6 false"}
		if !slices.Equal(ways, want) {
			t.Errorf("%s: routes %q, want %q", c.local, ways, want)
		}
	}
}

// TestTunnelsFirewall: protocol 41 comes in from the broker alone, as do its pings; through the tunnel
// strangers reach nothing, as by WAN, and the LANs reach them.
func TestTunnelsFirewall(t *testing.T) {
	p := plan.Make(tunnelled(t), plan.Learned{})
	table, err := p.Firewall.Table()
	if err != nil {
		t.Fatal(err)
	}
	const stranger6, host6 = "2620:fe::9", "2001:db8:1f0b:1::50"
	for _, c := range []struct {
		in, from, to string
		proto        uint32
		kind         uint8
		passes       bool
	}{
		{"eth0", "198.51.100.30", "192.0.2.10", firewall.ProtoIPv6, 0, true},
		{"eth0", "9.9.9.9", "192.0.2.10", firewall.ProtoIPv6, 0, false},
		{"eth1", "192.168.32.9", "192.168.32.1", firewall.ProtoIPv6, 0, false},
		{"eth0", "198.51.100.30", "192.0.2.10", firewall.ProtoICMP, 8, true},
		{"eth0", "66.220.2.74", "192.0.2.10", firewall.ProtoICMP, 8, true},
		{"eth0", "9.9.9.9", "192.0.2.10", firewall.ProtoICMP, 8, false},
		{"tunnel6", "2001:db8:1f0a:1::3", "2001:db8:1f0a:1::2", firewall.ProtoICMPv6, 128, true},
		{"tunnel6", stranger6, "2001:db8:1f0a:1::2", firewall.ProtoICMPv6, 128, false},
		{"tunnel6", stranger6, host6, firewall.ProtoICMPv6, 128, false},
		{"tunnel6", stranger6, host6, firewall.ProtoTCP, 0, false},
		{"tunnel6", stranger6, "2001:db8:1f0b:1::1", firewall.ProtoTCP, 0, false},
		{"eth1", host6, stranger6, firewall.ProtoTCP, 0, true},
		{"eth2", "2001:db8:abcd:21::50", stranger6, firewall.ProtoTCP, 0, true},
		{"eth3", "fd00:db8:0:22::50", stranger6, firewall.ProtoTCP, 0, false}, // means nothing outside
		{"eth1", host6, "2001:db8:abcd:99::1", firewall.ProtoTCP, 0, false},   // nobody is there
		{"tunnel6", host6, "2001:db8:abcd:21::50", firewall.ProtoTCP, 0, false},
		{"eth0", stranger6, host6, firewall.ProtoTCP, 0, false},
	} {
		port := uint16(0)
		if c.proto == firewall.ProtoTCP {
			port = 22
		}
		got := explain.Table(table, networkOf(p), explain.Packet{
			In: c.in, Source: netip.AddrPortFrom(netip.MustParseAddr(c.from), port*9),
			Destination: netip.AddrPortFrom(netip.MustParseAddr(c.to), port), Proto: c.proto, Type: c.kind,
			Flags: firewall.TCPSyn, HopLimit: 60, State: firewall.CTNew,
		})
		if passes := got.Verdict == firewall.VerdictAccept; passes != c.passes {
			t.Errorf("%+v: %+v", c, got)
		}
	}
	if cuts := p.Firewall.Policy.Shortcuts(); slices.Contains(cuts, site.TunnelLink) ||
		!slices.Contains(cuts, "eth0") {
		t.Errorf("short cuts by %q", cuts)
	}
}

// TestTunnelsKey: another key is a change that is said, and nothing that people are shown has either of them.
func TestTunnelsKey(t *testing.T) {
	a := tunnelled(t)
	b := tunnelled(t)
	b.Tunnel.Update.Key = "another-secret"
	change := plan.Describe(a, b, plan.Make(a, plan.Learned{}), plan.Make(b, plan.Learned{}))
	var shown strings.Builder
	if err := site.Print(&shown, b); err != nil {
		t.Fatal(err)
	}
	if err := change.Print(&shown); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(change)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&shown, "%s %v %+v %#v", text, b.Tunnel.Update, *b.Tunnel.Update, *b.Tunnel.Update)
	if all := shown.String(); strings.Contains(all, "another-secret") ||
		strings.Contains(all, string(a.Tunnel.Update.Key)) {
		t.Errorf("a key is shown: %s", all)
	}
	if change.Nothing || !strings.Contains(shown.String(), "Key of the tunnel") {
		t.Errorf("another key is no change: %s", text)
	}
}
