package ethernet

import (
	"encoding/binary"
	"net/netip"
)

// Operations of ARP: RFC 826.
const (
	ARPRequest uint16 = 1
	ARPReply   uint16 = 2
)

// Offsets in an ARP message for IPv4 on Ethernet, in bytes, for filters.
const (
	ARPOperation = 6
	ARPSenderMAC = 8
	ARPSender    = 14
	ARPTarget    = 24
)

const (
	arpLen = 28
	// arpHead is the type of the hardware, of the protocol, and the lengths of their addresses.
	arpHead = 0x0001_0800_0604
	// MinPayload is what an Ethernet frame is padded to, without its header (IEEE 802.3
	// 3.2.8): not every virtual card does it, and some that receive want it.
	MinPayload = 46
)

// ARP is a message of RFC 826 for IPv4 on Ethernet.
type ARP struct {
	Operation uint16
	SenderMAC MAC
	Sender    netip.Addr // 0.0.0.0 in a probe: RFC 5227 1.1
	TargetMAC MAC
	Target    netip.Addr
}

// Append appends the message, padded to MinPayload. Addresses must be IPv4; the zero
// Addr is 0.0.0.0.
func (a *ARP) Append(b []byte) []byte {
	start := len(b)
	b = binary.BigEndian.AppendUint64(b, arpHead<<16|uint64(a.Operation))
	b = append(b, a.SenderMAC[:]...)
	b = appendAddr(b, a.Sender)
	b = append(b, a.TargetMAC[:]...)
	b = appendAddr(b, a.Target)
	return append(b, make([]byte, start+MinPayload-len(b))...)
}

func appendAddr(b []byte, a netip.Addr) []byte {
	a4 := [4]byte{}
	if a.IsValid() {
		a4 = a.As4()
	}
	return append(b, a4[:]...)
}

// ReadARP reads a message, and reports whether it is one for IPv4 on Ethernet.
func ReadARP(b []byte) (a ARP, ok bool) {
	if len(b) < arpLen {
		return a, false
	}
	head := binary.BigEndian.Uint64(b)
	return ARP{
		Operation: uint16(head),
		SenderMAC: MAC(b[ARPSenderMAC:]), Sender: netip.AddrFrom4([4]byte(b[ARPSender:])),
		TargetMAC: MAC(b[18:]), Target: netip.AddrFrom4([4]byte(b[ARPTarget:])),
	}, head>>16 == arpHead
}
