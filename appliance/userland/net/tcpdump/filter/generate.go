package filter

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// Protocols above Ethernet and above IP.
const (
	typeIP   = 0x0800
	typeARP  = 0x0806
	typeRARP = 0x8035
	typeIP6  = 0x86dd

	protoTCP   = 6
	protoUDP   = 17
	protoFrag  = 44
	protoICMP6 = 58
	protoSCTP  = 132
)

// etherMTU is the largest number that is a length where Ethernet has a type: IEEE 802.3.
const etherMTU = 1500

// A generator makes conditions of a tree. It goes from left to right: "vlan" changes what is behind it.
type generator struct {
	Options
	base  uint32 // where the packet begins
	tag   uint32 // length of the tags before what is asked for now
	tags  bool
	whole bool
}

func newGenerator(o Options) *generator { return &generator{Options: o} }

// generate makes the condition of a tree; nil, as the tree is, where nothing is asked for.
func (g *generator) generate(n node) (cond, error) {
	if n == nil {
		return nil, nil
	}
	if !g.Socket && asksLength(n) {
		g.whole, g.base = true, 4
	}
	return g.of(n)
}

func (g *generator) of(n node) (cond, error) {
	switch n := n.(type) {
	case both:
		a, b, err := g.two(n.a, n.b)
		return all{a, b}, err
	case either:
		a, b, err := g.two(n.a, n.b)
		return some{a, b}, err
	case negate:
		c, err := g.of(n.of)
		return no{c}, err
	case value:
		return g.value(n)
	case relation:
		return g.relation(n)
	case primitive:
		return g.primitive(n)
	}
	return nil, fmt.Errorf("%T", n)
}

func (g *generator) two(x, y node) (a, b cond, err error) {
	if a, err = g.of(x); err == nil {
		b, err = g.of(y)
	}
	return a, b, err
}

// asksLength reports whether a tree has a length of the packet in it.
func asksLength(n node) bool {
	switch n := n.(type) {
	case both:
		return asksLength(n.a) || asksLength(n.b)
	case either:
		return asksLength(n.a) || asksLength(n.b)
	case negate:
		return asksLength(n.of)
	case primitive:
		return n.word == "less" || n.word == "greater"
	case relation:
		return hasLength(n.a) || hasLength(n.b)
	}
	return false
}

func hasLength(s sum) bool {
	switch s := s.(type) {
	case length:
		return true
	case operation:
		return hasLength(s.a) || hasLength(s.b)
	case field:
		return hasLength(s.offset)
	}
	return false
}

// cooked says that a packet of the socket begins behind the link's header, of which the kernel knows more.
func (g *generator) cooked() bool { return g.Socket && (g.Link == SLL || g.Link == SLL2) }

// network is where the network header begins.
func (g *generator) network() uint32 {
	at := g.base + g.tag
	switch {
	case g.Link == Ethernet:
		return at + 14
	case g.cooked() || g.Link == Raw:
		return at
	case g.Link == SLL:
		return at + 16
	}
	return at + 20
}

// equal compares size bytes of the packet.
func equal(at uint32, size int, value uint32) cond { return compare(at, size, bpf.JumpEqual, value) }

func compare(at uint32, size int, c bpf.JumpTest, value uint32) cond {
	return test{load: []bpf.Instruction{bpf.LoadAbsolute{Off: at, Size: size}}, cond: c, value: value}
}

// masked compares some bits of them.
func masked(at uint32, size int, mask, value uint32) cond {
	load := []bpf.Instruction{bpf.LoadAbsolute{Off: at, Size: size}}
	if mask != 0xffffffff {
		load = append(load, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: mask})
	}
	return test{load: load, cond: bpf.JumpEqual, value: value}
}

func extension(e bpf.Extension, value uint32) cond {
	return test{load: []bpf.Instruction{bpf.LoadExtension{Num: e}}, cond: bpf.JumpEqual, value: value}
}

// header compares size bytes behind the beginning of the network header.
func (g *generator) header(off uint32, size int, value uint32) cond {
	return equal(g.network()+off, size, value)
}

// carries says that the link carries a protocol.
func (g *generator) carries(proto uint32) cond {
	at := g.base + g.tag
	switch {
	case g.Link == Raw && proto == typeIP:
		return masked(at, 1, 0xf0, 0x40)
	case g.Link == Raw && proto == typeIP6:
		return masked(at, 1, 0xf0, 0x60)
	case g.Link == Raw:
		return never()
	case g.cooked():
		return extension(bpf.ExtProto, proto)
	case g.Link == SLL2 && g.tag == 0:
		return equal(at, 2, proto)
	case g.Link == Ethernet && proto <= etherMTU: // an LSAP
		return and(no{compare(at+12, 2, bpf.JumpGreaterThan, etherMTU)}, equal(at+14, 1, proto))
	}
	return equal(g.network()-2, 2, proto)
}

// ip says that IPv4 carries a protocol, ip6 that IPv6 does, as the first or in the first fragment of a
// packet.
func (g *generator) ip(proto uint32) cond { return and(g.carries(typeIP), g.header(9, 1, proto)) }

