package show

import (
	"fmt"
	"net/netip"
	"strings"
)

// Protocols above IP.
const (
	protoICMP  = 1
	protoTCP   = 6
	protoUDP   = 17
	protoIP6   = 41
	protoFrag  = 44
	protoICMP6 = 58
)

func protocolName(n int) string {
	names := map[int]string{0: "HOPOPT", 1: "ICMP", 2: "IGMP", 4: "IPIP", 6: "TCP", 17: "UDP", 41: "IPv6",
		43: "Routing", 44: "Fragment", 47: "GRE", 50: "ESP", 51: "AH", 58: "ICMPv6", 59: "no next header",
		60: "Options", 89: "OSPF", 103: "PIM", 112: "VRRP", 132: "SCTP"}
	if s := names[n]; s != "" {
		return s
	}
	return "unknown"
}

// A datagram is what IP carries, and between whom.
type datagram struct {
	src, dst netip.Addr
	proto    int
	v        view
	length   int  // of what is carried, as IP says
	cut      bool // a fragment: not all of it
}

// pseudo is the sum of the pseudo header that checksums above IP begin with.
func (g datagram) pseudo() uint32 {
	b := append(g.src.AsSlice(), g.dst.AsSlice()...)
	n := uint32(^sum(uint32(g.proto), b))
	return n + uint32(g.length)
}

// whole says that all of it is there, so that its checksum can be looked at.
func (g datagram) whole() bool { return !g.cut && g.v.has(g.length) }

func (d *dump) ip(v view, length int) {
	head := v.u8(0) & 0xf * 4
	switch {
	case !v.has(20):
		d.s(" [|ip]")
		return
	case v.u8(0)>>4 != 4:
		d.f("version %d, where 4 was expected", v.u8(0)>>4)
		return
	case head < 20:
		d.f("bad-hlen %d", head)
		return
	}
	total := v.u16(2)
	switch {
	case total == 0: // of a segment that the card is to cut
		total = length
	case total < head:
		d.f("bad-len %d", total)
		return
	case total > length:
		d.f("truncated-ip - %d bytes missing! ", total-length)
	}
	flags := v.u16(6)
	offset := flags & 0x1fff * 8
	if d.Verbose > 0 {
		d.ipHeader(v.to(head), total, offset, flags>>13)
	}
	g := datagram{v.ip4(12), v.ip4(16), v.u8(9), v.from(head).to(total - head), total - head,
		flags&0x3fff != 0}
	if offset > 0 {
		d.f("%s > %s: ", d.host(g.src), d.host(g.dst))
		d.f("ip-proto-%d", g.proto)
		return
	}
	d.carried(g)
}

// ipHeader is what the first line of -v says.
func (d *dump) ipHeader(v view, total, offset, flags int) {
	d.f("(tos 0x%x", v.u8(1))
	if ecn := v.u8(1) & 3; ecn > 0 {
		d.s([]string{"", ",ECT(1)", ",ECT(0)", ",CE"}[ecn])
	}
	if v.u8(8) > 0 {
		d.f(", ttl %d", v.u8(8))
	}
	set := map[int]string{0: "none", 1: "+", 2: "DF", 3: "+, DF", 4: "rsvd", 5: "+, rsvd", 6: "DF, rsvd",
		7: "+, DF, rsvd"}[flags]
	d.f(", id %d, offset %d, flags [%s], proto %s (%d), length %d", v.u16(4), offset, set,
		protocolName(v.u8(9)), v.u8(9), total)
	if len(v) > 20 {
		d.f(", options (%s)", ipOptions(v.from(20)))
	}
	if s := sum(0, v); s != 0 {
		d.f(", bad cksum %x (->%x)!", v.u16(10), right(s, uint16(v.u16(10))))
	}
	d.s(")\n    ")
}

// ipOptions names the options of an IPv4 header: RFC 791 3.1, RFC 2113.
func ipOptions(v view) string {
	var all []string
	for len(v) > 0 {
		kind, size := v.u8(0), v.u8(1)
		name := map[int]string{0: "EOL", 1: "NOP", 7: "RR", 68: "timestamp", 130: "security", 131: "LSRR",
			137: "SSRR", 148: "RA"}[kind]
		if name == "" {
			name = fmt.Sprint("unknown ", kind)
		}
		if all = append(all, name); kind == 0 {
			break
		}
		if kind == 1 {
			size = 1
		}
		if size < 1 || kind != 1 && size < 2 {
			all[len(all)-1] += " [bad length]"
			break
		}
		v = v.from(size)
	}
	return strings.Join(all, ",")
}

