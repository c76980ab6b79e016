package show

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// A view is what there is of a packet from some place on. What is not there reads as zero: whoever needs to
// know asks has.
type view []byte

func (v view) has(n int) bool { return n >= 0 && n <= len(v) }

// from is the rest behind n bytes.
func (v view) from(n int) view { return v[min(max(n, 0), len(v)):] }

// to are the first n bytes, as many as there are.
func (v view) to(n int) view { return v[:min(max(n, 0), len(v))] }

func (v view) u8(at int) int {
	if !v.has(at + 1) {
		return 0
	}
	return int(v[at])
}

func (v view) u16(at int) int {
	if !v.has(at + 2) {
		return 0
	}
	return int(binary.BigEndian.Uint16(v[at:]))
}

func (v view) u32(at int) uint32 {
	if !v.has(at + 4) {
		return 0
	}
	return binary.BigEndian.Uint32(v[at:])
}

func (v view) ip4(at int) netip.Addr {
	var a [4]byte
	copy(a[:], v.from(at))
	return netip.AddrFrom4(a)
}

func (v view) ip6(at int) netip.Addr {
	var a [16]byte
	copy(a[:], v.from(at))
	return netip.AddrFrom16(a)
}

// mac is the address of a card.
func (v view) mac(at int) string { return colons(v.from(at).to(6)) }

func colons(b []byte) (s string) {
	for i, c := range b {
		if i > 0 {
			s += ":"
		}
		s += fmt.Sprintf("%02x", c)
	}
	return s
}

// sum is the checksum of what carries itself a right one: then it is 0.
func sum(first uint32, b []byte) uint16 {
	for ; len(b) > 1; b = b[2:] {
		first += uint32(b[0])<<8 | uint32(b[1])
		first = first&0xffff + first>>16
	}
	if len(b) > 0 {
		first += uint32(b[0]) << 8
	}
	for first>>16 != 0 {
		first = first&0xffff + first>>16
	}
	return ^uint16(first)
}

// right is the checksum that should be where one of got was counted in.
func right(whole, got uint16) uint16 {
	n := uint32(whole) + uint32(got)
	n = n&0xffff + n>>16
	return uint16(n&0xffff + n>>16)
}
