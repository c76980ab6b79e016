package plan_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// ways are the default routes of a plan, "main" or its table first, and the rules that lead to tables.
func ways(p plan.Plan) (routes, rules []string) {
	for _, r := range p.Network.Routes {
		if r.To.Bits() == 0 && r.To.Addr().Is6() {
			table := "main"
			if r.Table != 0 {
				table = fmt.Sprint(r.Table)
			}
			routes = append(routes, fmt.Sprintf("%s %s %s", table, r.Link, r.Via))
		}
	}
	for _, r := range p.Network.Rules {
		rules = append(rules, fmt.Sprintf("%d %s %d", r.Priority, r.From, r.Table))
	}
	return routes, rules
}

// TestTwoWays: of two ways out over IPv6 one is for conversations that begin; those of the other go on by it,
// and it takes over while the first is down. Hosts are told the same.
func TestTwoWays(t *testing.T) {
	const toml = `[wan]
interface = "eth0"
ipv4 = "192.0.2.10/24"
gateway = "192.0.2.1"
ipv6 = "auto"
delegation = 56
[tunnel]
server = "203.0.113.30"
ipv6 = "2001:db8:1f0a:1::2/64"
routed = "2001:db8:abcd::/48"
[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "192.168.32.1/24"
subnet = 7
`
	const (
		byWAN, byTunnel = "eth0 fe80::1", "tunnel6 2001:db8:1f0a:1::1"
		tunnels, wans   = "2001:db8:abcd:7::/64", "2001:db8:5:7::/64"
		local           = "fd4a:1c2e:93b7:7::/64"
	)
	both := []string{"42 " + byWAN, "41 " + byTunnel}
	sources := []string{"1000 invalid Prefix 0", "1001 2001:db8:5::/56 42", "1002 2001:db8:a::/64 42", "1003 2001:db8:1f0a:1::/64 41",
		"1004 2001:db8:abcd::/48 41"}
	wan6 := &wan.Facts6{
		Addrs: []netip.Prefix{netip.MustParsePrefix("2001:db8:a::9/64")}, Gateway: netip.MustParseAddr("fe80::1"),
		Delegated: []wan.Delegation{{Prefix: netip.MustParsePrefix("2001:db8:5::/56"), Preferred: wan.Never, Valid: wan.Never}},
	}
	up := &plan.Tunnel{Up: true}
	for _, c := range []struct {
		name, word string
		learned    plan.Learned
		routes     []string // by tables
		rules      []string
		first      []string // networks that hosts begin by
		leads      bool     // hosts have a default route
	}{
		{"both", "wan", plan.Learned{WAN6: wan6, Tunnel: up}, append(both, "main "+byWAN), sources, []string{wans, local}, true},
		{"both, by the tunnel", "tunnel", plan.Learned{WAN6: wan6, Tunnel: up}, append(both, "main "+byTunnel), sources, []string{tunnels, local}, true},
		{"by the tunnel, which is down", "tunnel", plan.Learned{WAN6: wan6, Tunnel: &plan.Tunnel{}}, append(both, "main "+byWAN), sources,
			[]string{wans, local}, true},
		{"by the tunnel, of which nothing is known", "tunnel", plan.Learned{WAN6: wan6}, append(both, "main "+byWAN), sources, []string{wans, local}, true},
		{"the tunnel alone", "wan", plan.Learned{Tunnel: up}, []string{"main " + byTunnel}, nil, []string{tunnels, local}, true},
		{"the tunnel alone, which is down", "wan", plan.Learned{Tunnel: &plan.Tunnel{}}, []string{"main " + byTunnel}, nil, []string{tunnels, local}, false},
		{"a prefix without a router", "wan", plan.Learned{WAN6: &wan.Facts6{Delegated: wan6.Delegated}, Tunnel: &plan.Tunnel{}},
			[]string{"main " + byTunnel}, nil, []string{tunnels, wans, local}, false},
		{"a prefix without a router, beside the tunnel", "wan", plan.Learned{WAN6: &wan.Facts6{Delegated: wan6.Delegated}, Tunnel: up},
			[]string{"main " + byTunnel}, nil, []string{tunnels, local}, true},
	} {
		p, told := planOf(t, fmt.Sprintf("%s[ipv6]\nula = \"fd4a:1c2e:93b7::/48\"\ndefault = %q\n", toml, c.word), "", c.learned)
		routes, rules := ways(p)
		slices.Sort(routes)
		slices.Sort(c.routes)
		if !slices.Equal(routes, c.routes) || !slices.Equal(rules, c.rules) {
			t.Errorf("%s: routes\n%s\nrules\n%s\nwant\n%s\n%s", c.name, strings.Join(routes, "\n"), strings.Join(rules, "\n"),
				strings.Join(c.routes, "\n"), strings.Join(c.rules, "\n"))
		}
		var first []string
		for _, q := range told.Links[0].Prefixes {
			if q.Preferred > 0 {
				first = append(first, q.Prefix.String())
			}
			if q.Valid == 0 || !q.Autonomous {
				t.Errorf("%s: %s is taken away: %+v", c.name, q.Prefix, q)
			}
		}
		if !slices.Equal(first, c.first) || told.Links[0].Lifetime > 0 != c.leads {
			t.Errorf("%s: hosts begin by %q, and have a default route for %s; want %q", c.name, first, told.Links[0].Lifetime, c.first)
		}
	}
}

// TestPrefixWithoutItsWay: hosts of a LAN that has a delegated network alone have no default route while its
// router is gone, though there is a tunnel: it does not lead out of there.
func TestPrefixWithoutItsWay(t *testing.T) {
	const toml = `[wan]
interface = "eth0"
ipv4 = "192.0.2.10/24"
gateway = "192.0.2.1"
ipv6 = "auto"
delegation = 56
[tunnel]
server = "203.0.113.30"
ipv6 = "2001:db8:1f0a:1::2/64"
routed = "2001:db8:abcd::/48"
[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "192.168.32.1/24"
ipv6 = "delegated"
`
	learned := plan.Learned{Tunnel: &plan.Tunnel{Up: true}, WAN6: &wan.Facts6{
		Delegated: []wan.Delegation{{Prefix: netip.MustParsePrefix("2001:db8:5::/56"), Preferred: wan.Never, Valid: wan.Never}},
	}}
	_, told := planOf(t, toml, "", learned)
	if l := told.Links[0]; l.Lifetime != 0 || len(l.Prefixes) != 1 {
		t.Errorf("without its router: %+v", l)
	}
	learned.WAN6.Gateway = netip.MustParseAddr("fe80::1")
	_, told = planOf(t, toml, "", learned)
	if l := told.Links[0]; l.Lifetime == 0 || l.Prefixes[0].Preferred == 0 {
		t.Errorf("with it: %+v", l)
	}
}
