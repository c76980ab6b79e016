package flowtest

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

// readPacket says what an IP packet is, without the words that do not change on the way. more reports a
// fragment behind the first one, which says nothing about its conversation. ok is false if it is no IP, or
// cut off.
func readPacket(b []byte) (p Packet, more, ok bool) {
	if len(b) >= 20 && b[0]>>4 == 4 {
		length := int(b[0]&15) * 4
		p.Proto, p.Hop = b[9], b[8]
		p.Src, p.Dst = end4(b[12:16]), end4(b[16:20])
		if len(b) < length || Sum(0, b[:length]) != 0xffff {
			return p, false, false
		}
		if total := int(binary.BigEndian.Uint16(b[2:])); total >= length && total < len(b) {
			b = b[:total] // Ethernet pads
		}
		place := binary.BigEndian.Uint16(b[6:]) & 0x3fff
		if place != 0 {
			p.Frag = "two"
		}
		return p.readTransport(b[length:], place&0x1fff != 0)
	}
	if len(b) < 40 || b[0]>>4 != 6 {
		return p, false, false
	}
	p.Proto, p.Hop = b[6], b[7]
	p.Src, p.Dst = end6(b[8:24]), end6(b[24:40])
	if total := 40 + int(binary.BigEndian.Uint16(b[4:])); total < len(b) {
		b = b[:total]
	}
	return p.readExtensions(b[40:])
}

func end4(b []byte) netip.AddrPort { return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), 0) }
func end6(b []byte) netip.AddrPort { return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)), 0) }

// readExtensions follows the headers between IPv6 and what it carries.
func (p Packet) readExtensions(b []byte) (Packet, bool, bool) {
	later := false
	for (p.Proto == 0 || p.Proto == 43 || p.Proto == 60 || p.Proto == protoFragment) && len(b) >= 8 {
		length := 8 + int(b[1])*8
		if p.Proto == protoFragment {
			place := binary.BigEndian.Uint16(b[2:])
			length, later, p.Frag = 8, place&^7 != 0, "two"
		} else {
			p.Ext = append(p.Ext, p.Proto)
		}
		if len(b) < length {
			return p, later, false
		}
		p.Proto, b = b[0], b[length:]
	}
	return p.readTransport(b, later)
}

// readTransport reads the head of what IP carries, and the packet that an error is about.
func (p Packet) readTransport(b []byte, later bool) (Packet, bool, bool) {
	if later {
		return p, true, true
	}
	switch p.Proto {
	case protoTCP, protoUDP, protoSCTP:
		if len(b) < 8 {
			return p, false, false
		}
		p.Src = netip.AddrPortFrom(p.Src.Addr(), binary.BigEndian.Uint16(b))
		p.Dst = netip.AddrPortFrom(p.Dst.Addr(), binary.BigEndian.Uint16(b[2:]))
		if p.Proto == protoTCP && len(b) >= 14 {
			p.Flags = flagNames(b[13])
		}
	case protoICMP, protoICMPv6:
		if len(b) < 8 {
			return p, false, false
		}
		p.Type, p.Code = b[0], b[1]
		if p.isEcho() {
			p.ID = binary.BigEndian.Uint16(b[4:])
		}
		if p.isError() {
			// Its header may be cut off, but the ports are there (RFC 792).
			if about, _, ok := readPacket(b[8:]); ok {
				p.About = &about
			}
		}
	}
	return p, false, true
}

// flagNames are the flags of TCP in the order in which people say them.
func flagNames(bits uint8) string {
	var names strings.Builder
	for _, f := range "SFRA" {
		if bits&(1<<strings.IndexRune(flagBits, f)) != 0 {
			names.WriteRune(f)
		}
	}
	return names.String()
}

// sumOK reports whether the checksum of what a whole packet carries is right.
func sumOK(b []byte, p Packet) bool {
	if p.Frag != "" || len(p.Ext) > 0 || p.Proto == protoSCTP {
		return true
	}
	header, total := 40, 40+int(binary.BigEndian.Uint16(b[4:]))
	if b[0]>>4 == 4 {
		header, total = 20, int(binary.BigEndian.Uint16(b[2:]))
	}
	switch p.Proto {
	case protoTCP, protoUDP, protoICMP, protoICMPv6:
		return total <= len(b) && Sum(pseudo(p.Src.Addr(), p.Dst.Addr(), p.Proto, total-header),
			b[header:total]) == 0xffff
	}
	return true
}
