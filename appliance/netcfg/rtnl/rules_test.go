package rtnl

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
)

// TestRules: what comes from some networks leaves by a way of its own, and reaches what is near as all do.
func TestRules(t *testing.T) {
	enterBox(t)
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	everything := prefix("::/0")
	plan := netcfg.Config{
		Links: []netcfg.Link{{Name: "lo"}, {Name: "eth0"}, {Name: "eth1"}},
		Addresses: []netcfg.Address{
			{Link: "eth0", Prefix: prefix("2001:db8:1::2/64")}, {Link: "eth1", Prefix: prefix("2001:db8:2::1/64")},
		},
		Routes: []netcfg.Route{
			{To: everything, Via: addr("fe80::1"), Link: "eth0"},
			{To: everything, Via: addr("fe80::2"), Link: "eth1", Table: 41},
		},
		Rules: []netcfg.Rule{{Priority: 1000}, {Priority: 1001, From: prefix("2001:db8:2::/48"), Table: 41}},
	}
	if got, want := apply(t, plan), []string{
		"ip -6 route add default via fe80::2 dev eth1 table 41", "ip -6 rule add pref 1000 from all lookup main suppress_prefixlength 0",
		"ip -6 rule add pref 1001 from 2001:db8:2::/48 lookup 41",
	}; !slices.Equal(got[len(got)-3:], want) {
		t.Errorf("changes:\n%s\nwant at the end:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	way := func(to, from, want string) {
		t.Helper()
		if out := ip(t, "-6", "route", "get", to, "from", from); !strings.Contains(out, want) {
			t.Errorf("from %s to %s the way is\n%swant %s", from, to, out, want)
		}
	}
	way("2001:db8:f::9", "2001:db8:1::2", "via fe80::1 dev eth0")
	way("2001:db8:f::9", "2001:db8:2::1", "via fe80::2 dev eth1")
	way("2001:db8:1::9", "2001:db8:2::1", "dev eth0 proto kernel") // a neighbour

	plan.Rules, plan.Routes = nil, plan.Routes[:1]
	if got, want := apply(t, plan), []string{
		"ip -6 rule del pref 1000 from all lookup main suppress_prefixlength 0",
		"ip -6 rule del pref 1001 from 2001:db8:2::/48 lookup 41", "ip -6 route del default via fe80::2 dev eth1 table 41",
	}; !slices.Equal(got, want) {
		t.Errorf("without them:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	way("2001:db8:f::9", "2001:db8:2::1", "via fe80::1 dev eth0")
}
