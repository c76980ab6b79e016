package conn

import (
	"encoding/binary"
	"net/netip"
)

const (
	ipLen  = 20
	udpLen = 8
	ttl    = 64
	udp    = 17
)

// appendDatagram appends an IPv4 packet (RFC 791) with a UDP datagram (RFC 768) to
// b, both checksums filled in.
func appendDatagram(b []byte, src, dst netip.AddrPort, payload []byte) []byte {
	start := len(b)
	size := ipLen + udpLen + len(payload)
	s4, d4 := src.Addr().As4(), dst.Addr().As4()

	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	b = append(b, 0, 0, 0, 0, ttl, udp, 0, 0)
	b = append(append(b, s4[:]...), d4[:]...)
	ip := b[start:]
	binary.BigEndian.PutUint16(ip[10:], fold(sum(0, ip)))

	b = binary.BigEndian.AppendUint16(b, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(udpLen+len(payload)))
	b = append(append(b, 0, 0), payload...)
	datagram := b[start+ipLen:]
	// The pseudo header: both addresses, the protocol, the length.
	pseudo := sum(udp+uint32(len(datagram)), b[start+12:start+ipLen])
	check := fold(sum(pseudo, datagram))
	if check == 0 { // "If the computed checksum is zero, it is transmitted as all ones"
		check = 0xffff
	}
	binary.BigEndian.PutUint16(datagram[6:], check)
	return b
}

// sum adds b to the one's complement sum s: RFC 1071. It overflows not before 64 KiB.
func sum(s uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

// fold returns the checksum of a sum.
func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}
