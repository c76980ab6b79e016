package plan_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dns"
	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// provided is what an ordinary provider says.
func provided() *wan.Facts {
	return &wan.Facts{
		Addrs: []netip.Prefix{netip.MustParsePrefix("203.0.113.7/24")}, Gateway: netip.MustParseAddr("203.0.113.1"),
		DNS: addrs("203.0.112.53 192.0.2.53"), NTP: addrs("203.0.112.123 192.0.2.123"), Domain: "isp.example",
	}
}

// provided6 is what it says over IPv6.
func provided6() *wan.Facts6 {
	f := delegated("2001:db8:4400::/56")
	f.Addrs = []netip.Prefix{netip.MustParsePrefix("2001:db8:4300:1::7/64")}
	f.Gateway = netip.MustParseAddr("fe80::1")
	f.NTP, f.NTPNames = addrs("2001:db8:4300::123"), []string{"time.isp.example", "time.example"}
	return f
}

func addrs(s string) (all []netip.Addr) {
	for f := range strings.FieldsSeq(s) {
		all = append(all, netip.MustParseAddr(f))
	}
	return all
}

// upstream is a site whose provider gives its address, with lines of its own in [wan] and below.
func upstream(t *testing.T, lines ...string) *site.Site {
	t.Helper()
	return upstreamWith(t, "192.168.32.11 web1\n192.168.32.12 web2\n", lines...)
}

