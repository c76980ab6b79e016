package plan_test

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// numberedSite has two LANs of the same prefixes, and hosts by their suffixes.
func numberedSite(t *testing.T) *site.Site {
	t.Helper()
	return upstreamWith(t, "::11 web1\n::20 both\n::30 six\n192.168.33.20 both\n192.168.32.11 web1\n192.168.32.30 six\n"+
		"192.168.33.11 other\n::11 other\n", `ipv6 = "auto"
delegation = 60
ipv4 = "192.0.2.10/24"
[ipv6]
ula = "auto"
[[lan]]
name = "lab"
interface = "eth2"
ipv4 = "192.168.33.1/24"
subnet = 1
[firewall.group]
friends = ["six"]
[[firewall.allow]]
from = "wan"
to = "web1"
service = "https"
[[firewall.forward]]
port = 8443
to = "other"
sources = ["2001:db8:f::/48"]`)
}

// delegated is what a provider has delegated, for ever.
func delegated(prefixes ...string) *wan.Facts6 {
	var f wan.Facts6
	for _, p := range prefixes {
		f.Delegated = append(f.Delegated, wan.Delegation{
			Prefix: netip.MustParsePrefix(p), Preferred: wan.Never, Valid: wan.Never,
		})
	}
	return &f
}

// TestNumbered puts the networks of today where a site leaves them to others.
func TestNumbered(t *testing.T) {
	s := numberedSite(t)
	ula := netip.MustParsePrefix("fd00:1:2::/48")
	for _, c := range []struct {
		what    string
		learned plan.Learned
		lan     string // addresses of the box
		lab     string
		both    string // of the host, its IPv6 addresses
		rule    string // who may be reached
		forward string
	}{
		{"nothing is known", plan.Learned{}, "", "", "", "192.168.32.11", "192.168.33.11"},
		{"local addresses", plan.Learned{ULA: ula}, "fd00:1:2::1/64", "fd00:1:2:1::1/64", "fd00:1:2:1::20",
			"192.168.32.11 fd00:1:2::11", "192.168.33.11 fd00:1:2:1::11"},
		{"a delegation beside them", plan.Learned{ULA: ula, WAN6: delegated("2001:db8:0:10::/60")},
			"2001:db8:0:10::1/64 fd00:1:2::1/64", "2001:db8:0:11::1/64 fd00:1:2:1::1/64",
			"2001:db8:0:11::20 fd00:1:2:1::20", "192.168.32.11 2001:db8:0:10::11 fd00:1:2::11",
			"192.168.33.11 2001:db8:0:11::11 fd00:1:2:1::11"},
		{"too small a delegation for the second", plan.Learned{WAN6: delegated("2001:db8:0:10::/64")},
			"2001:db8:0:10::1/64", "", "", "192.168.32.11 2001:db8:0:10::11", "192.168.33.11"},
		{"two, of which one is within the other", plan.Learned{WAN6: delegated("2001:db8:0:10::/60", "2001:db8:0:10::/64")},
			"2001:db8:0:10::1/64", "2001:db8:0:11::1/64", "2001:db8:0:11::20",
			"192.168.32.11 2001:db8:0:10::11", "192.168.33.11 2001:db8:0:11::11"},
	} {
		t.Run(c.what, func(t *testing.T) {
			n := plan.Numbered(s, c.learned)
			if again := plan.Numbered(n, c.learned); !reflect.DeepEqual(n, again) {
				t.Errorf("numbered twice it is\n%+v\nwant\n%+v", again, n)
			}
			both, _ := n.Host("both")
			six := slices.DeleteFunc(slices.Clone(both.Addrs), netip.Addr.Is4)
			got := []string{
				texts(n.LANs[1].Own6()), texts(n.LANs[0].Own6()), texts(six), hostsOf(n.Firewall.Rules[0].To[0].Networks),
				texts(n.Firewall.Forwards[0].To),
			}
			if want := []string{c.lan, c.lab, c.both, c.rule, c.forward}; !slices.Equal(got, want) {
				t.Errorf("it has\n%q\nwant\n%q", got, want)
			}
			made := plan.Make(s, c.learned)
			if err := made.Check(plan.Plan{}); err != nil {
				t.Error(err)
			}
			if text := hostsFile(made); strings.Contains(text, "::1:0:0:0:") || strings.Contains(text, "\n::20") {
				t.Errorf("a stand-in is in /etc/hosts:\n%s", text)
			}
		})
	}
}

// TestNobodyIsNotEverybody: what a site says of hosts whose networks are gone is not about everybody.
func TestNobodyIsNotEverybody(t *testing.T) {
	s := upstreamWith(t, "::11 web1\n::20 web2\n", `ipv6 = "auto"
delegation = 60
[[firewall.allow]]
from = "wan"
to = "web1"
[[firewall.allow]]
from = ["web2", "2001:db8:f::1"]
to = "box"
service = "ssh"
[[firewall.forward]]
port = 8443
to = "192.168.32.40"
sources = ["web2"]`)
	gone := plan.Numbered(s, plan.Learned{}).Firewall
	if len(gone.Rules) != 1 || texts(gone.Rules[0].From[0].Networks) != "2001:db8:f::1/128" || len(gone.Forwards) != 0 {
		t.Errorf("without networks there are %+v and %+v; want the rule for 2001:db8:f::1 alone", gone.Rules, gone.Forwards)
	}
	there := plan.Numbered(s, plan.Learned{WAN6: delegated("2001:db8:0:10::/60")}).Firewall
	if len(there.Rules) != 2 || len(there.Forwards) != 1 {
		t.Errorf("with one there are %+v and %+v; want both rules and the forward", there.Rules, there.Forwards)
	}
}

func texts[T interface{ String() string }](all []T) string {
	var words []string
	for _, v := range all {
		words = append(words, v.String())
	}
	return strings.Join(words, " ")
}

func hostsOf(networks []netip.Prefix) string {
	var all []netip.Addr
	for _, p := range networks {
		all = append(all, p.Addr())
	}
	return texts(all)
}

func hostsFile(p plan.Plan) string {
	i := slices.IndexFunc(p.Files, func(f plan.File) bool { return f.Name == "hosts" })
	return p.Files[i].Content
}
