package nft_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/explain"
	"github.com/gatehouse-os/gatehouse/firewall/flowtest"
	"github.com/gatehouse-os/gatehouse/firewall/policytest"
)

const (
	randomPolicies  = 120
	packetsOfPolicy = 40
)

// TestKernelDoesWhatTheTreeSays sends random packets through random policies: the kernel does what the evaluator says.
// Rates are left out, which the evaluator takes as never exceeded.
func TestKernelDoesWhatTheTreeSays(t *testing.T) {
	links, hosts := randomHouse()
	box, wires := newBox(t, links, policytest.Host4(0, 200).String(), policytest.Host6(0, 200).String())
	observe(t, box)
	oneCPU(t)
	world, err := flowtest.NewWorld(wires, links, hosts)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 7))
	came := map[string]int{}
	for i := range randomPolicies {
		policy := unlimited(policytest.Random(r))
		tree := compile(t, policy)
		load(t, box, tree)
		box.do(t, func() {
			if err := netlink.ConntrackTableFlush(netlink.ConntrackTable); err != nil {
				t.Error(err)
			}
		})
		g := traffic{Rand: r, policy: policy, evaluator: flowtest.NewEvaluator(tree, links, hosts), port: 10_000, sent: map[string]bool{}}
		for range packetsOfPolicy {
			from, p, state := g.packet()
			result := g.evaluator.Evaluate(from, p, state)
			before := observed(t, box)
			seen, err := world.Probe(from, p)
			if err != nil {
				t.Fatal(err)
			}
			got, want := kernelFate(from, p, seen, observed(t, box) != before), treeFate(p, result)
			came[want.kind]++
			if got != want && !(got.kind == "dropped" && g.untold(from, p, want)) {
				t.Fatalf("policy %d %+v\n%s %v from %s\nthe kernel: %v\nthe tree:   %v\nby %+v", i, policy, p, p, from, got, want, result.Steps)
			}
		}
	}
	for _, kind := range []string{"passed", "translated", "box", "dropped", "reset", "prohibited"} {
		if came[kind] < 50 {
			t.Errorf("fate %q came only %d times: the packets prove little (%v)", kind, came[kind], came)
		}
	}
}

// randomHouse is where the interfaces of random policies are: five networks, the first the way out, whose hosts answer
// for all addresses.
func randomHouse() ([]flowtest.Link, []flowtest.Host) {
	var links []flowtest.Link
	var hosts []flowtest.Host
	for i := range 5 {
		name := fmt.Sprintf("eth%d.0", i)
		links = append(links, flowtest.Link{Name: name, Wire: i, Addrs: []netip.Prefix{
			netip.PrefixFrom(policytest.Host4(i, 1), 16), netip.PrefixFrom(policytest.Host6(i, 1), 48)}})
		hosts = append(hosts, flowtest.Host{Name: fmt.Sprint("host", i), Link: name, MAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(i + 1)}})
	}
	return links, hosts
}

// observe counts behind all rules what is taken by the box.
func observe(t *testing.T, box netns) {
	box.do(t, func() {
		command(t, `table inet observer {
			counter taken { }
			chain c { type filter hook input priority 1000; icmpv6 type nd-neighbor-advert accept; counter name taken; }
		}`, "nft", "-f", "-")
	})
}

func observed(t *testing.T, box netns) uint64 {
	t.Helper()
	return countersOf(t, box, "observer")["taken"].Packets
}

// unlimited is a policy without rates.
func unlimited(p firewall.Policy) firewall.Policy {
	p.Flood, p.Log = firewall.Rate{}, firewall.Rate{}
	for i := range p.Rules {
		p.Rules[i].Rate = firewall.Rate{}
	}
	for i := range p.Defaults {
		p.Defaults[i].Rate = firewall.Rate{}
	}
	for i := range p.Forwards {
		p.Forwards[i].Rate = firewall.Rate{}
	}
	return p
}

// fated is what became of a packet, and by which link and with which ends it left.
type fated struct {
	kind, by string
	src, dst netip.AddrPort
}

func kernelFate(from string, p flowtest.Packet, seen []flowtest.Seen, taken bool) fated {
	if taken {
		return fated{kind: "box"}
	}
	if len(seen) == 0 {
		return fated{kind: "dropped"}
	}
	s := seen[0]
	if word := flowtest.Answer(from, p, s); word != "" {
		return fated{kind: word}
	}
	return passed(p, s.Host, s.Packet.Src, s.Packet.Dst)
}

func passed(p flowtest.Packet, by string, src, dst netip.AddrPort) fated {
	if src != p.Src || dst != p.Dst {
		return fated{"translated", by, src, dst}
	}
	return fated{"passed", by, src, dst}
}

// traffic draws packets that a policy has something to say about.
type traffic struct {
	*rand.Rand
	policy    firewall.Policy
	evaluator *flowtest.Evaluator
	port      uint16
	sent      map[string]bool // those without a port of their own
}

// treeFate is what the evaluator says, in the same words.
func treeFate(p flowtest.Packet, r explain.Result) fated {
	switch r.Verdict {
	case firewall.VerdictAccept:
		if r.Out == "" {
			return fated{kind: "box"}
		}
		return passed(p, "host"+r.Out[3:4], r.Source, r.Destination)
	case firewall.VerdictRejectReset:
		return fated{kind: "reset"}
	case firewall.VerdictRejectICMP:
		return fated{kind: "prohibited"}
	}
	return fated{kind: "dropped"}
}