func (g *generator) ip6(proto uint32) cond {
	fragment := and(g.header(6, 1, protoFrag), g.header(40, 1, proto))
	return and(g.carries(typeIP6), or(g.header(6, 1, proto), fragment))
}

// unfragmented says that an IPv4 packet is no fragment but the first.
func (g *generator) unfragmented() cond {
	return no{compare(g.network()+6, 2, bpf.JumpBitsSet, 0x1fff)}
}

// protocol is a word that stands for itself.
func (g *generator) protocol(word string, at int) (cond, error) {
	if t, ok := etherTypes()[word]; ok {
		return g.carries(t), nil
	}
	n, ok := protocols()[word]
	switch {
	case !ok:
		return nil, &Error{at, word + ": expected a condition"}
	case word == "icmp6":
		return g.ip6(n), nil
	case word == "icmp" || word == "igmp" || word == "igrp" || word == "vrrp" || word == "carp":
		return g.ip(n), nil
	}
	return or(g.ip(n), g.ip6(n)), nil
}

func (g *generator) primitive(p primitive) (cond, error) {
	switch p.word {
	case "broadcast", "multicast":
		return g.many(p)
	case "less":
		return test{load: g.length(), cond: bpf.JumpLessOrEqual, value: p.n.n}, nil
	case "greater":
		return test{load: g.length(), cond: bpf.JumpGreaterOrEqual, value: p.n.n}, nil
	case "inbound", "outbound", "ifindex":
		return g.metadata(p)
	case "vlan":
		return g.vlan(p)
	}
	return g.protocol(p.word, p.at)
}

// length loads how long the packet was on the wire.
func (g *generator) length() []bpf.Instruction {
	if g.Socket {
		return []bpf.Instruction{bpf.LoadExtension{Num: bpf.ExtLen}}
	}
	return []bpf.Instruction{bpf.LoadAbsolute{Off: 0, Size: 4}}
}

// Of linux/if_packet.h: who a packet is for.
const (
	packetBroadcast = 1
	packetMulticast = 2
	packetOutgoing  = 4
)

// packetType compares who a packet is for.
func (g *generator) packetType(value uint32) (cond, bool) {
	switch {
	case g.Socket:
		return extension(bpf.ExtType, value), true
	case g.Link == SLL:
		return equal(g.base, 2, value), true
	case g.Link == SLL2:
		return equal(g.base+10, 1, value), true
	}
	return nil, false
}

func (g *generator) metadata(p primitive) (cond, error) {
	if p.word == "ifindex" {
		switch {
		case g.Socket:
			return extension(bpf.ExtInterfaceIndex, p.n.n), nil
		case g.Link == SLL2:
			return equal(g.base+4, 4, p.n.n), nil
		}
		return nil, &Error{p.at, "ifindex: the file does not say which link a packet is of"}
	}
	c, ok := g.packetType(packetOutgoing)
	switch {
	case !ok:
		return nil, &Error{p.at, p.word + ": the file does not say which way a packet went"}
	case p.word == "inbound":
		return no{c}, nil
	}
	return c, nil
}

// many is broadcast and multicast, of the link or of IP.
func (g *generator) many(p primitive) (cond, error) {
	switch {
	case p.proto == "ip" && p.word == "broadcast":
		host := ^uint32(0) >> max(0, g.Netmask.Bits())
		dst := g.network() + 16
		return and(g.carries(typeIP), or(masked(dst, 4, host, 0), masked(dst, 4, host, host))), nil
	case p.proto == "ip":
		return and(g.carries(typeIP), compare(g.network()+16, 1, bpf.JumpGreaterOrEqual, 224)), nil
	case p.proto == "ip6" && p.word == "multicast":
		return and(g.carries(typeIP6), g.header(24, 1, 255)), nil
	case p.proto != "" && p.proto != "ether":
		return nil, &Error{p.at, fmt.Sprintf("%s %s: expected ether, ip or ip6", p.proto, p.word)}
	case g.Link == Ethernet && p.word == "broadcast":
		return g.cards("dst", [6]byte{255, 255, 255, 255, 255, 255}), nil
	case g.Link == Ethernet:
		return compare(g.base, 1, bpf.JumpBitsSet, 1), nil
	}
	value := uint32(packetBroadcast)
	if p.word == "multicast" {
		value = packetMulticast
	}
	if c, ok := g.packetType(value); ok && g.Link != Raw {
		return c, nil
	}
	return nil, &Error{p.at, p.word + ": the link has none"}
}

// vlan asks for a tag, of a VLAN perhaps, and moves on behind it.
func (g *generator) vlan(p primitive) (cond, error) {
	if g.Link == Raw {
		return nil, &Error{p.at, "vlan: the link has none"}
	}
	c := or(g.carries(0x8100), g.carries(0x88a8), g.carries(0x9100))
	if p.n != nil {
		if p.n.n > 0xfff {
			text := p.n.text + ": expected the number of a VLAN, 0 to 4095"
			return nil, &Error{p.n.column, text}
		}
		c = and(c, masked(g.network(), 2, 0xfff, p.n.n))
	}
	g.tags = true
	g.tag += 4
	return c, nil
}
