package nflog

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

const (
	ipv4Len = 20
	ipv6Len = 40

	// maxExtensions bounds how many extension headers are looked through. RFC 8200, 4.1, has seven at most in
	// a packet that makes sense.
	maxExtensions = 10

	fragmentOffset4 = 0x1fff // RFC 791, 3.1; in units of 8 bytes
	moreFragments4  = 0x2000
	fragmentOffset6 = 0xfff8 // RFC 8200, 4.5
	moreFragments6  = 0x0001
)

// Protocols, of IANA's Assigned Internet Protocol Numbers.
const (
	protoHopOptions         = 0
	protoICMP               = 1
	protoTCP                = 6
	protoUDP                = 17
	protoDCCP               = 33
	protoRouting            = 43
	protoFragment           = 44
	protoAuthentication     = 51
	protoICMPv6             = 58
	protoDestinationOptions = 60
	protoSCTP               = 132
	protoMobility           = 135
	protoUDPLite            = 136
)

// ParsePacket reads the headers of an IP packet of which b is the beginning.
func ParsePacket(b []byte) Packet {
	switch {
	case len(b) >= ipv4Len && b[0]>>4 == 4:
		return parseIPv4(b)
	case len(b) >= ipv6Len && b[0]>>4 == 6:
		return parseIPv6(b)
	}
	return Packet{Length: len(b)}
}

func parseIPv4(b []byte) Packet {
	p := Packet{
		Source: netip.AddrFrom4([4]byte(b[12:16])), Destination: netip.AddrFrom4([4]byte(b[16:20])),
		Length: int(binary.BigEndian.Uint16(b[2:])), HopLimit: b[8], Proto: b[9],
	}
	fragment := binary.BigEndian.Uint16(b[6:])
	p.Fragment = fragment&(fragmentOffset4|moreFragments4) != 0
	head := int(b[0]&0x0f) * 4
	if fragment&fragmentOffset4 == 0 && head >= ipv4Len && head <= len(b) {
		p.parseTransport(b[head:])
	}
	return p
}

func parseIPv6(b []byte) Packet {
	p := Packet{
		Source: netip.AddrFrom16([16]byte(b[8:24])), Destination: netip.AddrFrom16([16]byte(b[24:40])),
		Length: ipv6Len + int(binary.BigEndian.Uint16(b[4:])), HopLimit: b[7], Proto: b[6],
	}
	b = b[ipv6Len:]
	for range maxExtensions {
		size := extensionLen(p.Proto, b)
		if size == 0 {
			p.parseTransport(b)
			return p
		}
		if size > len(b) {
			return p
		}
		if p.Proto == protoFragment {
			fragment := binary.BigEndian.Uint16(b[2:])
			p.Fragment = fragment&(fragmentOffset6|moreFragments6) != 0
			if fragment&fragmentOffset6 != 0 {
				p.Proto = b[0]
				return p
			}
		}
		p.Proto, b = b[0], b[size:]
	}
	return p
}

// extensionLen is the length of an extension header of IPv6 that b begins with, 0 if proto is none, and more
// than b has if that is not there.
func extensionLen(proto uint8, b []byte) int {
	const missing = 1 << 16
	switch proto {
	case protoHopOptions, protoRouting, protoDestinationOptions, protoMobility:
		if len(b) < 2 {
			return missing
		}
		return (int(b[1]) + 1) * 8 // RFC 8200, 4.3
	case protoFragment:
		return 8
	case protoAuthentication:
		if len(b) < 2 {
			return missing
		}
		return (int(b[1]) + 2) * 4 // RFC 4302, 2.2
	}
	return 0
}

// parseTransport reads the beginning of what IP carries.
func (p *Packet) parseTransport(b []byte) {
	switch p.Proto {
	case protoTCP, protoUDP, protoUDPLite, protoSCTP, protoDCCP:
		if len(b) < 4 {
			return
		}
		p.Transport = true
		p.SourcePort, p.DestinationPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		if p.Proto == protoTCP && len(b) > tcpFlags {
			p.Flags = flagNames(b[tcpFlags])
		}
	case protoICMP, protoICMPv6:
		if len(b) < 2 {
			return
		}
		p.Transport = true
		p.Type, p.Code = b[0], b[1]
	}
}

// tcpFlags is where the flags are in a TCP header (RFC 9293, 3.1).
const tcpFlags = 13

func flagNames(flags uint8) string {
	var set []string
	for i, name := range []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"} {
		if flags&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return strings.Join(set, ",")
}
