package flowtest

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"strings"
)

const payloadSize = 32 // bytes behind each header

// flagBits are the flags of TCP in the order of their bits.
const flagBits = "FSRPA"

// bytes are the IP packets that p is on the wire: one, or its fragments.
func (p Packet) bytes() [][]byte {
	payload := p.transport()
	if p.BadSum {
		payload[len(payload)-1] ^= 0xff
	}
	if p.Frag == "" {
		return [][]byte{p.header(p.extended(p.Proto, payload))}
	}
	return p.fragments(payload)
}

// fragments are some of those that payload can be cut into: "two", "first" or "last" of them, "tiny": the
// first holds eight bytes, "overlap": the second says otherwise what the first said, "atomic": one that is
// all there is (RFC 6946).
func (p Packet) fragments(payload []byte) [][]byte {
	cut, end := 24, len(payload)
	if p.Frag == "tiny" {
		cut = 8
	}
	whole := p.fragment(payload, 0, end)
	first, last := p.fragment(payload, 0, cut), p.fragment(payload, cut, end)
	switch p.Frag {
	case "first":
		return [][]byte{first}
	case "last":
		return [][]byte{last}
	case "overlap":
		return [][]byte{first, p.fragment(payload, cut-8, end)}
	case "atomic":
		return [][]byte{whole}
	}
	return [][]byte{first, last}
}

// fragment is one of p, with the bytes from one place to another; the places are multiples of eight or the
// end.
func (p Packet) fragment(payload []byte, from, to int) []byte {
	offset, more := uint16(from), uint16(0)
	if to < len(payload) {
		more = 1
	}
	id := uint16(p.Src.Port()) + p.ID + 1
	if p.Src.Addr().Is4() {
		b := p.header(p.Proto, payload[from:to])
		binary.BigEndian.PutUint16(b[4:], id)
		binary.BigEndian.PutUint16(b[6:], more<<13|offset/8)
		sumHeader(b)
		return b
	}
	h := []byte{p.Proto, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(h[2:], offset|more)
	binary.BigEndian.PutUint32(h[4:], uint32(id))
	return p.header(p.extended(protoFragment, append(h, payload[from:to]...)))
}

// extended puts the extension headers in front of what is behind them, and says what the first header is.
func (p Packet) extended(next uint8, payload []byte) (uint8, []byte) {
	for i := len(p.Ext) - 1; i >= 0; i-- {
		h := []byte{next, 0, 1, 4, 0, 0, 0, 0} // PadN (RFC 8200, 4.2)
		if p.Ext[i] == 43 {
			h = []byte{next, 0, 0, 0, 0, 0, 0, 0} // type 0, no segments left
		}
		next, payload = p.Ext[i], append(h, payload...)
	}
	return next, payload
}

// header puts the header of IP in front.
func (p Packet) header(next uint8, payload []byte) []byte {
	src, dst := p.Src.Addr(), p.Dst.Addr()
	if src.Is6() {
		h := []byte{0x60, 0, 0, 0, 0, 0, next, p.Hop}
		binary.BigEndian.PutUint16(h[4:], uint16(len(payload)))
		return append(append(append(h, src.AsSlice()...), dst.AsSlice()...), payload...)
	}
	h := append([]byte{0x45, 0, 0, 0, 0, 1, 0, 0, p.Hop, next, 0, 0},
		append(src.AsSlice(), dst.AsSlice()...)...)
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(payload)))
	sumHeader(h)
	return append(h, payload...)
}

func sumHeader(h []byte) {
	h[10], h[11] = 0, 0
	binary.BigEndian.PutUint16(h[10:], ^Sum(0, h[:20]))
}

// transport is what the packet has over IP, with its checksum.
func (p Packet) transport() []byte {
	data := []byte(strings.Repeat("x", payloadSize))
	var b []byte
	switch p.Proto {
	case protoTCP:
		b = make([]byte, 20)
		b[12], b[14] = 5<<4, 4
		for _, f := range p.Flags {
			b[13] |= 1 << strings.IndexRune(flagBits, f)
		}
		binary.BigEndian.PutUint32(b[4:], p.sequence())
		binary.BigEndian.PutUint32(b[8:], p.acknowledged())
		if strings.Contains(p.Flags, "S") {
			data = nil
		}
	case protoUDP:
		b = make([]byte, 8)
		binary.BigEndian.PutUint16(b[4:], uint16(8+len(data)))
	case protoSCTP:
		return p.init()
	case protoICMP, protoICMPv6:
		b, data = p.icmp(), nil
	}
	if p.Src.Port() != 0 || p.Dst.Port() != 0 {
		binary.BigEndian.PutUint16(b, p.Src.Port())
		binary.BigEndian.PutUint16(b[2:], p.Dst.Port())
	}
	b = append(b, data...)
	p.checksum(b)
	return b
}

// icmp is the message: an error with the head of what it is about, or one with an identifier and 16 bytes
// more, which is as much as neighbour discovery has at least.
func (p Packet) icmp() []byte {
	b := []byte{p.Type, p.Code, 0, 0, 0, 0, 0, 0}
	if p.About == nil {
		binary.BigEndian.PutUint16(b[4:], p.ID)
		return append(b, make([]byte, 16)...)
	}
	about := p.About.bytes()[0]
	return append(b, about[:min(len(about), 48)]...)
}

// Both sides of a conversation count from here, so that a table needs no state: one byte is SYN.
const firstSequence = 1000

func (p Packet) sequence() uint32 {
	if strings.Contains(p.Flags, "S") {
		return firstSequence
	}
	return firstSequence + 1
}

func (p Packet) acknowledged() uint32 {
	if strings.Contains(p.Flags, "A") {
		return firstSequence + 1
	}
	return 0
}

// init is the packet that begins a conversation of SCTP (RFC 9260, 3.3.2).
func (p Packet) init() []byte {
	b := make([]byte, 32)
	binary.BigEndian.PutUint16(b, p.Src.Port())
	binary.BigEndian.PutUint16(b[2:], p.Dst.Port())
	b[12], b[15], b[19] = 1, 20, 1 // INIT, its length, the tag
	b[22], b[25], b[27] = 1, 1, 1  // window, streams out and in
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// checksum fills the checksum in (RFC 768, RFC 9293, RFC 792, RFC 4443).
func (p Packet) checksum(b []byte) {
	at, ok := map[uint8]int{protoICMP: 2, protoTCP: 16, protoUDP: 6, protoICMPv6: 2}[p.Proto]
	if ok {
		binary.BigEndian.PutUint16(b[at:], ^Sum(pseudo(p.Src.Addr(), p.Dst.Addr(), p.Proto, len(b)), b))
	}
}

// pseudo is the sum over the pseudo header, which ICMP does without.
func pseudo(src, dst netip.Addr, proto uint8, length int) uint32 {
	if proto == protoICMP {
		return 0
	}
	return uint32(Sum(uint32(proto)+uint32(length), append(src.AsSlice(), dst.AsSlice()...)))
}

// Sum is the ones' complement sum of RFC 1071.
func Sum(start uint32, b []byte) uint16 {
	total := start
	for i := 0; i+1 < len(b); i += 2 {
		total += uint32(b[i])<<8 | uint32(b[i+1])
	}
	if len(b)%2 == 1 {
		total += uint32(b[len(b)-1]) << 8
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}
