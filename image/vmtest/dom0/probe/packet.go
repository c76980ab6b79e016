package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"
)

const (
	ipHeader, udpHeader = 20, 8
	// RFC 2131, section 4.1.
	clientPort, serverPort = 68, 67

	retry = 2 * time.Second // RFC 2131 begins with 4 s; nobody else is waiting here
	ipv4  = unix.ETH_P_IP<<8&0xff00 | unix.ETH_P_IP>>8
)

// client is a DHCP client on a packet socket.
type client struct {
	fd      int
	ifindex int
	mac     net.HardwareAddr
	// checksums has, for each datagram to a client, whether its checksum was there and right.
	checksums []bool
}

func newClient(ifindex int, mac net.HardwareAddr) (*client, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, ipv4)
	if err != nil {
		return nil, os.NewSyscallError("packet socket", err)
	}
	timeout := unix.NsecToTimeval(int64(retry))
	return &client{fd: fd, ifindex: ifindex, mac: mac},
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)
}

// lease is the exchange of RFC 2131, section 3.1: DISCOVER, OFFER, REQUEST, ACK.
func (c *client) lease(ctx context.Context) (*dhcpv4.DHCPv4, error) {
	// An empty list of wanted options would be the library's own.
	wanted := dhcpv4.WithRequestedOptions(dhcpv4.OptionHostName, dhcpv4.OptionRootPath,
		dhcpv4.GenericOptionCode(initiator))
	discover, err := dhcpv4.NewDiscovery(c.mac, wanted)
	if err != nil {
		return nil, err
	}
	offer, err := c.ask(ctx, discover)
	if err != nil {
		return nil, fmt.Errorf("no OFFER: %w", err)
	}
	request, err := dhcpv4.NewRequestFromOffer(offer, wanted)
	if err != nil {
		return nil, err
	}
	ack, err := c.ask(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("no ACK: %w", err)
	}
	if ack.MessageType() != dhcpv4.MessageTypeAck {
		return nil, fmt.Errorf("%s for an ACK", ack.MessageType())
	}
	return ack, nil
}

// ask sends a message until its answer comes.
func (c *client) ask(ctx context.Context, m *dhcpv4.DHCPv4) (*dhcpv4.DHCPv4, error) {
	to := &unix.SockaddrLinklayer{Protocol: ipv4, Ifindex: c.ifindex, Halen: 6,
		Addr: [8]byte{255, 255, 255, 255, 255, 255}}
	packet := make([]byte, 64<<10)
	for ctx.Err() == nil {
		if err := unix.Sendto(c.fd, broadcast(m.ToBytes()), 0, to); err != nil {
			return nil, os.NewSyscallError("send", err)
		}
		for {
			n, err := unix.Read(c.fd, packet)
			if errors.Is(err, unix.EAGAIN) {
				break
			}
			if err != nil {
				return nil, os.NewSyscallError("receive", err)
			}
			payload, right, ok := toClient(packet[:n])
			if !ok {
				continue
			}
			c.checksums = append(c.checksums, right)
			answer, err := dhcpv4.FromBytes(payload)
			if err == nil && answer.OpCode == dhcpv4.OpcodeBootReply &&
				answer.TransactionID == m.TransactionID {
				return answer, nil
			}
		}
	}
	return nil, ctx.Err()
}

// broadcast is the packet in which a client without an address sends a message.
func broadcast(message []byte) []byte {
	p := make([]byte, ipHeader+udpHeader, ipHeader+udpHeader+len(message))
	p[0], p[8], p[9] = 0x45, 64, unix.IPPROTO_UDP // version and header length, TTL
	binary.BigEndian.PutUint16(p[2:], uint16(cap(p)))
	copy(p[16:], []byte{255, 255, 255, 255})
	binary.BigEndian.PutUint16(p[10:], ^uint16(sum(0, p[:ipHeader])))
	udp := p[ipHeader:]
	binary.BigEndian.PutUint16(udp, clientPort)
	binary.BigEndian.PutUint16(udp[2:], serverPort)
	binary.BigEndian.PutUint16(udp[4:], uint16(udpHeader+len(message)))
	return append(p, message...) // without a checksum (RFC 768)
}

// toClient looks at an IPv4 packet. If it is a datagram to a DHCP client, it gives what that carries, and
// whether the checksum is right; 0 is none, which is not.
func toClient(packet []byte) (payload []byte, right, ok bool) {
	if len(packet) < ipHeader {
		return nil, false, false
	}
	header, length := int(packet[0]&0xf)*4, int(binary.BigEndian.Uint16(packet[2:]))
	if packet[9] != unix.IPPROTO_UDP || header < ipHeader || length < header+udpHeader ||
		length > len(packet) {
		return nil, false, false
	}
	udp := packet[header:length]
	if binary.BigEndian.Uint16(udp[2:]) != clientPort {
		return nil, false, false
	}
	// The pseudo header (RFC 768): both addresses, the protocol, the length.
	all := sum(sum(uint32(unix.IPPROTO_UDP+len(udp)), packet[12:20]), udp)
	return udp[udpHeader:], all == 0xffff && binary.BigEndian.Uint16(udp[6:]) != 0, true
}

// sum adds to the one's complement sum s (RFC 1071).
func sum(s uint32, data []byte) uint32 {
	for i, b := range data {
		if i%2 == 0 {
			s += uint32(b) << 8
		} else {
			s += uint32(b)
		}
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return s
}
