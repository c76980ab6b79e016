package plan_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/explain"
	"github.com/gatehouse-os/gatehouse/site"
)

var hiddenSites = flag.Int("sites", 25, "how many random sites TestHiddenRules makes")

// hiddenSite is where the rules of TestHiddenRules stand: its zones have addresses of both families, and a
// router behind lan leads to more.
const hiddenSite = `name = "firewall"
domain = "home.example"
[wan]
interface = "eth0"
ipv4 = "192.0.2.10/24"
gateway = "192.0.2.1"
ipv6 = "2001:db8:0:1::10/64"
gateway6 = "2001:db8:0:1::1"
[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "192.168.32.1/24"
ipv6 = "2001:db8:0:20::1/64"
[[lan]]
name = "guests"
interface = "eth2"
ipv4 = "192.168.33.1/24"
ipv6 = "2001:db8:0:21::1/64"
[[route]]
to = "44.8.0.0/16"
via = "192.168.32.2"
[[route]]
to = "2001:db8:8::/48"
via = "2001:db8:0:20::2"
[[firewall.zone]]
name = "branch"
networks = ["44.8.0.0/17", "192.168.32.192/27", "2001:db8:8::/49"]
[firewall.group]
servers = ["192.168.32.64/28", "192.168.32.80/28", "2001:db8:0:20::40/124"]
few = ["192.168.32.70", "192.168.33.70"]
[firewall.list]
blocked = "blocked.list"
other = "other.list"
`

// What rules say: words that are within each other, together as much as a third, or beside each other.
var (
	endWords = []string{"lan", "guests", "branch", "wan", "any", "servers", "few", "blocked", "other",
		"192.168.32.0/24", "192.168.32.64/27", "192.168.32.64/28", "192.168.32.80/28", "192.168.32.70", "192.168.32.71",
		"192.168.32.70/31", "192.168.32.128/25", "192.168.32.192/27", "192.168.33.64/27", "192.168.33.70", "44.8.0.0/15",
		"44.8.0.0/16", "44.8.0.0/17", "44.8.128.0/17", "9.9.9.0/24", "9.9.9.0/25", "9.9.9.128/25", "2001:db8:0:20::/64",
		"2001:db8:0:20::40/124", "2001:db8:0:20::40/125", "2001:db8:0:20::48/125", "2001:db8:8::/49", "2620:fe::/48"}
	// A word, and others that are together as much, or a part of it.
	sameWords = [][]string{{"192.168.32.64/27", "192.168.32.64/28", "192.168.32.80/28"}, {"lan", "192.168.32.0/24", "servers"},
		{"servers", "192.168.32.64/27", "2001:db8:0:20::40/125", "2001:db8:0:20::48/125"}, {"any", "lan", "guests", "branch", "wan"},
		{"192.168.32.70/31", "192.168.32.71", "192.168.32.70"}, {"few", "192.168.33.70", "192.168.32.70"}, {"wan", "9.9.9.0/24"},
		{"44.8.0.0/16", "44.8.0.0/17", "44.8.128.0/17"}, {"9.9.9.0/24", "9.9.9.128/25", "9.9.9.0/25"}, {"44.8.0.0/15", "44.8.0.0/16"},
		{"192.168.32.0/24", "192.168.32.192/27", "192.168.32.64/27"}, {"branch", "44.8.0.0/17", "2001:db8:8::/49"},
		{"ping", "icmp/8", "icmpv6/128"}, {"tcp/85-95", "tcp/80-89", "tcp/90-99"}, {"tcp", "tcp/80-89", "http"}, {"dns", "udp/53"}}
	serviceWords = []string{"tcp/80", "tcp/80-89", "tcp/90-99", "tcp/85-95", "tcp", "udp/53", "dns", "http", "https", "ping",
		"icmp/8", "icmpv6/128", "gre"}
)

// One address for each part of the world that those words tell apart, behind each link.
var hiddenHosts = map[string][]string{
	"eth0": {"9.9.9.9", "9.9.9.200", "44.9.0.1", "1.1.1.1", "2620:fe::fe", "2a00::1"},
	"eth1": {"192.168.32.10", "192.168.32.66", "192.168.32.70", "192.168.32.71", "192.168.32.90", "192.168.32.130",
		"192.168.32.200", "44.8.1.1", "44.8.200.1", "2001:db8:0:20::10", "2001:db8:0:20::42", "2001:db8:0:20::4a",
		"2001:db8:8::1", "2001:db8:8:8000::1"},
	"eth2": {"192.168.33.10", "192.168.33.66", "192.168.33.70", "2001:db8:0:21::10"},
}

// ownAddresses are some of the appliance.
var ownAddresses = []string{"192.168.32.1", "2001:db8:0:21::1"}

func allHosts() []string {
	return slices.Concat(hiddenHosts["eth0"], hiddenHosts["eth1"], hiddenHosts["eth2"], ownAddresses)
}

var hiddenFlows = []explain.Packet{{Proto: 6, Destination: port(79)}, {Proto: 6, Destination: port(80)}, {Proto: 6, Destination: port(81)},
	{Proto: 6, Destination: port(85)}, {Proto: 6, Destination: port(90)}, {Proto: 6, Destination: port(96)}, {Proto: 6, Destination: port(53)},
	{Proto: 6, Destination: port(443)}, {Proto: 17, Destination: port(53)}, {Proto: 17, Destination: port(443)},
	{Proto: 1, Type: 8}, {Proto: 58, Type: 128}, {Proto: 47}, {Proto: 50}}

func port(n uint16) netip.AddrPort { return netip.AddrPortFrom(netip.Addr{}, n) }

// world is every conversation between those addresses.
func world() []explain.Packet {
	var all []explain.Packet
	for in, sources := range hiddenHosts {
		for _, src := range sources {
			for _, dst := range allHosts() {
				for _, flow := range hiddenFlows {
					if p, ok := conversation(in, netip.MustParseAddr(src), netip.MustParseAddr(dst), flow); ok {
						all = append(all, p)
					}
				}
			}
		}
	}
	return all
}

// conversation is the first packet of one, false if there cannot be such. One of an address with itself will
// do.
func conversation(in string, src, dst netip.Addr, p explain.Packet) (explain.Packet, bool) {
	p.In, p.State, p.HopLimit, p.Flags = in, firewall.CTNew, 64, firewall.TCPSyn
	p.Source, p.Destination = netip.AddrPortFrom(src, 5000), netip.AddrPortFrom(dst, p.Destination.Port())
	return p, src.Is4() == dst.Is4() && !(p.Proto == 1 && src.Is6()) && !(p.Proto == 58 && src.Is4())
}

// A ruleText is a rule as words.
type ruleText struct {
	verb              string
	rate, log         bool
	from, to, service []string
}

func (r ruleText) text(name string) string {
	list := func(key string, words []string) string {
		if len(words) == 0 {
			return ""
		}
		return key + " = [\"" + strings.Join(words, "\", \"") + "\"]\n"
	}
	text := "[[firewall." + r.verb + "]]\nname = \"" + name + "\"\n"
	if r.rate && r.verb == "allow" {
		text += "rate = \"10/second\"\n"
	}
	if r.log {
		text += "log = true\n"
	}
	return text + list("from", r.from) + list("to", r.to) + list("service", r.service)
}

func (r ruleText) hasList() bool {
	return slices.ContainsFunc(slices.Concat(r.from, r.to), func(w string) bool { return w == "blocked" || w == "other" })
}

// randomRule is a rule of few words: any, or such as mean nearly the same as those of another.
func randomRule(r *rand.Rand, others []ruleText) ruleText {
	rule := ruleText{verb: pick(r, []string{"allow", "deny"}), rate: r.IntN(6) == 0, log: r.IntN(4) == 0,
		from: randomWords(r, endWords), to: randomWords(r, append([]string{"box"}, endWords...))}
	if r.IntN(3) > 0 {
		rule.service = randomWords(r, serviceWords)
	}
	if len(others) > 0 && r.IntN(4) > 0 {
		like := pick(r, others)
		rule.from, rule.to, rule.service = reworded(r, like.from), reworded(r, like.to), reworded(r, like.service)
	}
	return rule
}

func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }

func randomWords(r *rand.Rand, from []string) []string {
	var words []string
	for range 1 + r.IntN(2) {
		words = append(words, pick(r, from))
	}
	return words
}

// reworded says much the same: a word for others that are together as much, or nearly, and the other way
// round; at times one less.
func reworded(r *rand.Rand, words []string) []string {
	var ways [][]string
	for _, same := range sameWords {
		parts := func(w string) bool { return slices.Contains(same[1:], w) }
		if i := slices.Index(words, same[0]); i >= 0 {
			ways = append(ways, slices.Concat(words[:i], same[1:], words[i+1:]))
		}
		if slices.ContainsFunc(words, parts) {
			ways = append(ways, append(slices.DeleteFunc(slices.Clone(words), parts), same[0]))
		}
	}
	if n := r.IntN(6); len(ways) > 0 && n > 1 {
		words = pick(r, ways)
	} else if n == 1 && len(words) > 1 {
		words = words[1:]
	}
	return slices.Clone(words)
}

// rulesCase is a site with rules, each of them right by itself.
type rulesCase struct {
	t      *testing.T
	words  []ruleText
	texts  []string
	rules  []firewall.Rule
	hidden []bool // as site.Load says
	base   plan.Plan
}

func siteWith(rules ...string) fstest.MapFS {
	return fstest.MapFS{
		"site.toml":       {Data: []byte(hiddenSite + strings.Join(rules, ""))},
		"authorized_keys": {Data: []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlwv7dGP+JpgUWtxZKOAwZIVvARyyOVY6mQbIEMUC8w one@net.example\n")},
		"blocked.list":    {Data: []byte("9.9.9.0/24\n192.168.33.64/27\n2620:fe::/48\n")},
		"other.list":      {Data: []byte("9.9.9.0/25\n")},
	}
}

func newRulesCase(t *testing.T, r *rand.Rand, count int) *rulesCase {
	c := &rulesCase{t: t}
	for len(c.texts) < count {
		rule := randomRule(r, c.words)
		text := rule.text(fmt.Sprint("r", len(c.texts)))
		s, err := site.Load(siteWith(text))
		if err != nil {
			continue
		}
		c.base = plan.Make(s, plan.Learned{})
		c.words, c.texts, c.rules = append(c.words, rule), append(c.texts, text), append(c.rules, c.base.Firewall.Policy.Rules[0])
	}
	c.hidden = make([]bool, count)
	_, err := site.Load(siteWith(c.texts...))
	var problems site.Problems
	if err != nil && !errors.As(err, &problems) {
		t.Fatal(err)
	}
	line := strings.Count(hiddenSite, "\n") + 1
	for i, text := range c.texts {
		c.hidden[i] = slices.ContainsFunc(problems, func(p site.Problem) bool { return p.Line == line })
		line += strings.Count(text, "\n")
	}
	for _, p := range problems {
		if !strings.HasPrefix(p.Message, "this rule never applies, because") {
			t.Fatalf("%s\n%s", p, strings.Join(c.texts, ""))
		}
	}
	return c
}

// table compiles some of the rules. Lists have what is given, for it can change while rules stay.
func (c *rulesCase) table(lists map[string][]netip.Prefix, rules ...firewall.Rule) firewall.Table {
	policy := c.base.Firewall.Policy
	policy.Rules = rules
	policy.Sets = slices.Clone(policy.Sets)
	for i, s := range policy.Sets {
		if s.Live && lists != nil {
			policy.Sets[i].Networks = lists[s.Name]
		}
	}
	table, err := firewall.Compile(policy, firewall.Features{})
	if err != nil {
		c.t.Fatal(err)
	}
	return table
}

func decides(table firewall.Table, n explain.Network, p explain.Packet, rule string) bool {
	return slices.ContainsFunc(explain.Table(table, n, p).Steps, func(s explain.Step) bool {
		return s.Rule.Counter == "rule_"+rule
	})
}

// TestHiddenRules holds what site.Load says about rules that never apply against what the compiled rules do
// with packets, for random rules.
//
// A rule that is called hidden decides no packet, even if every rate is exceeded and lists have other
// contents than now. And a rule is called hidden whenever one earlier rule decides all that it speaks of: one
// without a rate, which speaks of all these conversations, whatever the words for them. Not promised is what
// several earlier rules hide only together, what hides a LAN or "wan" as a whole but does not name it, and
// what lists hide by what is in them.
func TestHiddenRules(t *testing.T) {
	packets := world()
	r := rand.New(rand.NewPCG(5, 6))
	hidden, shown := 0, 0
	for range *hiddenSites {
		c := newRulesCase(t, r, 2+r.IntN(4))
		var alone [][]bool
		for i := range c.rules {
			alone = append(alone, c.decidedAlone(i, packets))
			if c.hidden[i] {
				hidden++
				c.neverDecides(r, i, packets)
			} else {
				shown++
				c.isNotCovered(i, alone)
			}
		}
	}
	if hidden < *hiddenSites/3 || shown < *hiddenSites {
		t.Errorf("%d hidden rules and %d others say little", hidden, shown)
	}
}

// decidedAlone are the packets that rule i decides if there is no other, and lists are empty.
func (c *rulesCase) decidedAlone(i int, packets []explain.Packet) []bool {
	table, network := c.table(map[string][]netip.Prefix{}, c.rules[i]), networkOf(c.base)
	decided := make([]bool, len(packets))
	for n, p := range packets {
		decided[n] = decides(table, network, p, c.rules[i].Name)
	}
	return decided
}

// neverDecides checks a hidden rule against all packets, and random ones.
func (c *rulesCase) neverDecides(r *rand.Rand, i int, packets []explain.Packet) {
	var rules []firewall.Rule
	for _, earlier := range c.rules[:i] {
		if earlier.Rate == (firewall.Rate{}) {
			rules = append(rules, earlier)
		}
	}
	rules = append(rules, c.rules[i])
	contents := []map[string][]netip.Prefix{nil}
	if slices.ContainsFunc(c.words[:i+1], ruleText.hasList) {
		contents = append(contents, randomLists(r), randomLists(r))
	}
	for _, lists := range contents {
		table, network := c.table(lists, rules...), networkOf(c.base)
		for n := range len(packets) + 500 {
			var p explain.Packet
			if n < len(packets) {
				p = packets[n]
			} else {
				p = randomPacket(r)
			}
			if decides(table, network, p, c.rules[i].Name) {
				c.t.Fatalf("rule %d is called hidden, but decides %+v with lists %v:\n%s",
					i, p, lists, strings.Join(c.texts, ""))
			}
		}
	}
}

func randomLists(r *rand.Rand) map[string][]netip.Prefix {
	lists := map[string][]netip.Prefix{}
	for _, name := range []string{"blocked", "other"} {
		for range r.IntN(4) {
			if p, err := netip.ParsePrefix(endWords[r.IntN(len(endWords))]); err == nil {
				lists[name] = append(lists[name], p)
			}
		}
	}
	return lists
}

// randomPacket is one of any addresses, from anywhere, at the edges of networks and ports.
func randomPacket(r *rand.Rand) explain.Packet {
	hosts := allHosts()
	address := func() netip.Addr {
		if p, err := netip.ParsePrefix(pick(r, endWords)); err == nil {
			return pick(r, []netip.Addr{p.Addr(), p.Addr().Prev(), p.Addr().Next(), last(p), last(p).Next()})
		}
		return netip.MustParseAddr(pick(r, hosts))
	}
	for {
		p, ok := conversation(pick(r, []string{"eth0", "eth1", "eth2"}), address(), address(), pick(r, hiddenFlows))
		if !ok {
			continue
		}
		if p.Destination.Port() != 0 {
			edge := pick(r, []uint16{0, 1, 79, 80, 89, 90, 95, 96, 99, 100, 65535})
			p.Destination = netip.AddrPortFrom(p.Destination.Addr(), edge)
		}
		p.ToAll = r.IntN(8) == 0
		return p
	}
}

// last is the last address of a network.
func last(p netip.Prefix) netip.Addr {
	a := p.Addr().AsSlice()
	for bit := p.Bits(); bit < p.Addr().BitLen(); bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	end, _ := netip.AddrFromSlice(a)
	return end
}

// isNotCovered checks that no earlier rule decides all that a rule speaks of which is not called hidden.
func (c *rulesCase) isNotCovered(i int, alone [][]bool) {
	if !slices.Contains(alone[i], true) || c.words[i].hasList() {
		return // of nothing in this world, or of what is in a list at some time
	}
	for j := range i {
		earlier, rule := c.rules[j], c.rules[i]
		if earlier.Rate != (firewall.Rate{}) || !hasWholes(earlier.From, rule.From) || !hasWholes(earlier.To, rule.To) {
			continue
		}
		covered := true
		for n, decided := range alone[i] {
			covered = covered && (!decided || alone[j][n])
		}
		if covered {
			c.t.Fatalf("rule %d decides all that rule %d speaks of, which is not called hidden:\n%s",
				j, i, strings.Join(c.texts, ""))
		}
	}
}

// hasWholes reports whether each zone that is one side of a rule as a whole is so in another rule too. The
// networks of a zone are not all that is in it, though this world has nothing else.
func hasWholes(in, of []firewall.Endpoint) bool {
	whole := func(ends []firewall.Endpoint) (zones []string) {
		for _, e := range ends {
			if len(e.Addresses)+len(e.Sets) == 0 {
				zones = append(zones, e.Zones...)
			}
		}
		return zones
	}
	return !slices.ContainsFunc(whole(of), func(zone string) bool {
		return zone != "branch" && !slices.Contains(whole(in), zone)
	})
}

// networkOf is what the kernel knows when the plan is carried out.
func networkOf(p plan.Plan) explain.Network {
	var n explain.Network
	for _, a := range p.Network.Addresses {
		n.Addresses = append(n.Addresses, explain.Address{Link: a.Link, Prefix: a.Prefix})
	}
	for _, r := range p.Network.Routes {
		n.Routes = append(n.Routes, explain.Route{To: r.To, Link: r.Link})
	}
	return n
}
