package firewall_test

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// packet is the properties of a packet that rules can ask for.
type packet struct {
	iif, oif       string // oif "": to the box
	family, proto  uint32
	src, dst       netip.Addr
	sport, dport   uint16
	icmpType       uint8
	hopLimit       uint8
	state, pktType uint32
	spoofed, local bool
}

// field gives the value of f, or false if the packet has no such field.
func (p packet) field(f firewall.Field) (firewall.Value, bool) {
	num := func(n uint32, ok bool) (firewall.Value, bool) { return firewall.Value{Lo: n, Hi: n}, ok }
	v4, v6 := p.family == firewall.NFProtoIPv4, p.family == firewall.NFProtoIPv6
	addr := func(a netip.Addr) firewall.Value { return firewall.Value{Prefix: netip.PrefixFrom(a, a.BitLen())} }
	switch f {
	case firewall.IIFName:
		return firewall.Value{Name: p.iif}, true
	case firewall.OIFName:
		return firewall.Value{Name: p.oif}, true
	case firewall.IPSaddr:
		return addr(p.src), v4
	case firewall.IPDaddr:
		return addr(p.dst), v4
	case firewall.IP6Saddr:
		return addr(p.src), v6
	case firewall.IP6Daddr:
		return addr(p.dst), v6
	case firewall.NFProto:
		return num(p.family, true)
	case firewall.L4Proto:
		return num(p.proto, true)
	case firewall.PktType:
		return num(p.pktType, true)
	case firewall.CTState:
		return num(p.state, true)
	case firewall.ReversePath:
		return num(map[bool]uint32{false: 1, true: 0}[p.spoofed], true)
	case firewall.SaddrTypeOIF:
		return num(map[bool]uint32{false: 1, true: firewall.AddrLocal}[p.local], true)
	case firewall.IP6HopLimit:
		return num(uint32(p.hopLimit), v6)
	case firewall.TCPDport:
		return num(uint32(p.dport), p.proto == firewall.ProtoTCP)
	case firewall.UDPDport:
		return num(uint32(p.dport), p.proto == firewall.ProtoUDP)
	case firewall.UDPSport:
		return num(uint32(p.sport), p.proto == firewall.ProtoUDP)
	case firewall.ICMPType:
		return num(uint32(p.icmpType), v4 && p.proto == firewall.ProtoICMP)
	case firewall.ICMPv6Type:
		return num(uint32(p.icmpType), v6 && p.proto == firewall.ProtoICMPv6)
	}
	panic("the test does not know the field")
}

// evaluate walks the tree as nft(8) says the kernel does. Rates are taken as never exceeded.
type evaluator struct{ firewall.Table }

// hook is the fate of p at a point, over all chains hooked there.
func (e evaluator) hook(point firewall.Point, p packet) firewall.VerdictKind {
	for _, c := range e.Chains {
		if c.Hook == nil || c.Hook.Point != point || c.Hook.Type == firewall.NAT {
			continue
		}
		v := e.chain(c.Name, p)
		if v == firewall.VerdictNone {
			v = c.Hook.Policy
		}
		if v != firewall.VerdictAccept {
			return v
		}
	}
	return firewall.VerdictAccept
}

func (e evaluator) chain(name string, p packet) firewall.VerdictKind {
	i := slices.IndexFunc(e.Chains, func(c firewall.Chain) bool { return c.Name == name })
	for _, r := range e.Chains[i].Rules {
		if !slices.ContainsFunc(r.Matches, func(m firewall.Match) bool { return !e.match(m, p) }) {
			if v, done := e.verdict(r.Verdict, p); done {
				return v
			}
		}
	}
	return firewall.VerdictNone
}

func (e evaluator) verdict(v firewall.Verdict, p packet) (firewall.VerdictKind, bool) {
	switch v.Kind {
	case firewall.VerdictNone:
		return v.Kind, false
	case firewall.VerdictJump:
		below := e.chain(v.Target, p)
		return below, below != firewall.VerdictNone
	case firewall.VerdictGoto:
		return e.chain(v.Target, p), true
	case firewall.VerdictDispatch:
		i := slices.IndexFunc(e.Maps, func(m firewall.Map) bool { return m.Name == v.Target })
		for _, element := range e.Maps[i].Elements {
			if e.equal(e.Maps[i].Key, element.Key, p) {
				return e.verdict(element.Verdict, p)
			}
		}
		return firewall.VerdictNone, false
	}
	return v.Kind, true
}

func (e evaluator) match(m firewall.Match, p packet) bool {
	keys := make([][]firewall.Value, len(m.Values))
	for i, v := range m.Values {
		keys[i] = []firewall.Value{v}
	}
	if m.Set != "" {
		i := slices.IndexFunc(e.Sets, func(s firewall.Set) bool { return s.Name == m.Set })
		for _, element := range e.Sets[i].Elements {
			keys = append(keys, element.Key)
		}
	}
	for _, f := range m.Fields {
		if _, ok := p.field(f); !ok {
			return false
		}
	}
	return slices.ContainsFunc(keys, func(k []firewall.Value) bool { return e.equal(m.Fields, k, p) }) != m.Not
}

func (e evaluator) equal(fields []firewall.Field, key []firewall.Value, p packet) bool {
	for i, f := range fields {
		got, _ := p.field(f)
		switch {
		case f == firewall.CTState:
			if got.Lo&key[i].Lo == 0 {
				return false
			}
		case key[i].Prefix.IsValid():
			if !key[i].Prefix.Contains(got.Prefix.Addr()) {
				return false
			}
		case got.Name != key[i].Name || got.Lo < key[i].Lo || got.Lo > key[i].Hi:
			return false
		}
	}
	return true
}
