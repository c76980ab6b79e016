package nft_test

import (
	"encoding/binary"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/firewall/flowtest"
)

// Packets made by hand, for what no honest socket sends.

const (
	protoICMP, protoTCP, protoUDP, protoICMPv6 = 1, 6, 17, 58
	hopLimit                                   = 64
)

// ip puts a header of the family of src in front of a payload. TCP, UDP and ICMP payloads get their checksum.
func ip(src, dst string, proto, ttl uint8, payload []byte) []byte {
	s, d := netip.MustParseAddr(src), netip.MustParseAddr(dst)
	checksumPayload(s, d, proto, payload)
	if s.Is6() {
		h := append([]byte{0x60, 0, 0, 0}, 0, 0, proto, ttl)
		binary.BigEndian.PutUint16(h[4:], uint16(len(payload)))
		h = append(append(h, s.AsSlice()...), d.AsSlice()...)
		return append(h, payload...)
	}
	h := append([]byte{0x45, 0, 0, 0, 0, 1, 0, 0, ttl, proto, 0, 0}, append(s.AsSlice(), d.AsSlice()...)...)
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(payload)))
	binary.BigEndian.PutUint16(h[10:], ^flowtest.Sum(0, h))
	return append(h, payload...)
}

func udp(sport, dport uint16, data string) []byte {
	h := make([]byte, 8, 8+len(data))
	binary.BigEndian.PutUint16(h, sport)
	binary.BigEndian.PutUint16(h[2:], dport)
	binary.BigEndian.PutUint16(h[4:], uint16(8+len(data)))
	return append(h, data...)
}

// TCP flags.
const (
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

func tcp(sport, dport uint16, flags uint8) []byte {
	h := make([]byte, 20)
	binary.BigEndian.PutUint16(h, sport)
	binary.BigEndian.PutUint16(h[2:], dport)
	h[12], h[13] = 5<<4, flags
	binary.BigEndian.PutUint16(h[14:], 1024)
	return h
}

func icmp(typ, code uint8, body []byte) []byte {
	return append([]byte{typ, code, 0, 0}, body...)
}

// checksumPayload fills the checksum in (RFC 768, RFC 9293, RFC 792, RFC 4443).
func checksumPayload(src, dst netip.Addr, proto uint8, payload []byte) {
	at := map[uint8]int{protoICMP: 2, protoTCP: 16, protoUDP: 6, protoICMPv6: 2}[proto]
	if at == 0 || len(payload) < at+2 {
		return
	}
	start := uint32(0)
	if proto != protoICMP {
		pseudo := append(src.AsSlice(), dst.AsSlice()...)
		start = uint32(flowtest.Sum(uint32(proto)+uint32(len(payload)), pseudo))
	}
	binary.BigEndian.PutUint16(payload[at:], 0)
	binary.BigEndian.PutUint16(payload[at:], ^flowtest.Sum(start, payload))
}
