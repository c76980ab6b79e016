package explain_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/explain"
)

// network is a box between eth0 (upstream) and eth1, with a further router on eth1.
func network() explain.Network {
	p := netip.MustParsePrefix
	return explain.Network{
		Addresses: []explain.Address{{Link: "eth0", Prefix: p("192.0.2.10/24")}, {Link: "eth1", Prefix: p("192.168.32.1/24")},
			{Link: "eth1", Prefix: p("2001:db8:20::1/64")}},
		Routes: []explain.Route{{To: p("0.0.0.0/0"), Link: "eth0"}, {To: p("10.8.0.0/16"), Link: "eth1"}},
	}
}

func packet(in, src, dst string) explain.Packet {
	return explain.Packet{In: in, Proto: firewall.ProtoTCP, State: firewall.CTNew,
		Source: netip.AddrPortFrom(netip.MustParseAddr(src), 4000), Destination: netip.AddrPortFrom(netip.MustParseAddr(dst), 80)}
}

// TestWays: where packets go, and which sources have a way back, as the kernel sees it.
func TestWays(t *testing.T) {
	spoofed := firewall.Table{Chains: []firewall.Chain{{Name: "c", Rules: []firewall.TreeRule{{
		Matches: []firewall.Match{{Fields: []firewall.Field{firewall.ReversePath}, Values: []firewall.Value{{}}}}, Verdict: firewall.Verdict{Kind: firewall.VerdictDrop}}},
		Hook: &firewall.Hook{Type: firewall.Filter, Point: firewall.Prerouting, Policy: firewall.VerdictAccept}}}}
	for _, c := range []struct{ in, src, dst, want string }{
		{"eth1", "192.168.32.7", "203.0.113.1", "eth0"},
		{"eth1", "10.8.1.1", "203.0.113.1", "eth0"},
		{"eth0", "203.0.113.1", "10.8.1.1", "eth1"},
		{"eth0", "203.0.113.1", "192.168.32.1", "box"},
		{"eth0", "203.0.113.1", "224.0.0.251", "box"},
		{"eth0", "192.168.32.7", "192.0.2.10", "drop"},
		{"eth0", "10.8.1.1", "192.0.2.10", "drop"},
		{"eth1", "203.0.113.1", "192.168.32.1", "drop"},
		{"eth1", "192.168.32.1", "192.168.32.1", "drop"},
		{"eth1", "0.0.0.0", "255.255.255.255", "box"},
		{"eth1", "0.0.0.0", "192.168.32.1", "drop"},
		{"eth1", "fe80::7", "2001:db8:20::1", "box"},
		{"eth1", "2001:db8:20::7", "2001:db8:99::1", "no route"},
		{"eth0", "2001:db8:99::1", "2001:db8:20::7", "drop"},
		{"", "192.168.32.1", "203.0.113.1", "eth0"},
	} {
		r := explain.Table(spoofed, network(), packet(c.in, c.src, c.dst))
		got := r.Out
		switch {
		case r.Verdict == firewall.VerdictDrop:
			got = "drop"
		case r.Verdict == firewall.VerdictNone:
			got = "no route"
		case got == "":
			got = "box"
		}
		if got != c.want {
			t.Errorf("%s from %s to %s: %s, want %s", c.in, c.src, c.dst, got, c.want)
		}
	}
}

// TestWalk: a jump comes back, a goto comes back to where the last jump was, a policy decides what no rule
// did (nft(8), "jump" and "goto").
func TestWalk(t *testing.T) {
	v := func(kind firewall.VerdictKind, target ...string) firewall.TreeRule {
		return firewall.TreeRule{Verdict: firewall.Verdict{Kind: kind, Target: strings.Join(target, "")}, Name: strings.Join(target, "")}
	}
	rules := func(rs ...firewall.TreeRule) []firewall.TreeRule { return rs }
	for _, c := range []struct {
		name   string
		chains map[string][]firewall.TreeRule
		want   string // the steps, then the verdict
	}{
		{"policy", map[string][]firewall.TreeRule{"base": nil}, "base:0 drop"},
		{"jump", map[string][]firewall.TreeRule{"base": rules(v(firewall.VerdictJump, "a"), v(firewall.VerdictAccept)), "a": rules(v(firewall.VerdictNone))},
			"base:1 a:1 base:2 accept"},
		{"goto", map[string][]firewall.TreeRule{"base": rules(v(firewall.VerdictGoto, "a"), v(firewall.VerdictAccept)), "a": rules(v(firewall.VerdictNone))},
			"base:1 a:1 base:0 drop"},
		{"goto below a jump", map[string][]firewall.TreeRule{"base": rules(v(firewall.VerdictJump, "a"), v(firewall.VerdictAccept)),
			"a": rules(v(firewall.VerdictGoto, "b"), v(firewall.VerdictDrop)), "b": rules(v(firewall.VerdictNone))}, "base:1 a:1 b:1 base:2 accept"},
		{"statements go on", map[string][]firewall.TreeRule{"base": rules(v(firewall.VerdictOffload, "f"), v(firewall.VerdictClampMSS), v(firewall.VerdictRejectICMP))},
			"base:1 base:2 base:3 reject"},
		{"what is missing decides nothing", map[string][]firewall.TreeRule{"base": rules(v(firewall.VerdictJump, "x"), v(firewall.VerdictDispatch, "x"), v(firewall.VerdictAccept))},
			"base:1 base:3 accept"},
	} {
		table := firewall.Table{}
		for name, rs := range c.chains {
			chain := firewall.Chain{Name: name, Rules: rs}
			if name == "base" {
				chain.Hook = &firewall.Hook{Type: firewall.Filter, Point: firewall.Input, Policy: firewall.VerdictDrop}
			}
			table.Chains = append(table.Chains, chain)
		}
		r := explain.Table(table, network(), packet("eth1", "192.168.32.7", "192.168.32.1"))
		var got []string
		for _, s := range r.Steps {
			got = append(got, s.Chain+":"+string(rune('0'+s.Number)))
		}
		got = append(got, map[firewall.VerdictKind]string{firewall.VerdictAccept: "accept", firewall.VerdictDrop: "drop", firewall.VerdictRejectICMP: "reject"}[r.Verdict])
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s, want %s", c.name, strings.Join(got, " "), c.want)
		}
	}
}
