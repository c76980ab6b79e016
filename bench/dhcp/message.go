package main

import (
	"encoding/binary"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/packet"
)

// An answer is what a generator needs of an OFFER or ACK.
type answer struct {
	kind   packet.MessageType
	xid    uint32
	addr   [4]byte
	server [4]byte
	at     int64 // its arrival, Unix time in nanoseconds
}

// cardOf returns the card of a client: one that perfdhcp does not use.
func cardOf(client uint32) lease.MAC {
	mac := lease.MAC{6, 0}
	binary.BigEndian.PutUint32(mac[2:], client)
	return mac
}

// appendMessage appends to b the message of a client as perfdhcp sends it: through the relay agent, with its card as
// client identifier, and asking for seven options. A REQUEST is for an OFFER.
func appendMessage(b []byte, kind packet.MessageType, xid uint32, mac lease.MAC, offer *answer) []byte {
	b = append(b, packet.BootRequest, packet.Ethernet, uint8(len(mac)), 1)
	b = binary.BigEndian.AppendUint32(b, xid)
	b = append(b, make([]byte, 16)...) // secs, flags, ciaddr, yiaddr, siaddr
	b = append(b, 10, 0, 0, 2)         // giaddr: relayAddr
	b = append(b, mac[:]...)
	b = append(b, make([]byte, 10+64+128)...) // the rest of chaddr, sname, file
	b = append(b, 99, 130, 83, 99)
	b = append(b, 53, 1, byte(kind))
	if offer != nil {
		b = append(append(b, 54, 4), offer.server[:]...)
		b = append(append(b, 50, 4), offer.addr[:]...)
	}
	b = append(b, 55, 7, 1, 28, 2, 3, 15, 6, 12)
	b = append(append(b, 61, 7, 1), mac[:]...)
	return append(b, 255)
}

// parseAnswer reads an answer.
func parseAnswer(b []byte) (a answer, err error) {
	var p packet.Packet
	if err := p.Unmarshal(b); err != nil {
		return a, err
	}
	a = answer{kind: p.Type(), xid: p.XID, addr: p.YIAddr.As4()}
	if id := p.Addr(packet.OptionServerID); id.IsValid() {
		a.server = id.As4()
	}
	return a, nil
}
