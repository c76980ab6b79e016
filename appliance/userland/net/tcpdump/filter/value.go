package filter

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/bpf"
)

// value is a primitive with a value, by what its qualifiers say it is.
func (g *generator) value(v value) (cond, error) {
	if v.prefix != nil && v.q.kind != "net" {
		return nil, &Error{v.prefix.column, "expected a prefix behind net only"}
	}
	switch v.q.kind {
	case "", "host":
		return g.host(v)
	case "net":
		return g.net(v)
	case "proto":
		return g.protoValue(v)
	}
	return g.port(v)
}

// of makes a condition for each direction that is asked for, of one for the source and one for the
// destination.
func of(dir string, src, dst cond) cond {
	switch dir {
	case "src":
		return src
	case "dst":
		return dst
	case "and":
		return and(src, dst)
	}
	return or(src, dst)
}

// cards compares the addresses of Ethernet.
func (g *generator) cards(dir string, m [6]byte) cond {
	at := func(off uint32) cond {
		return and(equal(off+2, 4, binary.BigEndian.Uint32(m[2:])),
			equal(off, 2, uint32(binary.BigEndian.Uint16(m[:]))))
	}
	return of(dir, at(g.base+6), at(g.base))
}

func (g *generator) host(v value) (cond, error) {
	t := v.token
	if v.q.proto == "ether" || t.kind == mac {
		switch {
		case v.q.proto != "ether":
			return nil, &Error{t.column, t.text + ": expected ether before the address of a card"}
		case t.kind != mac:
			return nil, expected(t, "the address of a card")
		case g.Link != Ethernet:
			return nil, &Error{t.column, t.text + ": the link has no addresses of cards"}
		}
		return g.cards(v.q.dir, t.mac), nil
	}
	switch t.kind {
	case number:
		return g.hosts4(v, t.n, 0xffffffff)
	case quad:
		return g.hosts4(v, t.n<<(32-t.bits), uint32(0xffffffff)<<(32-t.bits))
	case ipv6:
		return g.hosts6(v, netip.PrefixFrom(t.addr, 128))
	}
	return g.named(v)
}

