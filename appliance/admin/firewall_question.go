package admin

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/explain"
	"github.com/gatehouse-os/gatehouse/site"
)

// ownOn is the appliance's address on a link, or a if it has none of that family there.
func (q packetQuestion) ownOn(link string, a netip.Addr) netip.Addr {
	for _, own := range q.network.Addresses {
		if own.Link == link && own.Prefix.Addr().Is4() == a.Is4() {
			return own.Prefix.Addr()
		}
	}
	return a
}

// packetOf is the one that starts a conversation, false if there is none between such addresses.
func packetOf(of pair, f site.Flow) (explain.Packet, bool) {
	src, dst := of.src.addr, of.dst.addr
	p := explain.Packet{In: of.in, Proto: firewall.Proto(f.Proto).Number(), State: firewall.CTNew,
		HopLimit: 64, Flags: firewall.TCPSyn, Source: netip.AddrPortFrom(src, 0),
		Destination: netip.AddrPortFrom(dst, 0), ToAll: dst.IsMulticast() ||
			dst == netip.AddrFrom4([4]byte{255, 255, 255, 255})}
	switch f.Proto {
	case "icmp", "icmpv6":
		if (f.Proto == "icmp") != src.Is4() {
			return p, false
		}
		p.Type = uint8(f.First)
		p.State, p.HopLimit = icmpState(p)
	case "ipv6":
		return p, src.Is4()
	case "tcp", "udp", "sctp":
		p.Source, p.Destination = netip.AddrPortFrom(src, 50000), netip.AddrPortFrom(dst, f.First)
	}
	return p, true
}

// icmpState is what conntrack calls an ICMP message that belongs to nothing
// (net/netfilter/nf_conntrack_proto_icmp.c and _icmpv6.c), and the hop limit that an honest one has.
func icmpState(p explain.Packet) (state uint32, hop uint8) {
	v4 := p.Source.Addr().Is4()
	switch {
	case v4 && slices.Contains([]uint8{8, 13, 15, 17}, p.Type), !v4 && (p.Type == 128 || p.Type == 139):
		return firewall.CTNew, 64
	case !v4 && p.Type >= 133 && p.Type <= 136:
		return firewall.CTUntracked, 255
	case !v4 && (p.Type >= 130 && p.Type <= 132 || p.Type == 143):
		return firewall.CTUntracked, 1
	}
	return firewall.CTInvalid, 64
}

// flows reads `tcp 443`, `udp/53`, `ping` or `https`; no words, no flows.
func (q packetQuestion) flows(words []string) ([]site.Flow, error) {
	if len(words) == 0 {
		return nil, nil
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

// notes are what the rules do for the rest of a conversation.
func (q packetQuestion) notes(p explain.Packet, r explain.Result) []string {
	if r.Verdict != firewall.VerdictAccept {
		return nil
	}
	var all []string
	for _, s := range r.Steps {
		if h := s.Rule.Helper; h.Name != "" && h.Proto.Number() == p.Proto {
			return []string{fmt.Sprintf("the kernel reads it (helper %s): other conversations that it announces pass too", h.Name)}
		}
		if s.Rule.Verdict.Kind == firewall.VerdictNoTrack {
			all = append(all, "it leaves by the link that it came by: answers may go past the appliance, so TCP that has begun and "+
				"ICMP errors pass, and each packet of other protocols is for the rules")
		}
	}
	if len(all) > 0 && q.redirected(p) {
		all = append(all, "the sender is told of the router on its own network (ICMP redirect)")
	}
	for h, port := range firewall.Helpers() {
		if r.Out != "" && p.In != "" && all == nil && h.Proto.Number() == p.Proto &&
			p.Destination.Port() == port {
			all = append(all, fmt.Sprintf(`no rule names service "%s" here: other conversations that it announces are not known`, h.Name))
		}
	}
	return all
}

// redirected reports whether the kernel tells the sender of a packet that goes back by its link of the
// shorter way.
func (q packetQuestion) redirected(p explain.Packet) bool {
	_, direct := q.network.Direct(p.Source.Addr())
	return p.Source.Addr().Is6() && direct || direct &&
		slices.ContainsFunc(q.site.LANs, func(l site.LAN) bool {
			return l.Link() == p.In && plan.SendsRedirects(q.site, l)
		})
}
