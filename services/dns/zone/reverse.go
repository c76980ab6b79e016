package zone

import (
	"net/netip"
	"strconv"
)

// The domains in which addresses have names: RFC 1035 3.5, RFC 3596 2.5.
const (
	suffix4 = "\x07in-addr\x04arpa\x00"
	suffix6 = "\x03ip6\x04arpa\x00"
)

// A spelling says how much of an address a name spells.
type spelling uint8

const (
	spellsNothing spelling = iota
	spellsPart             // the first numbers of addresses: names lie below it
	spellsAddress
)

// reverse reads the name of an address.
func (m *name) reverse() (netip.Addr, spelling) {
	switch {
	case m.labels < 2:
	case m.labels <= 6 && string(m.from(m.labels-2)) == suffix4:
		return m.reverse4()
	case m.labels <= 34 && string(m.from(m.labels-2)) == suffix6:
		return m.reverse6()
	}
	return netip.Addr{}, spellsNothing
}

func (m *name) reverse4() (netip.Addr, spelling) {
	var a [4]byte
	n := m.labels - 2
	for i := range n {
		octet := 0
		label := m.label(i)
		for _, c := range label {
			if c < '0' || c > '9' {
				return netip.Addr{}, spellsNothing
			}
			octet = octet*10 + int(c-'0')
		}
		if len(label) > 3 || octet > 255 || label[0] == '0' && len(label) > 1 {
			return netip.Addr{}, spellsNothing
		}
		a[n-1-i] = byte(octet)
	}
	if n < 4 {
		return netip.Addr{}, spellsPart
	}
	return netip.AddrFrom4(a), spellsAddress
}

func (m *name) reverse6() (netip.Addr, spelling) {
	var a [16]byte
	n := m.labels - 2
	for i := range n {
		label := m.label(i)
		if len(label) != 1 {
			return netip.Addr{}, spellsNothing
		}
		c := label[0]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return netip.Addr{}, spellsNothing
		}
		nibble := n - 1 - i
		a[nibble/2] |= c << (4 * (1 - nibble%2))
	}
	if n < 32 {
		return netip.Addr{}, spellsPart
	}
	return netip.AddrFrom16(a), spellsAddress
}

// step is how many bits a label of a reverse name spells.
func step(a netip.Addr) int {
	if a.Is4() {
		return 8
	}
	return 4
}

// appendReverse appends the name of the first bits of an address in wire form; bits is
// a multiple of step.
func appendReverse(b []byte, a netip.Addr, bits int) []byte {
	raw := a.AsSlice()
	if a.Is4() {
		var digits [3]byte
		for i := bits/8 - 1; i >= 0; i-- {
			octet := strconv.AppendUint(digits[:0], uint64(raw[i]), 10)
			b = append(append(b, byte(len(octet))), octet...)
		}
		return append(b, suffix4...)
	}
	const hex = "0123456789abcdef"
	for i := bits/4 - 1; i >= 0; i-- {
		b = append(b, 1, hex[raw[i/2]>>(4*(1-i%2))&15])
	}
	return append(b, suffix6...)
}

// reverseZones returns the networks whose names are zones of their own when p is a
// network of the house: p itself if it ends where a label does, else the parts of it
// that do. Whoever has a part of what no one else can have (RFC 6303) has it up to the
// next label: the rest of it is nobody's.
func reverseZones(p netip.Prefix) []netip.Prefix {
	p = p.Masked()
	width := step(p.Addr())
	if p.Bits() > p.Addr().BitLen()-width && nobodys(p) {
		p = netip.PrefixFrom(p.Addr(), p.Addr().BitLen()-width).Masked()
	}
	bits := (p.Bits() + width - 1) / width * width
	zones := make([]netip.Prefix, 0, 1<<(bits-p.Bits()))
	a := p.Addr().AsSlice()
	for i := range 1 << (bits - p.Bits()) {
		if i > 0 {
			last := (bits - 1) / 8
			a[last] += 1 << ((8 - bits%8) % 8)
		}
		addr, _ := netip.AddrFromSlice(a)
		zones = append(zones, netip.PrefixFrom(addr, bits))
	}
	return zones
}

// nobodys reports whether a network lies in the private ones of RFC 1918 and RFC 4193.
func nobodys(p netip.Prefix) bool { return p.Addr().IsPrivate() }