// named asks for the addresses of a name.
func (g *generator) named(v value) (cond, error) {
	if g.Resolve == nil {
		return nil, expected(v.token, "an address")
	}
	addrs, err := g.Resolve(v.token.text)
	if err == nil && len(addrs) == 0 {
		err = fmt.Errorf("it has no address")
	}
	if err != nil {
		return nil, &Error{v.token.column, v.token.text + ": " + err.Error()}
	}
	var c cond
	for _, a := range addrs[:min(len(addrs), 64)] {
		var one cond
		a = a.Unmap()
		switch {
		case a.Is4() && v.q.proto != "ip6":
			b := a.As4()
			one, err = g.hosts4(v, binary.BigEndian.Uint32(b[:]), 0xffffffff)
		case a.Is6() && (v.q.proto == "" || v.q.proto == "ip6"):
			one, err = g.hosts6(v, netip.PrefixFrom(a, 128))
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		if c == nil {
			c = one
		} else {
			c = or(c, one)
		}
	}
	if c == nil {
		return nil, &Error{v.token.column, v.token.text + ": it has no such address"}
	}
	return c, nil
}

// hosts4 compares IPv4 addresses, of IP, ARP and RARP.
func (g *generator) hosts4(v value, addr, mask uint32) (cond, error) {
	one := func(proto, src, dst uint32) cond {
		link, at := g.carries(proto), g.network()
		if mask == 0 {
			return link
		}
		return of(v.q.dir, and(link, masked(at+src, 4, mask, addr)), and(link, masked(at+dst, 4, mask, addr)))
	}
	switch v.q.proto {
	case "":
		return or(one(typeIP, 12, 16), one(typeARP, 14, 24), one(typeRARP, 14, 24)), nil
	case "ip":
		return one(typeIP, 12, 16), nil
	case "arp":
		return one(typeARP, 14, 24), nil
	case "rarp":
		return one(typeRARP, 14, 24), nil
	}
	return nil, &Error{v.token.column, fmt.Sprintf("%s: %s has no IPv4 addresses", v.token.text, v.q.proto)}
}

func (g *generator) hosts6(v value, p netip.Prefix) (cond, error) {
	if v.q.proto != "" && v.q.proto != "ip6" {
		text := fmt.Sprintf("%s: %s has no IPv6 addresses", v.token.text, v.q.proto)
		return nil, &Error{v.token.column, text}
	}
	b := p.Addr().As16()
	one := func(off uint32) cond {
		c := g.carries(typeIP6)
		for i := 0; i < 16 && 8*i < p.Bits(); i += 4 {
			mask := ^uint32(0)
			if left := p.Bits() - 8*i; left < 32 {
				mask <<= 32 - left
			}
			c = and(c, masked(g.network()+off+uint32(i), 4, mask, binary.BigEndian.Uint32(b[i:])))
		}
		return c
	}
	return of(v.q.dir, one(8), one(24)), nil
}

// net is a network: of as many numbers as are written, or with a prefix.
func (g *generator) net(v value) (cond, error) {
	t := v.token
	if v.q.proto == "ether" {
		return nil, &Error{t.column, t.text + ": Ethernet has no networks"}
	}
	switch t.kind {
	case ipv6:
		return g.net6(v)
	case number, quad:
	default:
		return nil, expected(t, "a network")
	}
	addr, mask := t.n, ^uint32(0)
	if v.prefix == nil {
		for addr != 0 && addr>>24 == 0 {
			addr, mask = addr<<8, mask<<8
		}
		return g.hosts4(v, addr, mask)
	}
	addr <<= 32 - t.bits
	switch {
	case v.prefix.kind == quad && v.prefix.bits == 32:
		mask = v.prefix.n
	case v.prefix.kind == number && v.prefix.n <= 32:
		mask = ^uint32(0) << (32 - v.prefix.n)
	default:
		return nil, expected(*v.prefix, "a length of 0 to 32, or a netmask")
	}
	if addr&^mask != 0 {
		return nil, &Error{t.column, t.text + ": the address has bits that its mask has not"}
	}
	return g.hosts4(v, addr, mask)
}

func (g *generator) net6(v value) (cond, error) {
	bits := 128
	if v.prefix != nil {
		if v.prefix.n > 128 {
			return nil, expected(*v.prefix, "a length of 0 to 128")
		}
		bits = int(v.prefix.n)
	}
	p := netip.PrefixFrom(v.token.addr, bits)
	if p.Masked() != p {
		return nil, &Error{v.token.column, v.token.text + ": the address has bits that its mask has not"}
	}
	return g.hosts6(v, p)
}

func (g *generator) protoValue(v value) (cond, error) {
	t, names := v.token, protocols()
	if v.q.proto == "ether" {
		names = etherTypes()
	}
	n, known := names[t.text]
	switch {
	case t.kind == number:
		n = t.n
	case (t.kind != word && t.kind != quoted) || !known:
		return nil, expected(t, "a protocol")
	}
	switch v.q.proto {
	case "":
		return or(g.ip(n), g.ip6(n)), nil
	case "ip":
		return g.ip(n), nil
	case "ip6":
		return g.ip6(n), nil
	case "ether":
		return g.carries(n), nil
	}
	return nil, &Error{t.column, v.q.proto + " proto: expected ether, ip or ip6"}
}

// port is one port, or those from one to another.
func (g *generator) port(v value) (cond, error) {
	protos := map[string][]uint32{"": {protoSCTP, protoTCP, protoUDP}, "tcp": {protoTCP}, "udp": {protoUDP},
		"sctp": {protoSCTP}}[v.q.proto]
	if protos == nil {
		return nil, &Error{v.token.column, fmt.Sprintf("%s has no ports", v.q.proto)}
	}
	low, high, only, err := ports(v)
	if err != nil {
		return nil, err
	}
	if only != 0 {
		if v.q.proto != "" && protos[0] != only {
			return nil, &Error{v.token.column, fmt.Sprintf("%s is no port of %s", v.token.text, v.q.proto)}
		}
		protos = []uint32{only}
	}
	var four, six cond
	for _, p := range protos {
		a := and(g.header(9, 1, p), g.unfragmented(),
			g.portAt(v.q.dir, low, high, func(off uint32) []bpf.Instruction {
				return []bpf.Instruction{bpf.LoadMemShift{Off: g.network()},
					bpf.LoadIndirect{Off: g.network() + off, Size: 2}}
			}))
		b := and(g.header(6, 1, p), g.portAt(v.q.dir, low, high, func(off uint32) []bpf.Instruction {
			return []bpf.Instruction{bpf.LoadAbsolute{Off: g.network() + 40 + off, Size: 2}}
		}))
		if four == nil {
			four, six = a, b
		} else {
			four, six = or(four, a), or(six, b)
		}
	}
	return or(and(g.carries(typeIP6), six), and(g.carries(typeIP), four)), nil
}

// portAt compares the ports that load loads, by their offset.
func (g *generator) portAt(dir string, low, high uint32, load func(off uint32) []bpf.Instruction) cond {
	one := func(off uint32) cond {
		if low == high {
			return test{load: load(off), cond: bpf.JumpEqual, value: low}
		}
		return and(test{load: load(off), cond: bpf.JumpGreaterOrEqual, value: low},
			test{load: load(off), cond: bpf.JumpLessOrEqual, value: high})
	}
	return of(dir, one(0), one(2))
}

// ports reads a port or a range of them; only is the protocol that a name is of alone.
func ports(v value) (low, high, only uint32, err error) {
	t := v.token
	if t.kind == number {
		if t.n > 0xffff {
			return 0, 0, 0, expected(t, "a port, 0 to 65535")
		}
		return t.n, t.n, 0, nil
	}
	if t.kind == word || t.kind == quoted {
		if low, only, ok := portOf(t.text); ok {
			return low, low, only, nil
		}
		for i := range t.text {
			if v.q.kind != "portrange" || t.text[i] != '-' {
				continue
			}
			low, a, ok := portOf(t.text[:i])
			high, b, ok2 := portOf(t.text[i+1:])
			if ok && ok2 {
				if a != b {
					a = 0
				}
				return min(low, high), max(low, high), a, nil
			}
		}
	}
	return 0, 0, 0, expected(t, "a "+strings.Replace(v.q.kind, "portrange", "port, or two with - between them", 1))
}

func portOf(s string) (port, only uint32, ok bool) {
	if n, err := strconv.ParseUint(s, 10, 16); err == nil {
		return uint32(n), 0, true
	}
	known, ok := services()[s]
	return known.port, known.protocol, ok
}
