package flowtest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/explain"
)

// An Evaluator asks package explain about flows, in the order of the table. It remembers conversations as
// conntrack does, which the rules know nothing of: who has which addresses on the other side.
type Evaluator struct {
	table   firewall.Table
	network explain.Network
	links   map[string]string // of hosts
	hosts   []Host
	known   map[way]way
}

// A way is one direction of a conversation as one side sees it.
type way struct{ src, dst netip.AddrPort }

func (w way) back() way { return way{w.dst, w.src} }

// NewEvaluator is for a tree in a network. Its routes are those of the links and the default ones by the
// first.
func NewEvaluator(t firewall.Table, links []Link, hosts []Host) *Evaluator {
	e := &Evaluator{table: t, hosts: hosts, links: map[string]string{}, known: map[way]way{}}
	for _, l := range links {
		for _, a := range l.Addrs {
			e.network.Addresses = append(e.network.Addresses, explain.Address{Link: l.Name, Prefix: a})
		}
		for _, r := range l.Routes {
			e.network.Routes = append(e.network.Routes, explain.Route{To: r.To, Link: l.Name})
		}
	}
	for _, all := range []string{"0.0.0.0/0", "::/0"} {
		e.network.Routes = append(e.network.Routes,
			explain.Route{To: netip.MustParsePrefix(all), Link: links[0].Name})
	}
	for _, h := range hosts {
		e.links[h.Name] = h.Link
	}
	return e
}

// Evaluate says what the tree does with a packet that comes in from a host, whose conversation has a state
// (one of the CT… bits of package firewall).
func (e *Evaluator) Evaluate(from string, p Packet, state uint32) explain.Result {
	return e.evaluate(from, p, state, way{})
}

func (e *Evaluator) evaluate(from string, p Packet, state uint32, known way) explain.Result {
	var status uint32
	if known.src.IsValid() && known.src != p.Src {
		status |= firewall.CTStatusSNAT
	}
	if known.dst.IsValid() && known.dst != p.Dst {
		status |= firewall.CTStatusDNAT
	}
	return explain.Table(e.table, e.network, explain.Packet{
		In: e.links[from], Source: p.Src, Destination: p.Dst, Proto: uint32(p.Proto), Type: p.Type,
		Flags: p.flags(), HopLimit: p.Hop, State: state, Status: status, ToAll: p.Dst.Addr().IsMulticast() ||
			p.Dst.Addr() == netip.AddrFrom4([4]byte{255, 255, 255, 255}), KnownSource: known.src,
		KnownDestination: known.dst,
	})
}

func (p Packet) flags() (bits uint8) {
	for _, f := range p.Flags {
		bits |= 1 << strings.IndexRune(flagBits, f)
	}
	return bits
}

// Check holds the tree against the fate of a flow.
func (e *Evaluator) Check(f Flow) error {
	if f.Fate.Kind == "ignored" || f.Fate.Kind == "expired" {
		return nil
	}
	state := map[string]uint32{"new": firewall.CTNew, "reply": firewall.CTEstablished,
		"related": firewall.CTRelated, "invalid": firewall.CTInvalid,
		"untracked": firewall.CTUntracked}[f.State]
	if state == 0 {
		return fmt.Errorf("flows.txt:%d: there is no state %q", f.Line, f.State)
	}
	known, err := e.translate(f)
	if err != nil {
		return err
	}
	r := e.evaluate(f.From, f.Packet, state, known)
	if f.State == "new" && r.Verdict == firewall.VerdictAccept {
		e.remember(way{f.Packet.Src, f.Packet.Dst}, way{r.Source, r.Destination})
	}
	if got, want := e.fate(r), e.want(f); got != want {
		return fmt.Errorf("flows.txt:%d: %s %s\nthe tree says %s\nwant          %s\nby %+v", f.Line, f.From,
			f.Packet, got, want, r.Steps)
	}
	if f.By != "" && !slices.ContainsFunc(r.Steps, func(s explain.Step) bool {
		return s.Rule.Counter == f.By
	}) {
		return fmt.Errorf("flows.txt:%d: %s %s: not by %s, but %+v", f.Line, f.From, f.Packet, f.By, r.Steps)
	}
	return nil
}

func (e *Evaluator) remember(in, out way) {
	if _, known := e.known[in]; !known {
		e.known[in], e.known[out.back()] = out, in.back()
	}
}

// translate is what conntrack makes of the ends of a packet of a known conversation, the zero way if it knows
// none.
func (e *Evaluator) translate(f Flow) (way, error) {
	wire := way{f.Packet.Src, f.Packet.Dst}
	switch {
	case f.State == "reply":
		if known, ok := e.known[wire]; ok {
			return known, nil
		}
		return wire, fmt.Errorf("flows.txt:%d: %s: there is no such conversation", f.Line, f.Packet)
	case f.State == "related" && f.Packet.About != nil:
		about := way{f.Packet.About.Src, f.Packet.About.Dst}
		known, ok := e.known[about.back()]
		if !ok {
			return wire, fmt.Errorf("flows.txt:%d: %s: about no conversation", f.Line, f.Packet)
		}
		// The error goes to who sent the packet, and comes from its destination if that was translated.
		translated := way{wire.src, netip.AddrPortFrom(known.dst.Addr(), 0)}
		if known.src != about.dst {
			translated.src = netip.AddrPortFrom(known.src.Addr(), 0)
		}
		return translated, nil
	}
	return way{}, nil
}

// fate says in words what a result is.
func (e *Evaluator) fate(r explain.Result) string {
	switch r.Verdict {
	case firewall.VerdictAccept:
		if r.Out == "" {
			return "box"
		}
		return fmt.Sprintf("%s: %s > %s", r.Out, endString(r.Source), endString(r.Destination))
	case firewall.VerdictRejectICMP:
		return "prohibited"
	case firewall.VerdictRejectReset:
		return "reset"
	}
	return "dropped"
}

// want says in the same words what the table wants.
func (e *Evaluator) want(f Flow) string {
	switch f.Fate.Kind {
	case "":
		return fmt.Sprintf("%s: %s > %s", e.links[f.Fate.Host], endString(f.Fate.Src), endString(f.Fate.Dst))
	case "answered":
		return "box"
	}
	return f.Fate.Kind
}
