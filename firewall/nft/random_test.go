package nft_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/explain"
	"github.com/gatehouse-os/gatehouse/firewall/flowtest"
	"github.com/gatehouse-os/gatehouse/firewall/policytest"
)

const (
	randomPolicies  = 160
	packetsOfPolicy = 25
)

// TestKernelDoesWhatTheTreeSays sends random packets through random policies: the kernel does what the
// evaluator says. Rates are left out, which the evaluator takes as never exceeded.
func TestKernelDoesWhatTheTreeSays(t *testing.T) {
	t.Parallel()
	links, hosts := randomHouse()
	box, wires := newBox(t, links, policytest.Host4(0, 200).String(), policytest.Host6(0, 200).String())
	taken := observe(t, box)
	oneCPU(t, 0)
	world, err := flowtest.NewWorld(wires, links, hosts)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 9))
	came := map[string]int{}
	for i := range randomPolicies {
		policy := routed(unlimited(policytest.Random(r)), links)
		tree := compile(t, policy)
		if i%2 == 0 {
			tree = compileWithLinks(t, box, policy)
		}
		load(t, box, tree)
		box.do(t, func() {
			if err := netlink.ConntrackTableFlush(netlink.ConntrackTable); err != nil {
				t.Error(err)
			}
		})
		g := traffic{Rand: r, policy: policy, evaluator: flowtest.NewEvaluator(tree, links, hosts), port: 10_000, sent: map[[2]netip.AddrPort]bool{}}
		for range packetsOfPolicy {
			from, p, state := g.packet()
			result := g.evaluator.Evaluate(from, p, state)
			before := taken()
			seen, err := world.Probe(from, p)
			if err != nil {
				t.Fatal(err)
			}
			got, want := kernelFate(from, p, seen, taken() != before), treeFate(p, result)
			came[want.kind]++
			if slices.ContainsFunc(result.Steps, func(s explain.Step) bool { return s.Rule.Verdict.Kind == firewall.VerdictNoTrack }) {
				came["one link"]++
			}
			if got != want && !(got.kind == "dropped" && g.untold(from, p, want)) {
				t.Fatalf("policy %d %+v\n%s %v from %s\nthe kernel: %v\nthe tree:   %v\nby %+v", i, policy, p, p, from, got, want, result.Steps)
			}
		}
	}
	for _, kind := range []string{"passed", "translated", "box", "dropped", "reset", "prohibited", "one link"} {
		if came[kind] < 25 {
			t.Errorf("fate %q came only %d times: the packets prove little (%v)", kind, came[kind], came)
		}
	}
}

// randomHouse is where the interfaces of random policies are: five networks, the first the way out, whose
// hosts answer for all addresses.
func randomHouse() ([]flowtest.Link, []flowtest.Host) {
	var links []flowtest.Link
	var hosts []flowtest.Host
	for i := range 5 {
		name := fmt.Sprintf("eth%d.0", i)
		link := flowtest.Link{Name: name, Wire: i, Addrs: []netip.Prefix{
			netip.PrefixFrom(policytest.Host4(i, 1), 16), netip.PrefixFrom(policytest.Host6(i, 1), 48)}}
		if i > 0 {
			link.Routes = []flowtest.Route{{To: policytest.Network4(behind + i), Via: policytest.Host4(i, 2)},
				{To: policytest.Network6(behind + i), Via: policytest.Host6(i, 2)}}
		}
		links = append(links, link)
		hosts = append(hosts, flowtest.Host{Name: hostName(i), Link: name, MAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(i + 1)}})
	}
	return links, hosts
}

// behind is the number of the network behind a router of network 0, and so on.
const behind = 100

// routed is a policy whose zones of one link know of the routers there.
func routed(p firewall.Policy, links []flowtest.Link) firewall.Policy {
	for i, z := range p.Zones {
		at := slices.IndexFunc(links, func(l flowtest.Link) bool { return slices.Equal(z.Interfaces, []string{l.Name}) })
		if at < 0 || z.Outside || len(z.Networks) > 0 {
			continue
		}
		for _, r := range links[at].Routes {
			p.Zones[i].Routed = append(p.Zones[i].Routed, r.To)
		}
	}
	return p
}

// observe counts behind all rules what is taken by the box, and returns how to ask for the count.
func observe(t *testing.T, box netns) (taken func() uint64) {
	t.Helper()
	var conn *nftables.Conn
	var err error
	box.do(t, func() {
		command(t, `table inet observer {
			counter taken { }
			chain c { type filter hook input priority 1000; icmpv6 type nd-neighbor-advert accept; counter name taken; }
		}`, "nft", "-f", "-")
		conn, err = nftables.New(nftables.AsLasting())
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseLasting() })
	table := &nftables.Table{Name: "observer", Family: nftables.TableFamilyINet}
	return func() uint64 {
		counter, err := conn.GetObject(&nftables.CounterObj{Table: table, Name: "taken"})
		if err != nil {
			t.Fatal(err)
		}
		return counter.(*nftables.CounterObj).Packets
	}
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

// untold reports whether the kernel may keep silent about a refusal. To who is masqueraded to, no answer goes
// out that would have a private source; and of protocol 41 the kernel wants a checksum that there is not
// (nf_reject.h).
func (g *traffic) untold(from string, p flowtest.Packet, want fated) bool {
	link := "eth" + strings.TrimPrefix(from, "host") + ".0"
	zone := slices.IndexFunc(g.policy.Zones, func(z firewall.Zone) bool { return len(z.Networks) == 0 && slices.Contains(z.Interfaces, link) })
	private := zone >= 0 && p.Dst.Addr().IsPrivate() && slices.ContainsFunc(g.policy.Masquerade, func(m firewall.Masquerade) bool {
		return m.To == g.policy.Zones[zone].Name
	})
	return private && (want.kind == "reset" || want.kind == "prohibited") || want.kind == "prohibited" && p.Proto == 41
}
