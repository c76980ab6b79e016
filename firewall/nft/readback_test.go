package nft_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
	"github.com/gatehouse-os/gatehouse/firewall/nfttext"
	"github.com/gatehouse-os/gatehouse/firewall/policytest"
)

// TestReadBackEqualsText: what package nft loads is, read back by nft(8), what nft(8) itself makes of our
// text. Tables of many policies are side by side, each with its own name, because a start of nft(8) costs
// more than a table.
func TestReadBackEqualsText(t *testing.T) {
	tables := []firewall.Table{compile(t, policyFile(t, "home")), compile(t, policyFile(t, "zones")), everything(), everyField(), arpFields()}
	for seed := range uint64(200) {
		policy := policytest.Random(rand.New(rand.NewPCG(seed, 1)))
		tables = append(tables, compile(t, policy))
		if arp := (firewall.Loaded{Policy: policy}).ARP(); seed%4 == 0 && arp.Chains != nil {
			tables = append(tables, arp)
		}
	}
	byUs, byNft := newNetns(t, "us"), newNetns(t, "nft")
	for some := range slices.Chunk(tables, 5) {
		byUs.run(t, "nft flush ruleset")
		var text strings.Builder
		for i := range some {
			some[i].Name = fmt.Sprintf("table%d", i)
			load(t, byUs, some[i])
			text.WriteString(nfttext.Render(some[i]))
		}
		loadText(t, byNft, text.String())
		got, want := ruleset(t, byUs), ruleset(t, byNft)
		if diff := difference(got, want); diff != "" {
			t.Fatalf("the kernel's rules differ from the text's:\n%s\nthe text:\n%s", diff, &text)
		}
		if len(got) < 50 {
			t.Fatalf("nft lists %d objects for some policies", len(got))
		}
	}
}

// everything is a table with what policies do not use: sets of each kind, intervals, negations,
// concatenations.
func everything() firewall.Table {
	addr := func(p string) firewall.Value { return firewall.Value{Prefix: netip.MustParsePrefix(p)} }
	port := func(lo, hi uint32) firewall.Value { return firewall.Value{Lo: lo, Hi: hi} }
	key := func(vs ...firewall.Value) firewall.Element { return firewall.Element{Key: vs} }
	match := func(f firewall.Field, vs ...firewall.Value) firewall.Match {
		return firewall.Match{Fields: []firewall.Field{f}, Values: vs}
	}
	not := func(m firewall.Match) firewall.Match { m.Not = true; return m }
	accept := firewall.Verdict{Kind: firewall.VerdictAccept}
	rule := func(ms ...firewall.Match) firewall.TreeRule {
		return firewall.TreeRule{Matches: ms, Counter: "c", Verdict: accept, Name: strings.Repeat("ü", 63)}
	}
	return firewall.Table{
		Name: firewall.TableName, Counters: []string{"c"},
		Sets: []firewall.Set{
			{Name: "nets4", Key: []firewall.Field{firewall.IPSaddr}, Interval: true,
				Elements: []firewall.Element{key(addr("10.0.0.0/9")), key(addr("192.0.2.1/32")), key(addr("240.0.0.0/4"))}},
			{Name: "nets6", Key: []firewall.Field{firewall.IP6Daddr}, Interval: true,
				Elements: []firewall.Element{key(addr("2001:db8::/33")), key(addr("ff00::/8"))}},
			{Name: "hosts4", Key: []firewall.Field{firewall.IPDaddr}, Elements: []firewall.Element{key(addr("192.0.2.1/32"))}},
			{Name: "ports", Key: []firewall.Field{firewall.TCPDport}, Interval: true,
				Elements: []firewall.Element{key(port(1, 5)), key(port(7, 7)), key(port(1000, 65535))}},
			{Name: "from_to", Key: []firewall.Field{firewall.IIFName, firewall.TCPDport, firewall.IP6Saddr},
				Elements: []firewall.Element{key(firewall.Value{Name: "eth0"}, port(22, 22), addr("2001:db8::1/128"))}},
			{Name: "empty", Key: []firewall.Field{firewall.L4Proto}},
		},
		Maps: []firewall.Map{{Name: "m", Key: []firewall.Field{firewall.L4Proto, firewall.UDPDport}, Elements: []firewall.Element{
			{Key: []firewall.Value{port(17, 17), port(53, 53)}, Verdict: firewall.Verdict{Kind: firewall.VerdictGoto, Target: "below"}},
			{Key: []firewall.Value{port(17, 17), port(54, 54)}, Verdict: firewall.Verdict{Kind: firewall.VerdictDrop}},
		}}},
		Chains: []firewall.Chain{{Name: "below"}, {Name: "c", Rules: []firewall.TreeRule{
			rule(firewall.Match{Fields: []firewall.Field{firewall.IPDaddr}, Set: "nets4"}),
			rule(firewall.Match{Fields: []firewall.Field{firewall.IP6Saddr}, Set: "nets6", Not: true}),
			rule(firewall.Match{Fields: []firewall.Field{firewall.IPSaddr}, Set: "hosts4"},
				firewall.Match{Fields: []firewall.Field{firewall.TCPDport}, Set: "ports"}),
			rule(firewall.Match{Fields: []firewall.Field{firewall.IIFName, firewall.TCPDport, firewall.IP6Saddr}, Set: "from_to"}),
			rule(match(firewall.IPSaddr, addr("10.0.0.0/9"))), rule(match(firewall.IP6Daddr, addr("2001:db8::/33"))),
			rule(not(match(firewall.IPDaddr, addr("10.32.0.0/11"))), match(firewall.L4Proto, port(6, 6))),
			rule(match(firewall.IP6Saddr, addr("2001:db8::1/128"), addr("2001:db8:1::/48"))),
			rule(match(firewall.CTState, port(3, 3)), not(match(firewall.OIFName, firewall.Value{Name: "fifteen-letters"}))),
			rule(match(firewall.TCPDport, port(22, 22), port(60000, 65535))),
			rule(match(firewall.UDPSport, port(5, 9)), match(firewall.UDPDport, port(5, 5))),
			rule(match(firewall.NFProto, port(2, 2)), match(firewall.ICMPType, port(3, 3), port(11, 11))),
			rule(match(firewall.L4Proto, port(6, 6), port(17, 17)), match(firewall.IP6HopLimit, port(0, 9))),
			rule(match(firewall.IP6HopLimit, port(1, 1), port(255, 255))),
			{Verdict: firewall.Verdict{Kind: firewall.VerdictDispatch, Target: "m"}},
			{Verdict: firewall.Verdict{Kind: firewall.VerdictJump, Target: "below"}},
		}}},
	}
}

// everyField asks for each field there is, so that none is forgotten here or in the text. That of a card has
// no values, and is in policies.
func everyField() firewall.Table {
	chain := firewall.Chain{Name: "c", Hook: &firewall.Hook{Type: firewall.Filter, Point: firewall.Forwarding, Priority: -7, Policy: firewall.VerdictAccept}}
	for _, f := range firewall.Fields() {
		v := firewall.Value{Lo: 1, Hi: 1}
		switch f.Kind() {
		case firewall.KindIfname:
			v = firewall.Value{Name: "eth0"}
		case firewall.KindIfindex:
			v = firewall.Value{Name: "lo", Lo: 1, Hi: 1}
		case firewall.KindIPv4:
			v = firewall.Value{Prefix: netip.MustParsePrefix("192.0.2.1/32")}
		case firewall.KindIPv6:
			v = firewall.Value{Prefix: netip.MustParsePrefix("2001:db8::1/128")}
		case firewall.KindNFProto:
			v = firewall.Value{Lo: firewall.NFProtoIPv6, Hi: firewall.NFProtoIPv6}
		}
		if f == firewall.ReversePath || f == firewall.SaddrTypeOIF || f == firewall.DaddrType || f == firewall.EtherSaddr || f >= firewall.ARPSaddrIP { // each has points of its own where it can be asked
			continue
		}
		chain.Rules = append(chain.Rules, firewall.TreeRule{Matches: []firewall.Match{{Fields: []firewall.Field{f}, Values: []firewall.Value{v}}}, Counter: "c"})
	}
	return firewall.Table{Name: firewall.TableName, Counters: []string{"c"}, Chains: []firewall.Chain{chain}}
}

// arpFields does so in the family where ARP can be asked; a card has no values.
func arpFields() firewall.Table {
	addr := firewall.Value{Prefix: netip.MustParsePrefix("192.0.2.1/32")}
	cards := []firewall.Field{firewall.IIFName, firewall.ARPSaddrEther}
	return firewall.Table{Name: firewall.TableName, Family: firewall.ARP, Counters: []string{"c"},
		Sets: []firewall.Set{{Name: "cards", Key: cards, Kept: true, Dynamic: true, Expires: true, Timeout: time.Minute, Size: 10}},
		Chains: []firewall.Chain{{Name: "c", Hook: &firewall.Hook{Type: firewall.Filter, Point: firewall.Input, Priority: 7, Policy: firewall.VerdictDrop},
			Rules: []firewall.TreeRule{
				{Matches: []firewall.Match{{Fields: []firewall.Field{firewall.ARPSaddrIP}, Values: []firewall.Value{addr}, Not: true}}, Counter: "c"},
				{Matches: []firewall.Match{{Fields: cards, Set: "cards"}}, Learn: &firewall.Learn{Set: "cards", Key: cards}, Counter: "c"},
			}}}}
}

// TestComparison: the comparison that the tests above rest on sees what is missing on either side.
func TestComparison(t *testing.T) {
	a, b := []string{"x", "y"}, []string{"x"}
	if difference(a, b) == "" || difference(b, a) == "" || difference(a, nil) == "" || difference(a, a) != "" {
		t.Error("difference does not see a difference, or sees one in what is the same")
	}
}

func load(t *testing.T, ns netns, table firewall.Table) {
	t.Helper()
	var err error
	ns.do(t, func() { err = nft.Load(table) })
	if err != nil {
		t.Fatalf("%v\nthe text:\n%s", err, nfttext.Render(table))
	}
}

func loadText(t *testing.T, ns netns, text string) {
	t.Helper()
	ns.do(t, func() { command(t, "flush ruleset\n"+text, "nft", "-f", "-") })
	if t.Failed() {
		t.Fatalf("nft(8) refuses:\n%s", text)
	}
}

// ruleset is the kernel's rules as nft(8) lists them, one object a line, without what may differ between two
// loads of the same: handles, what counters counted, the order of a set's elements.
func ruleset(t *testing.T, ns netns) []string {
	t.Helper()
	var listing struct{ Nftables []map[string]any }
	if err := json.Unmarshal([]byte(ns.run(t, "nft -j list ruleset")), &listing); err != nil {
		t.Fatal(err)
	}
	type line struct{ place, text string }
	var lines []line
	for _, object := range listing.Nftables {
		if object["metainfo"] == nil {
			lines = append(lines, line{placeOf(object), string(marshal(t, normal(t, object)))})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return strings.Compare(a.place, b.place) })
	var texts []string
	for _, l := range lines {
		texts = append(texts, l.text)
	}
	return texts
}

// placeOf is where an object is: of a rule its chain, in which order counts, of all else its own name.
func placeOf(object map[string]any) string {
	for kind, inner := range object {
		o := inner.(map[string]any)
		if kind == "rule" {
			return fmt.Sprint(kind, o["table"], " ", o["chain"])
		}
		return fmt.Sprint(kind, o["table"], " ", o["name"])
	}
	return ""
}

func normal(t *testing.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, volatile := range []string{"handle", "packets", "bytes"} {
			delete(v, volatile)
		}
		for key, inner := range v {
			v[key] = normal(t, inner)
			elements, isList := inner.([]any)
			switch {
			case (key == "elem" || key == "set") && isList:
				slices.SortFunc(elements, func(a, b any) int {
					return strings.Compare(string(marshal(t, a)), string(marshal(t, b)))
				})
			}
		}
	case []any:
		for i := range v {
			v[i] = normal(t, v[i])
		}
	}
	return v
}

func marshal(t *testing.T, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// difference lists the lines that only one side has, and says if they are the same in another order.
func difference(got, want []string) string {
	var out strings.Builder
	only := func(whose string, lines, others []string) {
		known := map[string]bool{}
		for _, line := range others {
			known[line] = true
		}
		for _, line := range lines {
			if !known[line] {
				fmt.Fprintf(&out, "only by %s: %s\n", whose, line)
			}
		}
	}
	only("netlink", got, want)
	only("text", want, got)
	if out.Len() == 0 && !slices.Equal(got, want) {
		return fmt.Sprintf("another order or number: %d by netlink, %d by text", len(got), len(want))
	}
	return out.String()
}

func compile(t *testing.T, p firewall.Policy) firewall.Table {
	t.Helper()
	table, err := firewall.Compile(p, firewall.Features{})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// policyFile reads a policy whose text is a golden file of nfttext.
func policyFile(t *testing.T, name string) firewall.Policy {
	t.Helper()
	text, err := os.ReadFile("../nfttext/testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var p firewall.Policy
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	return p
}
