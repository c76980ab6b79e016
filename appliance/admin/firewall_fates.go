package admin

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/site"
)

// A span is beginnings of one protocol between which the policy knows no difference: ports, types of ICMP, or
// the protocol alone.
type span struct {
	proto       string
	first, last uint16
}

func (s span) flow() site.Flow { return site.Flow{Proto: s.proto, First: s.first, Last: s.last} }

// spans are all beginnings in a family, cut where a rule or forward begins or ends to speak of them.
func (q packetQuestion) spans(v4 bool) []span {
	cuts := map[firewall.Proto]map[int]bool{firewall.TCP: {1: true}, firewall.UDP: {1: true},
		firewall.SCTP: {1: true}}
	echo, icmp := uint8(128), firewall.ICMPv6
	if v4 {
		echo, icmp = 8, firewall.ICMP
	}
	types := map[uint8]bool{echo: true}
	cut := func(p firewall.Proto, r firewall.PortRange) {
		cuts[p][int(r.First)], cuts[p][int(r.Last)+1] = true, true
	}
	for _, r := range slices.Concat(q.policy.Rules, q.policy.Defaults) {
		for _, s := range r.Services {
			for _, f := range s.Flows {
				for _, ports := range f.Ports {
					cut(f.Proto, ports)
				}
				for _, t := range f.Types {
					types[t] = types[t] || f.Proto == icmp
				}
			}
		}
	}
	for _, f := range q.policy.Forwards {
		for _, p := range f.Protos {
			cut(p, f.Ports)
			if f.ToPort != 0 {
				cut(p, firewall.Port(f.ToPort))
			}
		}
	}
	var all []span
	for _, p := range []firewall.Proto{firewall.TCP, firewall.UDP, firewall.SCTP} {
		firsts := slices.Sorted(maps.Keys(cuts[p]))
		for i, first := range firsts {
			last := 65535
			if i+1 < len(firsts) {
				last = firsts[i+1] - 1
			}
			if first <= 65535 && first > 0 {
				all = append(all, span{string(p), uint16(first), uint16(last)})
			}
		}
	}
	for _, t := range slices.Sorted(maps.Keys(types)) {
		if types[t] {
			all = append(all, span{string(icmp), uint16(t), uint16(t)})
		}
	}
	for _, p := range []firewall.Proto{firewall.GRE, firewall.ESP, firewall.AH, firewall.IPv6} {
		if v4 || p != firewall.IPv6 {
			all = append(all, span{proto: string(p)})
		}
	}
	return all
}

// fates asks about all beginnings between two, and joins neighbours that have the same fate. The last is of
// whatever is not in the others: what most ports have.
func (q packetQuestion) fates(t firewall.Table, p pair) []Explanation {
	var all []Explanation
	var spans []span
	ports := map[string]int{}
	for _, s := range q.spans(p.src.addr.Is4()) {
		packet, ok := packetOf(p, s.flow())
		if !ok {
			continue
		}
		e := q.answer(t, packet)
		ports[e.fate()] += int(s.last) - int(s.first) + 1
		n := len(all)
		if n > 0 && spans[n-1].proto == s.proto && s.first != 0 && all[n-1].fate() == e.fate() &&
			int(spans[n-1].last)+1 == int(s.first) {
			spans[n-1].last = s.last
		} else {
			all, spans = append(all, e), append(spans, s)
		}
	}
	most := ""
	for _, e := range all {
		if most == "" || ports[e.fate()] > ports[most] {
			most = e.fate()
		}
	}
	var rest Explanation
	var rows []Explanation
	for i, e := range all {
		if e.fate() == most {
			rest = e
			continue
		}
		e.Packet, e.Flow = p.text(), spans[i].text()
		rows = append(rows, e)
	}
	rest.Packet, rest.Flow = p.text(), "all else"
	return append(rows, rest)
}

// text is "tcp 631 (ipp)".
func (s span) text() string {
	text := s.proto
	switch {
	case strings.HasPrefix(s.proto, "icmp"):
		text += fmt.Sprintf(" type %d", s.first)
	case s.first != s.last:
		text += fmt.Sprintf(" %d-%d", s.first, s.last)
	case s.first != 0:
		text += " " + strconv.Itoa(int(s.first))
	}
	for _, known := range site.Services() {
		if slices.Contains(known.Flows, s.flow()) {
			return text + " (" + known.Name + ")"
		}
	}
	return text
}

// fate is what becomes of a packet, in short, and without ports that it has by chance.
func (e Explanation) fate() string {
	text := e.decision()
	if e.Verdict != "accept" {
		return text
	}
	if e.dnat {
		text += ": to " + endpointText(e.Destination)
	}
	if e.snat {
		text += ": as " + e.Source.Addr().String()
	}
	return text
}

// printFates writes the table of one pair.
func printFates(env Env, rows []Explanation) {
	fmt.Fprintln(env.Stdout, rows[0].Packet)
	t := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, e := range rows {
		fmt.Fprintf(t, "  %s\t%s\n", e.Flow, e.fate())
	}
	t.Flush()
	var notes []string
	for _, e := range rows {
		for _, n := range e.Notes {
			if !slices.Contains(notes, n) {
				notes = append(notes, n)
			}
		}
	}
	for _, n := range notes {
		fmt.Fprintln(env.Stdout, n)
	}
}
