package run

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"github.com/mdlayher/netlink"

	"github.com/gatehouse-os/gatehouse/firewall/nflog"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Of linux/netfilter/nfnetlink_log.h.
const (
	subsystem     = 4   // NFNL_SUBSYS_ULOG
	msgPacket     = 0   // NFULNL_MSG_PACKET
	msgConfig     = 1   // NFULNL_MSG_CONFIG
	genLen        = 4   // of struct nfgenmsg: family, version, group
	attrHeader    = 1   // NFULA_PACKET_HDR: protocol, hook
	attrIn        = 4   // NFULA_IFINDEX_INDEV
	attrOut       = 5   // NFULA_IFINDEX_OUTDEV
	attrHWAddr    = 8   // NFULA_HWADDR: length, padding, 8 bytes
	attrPayload   = 9   // NFULA_PAYLOAD
	attrPrefix    = 10  // NFULA_PREFIX
	attrSeq       = 12  // NFULA_SEQ
	maxRule       = 127 // of NF_LOG_PREFIXLEN, without the last byte
	ethernetAddr  = 6
	minHWAddr     = 4 // of attrHWAddr before the address
	minPacketHead = 3 // of attrHeader, up to the hook

	hookPrerouting = 0 // NF_INET_PRE_ROUTING of linux/netfilter.h
)

// A message is what the kernel says of a packet.
type message struct {
	rule    string
	seq     uint32 // of all packets of the group
	early   bool
	in, out uint32 // indexes of interfaces, 0: none
	mac     string
	packet  nflog.Packet
}

// parseMessage reads the body of a message NFULNL_MSG_PACKET.
func parseMessage(b []byte) (message, error) {
	if len(b) < genLen {
		return message{}, fmt.Errorf("message of %d bytes, want at least %d", len(b), genLen)
	}
	attributes, err := netlink.NewAttributeDecoder(b[genLen:])
	if err != nil {
		return message{}, fmt.Errorf("attributes: %w", err)
	}
	attributes.ByteOrder = binary.BigEndian
	var m message
	parse := nflog.ParsePacket
	for attributes.Next() {
		switch attributes.Type() {
		case attrHeader:
			if head := attributes.Bytes(); len(head) >= minPacketHead {
				if binary.BigEndian.Uint16(head) == nflog.ProtocolARP {
					parse = nflog.ParseARP // which has one hook, of the same number
					continue
				}
				m.early = head[2] == hookPrerouting
			}
		case attrIn:
			m.in = attributes.Uint32()
		case attrOut:
			m.out = attributes.Uint32()
		case attrHWAddr:
			m.mac = ethernet(attributes.Bytes())
		case attrPayload:
			m.packet = parse(attributes.Bytes())
		case attrPrefix:
			m.rule = attributes.String()
		case attrSeq:
			m.seq = attributes.Uint32()
		}
	}
	if err := attributes.Err(); err != nil {
		return message{}, fmt.Errorf("attributes: %w", err)
	}
	// A prefix is the name of a rule, and was printable when it was loaded; rules of others may log here too.
	m.rule = printable.Cut(m.rule, maxRule)
	if m.rule == "" {
		return message{}, errors.New("logged by no name")
	}
	return m, nil
}

// ethernet is the address in an attribute NFULA_HWADDR, "" if it is none of Ethernet.
func ethernet(b []byte) string {
	if len(b) < minHWAddr+ethernetAddr || binary.BigEndian.Uint16(b) != ethernetAddr {
		return ""
	}
	return net.HardwareAddr(b[minHWAddr : minHWAddr+ethernetAddr]).String()
}