// upstreamWith has hosts of its own too.
func upstreamWith(t *testing.T, hosts string, lines ...string) *site.Site {
	t.Helper()
	text := "name = \"firewall\"\ndomain = \"home.example\"\n[wan]\ninterface = \"eth0\"\n" + strings.Join(lines, "\n") + `
[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "192.168.32.1/24"
`
	fsys := fstest.MapFS{"site.toml": {Data: []byte(text)}, "hosts": {Data: []byte(hosts)},
		"authorized_keys": siteCases(t)["dhcp.txtar"]["authorized_keys"]}
	s, err := site.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const byDHCP = `ipv4 = ["dhcp", "192.168.100.2/24"]`

// commands are addresses and routes on the WAN, and the MTU, in the words of ip(8).
func commands(c netcfg.Config) string {
	var b strings.Builder
	say := func(words ...string) { b.WriteString(strings.Join(words, " ") + "\n") }
	for _, l := range c.Links {
		if l.MTU != 0 || l.MAC != "" {
			say(netcfg.Change{Op: netcfg.SetMAC, Link: l}.String())
			say(netcfg.Change{Op: netcfg.SetMTU, Link: l}.String())
		}
	}
	for _, a := range c.Addresses {
		if a.Link != "eth1" {
			say(netcfg.Change{Op: netcfg.ChangeAddress, Verb: "add", Address: a}.String())
		}
	}
	for _, r := range c.Routes {
		say(netcfg.Change{Op: netcfg.ChangeRoute, Verb: "add", Route: r}.String())
	}
	return b.String()
}

// TestWayOut: what a site says and what is learned means the same to the network.
func TestWayOut(t *testing.T) {
	leased := func(own, gateway string, offLink bool) *wan.Facts {
		f := &wan.Facts{Addrs: []netip.Prefix{netip.MustParsePrefix(own)}, OffLink: offLink}
		f.Gateway, _ = netip.ParseAddr(gateway)
		return f
	}
	more := leased("203.0.113.7/24", "203.0.113.1", false)
	more.MTU = 1400
	more.Routes = []wan.Route{
		{To: netip.MustParsePrefix("198.51.100.0/24"), Via: netip.MustParseAddr("203.0.113.9")},
		{To: netip.MustParsePrefix("198.51.101.0/24"), Via: netip.MustParseAddr("10.64.0.9"), OffLink: true},
		{To: netip.MustParsePrefix("203.0.113.0/24")}, // the kernel has it
		{To: netip.MustParsePrefix("10.8.7.0/24")},    // ours
		{To: netip.MustParsePrefix("9.0.0.0/8")},
	}
	const route = "\n[[route]]\nto = \"10.8.0.0/16\"\nvia = \"192.168.32.2\"\n"
	for _, c := range []struct {
		name    string
		lines   string
		learned *wan.Facts
		want    string
	}{
		{"static", "ipv4 = [\"203.0.113.7/24\", \"203.0.113.8/24\"]\ngateway = \"203.0.113.1\"\nmtu = 1492\nmac = \"00:16:3e:0:0:99\"", more,
			`ip link set eth0 address 00:16:3e:00:00:99
ip link set eth0 mtu 1492
ip addr add 203.0.113.7/24 dev eth0
ip addr add 203.0.113.8/24 dev eth0
ip route add default via 203.0.113.1 dev eth0
`},
		{"static, off the link", "ipv4 = \"203.0.113.7/32\"\ngateway = \"10.64.0.1\"", nil,
			`ip addr add 203.0.113.7/32 dev eth0
ip route add 10.64.0.1/32 dev eth0
ip route add default via 10.64.0.1 dev eth0
`},
		{"nothing is known", byDHCP + "\nmtu = 1492", nil, `ip link set eth0 address 
ip link set eth0 mtu 1492
ip addr add 192.168.100.2/24 dev eth0 scope link
`},
		{"a lease", byDHCP, leased("203.0.113.7/24", "203.0.113.1", false), `ip addr add 203.0.113.7/24 dev eth0
ip addr add 192.168.100.2/24 dev eth0 scope link
ip route add default via 203.0.113.1 dev eth0
`},
		{"without a router", byDHCP, leased("203.0.113.7/24", "", false), `ip addr add 203.0.113.7/24 dev eth0
ip addr add 192.168.100.2/24 dev eth0 scope link
`},
		{"off the link", byDHCP, leased("203.0.113.7/32", "10.64.0.1", true), `ip addr add 203.0.113.7/32 dev eth0
ip addr add 192.168.100.2/24 dev eth0 scope link
ip route add 10.64.0.1/32 dev eth0
ip route add default via 10.64.0.1 dev eth0
`},
		{"two of a pair", byDHCP, leased("203.0.113.6/31", "203.0.113.7", false), `ip addr add 203.0.113.6/31 dev eth0
ip addr add 192.168.100.2/24 dev eth0 scope link
ip route add default via 203.0.113.7 dev eth0
`},
		{"more", byDHCP + route, more, `ip link set eth0 address 
ip link set eth0 mtu 1400
ip addr add 203.0.113.7/24 dev eth0
ip addr add 192.168.100.2/24 dev eth0 scope link
ip route add default via 203.0.113.1 dev eth0
ip route add 10.8.0.0/16 via 192.168.32.2 dev eth1
ip route add 198.51.100.0/24 via 203.0.113.9 dev eth0
ip route add 10.64.0.9/32 dev eth0
ip route add 198.51.101.0/24 via 10.64.0.9 dev eth0
ip route add 9.0.0.0/8 dev eth0
`},
		{"an MTU that providers do not mean", byDHCP + "\nipv6 = \"2001:db8:1::2/64\"\ngateway6 = \"fe80::1\"",
			&wan.Facts{Addrs: more.Addrs, MTU: 576}, `ip addr add 203.0.113.7/24 dev eth0
ip addr add 192.168.100.2/24 dev eth0 scope link
ip addr add 2001:db8:1::2/64 dev eth0 nodad
ip -6 route add default via fe80::1 dev eth0
`},
		{"a lease in a LAN", byDHCP, leased("192.168.32.7/16", "192.168.1.1", false), `ip addr add 192.168.100.2/24 dev eth0 scope link
`},
		{"a modem's address", byDHCP, leased("192.168.100.2/24", "192.168.100.1", false), `ip addr add 192.168.100.2/24 dev eth0
ip route add default via 192.168.100.1 dev eth0
`},
	} {
		p := plan.Make(upstream(t, c.lines), plan.Learned{WAN: c.learned})
		if d := cmp.Diff(c.want, commands(p.Network)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
		if err := p.Check(plan.Plan{}); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestJumboVLAN: a VLAN can have no larger packets than its wire.
func TestJumboVLAN(t *testing.T) {
	for mtu, want := range map[string]uint16{"1508": 1508, "1492": 0} {
		links := plan.Make(upstream(t, byDHCP, "vlan = 7", "priority = 5", "mtu = "+mtu), plan.Learned{}).Network.Links
		i := slices.IndexFunc(links, func(l netcfg.Link) bool { return l.Name == "eth0" })
		if links[i].MTU != want || links[i+1].Name != "eth0.7" || links[i+1].Priority != 5 {
			t.Errorf("%s: %+v", mtu, links)
		}
	}
}

// TestFactsFollow: who needs to know of a lease does, and nobody else gets another configuration.
func TestFactsFollow(t *testing.T) {
	const lines = byDHCP + "\n[dns]\nupstream = [\"192.0.2.53\", \"wan\", \"2001:db8::53\"]\n[ntp]\nservers = [\"192.0.2.123\", \"wan\"]\n" +
		"[[firewall.forward]]\nport = 443\nto = \"web1\"\n[[firewall.one-to-one]]\naddress = \"203.0.113.20\"\nhost = \"web2\"\n"
	s := upstream(t, lines)
	before, after := plan.Make(s, plan.Learned{}), plan.Make(s, plan.Learned{WAN: provided()})
	zone := func(p plan.Plan) firewall.Zone { return p.Firewall.Policy.Zones[len(p.Firewall.Policy.Zones)-1] }
	for i, p := range []plan.Plan{before, after} {
		z := zone(p)
		if !z.DHCP || len(p.Firewall.Policy.Masquerade) != 1 || len(p.Firewall.Policy.Forwards) != 1 || len(p.Firewall.Policy.OneToOne) != 1 {
			t.Errorf("%d: %+v", i, p.Firewall.Policy)
		}
		if err := p.Check(plan.Plan{}); err != nil {
			t.Error(err)
		}
		upstream := []string{"192.0.2.53 203.0.112.53 2001:db8::53"}[0]
		own := "203.0.113.7 192.168.100.2"
		follows := "192.0.2.123 203.0.112.123"
		if i == 0 {
			upstream, own, follows = "192.0.2.53 2001:db8::53", "192.168.100.2", "192.0.2.123"
		}
		d, c := configOf[dns.Config](t, p, roster.DNS), configOf[dhcp.Config](t, p, roster.DHCP)
		var asked []netip.Addr
		for _, u := range d.Upstream.Servers {
			asked = append(asked, u.Address)
		}
		if !slices.Equal(asked, addrs(upstream)) || !slices.Equal(z.Own, addrs(own)) || !slices.Equal(c.Subnets[0].NTP, addrs("192.168.32.1")) {
			t.Errorf("%d: asks %v, own %v, told %v", i, asked, z.Own, c.Subnets[0].NTP)
		}
		var followed []netip.Addr
		for _, source := range configOf[ntp.Config](t, p, roster.NTP).Sources {
			followed = append(followed, source.Addrs...)
		}
		if !slices.Equal(followed, addrs(follows)) {
			t.Errorf("%d: follows %v, want %s", i, followed, follows)
		}
		for _, a := range addrs(own) {
			if !slices.Contains(d.Own, a) {
				t.Errorf("%d: dns may ask %s", i, a)
			}
		}
		if has := slices.ContainsFunc(p.Network.Addresses, func(a netcfg.Address) bool { return a.Prefix.String() == "203.0.113.20/32" && a.Beside }); has != (i == 1) {
			t.Errorf("%d: answers for 203.0.113.20: %t", i, has)
		}
	}
	var units []string
	for _, u := range plan.Describe(s, s, before, after).Units {
		units = append(units, u.Name+" "+string(u.Action))
	}
	if got := strings.Join(units, ", "); got != "dns reload, ntp reload" {
		t.Errorf("a lease means %s", got)
	}
}

func configOf[T any](t *testing.T, p plan.Plan, name string) T {
	t.Helper()
	i := slices.IndexFunc(p.Services, func(s plan.Service) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no service %s", name)
	}
	return p.Services[i].Config.(T)
}

// TestRenewed: the same facts, said again, mean an equal plan: nothing is touched.
func TestRenewed(t *testing.T) {
	for _, name := range []string{"every-key.txtar", "every-key-dhcp.txtar"} {
		s, err := site.Load(siteCases(t)[name])
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(plan.Learned{WAN: provided()})
		if err != nil {
			t.Fatal(err)
		}
		var again plan.Learned
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		was, is := plan.Make(s, plan.Learned{WAN: provided()}), plan.Make(s, again)
		if !reflect.DeepEqual(was, is) {
			t.Errorf("%s: %s", name, cmp.Diff(was, is))
		}
		other := provided()
		other.Addrs = []netip.Prefix{netip.MustParsePrefix("203.0.113.8/24")}
		if changed := plan.Make(s, plan.Learned{WAN: other}); plan.Same(was, changed) != (s.WAN.DHCP == nil) {
			t.Errorf("%s: another address means %s", name, cmp.Diff(was, changed))
		}
	}
}

// TestProvidersChange: what people may notice when another is asked, or nobody any more.
func TestProvidersChange(t *testing.T) {
	const static = "ipv4 = \"203.0.113.99/24\""
	for _, c := range []struct{ from, to, want string }{
		{byDHCP, byDHCP, ""},
		{byDHCP, byDHCP + "\nvendor-class = \"a\"",
			"The provider is asked anew, for it is told something else, and may give the box another address."},
		{byDHCP, static, "Conversations through the provider's address 203.0.113.7 end: the box is 203.0.113.99 there. " +
			"Conversations through 192.168.100.2 (wan) end: the box is 203.0.113.99 there. " +
			"Nothing reaches the outside by IPv4 any more: there is no default route. wan is stopped."},
		{byDHCP, "", "Conversations through the provider's address 203.0.113.7 end. " +
			"Nobody reaches the box at 192.168.100.2 (wan) any more. " +
			"Nothing reaches the outside by IPv4 any more: there is no default route. wan is stopped."},
		{"vlan = 7\npriority = 3\n" + static, "vlan = 7\n" + static,
			"VLAN eth0.7 (wan) is made anew: nothing goes over it for a moment."},
		{byDHCP, "vlan = 7\n" + byDHCP,
			"Conversations through the provider's address 203.0.113.7 end, and nothing reaches the outside by IPv4 until a " +
				"provider has given the box an address on eth0.7. 192.168.100.2 (wan) moves from eth0 to eth0.7."},
	} {
		a, b := upstream(t, c.from), upstream(t, c.to)
		l := plan.Learned{WAN: provided()}
		got := strings.Join(plan.Describe(a, b, plan.Make(a, l), plan.Make(b, l)).Interrupted, " ")
		if got != c.want {
			t.Errorf("%s, then %s: %s", c.from, c.to, got)
		}
	}
}

// TestOutsideIsLost: a person is told when nothing reaches the outside any more, or its names are not looked
// up, and not else.
func TestOutsideIsLost(t *testing.T) {
	const (
		static = "ipv4 = \"203.0.113.99/24\"\n"
		routed = static + "gateway = \"203.0.113.1\"\n"
		six    = "ipv6 = \"2001:db8::2/64\"\ngateway6 = \"2001:db8::1\"\n"
		dhcp   = byDHCP + "\n"
		some   = "[dns]\nupstream = [\"192.0.2.53\"]\n"
		lan    = "[dns]\nupstream = [\"192.168.32.11\"]\n"
		both   = "[dns]\nupstream = [\"192.0.2.53\", \"2001:db8:53::53\"]\n"
		theirs = "[dns]\nupstream = \"wan\"\n"

		ends  = "Conversations through 203.0.113.99 (wan) end, and nothing reaches the outside by IPv4 until the provider has given the box an address. "
		cache = "Till the provider has given the box an address, names outside are answered from the cache only."
		no4   = "Nothing reaches the outside by IPv4 any more: there is no default route."
	)
	silent := provided()
	silent.DNS = nil
	for _, c := range []struct {
		from, to string
		facts    *wan.Facts
		want     string
	}{
		{routed + some, dhcp + some, nil, ends + cache},
		{routed + some, dhcp + theirs, nil, ends + cache},
		{routed + lan, dhcp + lan, nil, strings.TrimSpace(ends)},
		{routed + six + both, dhcp + six + both, nil, strings.TrimSpace(ends)},
		{dhcp + theirs, dhcp + some, provided(), ""},
		{dhcp + some, dhcp + theirs, provided(), ""},
		{dhcp + some, dhcp + theirs, silent, "Names outside are answered from the cache only: the provider names no resolvers."},
		{routed + some, static + some, nil, no4 + " Names outside are not looked up any more: no route leads to a resolver."},
		{routed + lan, static + lan, nil, no4},
		{routed + some, routed, nil, "Names outside are not looked up any more: there is no resolver."},
		{routed + six + both, routed + both, nil,
			"Nobody reaches the box at 2001:db8::2 (wan) any more. Nothing reaches the outside by IPv6 any more: there is no default route."},
		{routed, routed + some, nil, ""},
	} {
		a, b, l := upstream(t, c.from), upstream(t, c.to), plan.Learned{WAN: c.facts}
		got := strings.Join(plan.Describe(a, b, plan.Make(a, l), plan.Make(b, l)).Interrupted, " ")
		if got != c.want {
			t.Errorf("%s, then\n%s: %s", c.from, c.to, got)
		}
	}
}

// TestKindsOfAddresses: behind another router strangers may have private addresses.
func TestKindsOfAddresses(t *testing.T) {
	s := upstream(t, byDHCP)
	private := netip.MustParsePrefix("10.0.0.0/8")
	for own, want := range map[string]bool{"": true, "9.9.9.9/24": true, "10.7.7.7/24": false, "100.64.7.7/24": false} {
		var l plan.Learned
		if own != "" {
			l.WAN = &wan.Facts{Addrs: []netip.Prefix{netip.MustParsePrefix(own)}}
		}
		zones := plan.Make(s, l).Firewall.Policy.Zones
		if got := slices.Contains(zones[len(zones)-1].Bogons, private); got != want {
			t.Errorf("%q: strangers cannot be in %s: %t", own, private, got)
		}
	}
}

// TestProvidersLie: whatever a provider says, or who has taken over the client, the plan works, and the LANs
// are the LANs'.
func TestProvidersLie(t *testing.T) {
	const lines = byDHCP + "\n[dns]\nupstream = [\"wan\", \"9.9.9.53\", \"203.0.113.9\"]\n[dns.forward]\n\"lab.example\" = \"203.0.113.8\"\n" +
		"[ntp]\nservers = \"wan\"\n[[route]]\nto = \"10.8.0.0/16\"\nvia = \"192.168.32.2\"\n" +
		"[[firewall.one-to-one]]\naddress = \"203.0.113.7\"\nhost = \"web1\"\n[[firewall.one-to-one]]\naddress = \"203.0.113.12\"\nhost = \"web2\"\n"
	s := upstream(t, lines)
	r := rand.New(rand.NewPCG(13, 2))
	addr := func() netip.Addr {
		all := addrs("203.0.113.7 203.0.113.8 203.0.113.9 203.0.113.12 192.168.32.1 192.168.32.9 192.168.100.2 192.168.100.1 9.9.9.53 10.8.1.1 " +
			"127.0.0.1 0.0.0.0 224.0.0.1 255.255.255.255 2001:db8::1 ::ffff:9.9.9.9")
		return append(all, netip.Addr{})[r.IntN(len(all)+1)]
	}
	several := func() (all []netip.Addr) {
		for range r.IntN(30) {
			all = append(all, addr())
		}
		return all
	}
	for range 3000 {
		f := &wan.Facts{Gateway: addr(), OffLink: r.IntN(2) == 0, MTU: uint16(r.Uint32()), DNS: several(), NTP: several(), Domain: "x\n"}
		for range r.IntN(3) {
			f.Addrs = append(f.Addrs, netip.PrefixFrom(addr(), r.IntN(34)-1))
		}
		for range r.IntN(100) {
			f.Routes = append(f.Routes, wan.Route{To: netip.PrefixFrom(addr(), r.IntN(34)-1), Via: addr(), OffLink: r.IntN(2) == 0})
		}
		p := plan.Make(s, plan.Learned{WAN: f})
		if err := p.Check(plan.Plan{}); err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		checkNetwork(t, p.Network)
	}
}

// checkNetwork holds a network against what a lease must not touch.
func checkNetwork(t *testing.T, c netcfg.Config) {
	t.Helper()
	lan, behind := netip.MustParsePrefix("192.168.32.0/24"), netip.MustParsePrefix("10.8.0.0/16")
	has := map[netip.Addr]bool{}
	for _, a := range c.Addresses {
		if has[a.Prefix.Addr()] || !a.Prefix.IsValid() || a.Link == "eth0" && a.Prefix.Overlaps(lan) {
			t.Fatalf("addresses %v", c.Addresses)
		}
		has[a.Prefix.Addr()] = true
	}
	to := map[netip.Prefix]bool{}
	for _, r := range c.Routes {
		inside := lan.Contains(r.To.Addr()) && r.To.Bits() >= lan.Bits() || behind.Contains(r.To.Addr()) && r.To.Bits() >= behind.Bits()
		if to[r.To] || r.To != r.To.Masked() || r.Link == "eth0" && (inside || lan.Contains(r.Via) || has[r.Via]) {
			t.Fatalf("routes %v", c.Routes)
		}
		to[r.To] = true
	}
}

// TestNobodyAsks: there is no client where the site says the address itself.
func TestNobodyAsks(t *testing.T) {
	for _, lines := range []string{"", "ipv4 = \"203.0.113.7/24\""} {
		for _, s := range plan.Make(upstream(t, lines), plan.Learned{WAN: provided()}).Services {
			if s.Name == roster.WAN {
				t.Errorf("%q: somebody asks a provider", lines)
			}
		}
	}
}

// TestWANConfig: what the client is told is what the site says of the link, its card and its LANs.
func TestWANConfig(t *testing.T) {
	s, err := site.Load(siteCases(t)["every-key-dhcp.txtar"])
	if err != nil {
		t.Fatal(err)
	}
	c := configOf[wan.Config](t, plan.Make(s, plan.Learned{}), roster.WAN)
	text, err := json.Marshal(c)
	const want = `{"Link":"eth0.832","MAC":"00:16:3e:00:00:98","ClientID":"hex:01:02:03","VendorClass":"isp-router 2",` +
		`"HostName":"customer-4711","Options":[{"Code":77,"Data":"customer"},{"Code":90,"Data":"hex:01:02"}],"Ask":"OkJ+",` +
		`"Broadcast":true,"MaxMTU":1492,"Probe":300000000,"LANs":[{"Name":"lan","Network":"192.168.32.0/24","Address":"192.168.32.1"},` +
		`{"Name":"lab","Network":"192.168.34.0/24","Address":"192.168.34.1"}]}`
	if err != nil || string(text) != want || c.Check() != nil {
		t.Errorf("%v, %v\ngot  %s\nwant %s", err, c.Check(), text, want)
	}
	for lines, want := range map[string]wan.Config{
		`ipv4 = "dhcp"`:                         {Identity: wan.ByMAC, MaxMTU: 1500},
		"ipv4 = \"dhcp\"\nclient-id = \"duid\"": {Identity: wan.ByLink, MaxMTU: 1500},
		"ipv4 = \"dhcp\"\nmtu = 9000":           {Identity: wan.ByMAC, MaxMTU: 9000},
	} {
		got := configOf[wan.Config](t, plan.Make(upstream(t, lines), plan.Learned{}), roster.WAN)
		if got.Identity != want.Identity || got.MaxMTU != want.MaxMTU || got.MAC != want.MAC || len(got.LANs) != 1 || got.Check() != nil {
			t.Errorf("%s: %+v, %v", lines, got, got.Check())
		}
	}
}
