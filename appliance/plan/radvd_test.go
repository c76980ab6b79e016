package plan_test

import (
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/radvd"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// planOf returns the plan of a site.toml and hosts.
func planOf(t *testing.T, toml, hosts string, l plan.Learned) (plan.Plan, radvd.Config) {
	t.Helper()
	keys, err := os.ReadFile("../../examples/home/authorized_keys")
	if err != nil {
		t.Fatal(err)
	}
	s, err := site.Load(fstest.MapFS{
		"site.toml": {Data: []byte("name = \"gate\"\ndomain = \"home.example\"\n" + toml)}, "hosts": {Data: []byte(hosts)}, "ethers": {},
		"authorized_keys": {Data: keys},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := plan.Make(s, l)
	if err := p.Check(plan.Plan{}); err != nil {
		t.Errorf("the site is accepted, and then: %v", err)
	}
	for _, s := range p.Services {
		if s.Name == roster.Radvd {
			return p, s.Config.(radvd.Config)
		}
	}
	t.Fatal("nobody advertises")
	return p, radvd.Config{}
}

// TestTooMuchIsTold: neither a site nor a provider can have so much to be told that nothing is.
func TestTooMuchIsTold(t *testing.T) {
	var search, networks []string
	for i := range 16 {
		search = append(search, fmt.Sprintf("%q", strings.Repeat("s", 60)+fmt.Sprintf("%d.example", i)))
		networks = append(networks, fmt.Sprintf("\"2001:db8:0:%d::1/64\"", 100+i))
	}
	var learned wan.Facts6
	for i := range 8 {
		p := netip.PrefixFrom(netip.AddrFrom16([16]byte{0x26, 5: byte(i)}), 56)
		learned.Delegated = append(learned.Delegated, wan.Delegation{Prefix: p, Preferred: wan.Never, Valid: wan.Never})
	}
	p, _ := planOf(t, "[wan]\ninterface = \"eth0\"\nipv6 = \"auto\"\ndelegation = 56\n[[lan]]\nname = \"lan\"\ninterface = \"eth1\"\n"+
		"ipv4 = \"192.168.32.1/24\"\nipv6 = [\"delegated\", "+strings.Join(networks, ", ")+"]\nsearch = ["+strings.Join(search, ", ")+"]\n",
		"", plan.Learned{WAN6: &learned})
	saysOf := func(what string) bool {
		return slices.ContainsFunc(p.Lacking, func(s string) bool { return strings.Contains(s, what) })
	}
	if !saysOf("lan: hosts are not told of 8 networks") || !saysOf("search domains") {
		t.Errorf("%q", p.Lacking)
	}
}

// TestAwaited: a LAN that has something of the provider's waits for it until that is decided, and no other
// does.
func TestAwaited(t *testing.T) {
	const toml = `[wan]
interface = "eth0"
ipv4 = "192.0.2.10/24"
gateway = "192.0.2.1"
ipv6 = "auto"
delegation = 56
[ipv6]
ula = "fd00:1:2::/48"
[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "192.168.32.1/24"
[[lan]]
name = "lab"
interface = "eth2"
ipv4 = "192.168.33.1/24"
ipv6 = "ula"
subnet = 1
`
	for _, decided := range []bool{false, true} {
		_, told := planOf(t, toml, "", plan.Learned{Decided6: decided})
		if told.Links[0].Awaited == decided || told.Links[1].Awaited {
			t.Errorf("decided %v: %+v", decided, told.Links)
		}
	}
}

// TestDeprecatedBeforeTheStart: a delegation whose preferred lifetime ended before the machine was started is
// one that hosts are told of as such: all else of the plan was not applied with it.
func TestDeprecatedBeforeTheStart(t *testing.T) {
	learned := *delegated("2001:db8:4400::/56")
	learned.Delegated[0].Preferred, learned.Delegated[0].Valid = -30*time.Minute, 30*time.Minute
	_, r := planOf(t, "[wan]\ninterface = \"eth0\"\nipv6 = \"auto\"\ndelegation = 56\n[[lan]]\nname = \"lan\"\ninterface = \"eth1\"\n"+
		"ipv4 = \"192.168.32.1/24\"\n", "", plan.Learned{WAN6: &learned})
	p := r.Links[0].Prefixes[0]
	if p.PreferredUntil <= 0 || p.PreferredUntil > time.Second || p.ValidUntil != 30*time.Minute {
		t.Errorf("%+v", p)
	}
}

// TestServersByIPv6: time servers and resolvers of clients are told of by their IPv6 addresses too, if these
// are known.
func TestServersByIPv6(t *testing.T) {
	_, c := planOf(t, `[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "192.168.32.1/24"
ipv6 = "2001:db8:0:20::1/64"
dns = ["192.168.32.1", "192.168.32.53"]
ntp = ["192.168.32.53", "192.168.32.99", "192.168.32.1"]
`, "192.168.32.53 ns\n::53 ns\n2001:db8:0:20::54 ns\n", plan.Learned{})
	const ns = "2001:db8:0:20::54 2001:db8:0:20::53]"
	if got := fmt.Sprint(c.Links[0].Resolvers); got != "[2001:db8:0:20::1 "+ns {
		t.Errorf("resolvers %s", got)
	}
	if got := fmt.Sprint(c.Links[0].NTP); got != "["+strings.TrimSuffix(ns, "]")+" 2001:db8:0:20::1]" {
		t.Errorf("time servers %s", got)
	}
}

// TestTimeByIPv6: hosts are told of the appliance where it keeps the time, by the address there that stays;
// and of nobody where it does not, or where the site says so.
func TestTimeByIPv6(t *testing.T) {
	learned := *delegated("2001:db8:4400::/56")
	for _, c := range []struct{ lan, below, want string }{
		{`ipv6 = ["delegated", "fd00:1::1/64"]`, "[ntp]\nservers = \"192.0.2.123\"\n", "[fd00:1::1]"},
		{`ipv6 = "delegated"`, "[ntp]\nservers = \"192.0.2.123\"\n", "[2001:db8:4400::1]"},
		{`ipv6 = "fd00:1::1/64"`, "[ntp]\nlocal-stratum = 10\n", "[fd00:1::1]"},
		{`ipv6 = "fd00:1::1/64"`, "", "[]"},
		{"ipv6 = \"fd00:1::1/64\"\nntp = []", "[ntp]\nservers = \"192.0.2.123\"\n", "[]"},
	} {
		_, r := planOf(t, "[wan]\ninterface = \"eth0\"\nipv4 = \"dhcp\"\nipv6 = \"auto\"\ndelegation = 56\n[[lan]]\nname = \"lan\"\ninterface = \"eth1\"\n"+
			"ipv4 = \"192.168.32.1/24\"\n"+c.lan+"\n"+c.below, "", plan.Learned{WAN6: &learned})
		if got := fmt.Sprint(r.Links[0].NTP); got != c.want {
			t.Errorf("%s: told of %s, want %s", c.lan, got, c.want)
		}
	}
}

// TestAllAreChecked: each Config that has a Check is looked at before anything is touched.
func TestAllAreChecked(t *testing.T) {
	p, _ := planOf(t, `[wan]
interface = "eth0"
ipv4 = "dhcp"
[tunnel]
server = "203.0.113.30"
ipv6 = "2001:db8:1f0a:1::2/64"
routed = "2001:db8:abcd::/48"
[ntp]
servers = "192.0.2.123"
[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "192.168.32.1/24"
`, "", plan.Learned{})
	if want := len(roster.All()); len(p.Services) != want {
		t.Errorf("services: %d of %d", len(p.Services), want)
	}
	for _, s := range p.Services {
		_, byValue := s.Config.(interface{ Check() error })
		pointer := reflect.New(reflect.TypeOf(s.Config)).Interface()
		if _, has := pointer.(interface{ Check() error }); has && !byValue {
			t.Errorf("%s is never checked", s.Name)
		}
	}
}
