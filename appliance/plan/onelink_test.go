package plan_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
	"github.com/gatehouse-os/gatehouse/site"
)

// twoLANs is a site with two LANs and some more lines.
func twoLANs(t *testing.T, more string) plan.Plan {
	t.Helper()
	s, err := site.Load(fstest.MapFS{
		"authorized_keys": {Data: []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlwv7dGP+JpgUWtxZKOAwZIVvARyyOVY6mQbIEMUC8w one@net.example\n")},
		"site.toml": {Data: []byte(`name = "firewall"
domain = "home.example"
[wan]
interface = "eth0"
ipv4 = "192.0.2.10/24"
gateway = "192.0.2.1"
[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "192.168.32.1/24"
[[lan]]
name = "guests"
interface = "eth1"
vlan = 20
ipv4 = "192.168.33.1/24"
` + more)}})
	if err != nil {
		t.Fatal(err)
	}
	return plan.Make(s, plan.Learned{})
}

// TestAnotherRouterOnALAN: the zone knows what is behind it, and the kernel tells hosts of it, on that link
// alone, and not where they would go past a rule.
func TestAnotherRouterOnALAN(t *testing.T) {
	const route, deny = "[[route]]\nto = \"10.8.0.0/16\"\nvia = \"192.168.32.2\"\n", "[[firewall.deny]]\nservice = \"ssh\"\n"
	for _, c := range []struct{ more, lan, routed string }{
		{"", "0", ""},
		{"[[route]]\nto = \"10.8.0.0/16\"\nvia = \"192.0.2.2\"\n", "0", ""},
		{route, "1", "10.8.0.0/16"},
		{route + deny + "from = \"lan\"\nto = \"guests\"\n", "1", "10.8.0.0/16"},
		{route + deny + "from = \"lan\"\nto = \"10.8.0.7\"\n", "0", "10.8.0.0/16"},
		{route + "[[firewall.zone]]\nname = \"branch\"\nnetworks = [\"10.8.9.0/24\"]\n" + deny + "from = \"branch\"\nto = \"lan\"\n", "0", "10.8.0.0/16"},
	} {
		p := twoLANs(t, c.more)
		for link, want := range map[string]string{"eth1": c.lan, "eth1.20": "0", "eth0": "0"} {
			set := netcfg.Sysctl{Key: "net/ipv4/conf/" + link + "/send_redirects", Value: want}
			if !slices.Contains(p.Network.Sysctls, set) {
				t.Errorf("%s\nexpected %v", c.more, set)
			}
		}
		for _, z := range p.Firewall.Policy.Zones {
			var routed []string
			for _, r := range z.Routed {
				routed = append(routed, r.String())
			}
			if got := strings.Join(routed, " "); z.Name == "lan" && got != c.routed || z.Name != "lan" && got != "" {
				t.Errorf("%s\nzone %s has %q behind another router", c.more, z.Name, got)
			}
		}
	}
}

// TestSSHListensWhereThePolicyLetsIn: upstream only if a rule lets somebody in there.
func TestSSHListensWhereThePolicyLetsIn(t *testing.T) {
	for _, c := range []struct {
		more string
		wan  bool
	}{
		{"", false},
		{"[[firewall.allow]]\nfrom = \"wan\"\nto = \"box\"\nservice = \"ping\"\n", false},
		{"[[firewall.deny]]\nfrom = \"wan\"\nto = \"box\"\nservice = \"ssh\"\n", false},
		{"[[firewall.allow]]\nfrom = \"198.51.100.7\"\nto = \"box\"\nservice = \"ssh\"\n", true},
		{"[[firewall.allow]]\nfrom = \"wan\"\nto = \"box\"\nservice = \"tcp/1-1000\"\n", true},
	} {
		got := map[string]int{}
		for _, service := range twoLANs(t, c.more).Services {
			if config, is := service.Config.(sshcfg.Config); is {
				for _, e := range config.Listen {
					got[e.Interface]++
				}
			}
		}
		if got["eth1"] != 2 || got["eth1.20"] != 2 || (got["eth0"] == 2) != c.wan || got[""] != 0 {
			t.Errorf("%s\nlistens on %v", c.more, got)
		}
	}
}
