package vmtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Ethernet types (IEEE 802 numbers) and the other constants of the headers below.
const (
	etherIPv4   = 0x0800
	etherARP    = 0x0806
	etherVLAN   = 0x8100 // IEEE 802.1Q
	protocolUDP = 17

	etherLen, vlanLen, ipLen, udpLen = 14, 4, 20, 8

	clientPort, serverPort = 68, 67 // RFC 2131, section 4.1
)

// Offer sends DISCOVERs of the card mac on the wire, one every interval, until an answer to one comes that is
// an OFFER. With a VLAN id other than 0 they are tagged, and only an answer with that tag counts.
func (w *Wire) Offer(ctx context.Context, mac net.HardwareAddr, vlan uint16,
	interval time.Duration) (*dhcpv4.DHCPv4, error) {
	discover, err := dhcpv4.NewDiscovery(mac)
	if err != nil {
		return nil, err
	}
	frame := broadcastDHCP(discover, vlan)
	for ctx.Err() == nil {
		if err := w.Send(frame); err != nil {
			return nil, err
		}
		answer, err := w.await(discover.TransactionID, vlan, time.Now().Add(interval))
		if err == nil && answer.MessageType() == dhcpv4.MessageTypeOffer {
			return answer, nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("no OFFER: %w", ctx.Err())
}

// await waits for a DHCP answer with the transaction id and tag until the deadline.
func (w *Wire) await(id dhcpv4.TransactionID, vlan uint16, deadline time.Time) (*dhcpv4.DHCPv4, error) {
	for {
		frame, err := w.Receive(deadline)
		if err != nil {
			return nil, err
		}
		payload, ok := udpTo(frame, vlan, clientPort)
		if !ok {
			continue
		}
		if m, err := dhcpv4.FromBytes(payload); err == nil && m.TransactionID == id &&
			m.OpCode == dhcpv4.OpcodeBootReply {
			return m, nil
		}
	}
}

// broadcastDHCP is the frame in which a client without an address sends m.
func broadcastDHCP(m *dhcpv4.DHCPv4, vlan uint16) []byte {
	payload := m.ToBytes()
	frame := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, m.ClientHWAddr...)
	if vlan != 0 {
		frame = binary.BigEndian.AppendUint16(frame, etherVLAN)
		frame = binary.BigEndian.AppendUint16(frame, vlan)
	}
	frame = binary.BigEndian.AppendUint16(frame, etherIPv4)

	ip := make([]byte, ipLen, ipLen+udpLen+len(payload))
	ip[0], ip[8], ip[9] = 0x45, 64, protocolUDP // version and header length, TTL
	binary.BigEndian.PutUint16(ip[2:], uint16(ipLen+udpLen+len(payload)))
	copy(ip[16:], []byte{255, 255, 255, 255})
	binary.BigEndian.PutUint16(ip[10:], checksum(ip))

	ip = binary.BigEndian.AppendUint16(ip, clientPort)
	ip = binary.BigEndian.AppendUint16(ip, serverPort)
	ip = binary.BigEndian.AppendUint16(ip, uint16(udpLen+len(payload)))
	ip = append(ip, 0, 0) // no checksum (RFC 768)
	return append(frame, append(ip, payload...)...)
}

// udpTo gives what a frame carries to the UDP port, if it is an IPv4 frame with the tag, its checksums right.
func udpTo(frame []byte, vlan, port uint16) ([]byte, bool) {
	at := etherLen - 2
	if vlan != 0 {
		if len(frame) < etherLen+vlanLen || binary.BigEndian.Uint16(frame[at:]) != etherVLAN ||
			binary.BigEndian.Uint16(frame[at+2:])&0xfff != vlan {
			return nil, false
		}
		at += vlanLen
	}
	if len(frame) < at+2+ipLen || binary.BigEndian.Uint16(frame[at:]) != etherIPv4 {
		return nil, false
	}
	ip := frame[at+2:]
	header, length := int(ip[0]&0xf)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if header < ipLen || length < header+udpLen || length > len(ip) || ip[9] != protocolUDP ||
		checksum(ip[:header]) != 0 {
		return nil, false
	}
	udp := ip[header:length]
	if binary.BigEndian.Uint16(udp[2:]) != port || binary.BigEndian.Uint16(udp[4:]) != uint16(len(udp)) ||
		!udpChecksumOK(ip, udp) {
		return nil, false
	}
	return udp[udpLen:], true
}

// udpChecksumOK checks the sum over UDP and the pseudo header (RFC 768); 0 means that the sender made none.
func udpChecksumOK(ip, udp []byte) bool {
	if binary.BigEndian.Uint16(udp[6:]) == 0 {
		return true
	}
	pseudo := append([]byte{}, ip[12:20]...)
	pseudo = append(pseudo, 0, protocolUDP)
	pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(udp)))
	return checksum(append(pseudo, udp...)) == 0
}

// checksum is the Internet checksum (RFC 1071): 0 over data that holds its own.
func checksum(data []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(data); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(data[i:]))
	}
	if len(data)%2 == 1 {
		sum += uint32(data[len(data)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// OfferedAddr is the address that an answer is about.
func OfferedAddr(m *dhcpv4.DHCPv4) netip.Addr {
	addr, _ := netip.AddrFromSlice(m.YourIPAddr)
	return addr.Unmap()
}
