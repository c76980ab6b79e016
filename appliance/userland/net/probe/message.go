// Package probe is what ping, traceroute and mtr have in common: echo requests, the messages of ICMP that
// come back, and the raw socket for both. A message is read as bytes of anybody: it is bounded by its length,
// and says what packet it answers; whether that is one of ours, whoever has sent it knows.
package probe

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Protocol numbers (IANA).
const (
	ICMP   = 1
	TCP    = 6
	UDP    = 17
	ICMPv6 = 58
)

// A Kind is what a message means to who has sent a packet.
type Kind uint8

// Kinds. Of Other is what is wrong with the packet itself: its size, its header.
const (
	Reply       Kind = iota + 1 // to an echo request
	Expired                     // it has passed too many routers
	Unreachable                 // it does not get where it should
	Other
)

// A Message is one of ICMP that answers a packet.
type Message struct {
	Kind Kind
	Code byte
	V6   bool
	// MTU is what the next link takes, in bytes, where a packet was too big; else 0.
	MTU uint32
	// Pointer is the offset of what is wrong with a header.
	Pointer uint32
	Size    int // of the message, in bytes
	// Target is where the packet went that an error quotes; of a reply it is not valid.
	Target netip.Addr
	// Protocol is that of the packet: ICMP, ICMPv6, UDP, TCP.
	Protocol byte
	// From and To are its ports; of an echo request they are identifier and sequence number.
	From, To uint16
}

// Read reads a message of ICMP, or of ICMPv6, without the IP header. What answers no packet is not ok.
func Read(b []byte, v6 bool) (m Message, ok bool) {
	// the kernel does not look at the checksum for a raw socket
	if len(b) < 8 || !v6 && onesSum(b) != 0xffff {
		return m, false
	}
	m = Message{Code: b[1], V6: v6, Size: len(b)}
	if v6 {
		m.kind6(b)
	} else {
		m.kind4(b)
	}
	switch m.Kind {
	case 0:
		return m, false
	case Reply:
		m.From, m.To = binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
		return m, true
	}
	if v6 {
		return m, m.quoted6(b[8:])
	}
	return m, m.quoted4(b[8:])
}

func (m *Message) kind4(b []byte) {
	switch ipv4.ICMPType(b[0]) {
	case ipv4.ICMPTypeEchoReply:
		m.Kind, m.Protocol = Reply, ICMP
	case ipv4.ICMPTypeDestinationUnreachable:
		m.Kind = Unreachable
		if m.Code == 4 { // RFC 1191
			m.MTU = uint32(binary.BigEndian.Uint16(b[6:]))
		}
	case ipv4.ICMPTypeTimeExceeded:
		m.Kind = Expired
	case ipv4.ICMPTypeParameterProblem:
		m.Kind, m.Pointer = Other, uint32(b[4])
	}
}

func (m *Message) kind6(b []byte) {
	switch ipv6.ICMPType(b[0]) {
	case ipv6.ICMPTypeEchoReply:
		m.Kind, m.Protocol = Reply, ICMPv6
	case ipv6.ICMPTypeDestinationUnreachable:
		m.Kind = Unreachable
	case ipv6.ICMPTypeTimeExceeded:
		m.Kind = Expired
	case ipv6.ICMPTypePacketTooBig:
		m.Kind, m.MTU = Other, binary.BigEndian.Uint32(b[4:])
	case ipv6.ICMPTypeParameterProblem:
		m.Kind, m.Pointer = Other, binary.BigEndian.Uint32(b[4:])
	}
}

// quoted4 reads what an error quotes (RFC 792: "the internet header plus the first 64 bits of the original
// datagram's data").
func (m *Message) quoted4(quote []byte) bool {
	if len(quote) < 20 || quote[0]>>4 != 4 {
		return false
	}
	m.Target, m.Protocol = netip.AddrFrom4([4]byte(quote[16:20])), quote[9]
	return m.ports(quote, int(quote[0]&15)*4)
}

// quoted6 is quoted4 for RFC 4443 section 3. A fragment header may be between: packets of any size are sent.
func (m *Message) quoted6(quote []byte) bool {
	if len(quote) < 40 || quote[0]>>4 != 6 {
		return false
	}
	m.Target, m.Protocol = netip.AddrFrom16([16]byte(quote[24:40])), quote[6]
	const fragment = 44
	if m.Protocol == fragment && len(quote) >= 48 {
		m.Protocol = quote[40]
		return m.ports(quote, 48)
	}
	return m.ports(quote, 40)
}

// ports reads the header that starts at offset of a quote.
func (m *Message) ports(quote []byte, offset int) bool {
	if offset < 20 || len(quote) < offset+8 {
		return false
	}
	head := quote[offset:]
	switch m.Protocol {
	case UDP, TCP:
		m.From, m.To = binary.BigEndian.Uint16(head), binary.BigEndian.Uint16(head[2:])
		return true
	case ICMP:
		m.From, m.To = binary.BigEndian.Uint16(head[4:]), binary.BigEndian.Uint16(head[6:])
		return !m.V6 && ipv4.ICMPType(head[0]) == ipv4.ICMPTypeEcho
	case ICMPv6:
		m.From, m.To = binary.BigEndian.Uint16(head[4:]), binary.BigEndian.Uint16(head[6:])
		return m.V6 && ipv6.ICMPType(head[0]) == ipv6.ICMPTypeEchoRequest
	}
	return false
}

// Arrived reports whether an error says that the packet has come to its target, which has nobody for it: no
// port, no protocol. traceroute waits for that.
func (m Message) Arrived() bool {
	switch {
	case m.Kind == Reply:
		return true
	case m.Kind != Unreachable:
		return false
	case m.V6:
		return m.Code == 4
	}
	return m.Code == 2 || m.Code == 3
}

// onesSum is the ones' complement sum (RFC 1071); 0xffff over a message whose checksum is right.
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

// Echo returns an echo request (RFC 792, RFC 4443) with a checksum, for which the kernel looks in IPv6.
func Echo(v6 bool, id, seq uint16, data []byte) []byte {
	b := make([]byte, 8, 8+len(data))
	b[0] = byte(ipv4.ICMPTypeEcho)
	if v6 {
		b[0] = byte(ipv6.ICMPTypeEchoRequest)
	}
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], seq)
	b = append(b, data...)
	if !v6 {
		binary.BigEndian.PutUint16(b[2:], ^onesSum(b))
	}
	return b
}
