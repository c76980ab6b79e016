package firewall_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
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
		a, errA := firewall.Compile(want, firewall.Features{})
		b, errB := firewall.Compile(got, firewall.Features{})
		if errA != nil || errB != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d: the policy means something else after a round trip (%v, %v): %s", seed, errA, errB, text)
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

// good is a policy that uses everything and is right.
func good() firewall.Policy {
	lan, wan := []firewall.Endpoint{{Zones: []string{"lan"}}}, []firewall.Endpoint{{Zones: []string{"wan"}}}
	return firewall.Policy{
		Zones: []firewall.Zone{
			{Name: "lan", Interfaces: []string{"eth1"}, Refuse: firewall.Reject, Own: []netip.Addr{netip.MustParseAddr("192.168.32.1")}},
			{Name: "wan", Interfaces: []string{"eth0"}, Refuse: firewall.Drop, Outside: true, Bogons: firewall.SpecialPurpose()},
			{Name: "branch", Interfaces: []string{"eth1"}, Refuse: firewall.Reject, Networks: []netip.Prefix{netip.MustParsePrefix("10.8.0.0/16")}},
		},
		Sets: []firewall.AddressSet{{Name: "blocked", Live: true}},
		Rules: []firewall.Rule{{Name: "ssh", Action: firewall.Allow, From: lan, To: []firewall.Endpoint{{Zones: []string{firewall.Box}}},
			Services: []firewall.Service{oneFlow(firewall.Flow{Proto: firewall.TCP, Ports: []firewall.PortRange{firewall.Port(22)}})}, Origin: "site.toml:3"}},
		Forwards: []firewall.Forward{
			{Name: "web", From: []string{"wan"}, Protos: []firewall.Proto{firewall.TCP}, Ports: firewall.Port(443), Zone: "lan", Hairpin: []string{"lan"},
				To: []netip.Addr{netip.MustParseAddr("192.168.32.11"), netip.MustParseAddr("2001:db8::11")}},
			{Name: "phone", From: []string{"wan"}, Protos: []firewall.Proto{firewall.UDP}, Ports: firewall.PortRange{First: 5000, Last: 5999}, Zone: "lan",
				To: []netip.Addr{netip.MustParseAddr("192.168.32.30")}}},
		Defaults:   []firewall.Rule{{Name: "out", Action: firewall.Allow, From: lan, To: wan}},
		OneToOne:   []firewall.OneToOne{{Outside: netip.MustParseAddr("192.0.2.20"), Inside: netip.MustParseAddr("192.168.32.12"), Zone: "wan", Host: "lan"}},
		Masquerade: []firewall.Masquerade{{From: []string{"lan"}, To: "wan"}},
		Log:        firewall.Rate{Count: 5, Per: firewall.Second, Burst: 5},
	}
}

func oneFlow(f firewall.Flow) firewall.Service {
	return firewall.Service{Name: "x", Flows: []firewall.Flow{f}}
}

