package wire

import (
	"encoding/binary"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// An Answer is what a client needs of an OFFER or ACK.
type Answer struct {
	Kind   packet.MessageType
	XID    uint32
	Addr   [4]byte
	Server [4]byte
	At     int64 // its arrival, Unix time in nanoseconds
}

// AppendMessage appends to b the message of a client as perfdhcp sends it: through the relay agent, with its
// card as client identifier, and asking for seven options. A REQUEST is for an OFFER.
func AppendMessage(b []byte, kind packet.MessageType, xid uint32, mac lease.MAC, offer *Answer) []byte {
	b = append(b, packet.BootRequest, packet.Ethernet, uint8(len(mac)), 1)
	b = binary.BigEndian.AppendUint32(b, xid)
	b = append(b, make([]byte, 16)...) // secs, flags, ciaddr, yiaddr, siaddr
	b = append(b, 10, 0, 0, 2)         // giaddr: RelayAddr
	b = append(b, mac[:]...)
	b = append(b, make([]byte, 10+64+128)...) // the rest of chaddr, sname, file
	b = append(b, 99, 130, 83, 99)
	b = append(b, 53, 1, byte(kind))
	if offer != nil {
		b = append(append(b, 54, 4), offer.Server[:]...)
		b = append(append(b, 50, 4), offer.Addr[:]...)
	}
	b = append(b, 55, 7, 1, 28, 2, 3, 15, 6, 12)
	b = append(append(b, 61, 7, 1), mac[:]...)
	return append(b, 255)
}

// parseAnswer reads an answer.
func parseAnswer(b []byte) (a Answer, err error) {
	var p packet.Packet
	if err := p.Unmarshal(b); err != nil {
		return a, err
	}
	a = Answer{Kind: p.Type(), XID: p.XID, Addr: p.YIAddr.As4()}
	if id := p.Addr(packet.OptionServerID); id.IsValid() {
		a.Server = id.As4()
	}
	return a, nil
}
