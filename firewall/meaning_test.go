package firewall_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/explain"
	"github.com/gatehouse-os/gatehouse/firewall/policytest"
)

// TestTreeMeansPolicy compares what the compiled tree does with packets to the model, for many policies and
// packets.
func TestTreeMeansPolicy(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen, translated := map[firewall.VerdictKind]int{}, 0
	for i := range 500 {
		policy := policytest.Random(r)
		features := firewall.Features{Offload: []string{"eth0.0", "eth1.0"}}
		if i%2 == 0 {
			features.Links = map[string]uint32{"eth0.0": 7, "eth1.0": 8, "eth2.1": 9}
		}
		table, err := firewall.Compile(policy, features)
		if err != nil {
			t.Fatalf("policy %d: %v", i, err)
		}
		network := networkOf(policy)
		for range 400 {
			p := randomPacket(r, policy)
			result := explain.Table(table, network, p)
			m := model{Policy: policy, packet: p}
			got, want := fate{result.Verdict, result.Source, result.Destination}, m.fate()
			seen[want.verdict]++
			if want.verdict == firewall.VerdictAccept && (want.source != p.Source || want.destination != p.Destination) {
				translated++
			}
			if got != want {
				t.Fatalf("policy %d %+v\npacket %+v:\nthe tree says   %v\nthe policy says %v\nby %+v", i, policy, p, got, want, result.Steps)
			}
		}
	}
	for _, kind := range []firewall.VerdictKind{firewall.VerdictAccept, firewall.VerdictDrop, firewall.VerdictRejectICMP, firewall.VerdictRejectReset} {
		if seen[kind] < 1000 {
			t.Errorf("verdict %d came only %d times: the packets prove little", kind, seen[kind])
		}
	}
	if translated < 500 {
		t.Errorf("only %d packets were translated", translated)
	}
}

// networkOf is the network that a random policy's addresses are in.
func networkOf(policy firewall.Policy) explain.Network {
	var n explain.Network
	for _, z := range policy.Zones {
		if len(z.Networks) > 0 || len(z.Interfaces) == 0 {
			continue
		}
		for _, a := range z.Own {
			bits := 16
			if a.Is6() {
				bits = 48
			}
			n.Addresses = append(n.Addresses, explain.Address{Link: z.Interfaces[0], Prefix: netip.PrefixFrom(a, bits)})
		}
	}
	if wan := policy.Zones[0].Interfaces; len(wan) > 0 {
		n.Routes = []explain.Route{{To: netip.MustParsePrefix("0.0.0.0/0"), Link: wan[0]}, {To: netip.MustParsePrefix("::/0"), Link: wan[0]}}
	}
	return n
}

// randomPacket prefers what the policy speaks of, the borders of its ranges, and honest sources.
func randomPacket(r *rand.Rand, policy firewall.Policy) explain.Packet {
	g := packets{Rand: r, policy: policy, v4: r.IntN(2) == 0}
	zone := r.IntN(5)
	p := explain.Packet{
		In: "eth9", Proto: one(r, []uint32{1, 6, 6, 6, 17, 17, 58, 41, 47, 132}), Type: one(r, g.types()),
		Flags: one(r, []uint8{firewall.TCPSyn, firewall.TCPSyn, firewall.TCPSyn, firewall.TCPAck,
			firewall.TCPSyn | firewall.TCPAck, firewall.TCPSyn | firewall.TCPFin, firewall.TCPSyn | firewall.TCPRst, 0}), HopLimit: one(r, []uint8{1, 64, 255}),
		State: one(r, []uint32{firewall.CTEstablished, firewall.CTRelated, firewall.CTInvalid, firewall.CTUntracked,
			firewall.CTNew, firewall.CTNew, firewall.CTNew, firewall.CTNew, firewall.CTNew, firewall.CTNew, firewall.CTNew, firewall.CTNew}),
		ToAll:       r.IntN(6) == 0,
		Source:      netip.AddrPortFrom(g.source(zone), one(r, []uint16{5000, 67, 547})),
		Destination: netip.AddrPortFrom(g.destination(), one(r, g.ports())),
	}
	if zone < len(policy.Zones) && len(policy.Zones[zone].Interfaces) > 0 {
		p.In = policy.Zones[zone].Interfaces[0]
		if r.IntN(10) == 0 {
			p.In = one(r, policy.Zones[zone].Interfaces)
		}
	}
	if len(policy.Forwards) > 0 && r.IntN(4) == 0 {
		g.toForward(&p)
	}
	switch r.IntN(20) {
	case 0:
		p.In = "lo"
	case 1:
		p.In = ""
	case 2:
		p.In = "eth9"
	}
	return p
}

