package inet

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Protocol numbers of ICMP (IANA).
const (
	protocolICMP   = 1
	protocolICMPv6 = 58
)

// parseAnswer reads the ICMP message that arrived from from: an echo reply of
// target, or an error about a request to target, of the run with the identifier
// id. What belongs to others is not ok: a raw socket gets everybody's messages.
func parseAnswer(packet []byte, from, target netip.Addr, id uint16) (a answer, ok bool) {
	if len(packet) < 8 {
		return a, false
	}
	a.from, a.size = from, len(packet)
	body := packet[8:]
	switch kind, code := packet[0], packet[1]; {
	case target.Is4() && onesSum(packet) != 0xffff:
		return a, false // the kernel does not look at the checksum for a raw socket
	case target.Is4() && ipv4.ICMPType(kind) == ipv4.ICMPTypeEchoReply,
		target.Is6() && ipv6.ICMPType(kind) == ipv6.ICMPTypeEchoReply:
		a.seq = binary.BigEndian.Uint16(packet[6:])
		return a, binary.BigEndian.Uint16(packet[4:]) == id && mayAnswer(from, target)
	case target.Is4():
		a.problem = problem4(kind, code, packet)
		a.seq, ok = quoted4(body, target, id)
	default:
		a.problem = problem6(kind, code, packet)
		a.seq, ok = quoted6(body, target, id)
	}
	return a, ok && a.problem != ""
}

// mayAnswer reports whether from may answer a request to target: itself, or a
// member of the group when target is one. What ends in .255 may be the broadcast
// address of a network; the interface's mask is not known here.
func mayAnswer(from, target netip.Addr) bool {
	return from.WithZone("") == target.WithZone("") || target.IsMulticast() || target.Is4() && target.As4()[3] == 255
}

// quoted4 finds the echo request that an ICMP error quotes (RFC 792: "the
// internet header plus the first 64 bits of the original datagram's data").
func quoted4(quote []byte, target netip.Addr, id uint16) (seq uint16, ok bool) {
	if len(quote) < 20 || quote[0]>>4 != 4 || quote[9] != protocolICMP || netip.AddrFrom4([4]byte(quote[16:20])) != target {
		return 0, false
	}
	header := int(quote[0]&15) * 4
	return quotedEcho(quote, header, byte(ipv4.ICMPTypeEcho), id)
}

// quoted6 is quoted4 for RFC 4443 section 3. The quote has no zone.
func quoted6(quote []byte, target netip.Addr, id uint16) (seq uint16, ok bool) {
	if len(quote) < 40 || quote[0]>>4 != 6 || quote[6] != protocolICMPv6 || netip.AddrFrom16([16]byte(quote[24:40])) != target.WithZone("") {
		return 0, false
	}
	return quotedEcho(quote, 40, byte(ipv6.ICMPTypeEchoRequest), id)
}

// quotedEcho reads an echo request that starts at offset of quote.
func quotedEcho(quote []byte, offset int, kind byte, id uint16) (seq uint16, ok bool) {
	if offset < 20 || len(quote) < offset+8 {
		return 0, false
	}
	echo := quote[offset:]
	return binary.BigEndian.Uint16(echo[6:]), echo[0] == kind && binary.BigEndian.Uint16(echo[4:]) == id
}

// problem4 words an ICMP error (RFC 792, RFC 1812 section 5.2.7); empty for what
// is none.
func problem4(kind, code byte, packet []byte) string {
	switch ipv4.ICMPType(kind) {
	case ipv4.ICMPTypeDestinationUnreachable:
		if code == 4 { // RFC 1191
			return fmt.Sprintf("Frag needed and DF set (mtu = %d)", binary.BigEndian.Uint16(packet[6:]))
		}
		return "Destination " + pick(code, "Net Unreachable", "Host Unreachable", "Protocol Unreachable", "Port Unreachable",
			"", "Source Route Failed", "Net Unknown", "Host Unknown", "Source Host Isolated", "Net Prohibited", "Host Prohibited",
			"Net Unreachable for Type of Service", "Host Unreachable for Type of Service", "Packet filtered",
			"Precedence Violation", "Precedence Cutoff")
	case ipv4.ICMPTypeTimeExceeded:
		return pick(code, "Time to live exceeded", "Frag reassembly time exceeded")
	case ipv4.ICMPTypeParameterProblem:
		return fmt.Sprintf("Parameter problem: pointer = %d", packet[4])
	}
	return ""
}

// problem6 words an ICMPv6 error (RFC 4443 section 3).
func problem6(kind, code byte, packet []byte) string {
	switch ipv6.ICMPType(kind) {
	case ipv6.ICMPTypeDestinationUnreachable:
		return "Destination unreachable: " + pick(code, "No route", "Administratively prohibited", "Beyond scope of source address",
			"Address unreachable", "Port unreachable", "Source address failed ingress/egress policy", "Reject route to destination")
	case ipv6.ICMPTypePacketTooBig:
		return fmt.Sprintf("Packet too big: mtu=%d", binary.BigEndian.Uint32(packet[4:]))
	case ipv6.ICMPTypeTimeExceeded:
		return "Time exceeded: " + pick(code, "Hop limit", "Frag reassembly time")
	case ipv6.ICMPTypeParameterProblem:
		return fmt.Sprintf("Parameter problem: pointer = %d", binary.BigEndian.Uint32(packet[4:]))
	}
	return ""
}

// pick returns the word for code, or its number.
func pick(code byte, words ...string) string {
	if int(code) < len(words) && words[code] != "" {
		return words[code]
	}
	return fmt.Sprintf("code %d", code)
}

// onesSum is the ones' complement sum (RFC 1071); 0xffff over a message whose
// checksum is right.
func onesSum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// echoRequest returns an echo request for target with size octets of data. The
// kernel fills in the checksum of ICMPv6.
func echoRequest(target netip.Addr, id, seq uint16, size int) ([]byte, error) {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i)
	}
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: int(id), Seq: int(seq), Data: data}}
	if target.Is6() {
		m.Type = ipv6.ICMPTypeEchoRequest
	}
	return m.Marshal(nil)
}
