package firewall_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/policytest"
)

// fate says what the words of a policy mean for the first packet of a conversation (or, by its state, a later one),
// without sets, chains or jumps: the slow obvious model.
func fate(policy firewall.Policy, p packet) firewall.VerdictKind {
	isICMPv6 := p.family == firewall.NFProtoIPv6 && p.proto == firewall.ProtoICMPv6
	switch {
	case p.iif == "lo" && p.oif == "", p.state == firewall.CTEstablished:
		return firewall.VerdictAccept
	case p.family == firewall.NFProtoIPv4 && p.proto == firewall.ProtoICMP && p.icmpType == 5:
		return firewall.VerdictDrop
	case p.state == firewall.CTRelated:
		return firewall.VerdictAccept
	case p.state == firewall.CTInvalid:
		return firewall.VerdictDrop
	case p.oif == "" && isICMPv6 && (p.icmpType == 135 || p.icmpType == 136) && p.hopLimit == 255:
		return firewall.VerdictAccept
	case p.oif == "" && isICMPv6 && slices.Contains([]uint8{130, 131, 132, 143}, p.icmpType) && p.hopLimit == 1 &&
		(p.src.IsLinkLocalUnicast() || p.src.IsUnspecified()):
		return firewall.VerdictAccept
	}
	from, to := zoneOf(policy, p.iif), zoneOf(policy, p.oif)
	if p.oif == "" {
		to.Name = firewall.Box
		if from.RouterAdverts && isICMPv6 && p.icmpType == 134 && p.hopLimit == 255 {
			return firewall.VerdictAccept
		}
	}
	for _, a := range policy.Allow {
		if from.Name != "" && slices.Contains(a.From, from.Name) && slices.Contains(a.To, to.Name) && covers(a, p) {
			return firewall.VerdictAccept
		}
	}
	switch {
	case from.Refuse != firewall.Reject || p.pktType != firewall.PktToHost:
		return firewall.VerdictDrop
	case p.proto == firewall.ProtoTCP:
		return firewall.VerdictRejectReset
	}
	return firewall.VerdictRejectICMP
}

func zoneOf(policy firewall.Policy, ifname string) firewall.Zone {
	for _, z := range policy.Zones {
		if slices.Contains(z.Interfaces, ifname) {
			return z
		}
	}
	return firewall.Zone{}
}

func covers(a firewall.Allow, p packet) bool {
	if a.Services == nil {
		return true
	}
	for _, s := range a.Services {
		for _, f := range s.Flows {
			numbers := map[firewall.Proto]uint32{firewall.TCP: 6, firewall.UDP: 17, firewall.ICMP: 1, firewall.ICMPv6: 58}
			families := map[firewall.Proto]uint32{firewall.ICMP: 2, firewall.ICMPv6: 10}
			ok := p.proto == numbers[f.Proto] && (families[f.Proto] == 0 || families[f.Proto] == p.family)
			if f.Types != nil {
				ok = ok && slices.Contains(f.Types, p.icmpType)
			}
			if f.Proto == firewall.ICMPv6 && slices.ContainsFunc(f.Types, func(t uint8) bool { return t >= 133 && t <= 137 }) {
				ok = ok && p.hopLimit == 255
			}
			if f.Ports != nil {
				ok = ok && slices.ContainsFunc(f.Ports, func(r firewall.PortRange) bool { return r.First <= p.dport && p.dport <= r.Last })
			}
			if ok {
				return true
			}
		}
	}
	return false
}

// TestTreeMeansPolicy compares the compiled tree with the model, for many policies and many packets each.
func TestTreeMeansPolicy(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[firewall.VerdictKind]int{}
	for i := range 400 {
		policy := policytest.Random(r)
		table, err := firewall.Compile(policy)
		if err != nil {
			t.Fatalf("policy %d: %v", i, err)
		}
		for range 500 {
			p := randomPacket(r, policy)
			point := firewall.Forward
			if p.oif == "" {
				point = firewall.Input
			}
			got, want := evaluator{table}.hook(point, p), fate(policy, p)
			seen[want]++
			if got != want {
				t.Fatalf("policy %d %+v\npacket %+v: the tree says %d, the policy %d", i, policy, p, got, want)
			}
		}
	}
	for _, kind := range []firewall.VerdictKind{firewall.VerdictAccept, firewall.VerdictDrop, firewall.VerdictRejectICMP, firewall.VerdictRejectReset} {
		if seen[kind] < 1000 {
			t.Errorf("verdict %d came only %d times: the packets prove little", kind, seen[kind])
		}
	}
}

