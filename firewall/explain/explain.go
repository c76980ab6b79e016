// Package explain says what a ruleset tree does with a packet: which rules apply to it in which order, what
// becomes of it, and what its addresses are translated to.
//
// [Table] walks the tree as nft(8) says the kernel does: the hooks in their order, jumps and gotos, sets and
// maps, the route between prerouting and what follows. It is pure: what the kernel knows beside the rules
// (addresses, routes, the state of the conversation) is in its arguments. Rates and meters are taken as never
// exceeded and sets that packets fill as having all, because what they have counted or learned is not known;
// bans are those that the tree's sets have as elements.
package explain

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// A Packet is what rules can ask about one packet, as it arrives.
type Packet struct {
	In          string         // interface that it comes in by; "": the appliance sends it
	Source      netip.AddrPort // port 0 where there are none
	Destination netip.AddrPort
	Proto       uint32 // IANA's number of the protocol over IP
	Type        uint8  // of ICMP and ICMPv6
	Flags       uint8  // of TCP
	HopLimit    uint8
	State       uint32 // one of the CT… bits of package firewall
	Status      uint32 // CTStatus… bits that its conversation had before
	ToAll       bool   // broadcast or multicast on its link

	// Of a packet of a known conversation, what conntrack makes of its ends without asking rules: the
	// destination before the packet is routed, the source before it leaves. Invalid: nothing.
	KnownSource, KnownDestination netip.AddrPort
}

// A Step is a rule that applied.
type Step struct {
	Chain string
	// of the rule in its chain, from 1; 0: no rule decided, and the chain's policy did
	Number int
	Rule   firewall.TreeRule // zero when Number is 0
}

// A Result is what becomes of a packet.
type Result struct {
	// Verdict is accept, drop, or a reject; VerdictNone when there is no route for it, or it is of the
	// loopback's addresses and came by a wire, so that the kernel drops it.
	Verdict firewall.VerdictKind
	// Out is the interface that it leaves by, "" when it is for the appliance. Not known for what was dropped
	// before it was routed.
	Out string
	// Source and Destination are its addresses when it leaves the rules.
	Source, Destination netip.AddrPort
	Steps               []Step // in the order in which they applied
}

// Last is the step that decided, the zero Step if none did.
func (r Result) Last() Step {
	if len(r.Steps) == 0 {
		return Step{}
	}
	return r.Steps[len(r.Steps)-1]
}

// Table says what t does with p in a network.
func Table(t firewall.Table, n Network, p Packet) Result {
	w := walk{table: t, network: n, packet: p}
	w.Source, w.Destination = p.Source, p.Destination
	if p.In != "" && !w.passes(firewall.Prerouting) {
		return w.Result
	}
	if p.KnownDestination.IsValid() {
		w.Destination = p.KnownDestination
	}
	if p.In != "" && p.In != "lo" && (p.Source.Addr().IsLoopback() || w.Destination.Addr().IsLoopback()) {
		w.Verdict = firewall.VerdictNone
		return w.Result
	}
	if p.In != "" {
		next, local := n.next(w.Destination.Addr(), p.In)
		if local {
			w.passes(firewall.Input)
			return w.Result
		}
		w.Out = next
	} else {
		w.Out, _ = n.next(w.Destination.Addr(), "")
	}
	if w.Out == "" {
		w.Verdict = firewall.VerdictNone
		return w.Result
	}
	point := firewall.Forwarding
	if p.In == "" {
		point = firewall.Output
	}
	if w.passes(point) {
		if p.KnownSource.IsValid() {
			w.Source = p.KnownSource
		}
		w.passes(firewall.Postrouting)
	}
	return w.Result
}

// walk is a packet on its way.
type walk struct {
	Result
	table   firewall.Table
	network Network
	packet  Packet
	nat     bool // in a chain that translates
	dnat    bool // the destination was translated
}

