package ethernet

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

const (
	ipLen  = 20
	udpLen = 8
	ttl    = 64
	udp    = 17
)

// AppendDatagram appends an IPv4 packet (RFC 791) with a UDP datagram (RFC 768) to
// b, both checksums filled in. A source of 0.0.0.0 has none.
func AppendDatagram(b []byte, src, dst netip.AddrPort, payload []byte) []byte {
	start := len(b)
	size := ipLen + udpLen + len(payload)

	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	b = append(b, 0, 0, 0, 0, ttl, udp, 0, 0)
	b = appendAddr(appendAddr(b, src.Addr()), dst.Addr())
	ip := b[start:]
	binary.BigEndian.PutUint16(ip[10:], Checksum(ip))

	b = binary.BigEndian.AppendUint16(b, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(udpLen+len(payload)))
	b = append(append(b, 0, 0), payload...)
	datagram := b[start+ipLen:]
	check := fold(sum(pseudo(b[start:], len(datagram)), datagram))
	if check == 0 { // "If the computed checksum is zero, it is transmitted as all ones"
		check = 0xffff
	}
	binary.BigEndian.PutUint16(datagram[6:], check)
	return b
}

// A Datagram is a UDP datagram as it was received.
type Datagram struct {
	Source, Destination netip.AddrPort
	Payload             []byte // shares the memory of what was read
}

// Reasons to refuse a datagram.
var (
	ErrDatagram = errors.New("no whole UDP datagram in one IPv4 packet")
	ErrChecksum = errors.New("wrong checksum")
)

// ReadDatagram reads an IPv4 packet with a UDP datagram, without its Ethernet header;
// what follows the packet is padding. With partial, the checksum of the datagram is not
// there yet, since it did not leave the machine, and is not looked at; that of the IP
// header always is. The errors are ErrDatagram and ErrChecksum.
func ReadDatagram(b []byte, partial bool) (d Datagram, err error) {
	if len(b) < ipLen || b[0]>>4 != 4 {
		return d, ErrDatagram
	}
	head, size := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	const moreOrOffset = 0x3fff
	fragment := binary.BigEndian.Uint16(b[6:])&moreOrOffset != 0
	if head < ipLen || size < head+udpLen || size > len(b) || fragment || b[9] != udp {
		return d, ErrDatagram
	}
	datagram := b[head:size]
	length := int(binary.BigEndian.Uint16(datagram[4:]))
	if length < udpLen || length > len(datagram) {
		return d, ErrDatagram
	}
	datagram = datagram[:length:length]
	has := binary.BigEndian.Uint16(datagram[6:]) != 0 // "An all zero … checksum means that [there is none]"
	if Checksum(b[:head]) != 0 || has && !partial && fold(sum(pseudo(b, length), datagram)) != 0 {
		return d, ErrChecksum
	}
	port := func(at int) uint16 { return binary.BigEndian.Uint16(datagram[at:]) }
	d.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:])), port(0))
	d.Destination = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[16:])), port(2))
	d.Payload = datagram[udpLen:]
	return d, nil
}

// pseudo is the sum of the pseudo header: both addresses, the protocol, the length.
func pseudo(ip []byte, length int) uint32 { return sum(udp+uint32(length), ip[12:ipLen]) }

// Checksum returns the checksum of RFC 1071, as IPv4 and ICMP have it: zero, if the
// right one is in b.
func Checksum(b []byte) uint16 { return fold(sum(0, b)) }

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
