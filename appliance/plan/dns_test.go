package plan_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/services/dns"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
	"github.com/gatehouse-os/gatehouse/site"
)

const dnsSite = `name = "gate"
domain = "home.example"
[wan]
interface = "eth0"
ipv4 = "192.0.2.10/24"
[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "192.168.32.1/24"
ipv6 = "2001:db8:0:20::1/64"
[[lan]]
name = "lab"
interface = "eth1"
vlan = 20
ipv4 = "192.168.33.1/24"
pool = "192.168.33.100-192.168.33.199"
[[route]]
to = "10.8.0.0/16"
via = "192.168.33.2"
[[relayed]]
name = "shop"
network = "10.8.40.0/24"
router = "10.8.40.1"
[[firewall.one-to-one]]
address = "192.0.2.20"
host = "web1"
[dns]
upstream = ["192.0.2.53", "2001:db8::53@8853#dns.example"]
private = ["plex.direct"]
mixed-case = true
[dns.forward]
"corp.home.example" = "10.8.0.53"
[ntp]
servers = ["192.168.32.20", "192.0.2.123", "192.168.33.20"]
[[record]]
name = "@"
mx = "10 web1"
txt = "text"
ttl = "10m"
[[record]]
name = "*.apps"
cname = "www.example.org"
[[record]]
name = "_sip._tcp"
srv = ["1 2 5060 web1", "0 0 0 ."]
caa = "128 issue ca.example"
[[service]]
type = "_ipp._tcp"
host = "web1"
port = 631
instance = "Office"
text = "a=b"
`

const dnsHosts = `192.168.32.1   gate fw gate-lab
192.168.33.1   gate-lab gate
192.168.32.11  web1 www store.other.example
2001:db8:0:20::11 web1
192.168.32.20  clock clock-lab ntp
192.168.33.20  clock-lab clock
192.168.32.30  mail.other.example
`

const dnsEthers = `00:16:3e:20:00:11 web1
00:16:3e:20:00:12 laptop
00:16:3e:20:00:13 laptop
`

const oneKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlwv7dGP+JpgUWtxZKOAwZIVvARyyOVY6mQbIEMUC8w one@net.example\n"

func dnsOf(t *testing.T, toml, hosts, ethers string) dns.Config {
	t.Helper()
	s, err := site.Load(dnsFiles(toml, hosts, ethers))
	if err != nil {
		t.Fatal(err)
	}
	c := dnsConfig(s)
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	return c
}

// dnsConfig is what DNS is told of a site.
func dnsConfig(s *site.Site) dns.Config {
	services := plan.Make(s, plan.Learned{}).Services
	i := slices.IndexFunc(services, func(x plan.Service) bool { return x.Name == roster.DNS })
	return services[i].Config.(dns.Config)
}

func dnsFiles(toml, hosts, ethers string) fstest.MapFS {
	return fstest.MapFS{"site.toml": {Data: []byte(toml)}, "hosts": {Data: []byte(hosts)}, "ethers": {Data: []byte(ethers)},
		"authorized_keys": {Data: []byte(oneKey)}}
}

func addresses(words string) []netip.Addr {
	var all []netip.Addr
	for _, w := range strings.Fields(words) {
		all = append(all, netip.MustParseAddr(w))
	}
	return all
}