// passes asks all chains at a point and reports whether they let the packet pass. Chains that translate see
// the first packet of a conversation only.
func (w *walk) passes(point firewall.Point) bool {
	var hooked []firewall.Chain
	for _, c := range w.table.Chains {
		if c.Hook != nil && c.Hook.Point == point &&
			(c.Hook.Type != firewall.NAT || w.packet.State == firewall.CTNew) {
			hooked = append(hooked, c)
		}
	}
	slices.SortStableFunc(hooked, func(a, b firewall.Chain) int { return a.Hook.Priority - b.Hook.Priority })
	w.Verdict = firewall.VerdictAccept
	for _, c := range hooked {
		w.nat = c.Hook.Type == firewall.NAT
		v, decided := w.chain(c)
		if !decided {
			v = c.Hook.Policy
			if v != firewall.VerdictAccept {
				w.Steps = append(w.Steps, Step{Chain: c.Name})
			}
		}
		if v != firewall.VerdictAccept {
			w.Verdict = v
			return false
		}
	}
	return true
}

// chain asks the rules of a chain in their order, and reports whether one decided.
func (w *walk) chain(c firewall.Chain) (firewall.VerdictKind, bool) {
	for i, r := range c.Rules {
		if r.Meter != nil || slices.ContainsFunc(r.Matches, func(m firewall.Match) bool {
			return !w.match(m)
		}) {
			continue
		}
		element, known := w.lookup(r.Verdict)
		if !known {
			continue
		}
		w.Steps = append(w.Steps, Step{c.Name, i + 1, r})
		v := r.Verdict
		if v.Kind == firewall.VerdictDispatch {
			v = element.Verdict
		}
		switch v.Kind {
		case firewall.VerdictNone, firewall.VerdictOffload, firewall.VerdictClampMSS:
		case firewall.VerdictNoTrack:
			w.packet.State = firewall.CTUntracked
		case firewall.VerdictJump:
			if below, decided := w.chain(w.named(v.Target)); decided {
				return below, true
			}
		case firewall.VerdictGoto:
			return w.chain(w.named(v.Target))
		case firewall.VerdictDNAT, firewall.VerdictSNAT, firewall.VerdictMasquerade, firewall.VerdictSource:
			w.translate(v, element)
			return firewall.VerdictAccept, true
		default:
			return v.Kind, true
		}
	}
	return firewall.VerdictNone, false
}

// named is the chain of a name; a table that a load would refuse may lack it, and an empty one stands in.
func (w *walk) named(chain string) firewall.Chain {
	i := slices.IndexFunc(w.table.Chains, func(c firewall.Chain) bool { return c.Name == chain })
	if i < 0 {
		return firewall.Chain{Name: chain}
	}
	return w.table.Chains[i]
}

// lookup finds what the map of a verdict has for the packet. A verdict without a map needs none.
func (w *walk) lookup(v firewall.Verdict) (firewall.Element, bool) {
	switch v.Kind {
	case firewall.VerdictDispatch, firewall.VerdictDNAT, firewall.VerdictSNAT:
	default:
		return firewall.Element{}, true
	}
	i := slices.IndexFunc(w.table.Maps, func(m firewall.Map) bool { return m.Name == v.Target })
	if i < 0 {
		return firewall.Element{}, false
	}
	m := w.table.Maps[i]
	j := slices.IndexFunc(m.Elements, func(e firewall.Element) bool { return w.equal(m.Key, e.Key, 0) })
	if j < 0 {
		return firewall.Element{}, false
	}
	return m.Elements[j], true
}

// translate changes the packet's addresses.
func (w *walk) translate(v firewall.Verdict, e firewall.Element) {
	switch v.Kind {
	case firewall.VerdictMasquerade:
		if a, ok := w.network.addressOn(w.Out, w.Source.Addr().Is4()); ok {
			w.Source = netip.AddrPortFrom(a, w.Source.Port())
		}
	case firewall.VerdictSource:
		if a, err := netip.ParseAddr(v.Target); err == nil {
			w.Source = netip.AddrPortFrom(a, w.Source.Port())
		}
	case firewall.VerdictSNAT:
		w.Source = netip.AddrPortFrom(e.Data[0].Prefix.Addr(), w.Source.Port())
	case firewall.VerdictDNAT:
		port := w.Destination.Port()
		if len(e.Data) > 1 {
			port = uint16(e.Data[1].Lo)
		}
		w.Destination, w.dnat = netip.AddrPortFrom(e.Data[0].Prefix.Addr(), port), true
	}
}