func (d *dump) ip6(v view, length int) {
	switch {
	case !v.has(40):
		d.s(" [|ip6]")
		return
	case v.u8(0)>>4 != 6:
		d.f("version %d, where 6 was expected", v.u8(0)>>4)
		return
	}
	size, next := v.u16(4), v.u8(6)
	if d.Verbose > 0 {
		d.s("(")
		if class := v.u16(0) >> 4 & 0xff; class > 0 {
			d.f("class 0x%02x, ", class)
		}
		if label := v.u32(0) & 0xfffff; label > 0 {
			d.f("flowlabel 0x%05x, ", label)
		}
		d.f("hlim %d, next-header %s (%d) payload length: %d) ", v.u8(7), protocolName(next), next, size)
	}
	if size > length-40 {
		d.f("truncated-ip6 - %d bytes missing!", size-(length-40))
	} else if size == 0 {
		size = length - 40
	}
	g := datagram{v.ip6(8), v.ip6(24), next, v.from(40).to(size), size, false}
	words := ""
	for range 16 {
		word, more := d.extension(&g)
		words += word
		if !more {
			break
		}
	}
	switch {
	case words == "":
		d.carried(g)
	case g.proto < 0:
		d.f("%s > %s: %s", d.host(g.src), d.host(g.dst), words)
	default:
		d.f("%s > %s: %s", d.host(g.src), d.host(g.dst), words)
		d.above(g, true)
	}
}

// extension takes one extension header from a packet, and says what it is. The protocol is below 0 where
// nothing follows.
func (d *dump) extension(g *datagram) (words string, more bool) {
	size := 8
	switch g.proto {
	case 0:
		words = "HBH "
	case 43:
		words = "srcrt "
	case 60:
		words = "DSTOPT "
	case protoFrag:
		words = "frag "
	default:
		return "", false
	}
	if !g.v.has(8) {
		g.proto = -1
		return words + "[|ext]", false
	}
	if g.proto == protoFrag {
		off := g.v.u16(2)
		words += "("
		if d.Verbose > 0 {
			words += fmt.Sprintf("0x%08x:", g.v.u32(4))
		}
		words += fmt.Sprintf("%d|%d)", off&0xfff8, g.length-8)
		g.cut = true
		if off&0xfff8 != 0 {
			g.proto = -1
			return words, false
		}
		words += " "
	} else {
		size += g.v.u8(1) * 8
	}
	g.proto = g.v.u8(0)
	g.v, g.length = g.v.from(size), max(0, g.length-size)
	return words, true
}

// carried shows who sends to whom, and what.
func (d *dump) carried(g datagram) {
	if g.proto != protoTCP && g.proto != protoUDP {
		d.f("%s > %s: ", d.host(g.src), d.host(g.dst))
	}
	d.above(g, false)
}

// above shows what is above IP; named says that the line has the addresses already.
func (d *dump) above(g datagram, named bool) {
	switch g.proto {
	case protoTCP:
		d.tcp(g, named)
	case protoUDP:
		d.udp(g, named)
	case protoICMP:
		d.icmp(g)
	case protoICMP6:
		d.icmp6(g)
	case 4, protoIP6:
		d.inner(g)
	case 2:
		d.igmp(g)
	case 47:
		d.f("GREv%d, proto %s (0x%04x), length %d", g.v.u8(1)&7, typeName(g.v.u16(2)), g.v.u16(2), g.length)
	case 50:
		d.f("ESP(spi=0x%08x,seq=0x%x), length %d", g.v.u32(0), g.v.u32(4), g.length)
	case 51:
		d.f("AH(spi=0x%08x,seq=0x%x), length %d", g.v.u32(4), g.v.u32(8), g.length)
	case 59:
		d.f("no next header")
	case 89:
		d.f("OSPFv%d, type %d, length %d", g.v.u8(0), g.v.u8(1), g.length)
	case 103:
		d.f("PIMv%d, length %d", g.v.u8(0)>>4, g.length)
	case 112:
		d.f("VRRPv%d, vrid %d, prio %d, length %d", g.v.u8(0)>>4, g.v.u8(1), g.v.u8(2), g.length)
	default:
		d.f("ip-proto-%d %d", g.proto, g.length)
	}
}

// inner is a packet within a packet: a tunnel.
func (d *dump) inner(g datagram) {
	if d.depth++; d.depth > maxDepth {
		d.s("[more packets within]")
		return
	}
	if g.proto == protoIP6 {
		d.protocol(typeIP6, g.v, g.length, nil)
	} else {
		d.protocol(typeIP, g.v, g.length, nil)
	}
	d.depth--
}

// ends are addresses and ports of TCP and UDP.
func (d *dump) ends(g datagram, named bool) {
	src, dst := uint16(g.v.u16(0)), uint16(g.v.u16(2))
	u := g.proto == protoUDP
	if named {
		d.f("%s > %s: ", d.port(u, src), d.port(u, dst))
		return
	}
	d.f("%s.%s > %s.%s: ", d.host(g.src), d.port(u, src), d.host(g.dst), d.port(u, dst))
}

func (d *dump) igmp(g datagram) {
	kind := map[int]string{0x11: "igmp query v2", 0x12: "igmp v1 report", 0x16: "igmp v2 report",
		0x17: "igmp leave", 0x22: "igmp v3 report"}[g.v.u8(0)]
	switch {
	case !g.v.has(8):
		d.s("[|igmp]")
		return
	case kind == "":
		d.f("igmp-%d", g.v.u8(0))
		return
	}
	d.s(kind)
	switch g.v.u8(0) {
	case 0x22:
		d.f(", %d group record(s)", g.v.u16(6))
	case 0x11:
		if a := g.v.ip4(4); !a.IsUnspecified() {
			d.f(" [gaddr %s]", a)
		}
	default:
		d.f(" %s", g.v.ip4(4))
	}
}
