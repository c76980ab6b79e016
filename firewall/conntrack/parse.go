package conntrack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mdlayher/netlink"
	"github.com/vishvananda/netlink/nl"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// parseFlow reads the body of a message about a conversation (linux/netfilter/nfnetlink_conntrack.h).
func parseFlow(b []byte) (Flow, error) {
	const genLen = 4 // struct nfgenmsg
	if len(b) < genLen {
		return Flow{}, fmt.Errorf("message of %d bytes, want at least %d", len(b), genLen)
	}
	var f Flow
	err := each(b[genLen:], func(a *netlink.AttributeDecoder) (err error) {
		switch a.Type() {
		case nl.CTA_TUPLE_ORIG:
			f.tuple = slices.Clone(a.Bytes())
			f.Source, f.Destination, f.Proto, err = parseTuple(a.Bytes())
		case nl.CTA_TUPLE_REPLY:
			f.ReplySource, f.ReplyDestination, _, err = parseTuple(a.Bytes())
		case nl.CTA_COUNTERS_ORIG:
			f.Sent, err = parseCount(a.Bytes())
		case nl.CTA_COUNTERS_REPLY:
			f.Received, err = parseCount(a.Bytes())
		case nl.CTA_STATUS:
			f.Assured = a.Uint32()&statusAssured != 0
		case nl.CTA_PROTOINFO:
			f.Ended, err = parseEnded(a.Bytes())
		case nl.CTA_ID:
			f.id = a.Uint32()
		case nl.CTA_ZONE:
			f.zone = a.Uint16()
		}
		return err
	})
	if err == nil && (!f.Source.Addr().IsValid() || !f.Destination.Addr().IsValid() ||
		!f.ReplySource.Addr().IsValid()) {
		err = errors.New("a conversation without addresses")
	}
	return f, err
}

const statusAssured = 1 << 2 // linux/netfilter/nf_conntrack_common.h, IPS_ASSURED

// States of TCP in conntrack (linux/netfilter/nf_conntrack_tcp.h) in which both sides have closed, from the
// first to the last.
const tcpLastAck, tcpClose = 6, 8

// parseEnded looks into what is known of a protocol.
func parseEnded(b []byte) (ended bool, err error) {
	err = each(b, func(a *netlink.AttributeDecoder) error {
		if a.Type() != nl.CTA_PROTOINFO_TCP {
			return nil
		}
		return each(a.Bytes(), func(a *netlink.AttributeDecoder) error {
			if a.Type() == nl.CTA_PROTOINFO_TCP_STATE {
				state := a.Uint8()
				ended = state >= tcpLastAck && state <= tcpClose
			}
			return nil
		})
	})
	return ended, err
}

// each calls do for every attribute in b, until one fails.
func each(b []byte, do func(*netlink.AttributeDecoder) error) error {
	a, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return err
	}
	a.ByteOrder = binary.BigEndian
	for a.Next() {
		if err := do(a); err != nil {
			return err
		}
	}
	return a.Err()
}

func parseTuple(b []byte) (source, destination netip.AddrPort, proto uint8, err error) {
	var from, to netip.Addr
	var ports [2]uint16
	address := func(a *netlink.AttributeDecoder) error {
		switch a.Type() {
		case nl.CTA_IP_V4_SRC, nl.CTA_IP_V6_SRC:
			from, _ = netip.AddrFromSlice(a.Bytes())
		case nl.CTA_IP_V4_DST, nl.CTA_IP_V6_DST:
			to, _ = netip.AddrFromSlice(a.Bytes())
		}
		return nil
	}
	transport := func(a *netlink.AttributeDecoder) error {
		switch a.Type() {
		case nl.CTA_PROTO_NUM:
			proto = a.Uint8()
		case nl.CTA_PROTO_SRC_PORT:
			ports[0] = a.Uint16()
		case nl.CTA_PROTO_DST_PORT:
			ports[1] = a.Uint16()
		}
		return nil
	}
	err = each(b, func(a *netlink.AttributeDecoder) error {
		switch a.Type() {
		case nl.CTA_TUPLE_IP:
			return each(a.Bytes(), address)
		case nl.CTA_TUPLE_PROTO:
			return each(a.Bytes(), transport)
		}
		return nil
	})
	return netip.AddrPortFrom(from, ports[0]), netip.AddrPortFrom(to, ports[1]), proto, err
}

func parseCount(b []byte) (c firewall.Count, err error) {
	err = each(b, func(a *netlink.AttributeDecoder) error {
		switch a.Type() {
		case nl.CTA_COUNTERS_PACKETS:
			c.Packets = a.Uint64()
		case nl.CTA_COUNTERS_BYTES:
			c.Bytes = a.Uint64()
		}
		return nil
	})
	return c, err
}
