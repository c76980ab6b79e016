package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"slices"
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
	Packet string `json:"packet"`
	Flow   string `json:"flow,omitempty"` // of a table: what the packet stands for
	// "accept", "drop", "reject", "no route", or "does not pass"
	Verdict string `json:"verdict"`
	Rule    string `json:"rule,omitempty"`   // the name of the rule that decided
	Origin  string `json:"origin,omitempty"` // its line of the site
	// the interface it leaves by; none: it is for the appliance
	Out         string         `json:"out,omitempty"`
	Source      netip.AddrPort `json:"source"` // when it leaves the rules
	Destination netip.AddrPort `json:"destination"`
	Steps       []ExplainStep  `json:"steps"`
	Notes       []string       `json:"notes,omitempty"` // what else is to know of the conversation

	dnat, snat bool
}

// ExplainStep is a rule that applied.
type ExplainStep struct {
	Chain  string `json:"chain"`
	Number int    `json:"number"` // from 1; 0: the chain's policy
	Text   string `json:"text"`
}

// explainFirewall says what becomes of the first packets of conversations: of one, or without a service of
// all there are.
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
	q := packetQuestion{site: s, policy: loaded.Policy,
		network: networkOf(plan.Plan{Network: plan.NetworkOf(s, learned)})}
	all, err := q.explain(table, words)
	if err != nil {
		return err
	}
	if *asJSON {
		return cli.JSON(env.Stdout, slices.Concat(all...))
	}
	for i, rows := range all {
		if i > 0 {
			fmt.Fprintln(env.Stdout)
		}
		if rows[0].Flow != "" {
			printFates(env, rows)
		} else {
			rows[0].print(env)
		}
	}
	return nil
}

// explain answers a question: one explanation for each packet, or a table for each pair of ends. Of several
// members of a zone or group those with the same fate have one answer.
func (q packetQuestion) explain(t firewall.Table, words []string) ([][]Explanation, error) {
	pairs, what, err := q.pairs(words)
	if err != nil {
		return nil, err
	}
	var all [][]Explanation
	known := map[string]int{}  // by what becomes of it
	same := map[int][]string{} // others of whom it holds too
	for _, p := range pairs {
		answers, err := q.answers(t, p, what)
		if err != nil {
			return nil, err
		}
		for _, rows := range answers {
			key := fateKey(p, rows)
			if i, is := known[key]; is && p.src.what+p.dst.what != "" {
				same[i] = append(same[i], p.text())
				continue
			}
			known[key] = len(all)
			all = append(all, rows)
		}
	}
	if all == nil {
		return nil, errors.New("there is no such conversation between these addresses")
	}
	for i, others := range same {
		all[i][0].Notes = append(all[i][0].Notes, sameNotes(others)...)
	}
	return all, nil
}

// sameNotes say of whom the same holds: of the first by name.
func sameNotes(others []string) []string {
	const named = 3
	var notes []string
	for _, text := range others[:min(named, len(others))] {
		notes = append(notes, "the same holds "+text)
	}
	if n := len(others) - named; n > 0 {
		notes = append(notes, fmt.Sprintf("and for %d others", n))
	}
	return notes
}

// fateKey is equal for answers that say the same.
func fateKey(p pair, rows []Explanation) string {
	key := fmt.Sprint(p.src.addr.Is4(), p.in)
	for _, e := range rows {
		what, _, one := strings.Cut(e.Packet, " from ")
		if !one {
			what = "" // a table
		}
		key += "|" + e.Flow + what + e.fate() + e.Out
	}
	return key
}

// answers are those about one pair.
func (q packetQuestion) answers(t firewall.Table, p pair, what []string) ([][]Explanation, error) {
	var all [][]Explanation
	flows, err := q.flows(what)
	if err != nil {
		return nil, err
	}
	if q.past(p) {
		return [][]Explanation{{{Packet: p.text(), Verdict: "does not pass", Steps: []ExplainStep{},
			Source: netip.AddrPortFrom(p.src.addr, 0), Destination: netip.AddrPortFrom(p.dst.addr, 0)}}}, nil
	}
	if len(what) == 0 {
		return [][]Explanation{q.fates(t, p)}, nil
	}
	for _, f := range flows {
		if packet, ok := packetOf(p, f); ok {
			all = append(all, []Explanation{q.answer(t, packet)})
		}
	}
	return all, nil
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

func (q packetQuestion) answer(t firewall.Table, p explain.Packet) Explanation {
	r := explain.Table(t, q.network, p)
	e := Explanation{Packet: describePacket(p), Out: r.Out, Source: r.Source, Destination: r.Destination,
		Steps: []ExplainStep{}, Verdict: map[firewall.VerdictKind]string{firewall.VerdictAccept: "accept",
			firewall.VerdictDrop: "drop", firewall.VerdictRejectICMP: "reject",
			firewall.VerdictRejectReset: "reject", firewall.VerdictNone: "no route"}[r.Verdict]}
	for _, s := range r.Steps {
		text := "policy: no rule decided"
		if s.Number > 0 {
			text = nfttext.Rule(t, s.Rule)
		}
		e.Steps = append(e.Steps, ExplainStep{s.Chain, s.Number, text})
	}
	e.Rule, e.Origin = decided(r)
	e.dnat, e.snat = r.Destination != p.Destination, r.Source != p.Source
	e.Notes = q.notes(p, r)
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
	by := " by " + p.In
	if p.In == "" {
		by = " of the appliance itself"
	}
	return fmt.Sprintf("%s from %s%s to %s", what, p.Source.Addr(), by, p.Destination.Addr())
}

func (e Explanation) print(env Env) {
	fmt.Fprintln(env.Stdout, e.Packet)
	t := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, s := range e.Steps {
		fmt.Fprintf(t, "  %s %d\t%s\n", s.Chain, s.Number, s.Text)
	}
	t.Flush()
	fmt.Fprintln(env.Stdout, e.conclusion())
	for _, n := range e.Notes {
		fmt.Fprintln(env.Stdout, n)
	}
}

// decision says what becomes of the packet, and by what.
func (e Explanation) decision() string {
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
	return text
}

// conclusion says it in one sentence, with where the packet goes.
func (e Explanation) conclusion() string {
	text := e.decision()
	switch {
	case e.Verdict == "does not pass":
		return "NOT BY THE APPLIANCE: both are on one network and reach each other without it, so no rule holds for them"
	case e.Verdict != "accept":
		return text
	case e.Out == "":
		return text + ": it is for the appliance"
	}
	return text + fmt.Sprintf(": leaves by %s from %s to %s", e.Out, endpointText(e.Source),
		endpointText(e.Destination))
}

func endpointText(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}
