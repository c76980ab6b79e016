package nft_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/flowtest"
	"github.com/gatehouse-os/gatehouse/firewall/policytest"
)

// traffic draws packets that a policy has something to say about.
type traffic struct {
	*rand.Rand
	policy    firewall.Policy
	evaluator *flowtest.Evaluator
	v4        bool
	port      uint16
	sent      map[[2]netip.AddrPort]bool // ends of those without a port of their own
}

// packet draws one that begins a conversation, or that belongs to none, and what conntrack calls it.
func (g *traffic) packet() (string, flowtest.Packet, uint32) {
	for {
		p := flowtest.Packet{Hop: pick(g.Rand, []uint8{64, 64, 64, 255}), Proto: pick(g.Rand, []uint8{1, 6, 6, 17, 41, 50, 132})}
		g.port++
		g.v4 = g.IntN(2) == 0
		zone := g.IntN(5)
		p.Src = netip.AddrPortFrom(g.source(zone), g.port)
		p.Dst = netip.AddrPortFrom(g.destination(), pick(g.Rand, []uint16{22, 53, 67, 80}))
		switch g.IntN(5) {
		case 4:
			zone = g.toRouter(&p)
		case 0, 1:
			zone = g.toRule(&p, zone)
		case 2:
			zone = g.toForward(&p, zone)
		}
		state := g.details(&p)
		authenticated := p.Proto == 51 // in IPv6 it is an extension header, and another protocol behind it
		// Who asks for himself by his other address gets what looks like an answer.
		himself := slices.ContainsFunc(g.policy.OneToOne, func(o firewall.OneToOne) bool {
			return o.Inside == p.Src.Addr() && o.Outside == p.Dst.Addr()
		})
		if !himself && !authenticated && p.Src.Addr() != p.Dst.Addr() && (p.Src.Port() == 0) == (p.Dst.Port() == 0) && g.isNew(zone, p, state) {
			return hostName(zone), p, state
		}
	}
}

func hostName(zone int) string { return fmt.Sprint("host", zone) }

// isNew reports whether the packet belongs to no conversation of an earlier one. A conversation without ports
// is known by its ends alone, on both sides of NAT.
func (g *traffic) isNew(zone int, p flowtest.Packet, state uint32) bool {
	if p.Src.Port() != 0 || p.ID != 0 {
		return true
	}
	r := g.evaluator.Evaluate(hostName(zone), p, state)
	ends := [][2]netip.AddrPort{{p.Src, p.Dst}, {p.Dst, p.Src}, {r.Source, r.Destination}, {r.Destination, r.Source}}
	if slices.ContainsFunc(ends, func(e [2]netip.AddrPort) bool { return g.sent[e] }) {
		return false
	}
	for _, e := range ends {
		g.sent[e] = true
	}
	return true
}

// toRule makes p one that a rule may speak of, and returns where it comes from.
func (g *traffic) toRule(p *flowtest.Packet, zone int) int {
	rules := append(slices.Clone(g.policy.Rules), g.policy.Defaults...)
	if len(rules) == 0 {
		return zone
	}
	r := pick(g.Rand, rules)
	from, to := pick(g.Rand, r.From), pick(g.Rand, r.To)
	zone = g.number(pick(g.Rand, from.Zones), zone)
	src := g.within(from.Addresses, g.host(zone, 2+g.IntN(12)))
	dst := g.host(g.IntN(5), 1)
	if name := pick(g.Rand, to.Zones); name != firewall.Box {
		dst = g.host(g.number(name, zone), 2+g.IntN(4))
	}
	port := p.Dst.Port()
	if len(r.Services) > 0 {
		f := pick(g.Rand, pick(g.Rand, r.Services).Flows)
		p.Proto = uint8(f.Proto.Number())
		if len(f.Ports) > 0 {
			ports := pick(g.Rand, f.Ports)
			port = pick(g.Rand, []uint16{ports.First, ports.First, ports.Last, ports.Last + 1})
		}
	}
	p.Src, p.Dst = netip.AddrPortFrom(src, p.Src.Port()), netip.AddrPortFrom(g.within(to.Addresses, dst), port)
	return zone
}

// toRouter makes p one that comes in and goes out by a link with another router.
func (g *traffic) toRouter(p *flowtest.Packet) int {
	zone := 1 + g.IntN(4)
	ends := []int{zone, behind + zone}
	g.Shuffle(2, func(i, j int) { ends[i], ends[j] = ends[j], ends[i] })
	p.Src = netip.AddrPortFrom(g.host(ends[0], 2+g.IntN(5)), p.Src.Port())
	p.Dst = netip.AddrPortFrom(g.host(ends[1], 2+g.IntN(5)), p.Dst.Port())
	return zone
}

// number is the one of a zone whose interfaces are there, or another.
func (g *traffic) number(zone string, other int) int {
	i := slices.IndexFunc(g.policy.Zones, func(z firewall.Zone) bool { return z.Name == zone })
	if i < 0 || len(g.policy.Zones[i].Interfaces) == 0 {
		return other
	}
	return int(g.policy.Zones[i].Interfaces[0][len("eth")] - '0')
}

