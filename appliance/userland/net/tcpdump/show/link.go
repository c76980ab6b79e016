package show

import (
	"fmt"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Types of links, as files have them.
const (
	linkEthernet = 1
	linkSLL      = 113
	linkSLL2     = 276
)

// Protocols above Ethernet.
const (
	typeIP   = 0x0800
	typeARP  = 0x0806
	typeRARP = 0x8035
	typeIP6  = 0x86dd
)

func typeName(t int) string {
	switch t {
	case typeIP:
		return "IPv4"
	case typeARP:
		return "ARP"
	case typeRARP:
		return "Reverse ARP"
	case typeIP6:
		return "IPv6"
	case 0x8100:
		return "802.1Q"
	case 0x88a8:
		return "802.1Q-QinQ"
	case 0x9100:
		return "802.1Q-9100"
	case 0x88cc:
		return "LLDP"
	case 0x8863:
		return "PPPoE D"
	case 0x8864:
		return "PPPoE S"
	case 0x888e:
		return "EAPOL"
	case 0x9000:
		return "Loopback"
	}
	return "Unknown"
}

func tag(t int) bool { return t == 0x8100 || t == 0x88a8 || t == 0x9100 }

// link shows a packet from its link's header on, and returns how long that is.
func (d *dump) link(v view, length int) int {
	switch d.Link {
	case linkEthernet:
		return d.ethernet(v, length)
	case linkSLL:
		return d.cooked(v, length, 16, v.u16(14), v.u16(0), "")
	case linkSLL2:
		index := int(v.u32(4))
		name := ""
		if d.LinkName != nil {
			name = printable.Cut(d.LinkName(index), 32)
		}
		if name == "" {
			name = fmt.Sprint("ifindex ", index)
		}
		return d.cooked(v, length, 20, v.u16(0), v.u8(10), name)
	}
	if d.Header {
		d.s("ip: ")
	}
	if len(v) == 0 {
		d.s("[|ip]")
		return 0
	}
	if v.u8(0)>>4 == 6 {
		d.protocol(typeIP6, v, length, nil)
	} else {
		d.protocol(typeIP, v, length, nil)
	}
	return 0
}

// cooked is the header of packets of all links.
func (d *dump) cooked(v view, length, header, proto, kind int, name string) int {
	if !v.has(header) {
		d.f("[|sll]")
		return len(v)
	}
	way := map[int]string{0: "In", 1: "B", 2: "M", 3: "P", 4: "Out"}[kind]
	if name != "" {
		d.f("%-5s ", name)
	}
	switch {
	case name != "":
		d.f("%-3s ", way)
	case d.Header:
		d.f("%3s ", way)
	}
	if d.Header {
		size, at := v.u8(11), 12
		if header == 16 {
			size, at = v.u16(4), 6
		}
		if header == 20 {
			d.f("ifindex %d ", v.u32(4))
		}
		if size > 0 {
			d.f("%s ", colons(v.from(at).to(min(size, 8))))
		}
		d.f("ethertype %s (0x%04x), length %d: ", typeName(proto), proto, length)
	}
	return header + d.tagged(proto, v.from(header), length-header, nil)
}

// ethernet shows a frame.
func (d *dump) ethernet(v view, length int) int {
	if !v.has(14) {
		d.s("[|ether]")
		return len(v)
	}
	if d.Header {
		d.addresses(v, length)
	}
	return 14 + d.tagged(v.u16(12), v.from(14), length-14, func() { d.addresses(v, length) })
}

// addresses are what the header of a frame says.
func (d *dump) addresses(v view, length int) {
	kind := v.u16(12)
	d.f("%s > %s, ", v.mac(6), v.mac(0))
	switch {
	case kind <= 1500:
		d.f("802.3, ")
	case d.Quiet:
		d.f("%s, ", typeName(kind))
	default:
		d.f("ethertype %s (0x%04x), ", typeName(kind), kind)
	}
	d.f("length %d: ", length)
}

// tagged goes through tags of VLANs, whose length it returns.
func (d *dump) tagged(kind int, v view, length int, header func()) (size int) {
	for tag(kind) {
		if !v.has(4) {
			d.s("[|vlan]")
			return size
		}
		inner := v.u16(2)
		if d.Header {
			tci := v.u16(0)
			d.f("vlan %d, p %d%s, ", tci&0xfff, tci>>13, map[bool]string{true: ", DEI"}[tci&0x1000 != 0])
			switch {
			case inner > 1500 && d.Quiet:
				d.f("%s, ", typeName(inner))
			case inner > 1500:
				d.f("ethertype %s (0x%04x), ", typeName(inner), inner)
			}
		}
		kind, v, length, size = inner, v.from(4), length-4, size+4
	}
	d.protocol(kind, v, length, header)
	return size
}

// protocol shows what is above the link. header shows that of the link, which is of use where nothing else is
// known.
func (d *dump) protocol(kind int, v view, length int, header func()) {
	name := func(s string) {
		if !d.Header {
			d.s(s)
		}
	}
	switch {
	case kind == typeIP:
		if v.has(1) {
			name("IP ")
		}
		d.ip(v, length)
	case kind == typeIP6:
		if v.has(40) {
			name("IP6 ")
		}
		d.ip6(v, length)
	case kind == typeARP || kind == typeRARP:
		if v.has(28) {
			name("ARP, ")
		}
		d.arp(v, length)
	case kind <= 1500 && d.Link == linkEthernet:
		d.llc(v, length, kind)
	default:
		if !d.Header && header != nil {
			header()
		}
		if !d.Header && header == nil {
			d.f("ethertype %s (0x%04x), length %d: ", typeName(kind), kind, length)
		}
		d.bytes = true
	}
}

// llc shows what has a length where others have a type. Bridges talk to each other so.
func (d *dump) llc(v view, length, size int) {
	if size < length {
		length = size
	}
	switch {
	case !v.has(3):
		d.s("[|llc]")
	case v.u16(0) == 0x4242:
		version := map[int]string{0: "802.1d", 2: "802.1w", 3: "802.1s"}[v.u8(5)]
		kind := map[int]string{0: "Config", 2: "Rapid STP", 0x80: "Topology Change"}[v.u8(6)]
		d.f("STP %s, %s, length %d", version, kind, length-3)
	default:
		d.f("LLC, dsap 0x%02x, ssap 0x%02x, ctrl 0x%02x, length %d", v.u8(0), v.u8(1), v.u8(2), length)
	}
}

// arp shows who asks for whom.
func (d *dump) arp(v view, length int) {
	hard, soft := v.u8(4), v.u8(5)
	if !v.has(8 + 2*hard + 2*soft) {
		d.s(" [|arp]")
		d.cut = true
		return
	}
	if v.u16(0) != 1 || v.u16(2) != typeIP || hard != 6 || soft != 4 {
		d.f("hardware %d, protocol 0x%04x, operation %d, length %d", v.u16(0), v.u16(2), v.u16(6), length)
		return
	}
	if d.Verbose > 0 {
		d.s("Ethernet (len 6), IPv4 (len 4), ")
	}
	sha, spa, tha, tpa := v.mac(8), d.host(v.ip4(14)), v.mac(18), d.host(v.ip4(24))
	switch op := v.u16(6); op {
	case 1:
		d.f("Request who-has %s", tpa)
		if tha != "00:00:00:00:00:00" {
			d.f(" (%s)", tha)
		}
		d.f(" tell %s", spa)
	case 2:
		d.f("Reply %s is-at %s", spa, sha)
	case 3:
		d.f("Reverse Request who-is %s tell %s", tha, sha)
	case 4:
		d.f("Reverse Reply %s at %s", tha, tpa)
	default:
		d.f("operation %d, %s (%s) to %s (%s)", op, spa, sha, tpa, tha)
	}
	d.f(", length %d", length)
}
