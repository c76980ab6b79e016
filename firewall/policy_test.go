package firewall_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/policytest"
)

func TestPolicyRoundTripsAsJSON(t *testing.T) {
	for seed := range uint64(200) {
		want := policytest.Random(rand.New(rand.NewPCG(seed, 0)))
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var got firewall.Policy
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("seed %d: %v in %s", seed, err, text)
		}
		if again, _ := json.Marshal(got); string(again) != string(text) {
			t.Fatalf("seed %d: %s became %s", seed, text, again)
		}
		a, _ := firewall.Compile(want)
		if b, _ := firewall.Compile(got); !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d: the policy means something else after a round trip: %s", seed, text)
		}
	}
}

func TestPortRangeText(t *testing.T) {
	for _, text := range []string{"0", "53", "5000-5999", "1-65535"} {
		var r firewall.PortRange
		if err := r.UnmarshalText([]byte(text)); err != nil || r.String() != text {
			t.Errorf("%q: read as %v, %v", text, r, err)
		}
	}
	for _, text := range []string{"", "-", "dns", "65536", "10-9", "1-2-3", " 5", "-5", "5-"} {
		var r firewall.PortRange
		if err := r.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "expected a port") {
			t.Errorf("%q: read as %v, %v; expected an error", text, r, err)
		}
	}
}

func TestKnownServices(t *testing.T) {
	for _, name := range []string{"dhcp", "dns", "ntp", "ping", "ra", "ssh"} {
		s, ok := firewall.Known(name)
		if !ok || s.Name != name || len(s.Flows) == 0 {
			t.Errorf("%s: %+v, %t", name, s, ok)
		}
	}
	if _, ok := firewall.Known("telnet"); ok {
		t.Error("telnet is known")
	}
}

// TestCheck changes one thing of a good policy at a time.
func TestCheck(t *testing.T) {
	ssh, _ := firewall.Known("ssh")
	oneFlow := func(f firewall.Flow) firewall.Service { return firewall.Service{Name: "x", Flows: []firewall.Flow{f}} }
	ports := func(rs ...firewall.PortRange) firewall.Service {
		return oneFlow(firewall.Flow{Proto: firewall.TCP, Ports: rs})
	}
	type P = *firewall.Policy
	for _, c := range []struct {
		break_ func(p P)
		want   string
	}{
		{func(p P) {}, ""},
		{func(p P) { p.Zones[0].Name = "a_b" }, `zone a_b: expected a name of letters`},
		{func(p P) { p.Zones[0].Name = "" }, `zone : expected a name of letters`},
		{func(p P) { p.Zones[0].Name = "2nd" }, `zone 2nd: expected a name of letters`},
		{func(p P) { p.Zones[0].Name = strings.Repeat("x", 33) }, `at most 32`},
		{func(p P) { p.Zones[0].Name = "box" }, `zone box: that name means the appliance itself`},
		{func(p P) { p.Zones[1].Name = "lan" }, `zone lan: declared twice`},
		{func(p P) { p.Zones[0].Refuse = "" }, `zone lan: refuse "": expected "drop" or "reject"`},
		{func(p P) { p.Zones[0].Interfaces[0] = "lo" }, `zone lan: interface "lo": expected the name of a network interface`},
		{func(p P) { p.Zones[0].Interfaces[0] = "eth*" }, `zone lan: interface "eth*"`},
		{func(p P) { p.Zones[0].Interfaces[0] = `e"` }, `zone lan: interface "e\""`},
		{func(p P) { p.Zones[0].Interfaces[0] = "abcdefghijklmnop" }, `zone lan: interface "abcdefghijklmnop"`},
		{func(p P) { p.Zones[1].Interfaces = []string{"eth1"} }, `zone wan: interface eth1 is in zone lan already`},
		{func(p P) { p.Allow[0].From = nil }, `allow 1 (site.toml:3): from: names no zone`},
		{func(p P) { p.Allow[0].From = []string{"dmz"} }, `allow 1 (site.toml:3): from: there is no zone "dmz"`},
		{func(p P) { p.Allow[0].From = []string{"box"} }, `from: there is no zone "box"`},
		{func(p P) { p.Allow[0].To = nil }, `to: names no zone`},
		{func(p P) { p.Allow[0].To = []string{"dmz"} }, `to: there is no zone "dmz"`},
		{func(p P) { p.Allow[0].Services = nil }, `to box: name the services`},
		{func(p P) { p.Allow[0].Origin = "a\nb" }, `origin "a\nb": expected printable text`},
		{func(p P) { p.Allow[0].Rate.Burst = 5 }, `rate of 0 per second, burst 5`},
		{func(p P) { p.Log = firewall.Rate{PerSecond: 1 << 30, Burst: 1} }, `log: rate of 1073741824 per second`},
		{func(p P) { p.Allow[0].Services[0].Name = `"` }, `service "\"": expected a printable name`},
		{func(p P) { p.Allow[0].Services[0].Flows = nil }, `service ssh: has no flows`},
		{func(p P) { p.Allow[0].Services[0] = oneFlow(firewall.Flow{Proto: "gre"}) }, `protocol "gre": expected tcp`},
		{func(p P) { p.Allow[0].Services[0] = oneFlow(firewall.Flow{Proto: firewall.ICMP}) }, `icmp needs types`},
		{func(p P) { p.Allow[0].Services[0] = oneFlow(firewall.Flow{Proto: firewall.TCP, Types: []uint8{8}}) }, `tcp has no types`},
		{func(p P) { p.Allow[0].Services[0] = ports(firewall.PortRange{First: 9, Last: 8}) }, `ports 9-8: the first is above the last`},
		{func(p P) {
			p.Allow[0].Services[0] = ports(firewall.Port(80), firewall.PortRange{First: 70, Last: 90})
		}, `ports 70-90 and 80 overlap`},
		{func(p P) { p.Masquerade[0].To = "dmz" }, `masquerade 1: to: there is no zone "dmz"`},
		{func(p P) { p.Masquerade[0].From = nil }, `masquerade 1: from: names no zone`},
	} {
		p := firewall.Policy{
			Zones: []firewall.Zone{
				{Name: "lan", Interfaces: []string{"eth1"}, Refuse: firewall.Reject},
				{Name: "wan", Interfaces: []string{"eth0"}, Refuse: firewall.Drop}},
			Allow: []firewall.Allow{{From: []string{"lan"}, To: []string{firewall.Box},
				Services: []firewall.Service{ssh}, Origin: "site.toml:3"}},
			Masquerade: []firewall.Masquerade{{From: []string{"lan"}, To: "wan"}},
		}
		c.break_(&p)
		_, err := firewall.Compile(p)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func TestCheckReportsEverything(t *testing.T) {
	p := firewall.Policy{Zones: []firewall.Zone{{Name: "1"}}, Masquerade: []firewall.Masquerade{{To: "nowhere"}}}
	err := p.Check()
	for _, want := range []string{"zone 1: expected a name", "zone 1: refuse", "from: names no zone", `no zone "nowhere"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in: %v", want, err)
		}
	}
}