// TestCheck changes one thing of a good policy at a time.
func TestCheck(t *testing.T) {
	ports := func(rs ...firewall.PortRange) []firewall.Service {
		return []firewall.Service{oneFlow(firewall.Flow{Proto: firewall.TCP, Ports: rs})}
	}
	flow := func(f firewall.Flow) []firewall.Service { return []firewall.Service{oneFlow(f)} }
	type P = *firewall.Policy
	for _, c := range []struct {
		change func(p P)
		want   string
	}{
		{func(p P) {}, ""},
		{func(p P) { p.Zones[1].Name = "a_b" }, `zone a_b: expected a name of letters`},
		{func(p P) { p.Zones[0].Name = "" }, `zone : expected a name of letters`},
		{func(p P) { p.Zones[0].Name = "2nd" }, `zone 2nd: expected a name of letters`},
		{func(p P) { p.Zones[0].Name = strings.Repeat("x", 81) }, `at most 80`},
		{func(p P) { p.Zones[0].Name = "box" }, `zone box: that name means the appliance itself`},
		{func(p P) { p.Zones[1].Name = "lan" }, `zone lan: declared twice`},
		{func(p P) { p.Zones[0].Refuse = "" }, `zone lan: refuse "": expected "drop" or "reject"`},
		{func(p P) { p.Zones[0].Interfaces[0] = "lo" }, `zone lan: interface "lo": expected the name of a network interface`},
		{func(p P) { p.Zones[0].Interfaces[0] = "eth*" }, `zone lan: interface "eth*"`},
		{func(p P) { p.Zones[0].Interfaces[0] = `e"` }, `zone lan: interface "e\""`},
		{func(p P) { p.Zones[0].Interfaces[0] = "abcdefghijklmnop" }, `zone lan: interface "abcdefghijklmnop"`},
		{func(p P) { p.Zones[1].Interfaces = []string{"eth1"} }, `zone wan: interface eth1 is in zone lan already`},
		{func(p P) { p.Zones[1].Bogons[0] = netip.MustParsePrefix("10.1.2.3/8") }, `zone wan: bogon 10.1.2.3/8: expected an address with the length`},
		{func(p P) { p.Zones[2].Interfaces = []string{"eth9"} }, `zone branch: its interfaces are not those of a zone`},
		{func(p P) { p.Zones[2].Refuse = firewall.Drop }, `zone branch: refuse "drop", but "reject" in zone lan`},
		{func(p P) { p.Zones[2].Outside = true }, `zone branch: outside, bogons,`},
		{func(p P) {
			part := p.Zones[2]
			part.Name, part.Networks = "b2", []netip.Prefix{netip.MustParsePrefix("10.8.7.0/24")}
			p.Zones = append(p.Zones, part)
		}, `zone b2: its networks overlap those of zone branch`},
		{func(p P) { p.Sets[0].Name = "x_y" }, `set x_y: name "x_y": expected letters`},
		{func(p P) { p.Sets[0].Live = false }, `set blocked: is empty`},
		{func(p P) { p.Sets = append(p.Sets, p.Sets[0]) }, `set blocked: declared twice`},
		{func(p P) { p.Rules[0].Name = "a b" }, `rule a b (site.toml:3): name "a b": expected letters`},
		{func(p P) { p.Rules[0].Name = "refused" }, `name "refused" is what the log calls something else`},
		{func(p P) { p.Defaults[0].Name = "ssh" }, `default ssh: the name is taken`},
		{func(p P) { p.Forwards[0].Name = "ssh" }, `forward ssh: the name is taken`},
		{func(p P) { p.Rules[0].Action = "" }, `action "": expected "allow" or "deny"`},
		{func(p P) { p.Rules[0].From = nil }, `rule ssh (site.toml:3): from: names nobody`},
		{func(p P) { p.Rules[0].From[0].Zones = nil }, `rule ssh (site.toml:3): from: names no zone`},
		{func(p P) { p.Rules[0].From[0].Zones = []string{"dmz"} }, `from: there is no zone "dmz"`},
		{func(p P) { p.Rules[0].From[0].Zones = []string{"box"} }, `from: there is no zone "box"`},
		{func(p P) { p.Rules[0].To[0].Zones = nil }, `to: names no zone`},
		{func(p P) { p.Rules[0].To[0].Zones = []string{"dmz"} }, `to: there is no zone "dmz"`},
		{func(p P) { p.Rules[0].To[0].Sets = []string{"x"} }, `to: there is no set "x"`},
		{func(p P) { p.Rules[0].To[0].Addresses = []netip.Prefix{{}} }, `to invalid Prefix: expected an address`},
		{func(p P) { p.Rules[0].Services = nil }, `to box: name the services`},
		{func(p P) { p.Rules[0].Services, p.Rules[0].Action = nil, firewall.Deny }, ``},
		{func(p P) { p.Rules[0].Origin = "a\nb" }, `origin "a\nb": expected printable text`},
		{func(p P) { p.Rules[0].Rate.Burst = 5 }, `rate of 0 per "", burst 5`},
		{func(p P) { p.Defaults[0].Action, p.Defaults[0].Rate = firewall.Deny, p.Log }, `a rate is of what is allowed`},
		{func(p P) { p.Log.Count = 1 << 30 }, `log: rate of 1073741824 per "second"`},
		{func(p P) { p.Flood = firewall.Rate{Count: 1, Burst: 1, Per: "week"} }, `flood: rate of 1 per "week"`},
		{func(p P) { p.Rules[0].Services[0].Name = `"` }, `service "\"": expected a printable name`},
		{func(p P) { p.Rules[0].Services[0].Flows = nil }, `service x: has no flows`},
		{func(p P) { p.Rules[0].Services = flow(firewall.Flow{Proto: "ospf"}) }, `protocol "ospf": expected tcp`},
		{func(p P) { p.Rules[0].Services = flow(firewall.Flow{Proto: firewall.ICMP}) }, `icmp needs types`},
		{func(p P) { p.Rules[0].Services = flow(firewall.Flow{Proto: firewall.TCP, Types: []uint8{8}}) }, `tcp has no types`},
		{func(p P) {
			p.Rules[0].Services = flow(firewall.Flow{Proto: firewall.GRE, Ports: []firewall.PortRange{firewall.Port(1)}})
		}, `gre has no ports`},
		{func(p P) { p.Rules[0].Services = ports(firewall.PortRange{First: 9, Last: 8}) }, `ports 9-8: the first is above the last`},
		{func(p P) {
			p.Rules[0].Services = ports(firewall.Port(80), firewall.PortRange{First: 70, Last: 90})
		}, `ports 70-90 and 80 overlap`},
		{func(p P) { p.Forwards[0].From = []string{"x"} }, `forward web: from: there is no zone "x"`},
		{func(p P) { p.Forwards[0].Hairpin = []string{"x"} }, `forward web: hairpin: there is no zone "x"`},
		{func(p P) { p.Forwards[0].Zone = "x" }, `forward web: zone: there is no zone "x"`},
		{func(p P) { p.Forwards[0].Protos = []firewall.Proto{firewall.GRE} }, `forward web: protocols ["gre"]: expected some that have ports`},
		{func(p P) { p.Forwards[0].Ports.First = 0 }, `ports 0-443: expected a port from 1`},
		{func(p P) { p.Forwards[1].ToPort = 5 }, `forward phone: to_port: a range keeps its ports`},
		{func(p P) { p.Forwards[0].To = nil }, `to: expected at least one address and at most one IPv4 address`},
		{func(p P) { p.Forwards[0].To[1] = netip.MustParseAddr("192.168.32.12") }, `at most one IPv4 address`},
		{func(p P) { p.Forwards[0].To[0] = netip.Addr{} }, `to invalid IP: expected an address`},
		{func(p P) { p.Forwards[0].Sources.Sets = []string{"x"} }, `sources: there is no set "x"`},
		{func(p P) {
			p.Forwards[1].Protos[0], p.Forwards[1].Ports = firewall.TCP, firewall.PortRange{First: 400, Last: 500}
		}, `forward phone: ports 400-500 are forwarded by web already`},
		{func(p P) {
			p.Forwards[1].Hairpin = []string{"lan"}
			f := p.Forwards[1]
			f.Name, f.From, f.Hairpin = "phone2", []string{"lan"}, nil
			p.Forwards = append(p.Forwards, f)
		}, `forward phone2: ports 5000-5999 are forwarded by phone already`},
		{func(p P) { p.OneToOne[0].Zone = "x" }, `one_to_one 1: zone: there is no zone "x"`},
		{func(p P) { p.OneToOne[0].Inside = netip.MustParseAddr("2001:db8::1") }, `expected IPv4 addresses`},
		{func(p P) { p.OneToOne = append(p.OneToOne, p.OneToOne[0]) }, `one_to_one 2: 192.0.2.20 to 192.168.32.12: expected each address once`},
		{func(p P) { p.Masquerade[0].To = "dmz" }, `masquerade 1: to: there is no zone "dmz"`},
		{func(p P) { p.Masquerade[0].Address = netip.MustParseAddr("2001:db8::1") }, `masquerade 1: address 2001:db8::1: expected an IPv4 address`},
		{func(p P) { p.Masquerade[0].From = nil }, `masquerade 1: from: names no zone`},
	} {
		p := good()
		c.change(&p)
		_, err := firewall.Compile(p, firewall.Features{})
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

// TestCostIsFlat: no chain is longer for a thousand hosts and forwards than for ten times fewer, so no packet
// is asked about other hosts.
func TestCostIsFlat(t *testing.T) {
	if a, b := longest(t, 100), longest(t, 1000); a != b {
		t.Errorf("the longest chain has %d rules for 100 hosts, and %d for 1000", a, b)
	}
}

func longest(t *testing.T, hosts int) int {
	t.Helper()
	p := good()
	web := []firewall.Service{oneFlow(firewall.Flow{Proto: firewall.TCP, Ports: []firewall.PortRange{firewall.Port(80)}})}
	for i := range hosts {
		host := netip.AddrFrom4([4]byte{192, 168, 32 + byte(i>>8), byte(i)})
		only := []netip.Prefix{netip.PrefixFrom(host, 32)}
		lan, wan := []firewall.Endpoint{{Zones: []string{"lan"}, Addresses: only}}, []firewall.Endpoint{{Zones: []string{"wan"}}}
		p.Rules = append(p.Rules,
			firewall.Rule{Name: fmt.Sprintf("in%d", i), Action: firewall.Allow, From: wan, To: lan, Services: web},
			firewall.Rule{Name: fmt.Sprintf("out%d", i), Action: firewall.Deny, From: lan, To: wan, Services: web})
		p.Forwards = append(p.Forwards, firewall.Forward{Name: fmt.Sprintf("f%d", i), From: []string{"wan"}, Zone: "lan",
			Protos: []firewall.Proto{firewall.TCP}, Ports: firewall.Port(uint16(10_000 + i)), ToPort: 80, To: []netip.Addr{host}, Hairpin: []string{"lan"}})
	}
	table, err := firewall.Compile(p, firewall.Features{})
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	for _, c := range table.Chains {
		most = max(most, len(c.Rules))
	}
	return most
}

// What most packets are is the first question that a chain for all packets asks: they must not pay for the
// others.
func TestEstablishedIsAskedFirst(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 0))
	for range 50 {
		p := policytest.Random(r)
		table, err := firewall.Compile(p, firewall.Features{Offload: p.Shortcuts()})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range table.Chains {
			if !slices.Contains([]string{"antispoof", "forward", "private"}, c.Name) {
				continue
			}
			first := c.Rules[0]
			if first.Verdict.Kind == firewall.VerdictOffload {
				first = c.Rules[1]
			}
			m := first.Matches
			if first.Verdict.Kind != firewall.VerdictAccept || len(m) != 1 || m[0].Fields[0] != firewall.CTState ||
				m[0].Values[0].Lo != firewall.CTEstablished {
				t.Errorf("chain %s begins with %+v", c.Name, first)
			}
		}
	}
}
