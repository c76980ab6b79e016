package nflog

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// ProtocolARP is the number of ARP in the header of Ethernet (linux/if_ether.h, ETH_P_ARP).
const ProtocolARP = 0x0806

// ParseARP reads a packet of ARP about IPv4 on Ethernet (RFC 826) of which b is the beginning.
func ParseARP(b []byte) Packet {
	const size, ethernet, ipv4 = 28, 1, 0x0800
	if len(b) < size || binary.BigEndian.Uint16(b) != ethernet || binary.BigEndian.Uint16(b[2:]) != ipv4 ||
		b[4] != 6 || b[5] != 4 {
		return Packet{Length: len(b)}
	}
	operation := binary.BigEndian.Uint16(b[6:])
	name, known := map[uint16]string{1: "request", 2: "reply"}[operation]
	if !known {
		name = fmt.Sprintf("operation %d", operation)
	}
	return Packet{
		Source: netip.AddrFrom4([4]byte(b[14:18])), Destination: netip.AddrFrom4([4]byte(b[24:28])),
		Length: size, ARP: name, Names: fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", b[8], b[9], b[10], b[11],
			b[12], b[13]),
	}
}