func one[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }

type packets struct {
	*rand.Rand
	policy firewall.Policy
	v4     bool
}

func (g packets) host(zone, host int) netip.Addr {
	if g.v4 {
		return policytest.Host4(zone, host)
	}
	return policytest.Host6(zone, host)
}

// stranger is an address that no zone has.
func (g packets) stranger() netip.Addr {
	if g.v4 {
		return netip.MustParseAddr(one(g.Rand, []string{"203.0.113.5", "198.51.100.9", "192.0.2.200", "0.0.0.0", "127.0.0.1", "224.0.0.251", "255.255.255.255", "172.16.3.3", "100.64.1.1"}))
	}
	return netip.MustParseAddr(one(g.Rand, []string{"2001:db8:ffff::5", "2001:4860::8888", "::", "::1", "fe80::1", "ff02::1", "fd00::7"}))
}

func (g packets) source(zone int) netip.Addr {
	switch g.IntN(8) {
	case 0:
		return g.stranger()
	case 1:
		return g.host(g.IntN(5), 1+g.IntN(5))
	}
	return g.host(zone, 2+g.IntN(12))
}

func (g packets) destination() netip.Addr {
	switch n := g.IntN(10); {
	case n == 0:
		return g.stranger()
	case n < 4: // the appliance
		return g.host(g.IntN(5), 1)
	case n == 4 && g.v4 && len(g.policy.OneToOne) > 0:
		return one(g.Rand, g.policy.OneToOne).Outside
	}
	return g.host(g.IntN(5), 2+g.IntN(12))
}

// toForward sends p, new, to a port that is forwarded: by the address of the appliance, or the host's.
func (g packets) toForward(p *explain.Packet) {
	f := one(g.Rand, g.policy.Forwards)
	p.State, p.Proto, p.Flags = firewall.CTNew, one(g.Rand, f.Protos).Number(), firewall.TCPSyn
	p.Destination = netip.AddrPortFrom(p.Destination.Addr(), f.Ports.First)
	if to := one(g.Rand, f.To); to.Is4() != g.v4 {
		return
	} else if p.Destination = netip.AddrPortFrom(to, f.Ports.First); f.ToPort != 0 {
		p.Destination = netip.AddrPortFrom(to, f.ToPort)
	}
	if g.v4 {
		p.Destination = netip.AddrPortFrom(g.host(g.IntN(5), 1), f.Ports.Last)
	}
}

func (g packets) types() []uint8 {
	types := []uint8{5, 8, 128, 130, 133, 134, 135, 136, 137, 143, 150}
	for _, r := range append(g.policy.Rules, g.policy.Defaults...) {
		for _, s := range r.Services {
			for _, f := range s.Flows {
				types = append(types, f.Types...)
			}
		}
	}
	return types
}

func (g packets) ports() []uint16 {
	ports := []uint16{0, 22, 53, 67, 68, 80, 81, 546}
	add := func(r firewall.PortRange) { ports = append(ports, r.First-1, r.First, r.Last, r.Last+1) }
	for _, r := range append(g.policy.Rules, g.policy.Defaults...) {
		for _, s := range r.Services {
			for _, f := range s.Flows {
				for _, pr := range f.Ports {
					add(pr)
				}
			}
		}
	}
	for _, f := range g.policy.Forwards {
		for range 4 { // forwards are rare among so many ports
			add(f.Ports)
		}
	}
	return ports
}
