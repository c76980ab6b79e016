package explain

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// match reports whether the packet is what m asks for. A packet without the field is not, even if m is
// negated.
func (w *walk) match(m firewall.Match) bool {
	for _, f := range m.Fields {
		if _, ok := w.field(f); !ok {
			return false
		}
	}
	if m.Mask != 0 {
		v, _ := w.field(m.Fields[0])
		return (v.Lo&m.Mask == m.Values[0].Lo) != m.Not
	}
	if m.Set != "" {
		return w.in(m) != m.Not
	}
	return slices.ContainsFunc(m.Values, func(v firewall.Value) bool {
		return w.equal(m.Fields, []firewall.Value{v}, 0)
	}) != m.Not
}

// in reports whether the packet is in the set that m names. In one that packets fill everybody is.
func (w *walk) in(m firewall.Match) bool {
	i := slices.IndexFunc(w.table.Sets, func(s firewall.Set) bool { return s.Name == m.Set })
	return i >= 0 && w.table.Sets[i].Dynamic || i >= 0 &&
		slices.ContainsFunc(w.table.Sets[i].Elements, func(e firewall.Element) bool {
			return w.equal(m.Fields, e.Key, m.Bits)
		})
}

// equal compares the packet with one key. Of addresses only the first bits count if bits is not 0.
func (w *walk) equal(fields []firewall.Field, key []firewall.Value, bits int) bool {
	for i, f := range fields {
		got, ok := w.field(f)
		if !ok {
			return false
		}
		want := key[i]
		switch f.Kind() {
		case firewall.KindIfname, firewall.KindIfindex:
			ok = got.Name == want.Name
		case firewall.KindIPv4, firewall.KindIPv6:
			a := got.Prefix.Addr()
			if bits > 0 {
				a = netip.PrefixFrom(a, bits).Masked().Addr()
			}
			ok = want.Prefix.Contains(a)
		case firewall.KindCTState, firewall.KindCTStatus, firewall.KindTCPFlags:
			ok = got.Lo&want.Lo != 0
		default:
			ok = want.Lo <= got.Lo && got.Lo <= want.Hi
		}
		if !ok {
			return false
		}
	}
	return true
}

// field is the packet's value of f, false if it has no such field.
func (w *walk) field(f firewall.Field) (firewall.Value, bool) {
	p, v4 := w.packet, w.Source.Addr().Is4()
	switch f {
	case firewall.IIFName, firewall.IIF:
		return firewall.Value{Name: p.In}, true
	case firewall.OIFName, firewall.OIF:
		return firewall.Value{Name: w.Out}, true
	case firewall.NFProto:
		if v4 {
			return number(firewall.NFProtoIPv4), true
		}
		return number(firewall.NFProtoIPv6), true
	case firewall.L4Proto:
		return number(p.Proto), true
	case firewall.PktType:
		return number(truth(p.ToAll)), true
	case firewall.CTState:
		return number(p.State), true
	case firewall.CTStatus:
		return number(p.Status | truth(w.dnat)*firewall.CTStatusDNAT), true
	case firewall.ReversePath:
		return number(truth(w.network.leadsBack(p))), true
	case firewall.SaddrTypeOIF:
		return addressType(w.network.ownOn(w.Out, w.Source.Addr())), true
	case firewall.DaddrType:
		return addressType(w.network.own(w.Destination.Addr())), true
	case firewall.WayOut:
		return firewall.Value{Name: w.network.wayOut(w.Destination.Addr())}, true
	case firewall.IPSaddr:
		return address(w.Source), v4
	case firewall.IPDaddr:
		return address(w.Destination), v4
	case firewall.IP6Saddr:
		return address(w.Source), !v4
	case firewall.IP6Daddr:
		return address(w.Destination), !v4
	case firewall.IP6HopLimit:
		return number(uint32(p.HopLimit)), !v4
	}
	return w.transport(f)
}

// transport is the packet's value of a field of one protocol.
func (w *walk) transport(f firewall.Field) (firewall.Value, bool) {
	p, v4 := w.packet, w.Source.Addr().Is4()
	port := number(uint32(w.Destination.Port()))
	switch f {
	case firewall.TCPDport:
		return port, p.Proto == firewall.ProtoTCP
	case firewall.UDPDport:
		return port, p.Proto == firewall.ProtoUDP
	case firewall.SCTPDport:
		return port, p.Proto == firewall.ProtoSCTP
	case firewall.THDport:
		return port, p.Proto == firewall.ProtoTCP || p.Proto == firewall.ProtoUDP ||
			p.Proto == firewall.ProtoSCTP
	case firewall.UDPSport:
		return number(uint32(w.Source.Port())), p.Proto == firewall.ProtoUDP
	case firewall.TCPFlags:
		return number(uint32(p.Flags)), p.Proto == firewall.ProtoTCP
	case firewall.ICMPType:
		return number(uint32(p.Type)), v4 && p.Proto == firewall.ProtoICMP
	case firewall.ICMPv6Type:
		return number(uint32(p.Type)), !v4 && p.Proto == firewall.ProtoICMPv6
	}
	return firewall.Value{}, false
}

func number(n uint32) firewall.Value { return firewall.Value{Lo: n, Hi: n} }

func address(a netip.AddrPort) firewall.Value {
	return firewall.Value{Prefix: netip.PrefixFrom(a.Addr(), a.Addr().BitLen())}
}

func addressType(own bool) firewall.Value {
	if own {
		return number(firewall.AddrLocal)
	}
	return number(firewall.AddrUnicast)
}

func truth(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