// within is a host of some networks of the family, or another address. The first two of a long one are the
// network's own and the appliance's.
func (g *traffic) within(networks []netip.Prefix, other netip.Addr) netip.Addr {
	for _, n := range networks {
		if n.Addr().Is4() != g.v4 || g.IntN(3) == 0 {
			continue
		}
		if third := n.Addr().Next().Next(); n.Contains(third) {
			return third
		}
		if n.IsSingleIP() || n.Addr().AsSlice()[len(n.Addr().AsSlice())-1] > 0 {
			return n.Addr()
		}
	}
	return other
}

// toForward makes p one for a port that is forwarded, and returns where it comes from.
func (g *traffic) toForward(p *flowtest.Packet, zone int) int {
	if len(g.policy.Forwards) == 0 {
		return zone
	}
	f := pick(g.Rand, g.policy.Forwards)
	zone = g.number(pick(g.Rand, append(f.From, f.Hairpin...)), zone)
	p.Proto = uint8(pick(g.Rand, f.Protos).Number())
	src, dst := g.within(f.Sources.Addresses, g.host(zone, 2+g.IntN(4))), g.host(pick(g.Rand, []int{zone, zone, g.IntN(5)}), 1)
	port := pick(g.Rand, []uint16{f.Ports.First, f.Ports.Last})
	if to := pick(g.Rand, f.To); to.Is6() && !g.v4 {
		if dst = to; f.ToPort != 0 {
			port = f.ToPort
		}
	}
	p.Src, p.Dst = netip.AddrPortFrom(src, p.Src.Port()), netip.AddrPortFrom(dst, port)
	return zone
}

// details are the flags and types, and the state that they mean at the beginning of a conversation.
func (g *traffic) details(p *flowtest.Packet) uint32 {
	switch p.Proto {
	case 17, 132:
		return firewall.CTNew
	case 6:
		p.Flags = pick(g.Rand, []string{"S", "S", "S", "S", "S", "S", "S", "S", "A", "SA", "F", "R"})
		if p.Flags != "S" && p.Flags != "A" {
			return firewall.CTInvalid
		}
		return firewall.CTNew
	}
	p.Src, p.Dst = netip.AddrPortFrom(p.Src.Addr(), 0), netip.AddrPortFrom(p.Dst.Addr(), 0)
	if p.Proto != 1 && p.Proto != 58 {
		return firewall.CTNew
	}
	p.ID, p.Proto = g.port, 1
	if !g.v4 {
		p.Proto = 58
		p.Type = pick(g.Rand, []uint8{128, 128, 128, 128, 133, 134, 135, 143, 129, 150})
		return map[uint8]uint32{128: firewall.CTNew, 129: firewall.CTInvalid, 150: firewall.CTInvalid, 133: firewall.CTUntracked,
			134: firewall.CTUntracked, 135: firewall.CTUntracked, 143: firewall.CTUntracked}[p.Type]
	}
	p.Type = pick(g.Rand, []uint8{8, 8, 8, 8, 13, 0, 14})
	return map[uint8]uint32{8: firewall.CTNew, 13: firewall.CTNew, 0: firewall.CTInvalid, 14: firewall.CTInvalid}[p.Type]
}

func (g *traffic) host(zone, host int) netip.Addr {
	if g.v4 {
		return policytest.Host4(zone, host)
	}
	return policytest.Host6(zone, host)
}

// source is mostly an honest one.
func (g *traffic) source(zone int) netip.Addr {
	switch n := g.IntN(12); {
	case n > 9:
		return g.host(behind+zone, 2+g.IntN(5))
	case n == 0:
		return g.host(g.IntN(5), 1+g.IntN(5))
	case n == 1 && g.v4:
		return netip.MustParseAddr(pick(g.Rand, []string{"192.0.2.99", "203.0.113.7", "198.51.100.3"}))
	case n == 1:
		return netip.MustParseAddr(pick(g.Rand, []string{"2001:db8:ffff::7", "fd00::7"}))
	}
	return g.host(zone, 2+g.IntN(12))
}

// destination is a host, the box, who has an address one to one, or somebody far away.
func (g *traffic) destination() netip.Addr {
	switch n := g.IntN(10); {
	case n == 0 && g.v4:
		return netip.MustParseAddr("198.51.100.9")
	case n == 0:
		return netip.MustParseAddr("2001:db8:ffff::9")
	case n < 4:
		return g.host(g.IntN(5), 1)
	case n == 7:
		return g.host(behind+g.IntN(5), 2+g.IntN(5))
	case n < 7 && g.v4 && len(g.policy.OneToOne) > 0:
		return pick(g.Rand, g.policy.OneToOne).Outside
	}
	return g.host(g.IntN(5), 2+g.IntN(12))
}

func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }
