package nft_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
	"github.com/gatehouse-os/gatehouse/firewall/policytest"
)

// TestReloadKeepsWhatTheKernelKnows: counters of rules that both policies have, and bans with the time they
// have left.
func TestReloadKeepsWhatTheKernelKnows(t *testing.T) {
	l := newLab(t, twoLANs(t))
	conversation := dial(t, l.lan, "tcp", target(wan4, 80))
	readLine(t, conversation)
	l.box.run(t, "nft add element inet gatehouse banned4 { 192.0.2.77 timeout 1h, 192.0.2.78 timeout 10s expires 9s }")
	l.box.run(t, "nft add element inet gatehouse banned6_net { 2001:db8:bad:1:: timeout 1d }")
	before, bans := l.counters(t), l.box.run(t, "nft list set inet gatehouse banned4")
	if before["rule_lan-wan"] == 0 || before["forward_established"] == 0 || !strings.Contains(bans, "expires 59m") {
		t.Fatalf("nothing to keep: %v\n%s", before, bans)
	}

	changed := twoLANs(t)
	changed.Rules, changed.Forwards = nil, nil
	changed.Defaults = append(changed.Defaults, firewall.Rule{Name: "guest-lan", Action: firewall.Allow,
		From: []firewall.Endpoint{{Zones: []string{"guest"}}}, To: []firewall.Endpoint{{Zones: []string{"lan"}}}})
	load(t, l.box, compile(t, changed))

	after := l.counters(t)
	for name, n := range after {
		if old, both := before[name]; both && n < old {
			t.Errorf("counter %s fell from %d to %d", name, old, n)
		}
	}
	if _, there := after["rule_web1-https"]; there {
		t.Error("the counter of a rule that is gone is still there")
	}
	if n, there := after["rule_guest-lan"]; !there || n != 0 {
		t.Errorf("the counter of a new rule: %d, %t", n, there)
	}
	bans = l.box.run(t, "nft list set inet gatehouse banned4") + l.box.run(t, "nft list set inet gatehouse banned6_net")
	for _, want := range []string{"192.0.2.77 timeout 1h expires 59m", "192.0.2.78 timeout 10s expires", "2001:db8:bad:1:: timeout 1d expires 23h59m"} {
		if !strings.Contains(bans, want) {
			t.Errorf("ban %q is not there:\n%s", want, bans)
		}
	}
	if _, err := conversation.Write([]byte{'x'}); err != nil {
		t.Fatal(err)
	}
	readLine(t, conversation)
	if got := l.counters(t); got["forward_established"] <= after["forward_established"] {
		t.Errorf("the conversation goes on, but its counter does not: %d", got["forward_established"])
	}
}

// TestTranslatedConversationsGoOn: also when the next rules translate nothing any more.
func TestTranslatedConversationsGoOn(t *testing.T) {
	l := newLab(t, twoLANs(t))
	conversation := dial(t, l.lan, "tcp", target(wan4, 80))
	readLine(t, conversation)
	changed := twoLANs(t)
	changed.Masquerade, changed.OneToOne, changed.Forwards = nil, nil, nil
	load(t, l.box, compile(t, changed))
	if _, err := conversation.Write([]byte{'x'}); err != nil {
		t.Fatal(err)
	}
	readLine(t, conversation)
}

// TestBanned: what is in the sets of bans is kept away, in each of them, and nobody else is.
func TestBanned(t *testing.T) {
	l := newLab(t, twoLANs(t))
	for _, ban := range []struct {
		element, gone string
		packet        []byte // that needs no neighbour discovery first
	}{
		{"banned4 { " + lan4 + " timeout 1h }", lanBox4, ip(lan4, lanBox4, protoICMP, 64, icmp(8, 0, make([]byte, 8)))},
		{"banned6 { " + lan6 + " timeout 1h }", lanBox6, ip(lan6, lanBox6, protoICMPv6, 64, icmp(128, 0, make([]byte, 8)))},
		{"banned6_net { 2001:db8:32:: timeout 1h }", lanBox6, ip(lan6, lanBox6, protoICMPv6, 64, icmp(128, 0, make([]byte, 8)))},
	} {
		l.box.run(t, "nft add element inet gatehouse "+ban.element)
		before := l.counters(t)
		flow{"banned", lan, raw(ban.packet), "", 0, "banned"}.run(t, l)
		if after := l.counters(t); after["banned"] == before["banned"] || after["log_banned"] == 0 {
			t.Errorf("%s: not counted: %v", ban.element, after)
		}
		flow{"not banned", guest, tcpTo(wan4, 80), wanBox4, 0, "rule_guest-wan"}.run(t, l)
		l.box.run(t, "nft flush set inet gatehouse "+strings.Fields(ban.element)[0])
		flow{"no more", lan, pingTo(ban.gone), ban.gone, 0, "rule_lan-ping"}.run(t, l)
	}
}

// TestReplaceTouchesNothingElse: the elements of a list, and of everything else not even the handles.
func TestReplaceTouchesNothingElse(t *testing.T) {
	ns := newNetns(t, "replace")
	policy := policyFile(t, "zones")
	table := compile(t, policy)
	load(t, ns, table)
	before := ns.run(t, "nft -a list table inet gatehouse")
	var held []firewall.Set // nil at first: nobody knows
	for _, networks := range [][]string{
		{"192.0.2.0/24", "192.0.2.7/32", "2001:db8:bad::/48", "198.51.100.0/25"}, nil,
		{"203.0.113.64/26", "198.51.100.0/24"}, {"203.0.113.64/27", "203.0.113.96/27", "198.51.100.0/25"},
		{"203.0.113.64/27", "2001:db8:bad::/48", "255.255.255.0/24"}, {"0.0.0.0/1", "2001:db8::/32"}, {"128.0.0.0/1"}, {"203.0.113.64/26", "198.51.100.0/24"},
	} {
		list := firewall.AddressSet{Name: "blocked", Live: true}
		for _, n := range networks {
			list.Networks = append(list.Networks, netip.MustParsePrefix(n))
		}
		var err error
		ns.do(t, func() { err = nft.Replace(firewall.TableName, held, list.Sets()) })
		if err != nil {
			t.Fatal(err)
		}
		policy.Sets[1], held = list, list.Sets()
		if got := differs(t, ns, compile(t, policy)); got != nil {
			t.Errorf("after %v: %q", networks, got)
		}
	}
	if after := ns.run(t, "nft -a list table inet gatehouse"); after != before {
		t.Errorf("more than the list has changed:\n%s\nit was\n%s", after, before)
	}
	var err error
	ns.do(t, func() {
		err = nft.Replace(firewall.TableName, nil, (firewall.AddressSet{Name: "nobody", Live: true}).Sets())
	})
	if err == nil || !strings.Contains(err.Error(), "they stay as they were") {
		t.Errorf("a set that is not there: %v", err)
	}
}

// TestLargeList loads and replaces a list of many networks.
func TestLargeList(t *testing.T) {
	ns := newNetns(t, "large")
	policy := policyFile(t, "zones")
	list := &policy.Sets[1]
	for i := range 20_000 {
		list.Networks = append(list.Networks, netip.PrefixFrom(netip.AddrFrom4([4]byte{100, byte(i >> 8), byte(i), 0}), 25))
	}
	table := compile(t, policy)
	load(t, ns, table)
	load(t, ns, table)
	if got := differs(t, ns, table); got != nil {
		t.Errorf("after the second load: %q", got)
	}
	before := list.Sets()
	list.Networks = list.Networks[1000:]
	var err error
	// The second time nothing is as it is said to be: what is to go has gone.
	for range 2 {
		ns.do(t, func() { err = nft.Replace(firewall.TableName, before, list.Sets()) })
		if err != nil {
			t.Fatal(err)
		}
		if got := differs(t, ns, compile(t, policy)); got != nil {
			t.Errorf("after the replacement: %q", got)
		}
	}
}

func differs(t *testing.T, ns netns, table firewall.Table) (all []string) {
	t.Helper()
	var err error
	ns.do(t, func() { all, err = nft.Differences(table) })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDifferences: none after a load of any policy, and some after any change by another hand.
func TestDifferences(t *testing.T) {
	ns := newNetns(t, "differences")
	if got := differs(t, ns, compile(t, policyFile(t, "home"))); !slices.Equal(got, []string{"there are no rules in the kernel"}) {
		t.Errorf("an empty kernel: %q", got)
	}
	for seed := range uint64(20) {
		table := compile(t, policytest.Random(rand.New(rand.NewPCG(seed, 2))))
		load(t, ns, table) // over the one before
		if got := differs(t, ns, table); got != nil {
			t.Errorf("seed %d: %q", seed, got)
		}
	}
	table := compile(t, policyFile(t, "zones"))
	for _, c := range []struct{ change, want string }{
		{"add element inet gatehouse banned4 { 192.0.2.1 timeout 1h }", ""},
		{"insert rule inet gatehouse input accept", "chain input has 14 rules or elements instead of 13"},
		{"add chain inet gatehouse backdoor", "chain backdoor should not be there"},
		{"chain inet gatehouse forward { policy accept ; }", "chain forward is declared in another way"},
		{"flush chain inet gatehouse refuse", "chain refuse has 0 rules or elements instead of 2"},
		{"add element inet gatehouse net_blocked4 { 192.0.2.1 }", "set net_blocked4 has"},
		{"delete element inet gatehouse net_blocked4 { 203.0.113.64/26 } ; add element inet gatehouse net_blocked4 { 203.0.113.128/26 }", "set net_blocked4 has other elements, as many as it should: "},
		{"add set inet gatehouse more { type ipv4_addr ; }", "set more should not be there"},
		{"add counter inet gatehouse more", "counter more should not be there"},
		{"delete table inet gatehouse", "there are no rules in the kernel"},
	} {
		load(t, ns, table)
		ns.run(t, "nft "+c.change)
		if got := strings.Join(differs(t, ns, table), "; "); c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("after %s: %q, want %q", c.change, got, c.want)
		}
	}
	load(t, ns, table)
	handle := strings.TrimSpace(strings.SplitAfter(strings.Split(ns.run(t, "nft -a list chain inet gatehouse input_wan"), "\n")[2], "# handle ")[1])
	ns.run(t, "nft replace rule inet gatehouse input_wan handle "+handle+" accept")
	if got := differs(t, ns, table); len(got) != 1 || got[0] != "chain input_wan differs from its rule 1 on" {
		t.Errorf("after the replacement of a rule: %q", got)
	}
	if tables := ns.run(t, "nft list tables"); tables != "table inet gatehouse\n" {
		t.Errorf("the comparison left something behind: %s", tables)
	}
}

// TestKeptElements reads bans back.
func TestKeptElements(t *testing.T) {
	ns := newNetns(t, "kept")
	table := compile(t, policyFile(t, "home"))
	load(t, ns, table)
	ns.run(t, "nft add element inet gatehouse banned4 { 192.0.2.7 timeout 1h }")
	ns.run(t, "nft add element inet gatehouse banned6_net { 2001:db8:bad:: timeout 1h }")
	var got firewall.Table
	var err error
	ns.do(t, func() { got, err = nft.Kept(table) })
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, s := range got.Sets {
		if s.Kept {
			all = append(all, fmt.Sprint(s.Name, s.Elements))
		}
	}
	if text := strings.Join(all, " "); !strings.Contains(text, "192.0.2.7/32") || !strings.Contains(text, "2001:db8:bad::/128") {
		t.Errorf("got %s", text)
	}
	for i := range table.Sets {
		if table.Sets[i].Kept && table.Sets[i].Elements != nil {
			t.Error("the table that was given has changed")
		}
	}
}

// TestFlood: one source outside may start many conversations, but not any number, and others are not held
// back.
func TestFlood(t *testing.T) {
	policy := twoLANs(t)
	policy.Flood = firewall.Rate{Count: 1, Per: firewall.Hour, Burst: 50}
	policy.Log = firewall.Rate{Count: 1, Per: firewall.Hour, Burst: 5}
	l := newLab(t, policy)
	before := l.counters(t)
	flood := slices.Repeat([][]byte{ip("203.0.113.9", wanBox4, protoTCP, 64, tcp(4000, 22, flagSYN))}, 200)
	flood = append(flood, slices.Repeat([][]byte{ip("2001:db8:f::9", wanBox6, protoTCP, 64, tcp(4000, 22, flagSYN))}, 200)...)
	for i := range 100 { // of the same /64
		flood = append(flood, ip(fmt.Sprintf("2001:db8:f::%x", i+16), wanBox6, protoTCP, 64, tcp(4000, 22, flagSYN)))
	}
	l.sendRaw(t, l.wan, flood...)
	var after map[string]int
	for start := time.Now(); time.Since(start) < patience; {
		if after = l.counters(t); after["flood"] == 150+250 {
			break
		}
	}
	if after["flood"] != 150+250 || after["turn_away_silent"]-before["turn_away_silent"] != 100 || after["log_flood"] != 5 {
		t.Errorf("flood %d, want 400; refused %d, want 100; logged %d, want 5", after["flood"],
			after["turn_away_silent"]-before["turn_away_silent"], after["log_flood"])
	}
	flow{"another", wan, raw(ip("203.0.113.10", wanBox4, protoTCP, 64, tcp(4000, 22, flagSYN))), "", 0, "refused"}.run(t, l)
}

// TestOffloadAsksTheKernel: what it says can be loaded, and nothing is left.
func TestOffloadAsksTheKernel(t *testing.T) {
	ns := newNetns(t, "offload")
	ns.run(t, "ip link add eth0 type veth peer name eth1")
	var devices []string
	ns.do(t, func() { devices = nft.Offload([]string{"eth0", "eth1", "eth7"}) })
	if devices != nil {
		if !slices.Equal(devices, []string{"eth0", "eth1"}) {
			t.Errorf("devices %q", devices)
		}
		table, err := firewall.Compile(policyFile(t, "home"), firewall.Features{Offload: devices})
		if err != nil {
			t.Fatal(err)
		}
		load(t, ns, table)
		load(t, ns, table)
		if got := differs(t, ns, table); got != nil {
			t.Errorf("%q", got)
		}
	}
	if tables := ns.run(t, "nft list tables"); devices == nil && tables != "" {
		t.Errorf("the question left something behind: %s", tables)
	}
}

func dial(t *testing.T, from netns, network, to string) net.Conn {
	t.Helper()
	var c net.Conn
	var err error
	from.do(t, func() { c, err = net.DialTimeout(network, to, patience) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

func readLine(t *testing.T, c net.Conn) {
	t.Helper()
	var line string
	if _, err := fmt.Fscanln(c, &line); err != nil || line != wanBox4 {
		t.Fatalf("the conversation says %q, %v", line, err)
	}
}
