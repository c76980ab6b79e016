package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/bench/wire"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// An uplink is what the provider gives: an address, and one of its two gateways.
type uplink struct {
	addr, gateway netip.Addr
}

// The provider's network, with addresses as providers have them; nothing leaves. Its DHCP server is its first
// gateway, and each gateway has a card of its own.
var (
	firstUplink  = uplink{netip.MustParseAddr("9.9.9.20"), netip.MustParseAddr("9.9.9.1")}
	otherGateway = uplink{firstUplink.addr, netip.MustParseAddr("9.9.9.2")}
	otherAddress = uplink{netip.MustParseAddr("9.9.9.30"), otherGateway.gateway}
)

const (
	maskBits = 24
	lease    = time.Hour // nobody renews by itself while it is measured
	dataPort = 9         // of what the LAN's host sends
	// thinks is how long an answer takes. udhcpc has a socket for a moment by which it renews, and that takes
	// an answer which comes at once, and is closed.
	thinks = 5 * time.Millisecond
)

func cardOf(gateway netip.Addr) ethernet.MAC {
	return ethernet.MAC{0x00, 0x00, 0x5e, 0x00, 0x53, gateway.As4()[3]}
}

// seen is when something was first seen since the provider was told what to give, in Unix time in
// nanoseconds; 0: not yet.
type seen struct {
	asked     int64 // the first message of the client came
	refused   int64 // it was told no
	given     int64 // an ACK with the address was sent
	forwarded int64 // a packet of the LAN came from that address through that gateway
}

// A provider answers DHCP and ARP at once, and looks at what is sent to it: all by one packet socket, so that
// its kernel has no part in it.
type provider struct {
	fd, ifindex int
	answering   sync.WaitGroup
	failed      atomic.Pointer[error] // to answer

	mu    sync.Mutex
	gives uplink
	seen
}

// newProvider opens the socket in a namespace.
func newProvider(namespace string) (*provider, error) {
	p := &provider{gives: firstUplink}
	return p, wire.In(namespace, func() error {
		link, err := net.InterfaceByName(farLink)
		if err != nil {
			return err
		}
		p.ifindex = link.Index
		if p.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		wait := unix.NsecToTimeval(int64(100 * time.Millisecond))
		err = errors.Join(
			unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
			unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20),
			unix.SetsockoptTimeval(p.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait),
			unix.Bind(p.fd, &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_ALL), Ifindex: p.ifindex}))
		if err != nil {
			return fmt.Errorf("socket of the provider: %w", errors.Join(err, unix.Close(p.fd)))
		}
		return nil
	})
}

func bigEndian(n uint16) uint16 { return n<<8 | n>>8 }

// give has the provider give another uplink from now on, and see anew.
func (p *provider) give(u uplink) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gives, p.seen = u, seen{}
}

// saw returns what was seen since then.
func (p *provider) saw() seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// serve answers until done is closed, and closes the socket.
func (p *provider) serve(done <-chan struct{}) error {
	defer unix.Close(p.fd)
	defer p.answering.Wait()
	frame, control := make([]byte, 4096), make([]byte, 128)
	for {
		select {
		case <-done:
			return nil
		default:
		}
		n, nc, _, from, err := unix.Recvmsg(p.fd, frame, control, 0)
		if failed := p.failed.Load(); failed != nil {
			return fmt.Errorf("the provider: %w", *failed)
		}
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR), errors.Is(err, unix.ENETDOWN):
			continue
		case err != nil:
			return fmt.Errorf("the provider: %w", err)
		}
		if a, ok := from.(*unix.SockaddrLinklayer); !ok || a.Pkttype == unix.PACKET_OUTGOING || n < etherLen {
			continue
		}
		at, err := wire.ParseTimestamp(control[:nc])
		if err != nil {
			return err
		}
		if err := p.hear(frame[:n], at); err != nil {
			return err
		}
	}
}

// etherLen is the length of the header of Ethernet, in bytes.
const etherLen = 14

// hear takes a frame.
func (p *provider) hear(frame []byte, at int64) error {
	to, from, body := ethernet.MAC(frame), ethernet.MAC(frame[6:]), frame[etherLen:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_ARP:
		if a, ok := ethernet.ReadARP(body); ok && a.Operation == ethernet.ARPRequest {
			return p.resolve(a, from)
		}
	case unix.ETH_P_IP:
		d, err := ethernet.ReadDatagram(body, true)
		switch {
		case err != nil:
		case d.Destination.Port() == dataPort:
			p.mu.Lock()
			if p.forwarded == 0 && d.Source.Addr() == p.gives.addr && to == cardOf(p.gives.gateway) {
				p.forwarded = at
			}
			p.mu.Unlock()
		case d.Destination.Port() == 67:
			return p.answer(d.Payload, from, at)
		}
	}
	return nil
}

// resolve answers for the gateways.
func (p *provider) resolve(a ethernet.ARP, from ethernet.MAC) error {
	if a.Target != firstUplink.gateway && a.Target != otherGateway.gateway {
		return nil
	}
	own := cardOf(a.Target)
	reply := ethernet.ARP{
		Operation: ethernet.ARPReply, SenderMAC: own, Sender: a.Target, TargetMAC: a.SenderMAC,
		Target: a.Sender,
	}
	return p.send(from, own, unix.ETH_P_ARP, reply.Append(nil))
}

// send sends a frame.
func (p *provider) send(to, from ethernet.MAC, protocol uint16, body []byte) error {
	frame := append(append([]byte{}, to[:]...), from[:]...)
	frame = append(binary.BigEndian.AppendUint16(frame, protocol), body...)
	err := unix.Sendto(p.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: p.ifindex})
	if errors.Is(err, unix.ENETDOWN) {
		return nil // the cable was pulled
	}
	return err
}

// answer answers a message of the client.
func (p *provider) answer(message []byte, from ethernet.MAC, at int64) error {
	var q packet.Packet
	if err := q.Unmarshal(message); err != nil {
		return fmt.Errorf("the client sends what cannot be read: %w", err)
	}
	p.mu.Lock()
	u := p.gives
	if p.asked == 0 {
		p.asked = at
	}
	p.mu.Unlock()
	r := reply(&q, u)
	if r == nil {
		return nil
	}
	server := firstUplink.gateway
	to, card := u.addr, from
	switch {
	case r.Type() == packet.NAK && q.CIAddr.IsValid() && !q.CIAddr.IsUnspecified():
		// As a server of another network does, whose broadcasts would not get there. One to everybody
		// (RFC 2131 4.1) is not heard by networkd when it renews.
		to = q.CIAddr
	case r.Type() == packet.NAK || q.Flags&packet.FlagBroadcast != 0:
		to, card = netip.AddrFrom4([4]byte{255, 255, 255, 255}), ethernet.Everybody()
	}
	b, left := r.Append(nil, packet.MinMax)
	if len(left) > 0 {
		return fmt.Errorf("no room for options %d", left)
	}
	b = ethernet.AppendDatagram(nil, netip.AddrPortFrom(server, 67), netip.AddrPortFrom(to, 68), b)
	p.answering.Go(func() {
		time.Sleep(thinks)
		p.note(r.Type())
		if err := p.send(card, cardOf(server), unix.ETH_P_IP, b); err != nil {
			p.failed.Store(&err)
		}
	})
	return nil
}

// note notes that an answer is being sent.
func (p *provider) note(kind packet.MessageType) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now().UnixNano()
	switch {
	case kind == packet.NAK && p.refused == 0:
		p.refused = now
	case kind == packet.ACK && p.given == 0:
		p.given = now
	}
}

// reply is the server: RFC 2131 4.3, with one address to give. Nil: nothing is to be said.
func reply(q *packet.Packet, u uplink) *packet.Packet {
	server := firstUplink.gateway
	kind := packet.ACK
	switch q.Type() {
	case packet.Discover:
		kind = packet.Offer
	case packet.Request:
		if of := q.Addr(packet.OptionServerID); of.IsValid() && of != server {
			return nil
		}
		wanted := q.Addr(packet.OptionRequestedAddr)
		if !wanted.IsValid() {
			wanted = q.CIAddr
		}
		if wanted != u.addr {
			kind = packet.NAK
		}
	default:
		return nil
	}
	r := &packet.Packet{
		Op: packet.BootReply, HType: q.HType, HLen: q.HLen, XID: q.XID, Flags: q.Flags, CHAddr: q.CHAddr,
		Options: []packet.Option{
			{Code: packet.OptionMessageType, Data: []byte{byte(kind)}},
			{Code: packet.OptionServerID, Data: server.AsSlice()},
		},
	}
	if kind == packet.NAK {
		return r
	}
	r.CIAddr, r.YIAddr = q.CIAddr, u.addr
	r.Options = append(r.Options,
		packet.Option{Code: packet.OptionLeaseTime,
			Data: binary.BigEndian.AppendUint32(nil, uint32(lease/time.Second))},
		packet.Option{Code: packet.OptionSubnetMask, Data: net.CIDRMask(maskBits, 32)},
		packet.Option{Code: packet.OptionRouter, Data: u.gateway.AsSlice()},
		packet.Option{Code: packet.OptionDNS, Data: server.AsSlice()})
	return r
}