// untold reports whether the kernel may keep silent about a refusal. To who is masqueraded to, no answer goes out that
// would have a private source; and of protocol 41 the kernel wants a checksum that there is not (nf_reject.h).
func (g *traffic) untold(from string, p flowtest.Packet, want fated) bool {
	link := "eth" + strings.TrimPrefix(from, "host") + ".0"
	zone := slices.IndexFunc(g.policy.Zones, func(z firewall.Zone) bool { return len(z.Networks) == 0 && slices.Contains(z.Interfaces, link) })
	private := zone >= 0 && p.Dst.Addr().IsPrivate() && slices.ContainsFunc(g.policy.Masquerade, func(m firewall.Masquerade) bool {
		return m.To == g.policy.Zones[zone].Name
	})
	return private && (want.kind == "reset" || want.kind == "prohibited") || want.kind == "prohibited" && p.Proto == 41
}

// packet draws one that begins a conversation, or that belongs to none, and what conntrack calls it.
func (g *traffic) packet() (string, flowtest.Packet, uint32) {
	for {
		zone := g.IntN(5)
		from, p := fmt.Sprint("host", zone), flowtest.Packet{Hop: pick(g.Rand, []uint8{64, 64, 64, 255})}
		p.Proto = pick(g.Rand, []uint8{1, 6, 6, 6, 17, 17, 17, 41, 50, 132})
		v4 := g.IntN(2) == 0
		if p.Proto == 1 && !v4 {
			p.Proto = 58
		}
		src, dst := g.source(zone, v4), g.destination(v4)
		if p.Proto == 6 || p.Proto == 17 || p.Proto == 132 {
			g.port++
			p.Src, p.Dst = netip.AddrPortFrom(src, g.port), netip.AddrPortFrom(dst, pick(g.Rand, g.ports()))
		} else {
			p.Src, p.Dst = netip.AddrPortFrom(src, 0), netip.AddrPortFrom(dst, 0)
		}
		g.toForward(&p)
		state := g.details(&p)
		key := fmt.Sprint(p.Proto, p.Src, p.Dst)
		if p.Dst.Port() == 0 && p.Src.Port() != 0 || g.sent[key] && p.Src.Port() == 0 {
			continue
		}
		g.sent[key] = true
		return from, p, state
	}
}

// details are the flags and types, and the state that they mean at the beginning of a conversation.
func (g *traffic) details(p *flowtest.Packet) uint32 {
	switch p.Proto {
	case 6:
		p.Flags = pick(g.Rand, []string{"S", "S", "S", "S", "S", "S", "A", "SA", "F", "R"})
		if p.Flags != "S" && p.Flags != "A" {
			return firewall.CTInvalid
		}
	case 1:
		g.port++
		p.ID, p.Type = g.port, pick(g.Rand, []uint8{8, 8, 8, 13, 0, 14})
		if p.Type == 0 || p.Type == 14 {
			return firewall.CTInvalid
		}
	case 58:
		g.port++
		p.ID, p.Type = g.port, pick(g.Rand, []uint8{128, 128, 128, 133, 134, 135, 143, 129, 150})
		switch p.Type {
		case 129, 150:
			return firewall.CTInvalid
		case 128:
		default:
			return firewall.CTUntracked
		}
	}
	return firewall.CTNew
}

func (g *traffic) host(zone, host int, v4 bool) netip.Addr {
	if v4 {
		return policytest.Host4(zone, host)
	}
	return policytest.Host6(zone, host)
}

// source is mostly an honest one.
func (g *traffic) source(zone int, v4 bool) netip.Addr {
	switch g.IntN(12) {
	case 0:
		return g.host(g.IntN(5), 1+g.IntN(5), v4)
	case 1:
		if v4 {
			return netip.MustParseAddr(pick(g.Rand, []string{"192.0.2.99", "203.0.113.7", "198.51.100.3"}))
		}
		return netip.MustParseAddr(pick(g.Rand, []string{"2001:db8:ffff::7", "fd00::7"}))
	}
	return g.host(zone, 2+g.IntN(12), v4)
}

// destination is a host, the box, who has an address one to one, or somebody far away.
func (g *traffic) destination(v4 bool) netip.Addr {
	switch n := g.IntN(10); {
	case n == 0 && v4:
		return netip.MustParseAddr("198.51.100.9")
	case n == 0:
		return netip.MustParseAddr("2001:db8:ffff::9")
	case n < 4:
		return g.host(g.IntN(5), 1, v4)
	case n == 4 && v4 && len(g.policy.OneToOne) > 0:
		return pick(g.Rand, g.policy.OneToOne).Outside
	}
	return g.host(g.IntN(5), 2+g.IntN(12), v4)
}

// toForward makes some packets be for a port that is forwarded.
func (g *traffic) toForward(p *flowtest.Packet) {
	if len(g.policy.Forwards) == 0 || g.IntN(3) != 0 || p.Src.Port() == 0 {
		return
	}
	f := pick(g.Rand, g.policy.Forwards)
	p.Proto = uint8(pick(g.Rand, f.Protos).Number())
	p.Dst = netip.AddrPortFrom(g.host(g.IntN(5), 1, p.Src.Addr().Is4()), pick(g.Rand, []uint16{f.Ports.First, f.Ports.Last}))
	if to := pick(g.Rand, f.To); to.Is6() && p.Src.Addr().Is6() {
		p.Dst = netip.AddrPortFrom(to, f.Ports.First)
		if f.ToPort != 0 {
			p.Dst = netip.AddrPortFrom(to, f.ToPort)
		}
	}
}

// ports are those that the policy speaks of and their neighbours.
func (g *traffic) ports() []uint16 {
	ports := []uint16{22, 53, 67, 80}
	for _, r := range append(g.policy.Rules, g.policy.Defaults...) {
		for _, s := range r.Services {
			for _, f := range s.Flows {
				for _, pr := range f.Ports {
					ports = append(ports, pr.First, pr.Last, pr.Last+1)
				}
			}
		}
	}
	return ports
}

func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }
