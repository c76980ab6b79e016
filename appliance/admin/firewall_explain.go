package admin

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/explain"
	"github.com/gatehouse-os/gatehouse/firewall/nfttext"
	"github.com/gatehouse-os/gatehouse/site"
)

// Explanation is what `gatehouse firewall explain --json` prints for one packet.
type Explanation struct {
	Packet      string         `json:"packet"`
	Verdict     string         `json:"verdict"`          // "accept", "drop", "reject", or "no route"
	Rule        string         `json:"rule,omitempty"`   // the name of the rule that decided
	Origin      string         `json:"origin,omitempty"` // its line of the site
	Out         string         `json:"out,omitempty"`    // the interface it leaves by; none: it is for the appliance
	Source      netip.AddrPort `json:"source"`           // when it leaves the rules
	Destination netip.AddrPort `json:"destination"`
	Steps       []ExplainStep  `json:"steps"`
}

// ExplainStep is a rule that applied.
type ExplainStep struct {
	Chain  string `json:"chain"`
	Number int    `json:"number"` // from 1; 0: the chain's policy
	Text   string `json:"text"`
}

// explainFirewall says what becomes of the first packet of a conversation.
func explainFirewall(_ context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("firewall explain", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	words, err := cli.Options(flags, args, 20)
	if err != nil {
		return err
	}
	s, err := env.Site()
	if err != nil {
		return err
	}
	loaded, err := shown.ReadRules(env.RunDir)
	if err != nil {
		return err
	}
	table, err := loaded.Table()
	if err != nil {
		return err
	}
	if table, err = env.Kernel.Kept(table); err != nil {
		return err
	}
	learned, err := shown.ReadLearned(env.RunDir)
	if err != nil {
		return err
	}
	q := packetQuestion{site: s, policy: loaded.Policy, network: networkOf(plan.Plan{Network: plan.NetworkOf(s, learned)})}
	packets, err := q.read(words)
	if err != nil {
		return err
	}
	all := []Explanation{}
	for _, p := range packets {
		all = append(all, q.answer(table, p))
	}
	if *asJSON {
		return cli.JSON(env.Stdout, all)
	}
	for i, e := range all {
		if i > 0 {
			fmt.Fprintln(env.Stdout)
		}
		e.print(env)
	}
	return nil
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

// A packetQuestion is about packets in the network of a site.
type packetQuestion struct {
	site    *site.Site
	policy  firewall.Policy
	network explain.Network
}

// read understands `from [ZONE] HOST to HOST [PROTOCOL [PORT]|SERVICE]`: one packet for each family that both
// have.
func (q packetQuestion) read(words []string) ([]explain.Packet, error) {
	to := slices.Index(words, "to")
	if len(words) < 4 || words[0] != "from" || to < 2 || to > 3 || to+1 >= len(words) {
		return nil, cli.ErrUsage
	}
	in := ""
	if to == 3 {
		i := slices.IndexFunc(q.policy.Zones, func(z firewall.Zone) bool { return z.Name == words[1] && len(z.Interfaces) > 0 })
		if i < 0 {
			return nil, fmt.Errorf("there is no zone %q", words[1])
		}
		in = q.policy.Zones[i].Interfaces[0]
	}
	sources, err := q.addresses(words[to-1])
	if err != nil {
		return nil, err
	}
	destinations, err := q.addresses(words[to+1])
	if err != nil {
		return nil, err
	}
	var packets []explain.Packet
	for _, src := range sources {
		link := cmp.Or(in, q.network.LinkTo(src))
		for _, dst := range destinations {
			if src.Is4() != dst.Is4() {
				continue
			}
			if words[to+1] == firewall.Box {
				dst = q.ownOn(link, dst)
			}
			some, err := q.packets(link, src, dst, words[to+2:])
			if err != nil {
				return nil, err
			}
			packets = append(packets, some...)
		}
	}
	if packets == nil {
		return nil, fmt.Errorf("%s and %s have no address of the same IP version", words[to-1], words[to+1])
	}
	return packets, nil
}

// addresses are the first of each family that a word stands for: an address, a host's name, or the appliance.
func (q packetQuestion) addresses(word string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(word); err == nil && a.Zone() == "" {
		return []netip.Addr{a.Unmap()}, nil
	}
	var all []netip.Addr
	if word == firewall.Box {
		for _, a := range q.network.Addresses {
			all = append(all, a.Prefix.Addr())
		}
	} else if h, ok := q.site.Host(word); ok {
		all = h.Addrs
	} else {
		return nil, fmt.Errorf("%q is no address and no host of the site", word)
	}
	var first []netip.Addr
	for _, a := range all {
		if !slices.ContainsFunc(first, func(b netip.Addr) bool { return a.Is4() == b.Is4() }) {
			first = append(first, a)
		}
	}
	if first == nil {
		return nil, fmt.Errorf("%q has no address in hosts", word)
	}
	return first, nil
}

// ownOn is the appliance's address on a link, or a if it has none of that family there.
func (q packetQuestion) ownOn(link string, a netip.Addr) netip.Addr {
	for _, own := range q.network.Addresses {
		if own.Link == link && own.Prefix.Addr().Is4() == a.Is4() {
			return own.Prefix.Addr()
		}
	}
	return a
}

// packets are those that start a conversation by what the last words say; TCP to port 443 if they say
// nothing.
func (q packetQuestion) packets(in string, src, dst netip.Addr, words []string) ([]explain.Packet, error) {
	flows, err := q.flows(words)
	if err != nil {
		return nil, err
	}
	var packets []explain.Packet
	for _, f := range flows {
		p := explain.Packet{In: in, Proto: firewall.Proto(f.Proto).Number(), State: firewall.CTNew, HopLimit: 64, Flags: firewall.TCPSyn,
			Source: netip.AddrPortFrom(src, 0), Destination: netip.AddrPortFrom(dst, 0)}
		switch f.Proto {
		case "icmp", "icmpv6":
			if (f.Proto == "icmp") != src.Is4() {
				continue
			}
			p.Type = uint8(f.First)
		case "tcp", "udp", "sctp":
			p.Source, p.Destination = netip.AddrPortFrom(src, 50000), netip.AddrPortFrom(dst, f.First)
		}
		packets = append(packets, p)
	}
	if packets == nil {
		return nil, errors.New("there is no such conversation between these addresses")
	}
	return packets, nil
}

// flows reads `tcp 443`, `udp/53`, `ping` or `https`.
func (q packetQuestion) flows(words []string) ([]site.Flow, error) {
	if len(words) == 0 {
		words = []string{"tcp", "443"}
	}
	for _, s := range site.Services() {
		if len(words) == 1 && s.Name == words[0] {
			return s.Flows, nil
		}
	}
	proto, port, given := strings.Cut(strings.Join(words, "/"), "/")
	if !given {
		port = "0"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if firewall.Proto(proto).Number() == 0 || err != nil {
		return nil, fmt.Errorf("%q is no protocol with a port and no service", strings.Join(words, " "))
	}
	return []site.Flow{{Proto: proto, First: uint16(n), Last: uint16(n)}}, nil
}

func (q packetQuestion) answer(t firewall.Table, p explain.Packet) Explanation {
	r := explain.Table(t, q.network, p)
	e := Explanation{Packet: describePacket(p), Out: r.Out, Source: r.Source, Destination: r.Destination, Steps: []ExplainStep{},
		Verdict: map[firewall.VerdictKind]string{firewall.VerdictAccept: "accept", firewall.VerdictDrop: "drop",
			firewall.VerdictRejectICMP: "reject", firewall.VerdictRejectReset: "reject", firewall.VerdictNone: "no route"}[r.Verdict]}
	for _, s := range r.Steps {
		text := "policy: no rule decided"
		if s.Number > 0 {
			text = nfttext.Rule(t, s.Rule)
		}
		e.Steps = append(e.Steps, ExplainStep{s.Chain, s.Number, text})
	}
	e.Rule, e.Origin = decided(r)
	return e
}

// decided names the rule that decided: one of the site or of the defaults, or else what the counter is called
// by which the packet ended.
func decided(r explain.Result) (rule, origin string) {
	for _, s := range r.Steps {
		if strings.HasPrefix(s.Rule.Counter, "rule_") {
			return s.Rule.Name, s.Rule.Origin
		}
	}
	for _, s := range r.Steps {
		if r.Verdict != firewall.VerdictAccept && s.Rule.Counter != "" && s.Rule.Log == "" {
			return s.Rule.Counter, ""
		}
	}
	return "", ""
}

func describePacket(p explain.Packet) string {
	what := protoName(uint8(p.Proto))
	switch {
	case p.Destination.Port() != 0:
		what += fmt.Sprintf(" port %d", p.Destination.Port())
	case p.Type != 0:
		what += fmt.Sprintf(" type %d", p.Type)
	}
	return fmt.Sprintf("%s from %s by %s to %s", what, p.Source.Addr(), p.In, p.Destination.Addr())
}

func (e Explanation) print(env Env) {
	fmt.Fprintln(env.Stdout, e.Packet)
	t := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, s := range e.Steps {
		fmt.Fprintf(t, "  %s %d\t%s\n", s.Chain, s.Number, s.Text)
	}
	t.Flush()
	fmt.Fprintln(env.Stdout, e.conclusion())
}

// conclusion says in one sentence what becomes of the packet.
func (e Explanation) conclusion() string {
	text := strings.ToUpper(e.Verdict)
	if e.Rule == "refused" {
		return text + ": nothing allows it"
	}
	if e.Rule != "" {
		text += " by " + e.Rule
	}
	if e.Origin != "" {
		text += " (" + e.Origin + ")"
	}
	if e.Verdict != "accept" {
		return text
	}
	if e.Out == "" {
		return text + ": it is for the appliance"
	}
	return text + fmt.Sprintf(": leaves by %s from %s to %s", e.Out, endpointText(e.Source), endpointText(e.Destination))
}

func endpointText(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}
