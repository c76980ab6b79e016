package nft_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
)

// TestLoadTwiceIsLoadOnce, and what other tables hold is none of our business.
func TestLoadTwiceIsLoadOnce(t *testing.T) {
	ns := newNetns(t, "twice")
	ns.do(t, func() { command(t, "table ip theirs { chain c { counter accept; }; }", "nft", "-f", "-") })
	table := compile(t, policyFile(t, "zones"))
	load(t, ns, table)
	once := ruleset(t, ns)
	load(t, ns, table)
	if diff := difference(ruleset(t, ns), once); diff != "" {
		t.Errorf("the second load changed something:\n%s", diff)
	}
	if !strings.Contains(strings.Join(once, "\n"), "theirs") {
		t.Errorf("the other table is gone: %s", once)
	}
}

// TestReplaceLeavesNothingBehind: of an old policy nothing stays, not even sets.
func TestReplaceLeavesNothingBehind(t *testing.T) {
	replaced, fresh := newNetns(t, "replaced"), newNetns(t, "fresh")
	load(t, replaced, compile(t, policyFile(t, "zones")))
	load(t, replaced, compile(t, policyFile(t, "home")))
	load(t, fresh, compile(t, policyFile(t, "home")))
	if diff := difference(ruleset(t, replaced), ruleset(t, fresh)); diff != "" {
		t.Errorf("replaced and fresh differ:\n%s", diff)
	}
}

// TestFailedLoadKeepsOldRules, whether the mistake is found here or by the kernel, in the middle of the
// transaction.
func TestFailedLoadKeepsOldRules(t *testing.T) {
	ns := newNetns(t, "failed")
	load(t, ns, compile(t, policyFile(t, "home")))
	before := ns.run(t, "nft -j list ruleset") // with handles: not even replaced by the same
	rule := func(r firewall.TreeRule) firewall.Table {
		return firewall.Table{Name: firewall.TableName, Chains: []firewall.Chain{{Name: "c", Rules: []firewall.TreeRule{r},
			Hook: &firewall.Hook{Type: firewall.Filter, Point: firewall.Input, Policy: firewall.VerdictDrop}}}}
	}
	match := func(m firewall.Match) firewall.Table { return rule(firewall.TreeRule{Matches: []firewall.Match{m}}) }
	tcpDport, ifname := []firewall.Field{firewall.TCPDport}, []firewall.Field{firewall.IIFName}
	for _, c := range []struct {
		table firewall.Table
		want  string
		errno syscall.Errno
	}{
		{rule(firewall.TreeRule{Verdict: firewall.Verdict{Kind: firewall.VerdictJump, Target: "nowhere"}}),
			"refused by the kernel, the rules before it stay", unix.ENOENT},
		{rule(firewall.TreeRule{Verdict: firewall.Verdict{Kind: firewall.VerdictMasquerade}}), "refused by the kernel", unix.EOPNOTSUPP},
		{rule(firewall.TreeRule{Verdict: firewall.Verdict{Kind: firewall.VerdictMasquerade},
			Matches: []firewall.Match{{Fields: []firewall.Field{firewall.Field(200)}}}}), "chain c rule 1: field 200 cannot be loaded", 0},
		{rule(firewall.TreeRule{Verdict: firewall.Verdict{Kind: firewall.VerdictDispatch, Target: "m"}}), "there is no map m", 0},
		{rule(firewall.TreeRule{Verdict: firewall.Verdict{Kind: 99}}), "verdict 99 is unknown", 0},
		{rule(firewall.TreeRule{Counter: "nobody"}), "refused by the kernel", unix.ENOENT},
		{rule(firewall.TreeRule{Meter: &firewall.Meter{Set: "s"}}), "there is no set s", 0},
		{match(firewall.Match{Fields: tcpDport, Set: "s"}), "there is no set s", 0},
		{match(firewall.Match{Fields: tcpDport}), "expected one field", 0},
		{match(firewall.Match{Fields: tcpDport, Not: true, Values: []firewall.Value{{Lo: 1, Hi: 2}}}), "cannot be negated", 0},
		{match(firewall.Match{Fields: tcpDport, Not: true, Values: make([]firewall.Value, 2)}), "negated, one value", 0},
		{match(firewall.Match{Fields: ifname, Values: make([]firewall.Value, 2)}), "need a named set", 0},
		{match(firewall.Match{Fields: ifname, Values: []firewall.Value{{Name: "sixteen-letters."}}}), "is too long", 0},
		{match(firewall.Match{Fields: []firewall.Field{firewall.IPSaddr}, Values: make([]firewall.Value, 1)}), "wrong family", 0},
		{firewall.Table{Name: firewall.TableName, Sets: []firewall.Set{{Name: "s", Key: tcpDport,
			Elements: []firewall.Element{{Key: []firewall.Value{{Lo: 1, Hi: 2}}}}}}}, "set s: expected one value", 0},
		{firewall.Table{Name: firewall.TableName, Sets: []firewall.Set{{Name: "s", Key: tcpDport,
			Elements: []firewall.Element{{}}}}}, "set s: element of 0 values for a key of 1", 0},
	} {
		var err error
		ns.do(t, func() { err = nft.Load(c.table) })
		if err == nil || !strings.Contains(err.Error(), c.want) || c.errno != 0 && !errors.Is(err, c.errno) {
			t.Errorf("got %v, want %q, %v", err, c.want, c.errno)
		}
		if after := ns.run(t, "nft -j list ruleset"); after != before {
			t.Fatalf("after %v the rules are others:\n%s\nthey were\n%s", err, after, before)
		}
	}
}

// TestLoadAtSize: many interfaces and zones, more than one netlink message can hold.
func TestLoadAtSize(t *testing.T) {
	var p firewall.Policy
	ssh := []firewall.Service{{Name: "ssh", Flows: []firewall.Flow{{Proto: firewall.TCP, Ports: []firewall.PortRange{firewall.Port(22)}}}}}
	for i := range 40 {
		z := firewall.Zone{Name: fmt.Sprintf("zone%d", i), Refuse: firewall.Reject}
		for j := range 5 {
			z.Interfaces = append(z.Interfaces, fmt.Sprintf("e%d.%d", i, j))
		}
		p.Zones = append(p.Zones, z)
	}
	all := []firewall.Endpoint{{Zones: names(p.Zones)}}
	for _, z := range p.Zones {
		p.Rules = append(p.Rules, firewall.Rule{Name: z.Name, Action: firewall.Allow, Services: ssh, To: all,
			From: []firewall.Endpoint{{Zones: []string{z.Name}}}})
	}
	ns := newNetns(t, "size")
	load(t, ns, compile(t, p))
	if got := ns.run(t, "nft list map inet gatehouse forward_zones"); strings.Count(got, "goto") != 200 {
		t.Errorf("%d interfaces that packets come by, want 200", strings.Count(got, "goto"))
	}
	if got := ns.run(t, "nft list table inet gatehouse"); strings.Count(got, "jump forward_") != 40*200 {
		t.Errorf("from %d zones to interfaces, want %d", strings.Count(got, "jump forward_"), 40*200)
	}
}

func names(zones []firewall.Zone) []string {
	var all []string
	for _, z := range zones {
		all = append(all, z.Name)
	}
	return all
}