func TestDNSConfig(t *testing.T) {
	networks := []netip.Prefix{netip.MustParsePrefix("192.168.32.0/24"), netip.MustParsePrefix("192.168.33.0/24"),
		netip.MustParsePrefix("10.8.40.0/24"), netip.MustParsePrefix("2001:db8:0:20::/64")}
	want := dns.Config{
		Links: []string{"eth1", "eth1.20"},
		House: zone.Config{
			Domain:   "home.example",
			Router:   zone.Host{Name: "gate", Addrs: addresses("192.168.32.1 2001:db8:0:20::1 192.168.33.1")},
			Networks: networks,
			Hosts: []zone.Host{
				{Name: "clock", Addrs: addresses("192.168.32.20"), Aliases: []string{"ntp"}},
				{Name: "clock-lab", Addrs: addresses("192.168.33.20")},
				{Name: "laptop", Clients: []string{"00:16:3e:20:00:12", "00:16:3e:20:00:13"}},
				{Name: "mail.other.example.", Addrs: addresses("192.168.32.30")},
				{Name: "web1", Addrs: addresses("192.168.32.11 2001:db8:0:20::11"), Clients: []string{"00:16:3e:20:00:11"}},
			},
			Records: []zone.Record{
				{Name: "fw", Addrs: addresses("192.168.32.1")},
				{Name: "gate-lab", Addrs: addresses("192.168.32.1 192.168.33.1")},
				{Name: "clock", Addrs: addresses("192.168.33.20")},
				{Name: "clock-lab", Addrs: addresses("192.168.32.20")},
				{Name: "www", Addrs: addresses("192.168.32.11")},
				{Name: "store.other.example.", Addrs: addresses("192.168.32.11")},
				{Name: "@", MX: []zone.MX{{Preference: 10, Host: "web1"}}, TXT: []string{"text"}, TTL: 600},
				{Name: "*.apps.home.example.", CNAME: "www.example.org."},
				{Name: "_sip._tcp.home.example.", SRV: []zone.SRV{{Priority: 1, Weight: 2, Port: 5060, Target: "web1"}, {Target: "."}},
					CAA: []zone.CAA{{Flags: 128, Tag: "issue", Value: "ca.example"}}},
			},
			Services: []zone.Service{
				{Type: "_ipp._tcp", Host: "web1", Port: 631, Instance: "Office", Text: []string{"a=b"}},
				{Type: "_ntp._udp", Host: "gate", Port: 123},
			},
			Elsewhere: []string{"corp.home.example."},
		},
		Upstream: servers.Config{
			Servers: []servers.Server{
				{Address: netip.MustParseAddr("192.0.2.53"), Kind: servers.Plain},
				{Address: netip.MustParseAddr("2001:db8::53"), Port: 8853, Kind: servers.TLS, Name: "dns.example"},
			},
			Forward: []servers.Forward{{Domain: "corp.home.example",
				Servers: []servers.Server{{Address: netip.MustParseAddr("10.8.0.53"), Kind: servers.Plain}}}},
			MixedCase: true,
		},
		Private: []string{"plex.direct"},
		Leases:  "/perm/dhcp", Stations: "/perm/radvd",
		Own:   addresses("192.0.2.10 192.168.32.1 2001:db8:0:20::1 192.168.33.1 192.0.2.20"),
		Timed: true,
	}
	equal := cmp.Options{
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	}
	if diff := cmp.Diff(want, dnsOf(t, dnsSite, dnsHosts, dnsEthers), equal); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What follows from the site is not said where the site says it itself, and leases are nobody's without a
// pool.
func TestDNSConfigSaidOtherwise(t *testing.T) {
	for _, own := range []string{
		"[[service]]\ntype = \"_ntp._udp\"\nhost = \"web1\"\nport = 123\n", "[[record]]\nname = \"_ntp._udp\"\ncname = \"_ntp._udp.example.org\"\n",
	} {
		c := dnsOf(t, dnsSite+own, dnsHosts, dnsEthers)
		if slices.ContainsFunc(c.House.Services, func(s zone.Service) bool { return s.Type == "_ntp._udp" && s.Host != "web1" }) {
			t.Errorf("with %s there is %+v", own, c.House.Services)
		}
	}
	noPool := strings.ReplaceAll(dnsSite, "pool = ", "# pool = ")
	if c := dnsOf(t, noPool, dnsHosts, "00:16:3e:20:00:11 web1\n"); c.Leases != "" {
		t.Errorf("without a pool the leases are in %s", c.Leases)
	}
}

// TestNamesOfStations: which of the addresses that hosts make have names, where there is IPv6.
func TestNamesOfStations(t *testing.T) {
	const (
		four = "name = \"gate\"\ndomain = \"home.example\"\n[[lan]]\nname = \"lan\"\ninterface = \"eth1\"\nipv4 = \"192.168.77.1/24\"\n"
		six  = four + "ipv6 = \"fd00:77::1/64\"\n"
	)
	for _, x := range []struct {
		toml, dir string
		temporary bool
	}{
		{toml: four},
		{toml: six, dir: "/perm/radvd"},
		{toml: six + "[ipv6]\nnames = \"stable\"\n", dir: "/perm/radvd"},
		{toml: six + "[ipv6]\nnames = \"all\"\n", dir: "/perm/radvd", temporary: true},
		{toml: six + "[ipv6]\nnames = \"off\"\n"},
	} {
		if c := dnsOf(t, x.toml, "", ""); c.Stations != x.dir || c.Temporary != x.temporary {
			t.Errorf("%s: stations of %q, temporary %v; want %q, %v", x.toml, c.Stations, c.Temporary, x.dir, x.temporary)
		}
	}
}

var namesSites = flag.Int("names", 60, "how many random sites TestRandomNamesWork makes")

// A namesGame adds to a site what is about names, piece by piece.
type namesGame struct {
	r                               *rand.Rand
	forwards, blocks, hosts, ethers []string
}

func (g *namesGame) with(p namesGame) namesGame {
	return namesGame{g.r, slices.Concat(g.forwards, p.forwards), slices.Concat(g.blocks, p.blocks),
		slices.Concat(g.hosts, p.hosts), slices.Concat(g.ethers, p.ethers)}
}

func (g *namesGame) toml() string {
	return "name = \"gate\"\ndomain = \"home.example\"\n[[lan]]\nname = \"lan\"\ninterface = \"eth1\"\nipv4 = \"192.168.32.1/24\"\n" +
		"ipv6 = \"2001:db8:0:20::1/64\"\npool = \"192.168.32.100-192.168.32.199\"\n[[lan]]\nname = \"lab\"\ninterface = \"eth2\"\n" +
		"ipv4 = \"10.9.0.1/26\"\n[[lan]]\nname = \"wide\"\ninterface = \"eth3\"\nipv4 = \"44.1.128.1/17\"\n" +
		"[dns.forward]\n" + strings.Join(g.forwards, "") + strings.Join(g.blocks, "")
}

// Names that are near each other: hosts', records', forwarded, special, outside, and their edges.
func (g *namesGame) name() string {
	return pick(g.r, []string{"@", "home.example", "web1", "WEB1", "www", "files", "gate", "fw", "a", "b", "c", "a.b", "x.web1",
		"a.home.example", "b.a.home.example", "c.b.a.home.example", "*", "*.a", "*.b.a.home.example", "*.web1", "*.lab.example", "lab.example",
		"x.lab.example", "*.example", "corp.home.example", "x.corp.home.example", "other.example", "a.other.example", "b.a.other.example",
		"*.other.example", "nas.local", "a.nas.local", "home.arpa", "x.home.arpa", "y.x.home.arpa", "x.test", "x.invalid", "x.localhost",
		"localhost", "resolver.arpa", "x.ipv4only.arpa", "arpa", "in-addr.arpa", "5.32.168.192.in-addr.arpa", "_tcp", "_ipp._tcp",
		"office._ipp._tcp", "_ntp._udp", "_services._dns-sd._udp", "b._dns-sd._udp", "_udp", "_dns-sd._udp", "x._tcp.web1.home.example",
		"wpad", "9.home.example", strings.Repeat("l", 63), strings.Repeat("l", 63) + "." + strings.Repeat("m.", 60) + "example"})
}

// piece is one more line, or a few: right by itself, or nearly so.
func (g *namesGame) piece() namesGame {
	r, name := g.r, g.name
	switch r.IntN(12) {
	case 0, 1:
		reverse := []string{"32.168.192.in-addr.arpa", "168.192.in-addr.arpa", "5.32.168.192.in-addr.arpa", "0.9.10.in-addr.arpa",
			"9.10.in-addr.arpa", "10.in-addr.arpa", "128.1.44.in-addr.arpa", "0.128.1.44.in-addr.arpa", "44.in-addr.arpa",
			"0.2.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa", "0.127.in-addr.arpa", "_tcp.home.example",
			"_dns-sd._udp.home.example", "_udp.home.example", "home.example", "example", "local", "a.home.example", "lab.home.example"}
		domain := pick(r, append(reverse, name()))
		server := pick(r, []string{"10.8.0.53", "10.9.0.1", "10.8.0.53@5300#dns.example", "2001:db8::53", "10.8.0.53#10.8.0.53", "fe80::1"})
		return namesGame{forwards: []string{fmt.Sprintf("%q = %q\n", domain, server)}}
	case 2, 3:
		address := pick(r, []string{"192.168.32.11", "192.168.32.12", "10.9.0.70", "10.9.0.5", "44.1.128.9", "2001:db8:0:20::11", "192.168.32.1",
			"203.0.113.7", "fe80::7"})
		return namesGame{hosts: []string{address + " " + name() + " " + name() + "\n"}}
	case 4:
		return namesGame{ethers: []string{fmt.Sprintf("00:16:3e:20:00:%02x %s\n", r.IntN(9), name())}}
	case 5, 6, 7:
		text := fmt.Sprintf("[[service]]\ntype = %q\nhost = %q\nport = %d\n", pick(r, []string{"_ipp._tcp", "_ntp._udp", "_x._tcp", "_dns-sd._udp"}),
			pick(r, []string{"gate", "web1", name()}), 1+r.IntN(2))
		if r.IntN(2) > 0 {
			text += fmt.Sprintf("instance = %q\n", pick(r, []string{"Office", "office", "b", "lb", "a.b", "Ünï", strings.Repeat("i", 63)})) + some(r, 4, "text = [\"a=b\", \"c\", \"a=b\"]\n")
		}
		return namesGame{blocks: []string{text + some(r, 2, "priority = 3\n")}}
	}
	text := fmt.Sprintf("[[record]]\nname = %q\n", name())
	if r.IntN(3) == 0 {
		return namesGame{blocks: []string{text + fmt.Sprintf("cname = %q\n", name())}}
	}
	return namesGame{blocks: []string{text + some(r, 3, "address = [\"192.0.2.7\", \"2001:db8::7\", \"127.0.0.2\"]\n", fmt.Sprintf("srv = [\"0 0 %d %s\", \"0 0 2 %s\"]\n", 1+r.IntN(2), name(), name()), fmt.Sprintf("mx = [\"5 %s\", \"05 .\"]\n", name()),
		"txt = [\"\", \"a\", \""+strings.Repeat("t", 255*r.IntN(3))+"\"]\n", "caa = [\"0 issue a\", \"0 ISSUE b\"]\n", "ttl = \"7d\"\n")}}
}

// files is the site in one of several domains.
func (g *namesGame) files(domain string) fstest.MapFS {
	in := func(text string) string { return strings.ReplaceAll(text, "home.example", domain) }
	return dnsFiles(in(g.toml()), in(strings.Join(g.hosts, "")), in(strings.Join(g.ethers, "")))
}

// TestRandomNamesWork: whatever is said about names in a site that is accepted, DNS can serve it.
func TestRandomNamesWork(t *testing.T) {
	taken, refused := 0, 0
	for seed := range uint64(*namesSites) {
		g := namesGame{r: rand.New(rand.NewPCG(seed, 12))}
		domain := pick(g.r, []string{"home.example", "home.arpa", "lan", "nas.local", "a.other.example"})
		for range 60 {
			next := g.with(g.piece())
			files := next.files(domain)
			s, err := site.Load(files)
			if err != nil {
				refused++
				continue
			}
			taken++
			if err := dnsConfig(s).Check(); err != nil {
				t.Fatalf("accepted, and then: %v\n%s\n%s\n%s", err, files["site.toml"].Data, files["hosts"].Data, files["ethers"].Data)
			}
			g = next
		}
	}
	if taken < 400 || refused < 400 {
		t.Errorf("%d pieces were accepted and %d refused, which says little", taken, refused)
	}
}

// TestWhoAsksTheBox: clients are told of the box by its address on their way to it, and the firewall lets
// them ask it, those behind a relay agent too.
func TestWhoAsksTheBox(t *testing.T) {
	s, err := site.Load(dnsFiles(dnsSite+"[[firewall.zone]]\nname = \"branch\"\nnetworks = [\"10.8.0.0/16\"]\n", dnsHosts, dnsEthers))
	if err != nil {
		t.Fatal(err)
	}
	p := plan.Make(s, plan.Learned{})
	i := slices.IndexFunc(p.Firewall.Policy.Defaults, func(r firewall.Rule) bool { return r.Name == "default.dns" })
	if i < 0 || !slices.Equal(p.Firewall.Policy.Defaults[i].From[0].Zones, []string{"lan", "lab", "branch"}) {
		t.Errorf("the box may be asked by %+v", p.Firewall.Policy.Defaults)
	}
	told := map[string]string{}
	for _, n := range s.Subnets() {
		told[n.Name] = fmt.Sprint(n.DNS)
	}
	want := map[string]string{"lan": "[192.168.32.1]", "lab": "[192.168.33.1]", "shop": "[192.168.33.1]"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