// randomPacket prefers what the policy speaks of, and the borders of its ranges.
func randomPacket(r *rand.Rand, policy firewall.Policy) packet {
	pick := func(ns ...uint32) uint32 { return ns[r.IntN(len(ns))] }
	ifnames, ports, types := []string{"lo", "eth9"}, []uint16{0, 22, 53, 67}, []uint8{5, 8, 128, 130, 133, 134, 135, 136, 137, 143}
	for _, z := range policy.Zones {
		ifnames = append(ifnames, z.Interfaces...)
	}
	for _, a := range policy.Allow {
		for _, s := range a.Services {
			for _, f := range s.Flows {
				types = append(types, f.Types...)
				for _, pr := range f.Ports {
					ports = append(ports, pr.First-1, pr.First, pr.Last, pr.Last+1)
				}
			}
		}
	}
	p := packet{
		iif: ifnames[r.IntN(len(ifnames))], oif: append(ifnames, "", "", "")[r.IntN(len(ifnames)+3)],
		family: pick(2, 10), proto: pick(1, 6, 17, 58, 41), dport: ports[r.IntN(len(ports))],
		icmpType: types[r.IntN(len(types))], hopLimit: uint8(pick(1, 64, 255)), pktType: pick(0, 0, 0, 1, 2),
		state: pick(firewall.CTEstablished, firewall.CTRelated, firewall.CTInvalid, 8, 8, 8, 8, 8, 64),
		src:   netip.MustParseAddr("192.0.2.1"), dst: netip.MustParseAddr("198.51.100.1"),
	}
	if p.family == firewall.NFProtoIPv6 {
		p.src = netip.MustParseAddr([]string{"2001:db8::1", "fe80::1", "::"}[r.IntN(3)])
		p.dst = netip.MustParseAddr("2001:db8:1::1")
	}
	return p
}

// TestAntispoof: what arrives with an impossible source. Which sources have no way back is the kernel's to say, and
// package nft's tests ask it.
func TestAntispoof(t *testing.T) {
	table, err := firewall.Compile(firewall.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		iif, src, dst string
		noWayBack     bool
		pass          bool
	}{
		{"eth1", "192.168.32.7", "192.168.32.1", false, true},
		{"eth1", "192.168.32.7", "192.168.32.1", true, false},
		{"eth1", "127.0.0.1", "192.168.32.1", false, false},
		{"eth1", "192.168.32.7", "127.1.2.3", false, false},
		{"lo", "127.0.0.1", "127.0.0.1", true, true},
	} {
		p := packet{iif: c.iif, family: firewall.NFProtoIPv4, spoofed: c.noWayBack,
			src: netip.MustParseAddr(c.src), dst: netip.MustParseAddr(c.dst)}
		if got := (evaluator{table}).hook(firewall.Prerouting, p); (got == firewall.VerdictAccept) != c.pass {
			t.Errorf("%+v: verdict %d", c, got)
		}
	}
}

// TestNoPrivateSourceLeaves: after the translation of sources, and only towards zones that translate them.
func TestNoPrivateSourceLeaves(t *testing.T) {
	table, err := firewall.Compile(firewall.Policy{
		Zones: []firewall.Zone{{Name: "lan", Interfaces: []string{"eth1"}, Refuse: firewall.Reject},
			{Name: "wan", Interfaces: []string{"eth0"}, Refuse: firewall.Drop}},
		Masquerade: []firewall.Masquerade{{From: []string{"lan"}, To: "wan"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		oif, src string
		own      bool
		pass     bool
	}{
		{"eth0", "192.0.2.10", true, true},
		{"eth0", "10.1.2.3", true, true}, // behind another router
		{"eth0", "10.1.2.3", false, false},
		{"eth0", "172.31.255.255", false, false},
		{"eth0", "172.32.0.0", false, true},
		{"eth0", "192.168.32.1", false, false},
		{"eth0", "100.64.0.1", false, false},
		{"eth0", "169.254.1.1", false, false},
		{"eth1", "192.168.32.1", false, true},
		{"eth0", "fd00::1", false, false},
		{"eth0", "fd00::1", true, true},
		{"eth0", "2001:db8::1", false, true},
	} {
		p := packet{oif: c.oif, src: netip.MustParseAddr(c.src), local: c.own, family: firewall.NFProtoIPv4}
		if p.src.Is6() {
			p.family = firewall.NFProtoIPv6
		}
		if got := (evaluator{table}).hook(firewall.Postrouting, p); (got == firewall.VerdictAccept) != c.pass {
			t.Errorf("%s by %s: verdict %d, pass %t wanted", c.src, c.oif, got, c.pass)
		}
	}
}
