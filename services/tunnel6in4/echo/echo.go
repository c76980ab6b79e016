// Package echo sends echo requests over IPv4 and IPv6 (RFC 792, RFC 4443 4.1) from addresses of ours, and
// hears the answers. Its sockets need CAP_NET_RAW when they are opened, and nothing after; they outlive
// addresses and links. What comes back is counted as an answer only if it has the identifier and the secret
// of these sockets, so no stranger can say that somebody answers who does not.
package echo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// pause is before the next try to read from a socket that has an error.
const pause = 100 * time.Millisecond

// An Answer is an echo.
type Answer struct {
	From netip.Addr
	Seq  uint16
}

// Sockets are one for each version of IP.
type Sockets struct {
	v4, v6 *icmp.PacketConn
	id     uint16
	secret []byte // in each message
}

// Open opens them; random is what nobody can foresee.
func Open(random uint64) (*Sockets, error) {
	s := &Sockets{id: uint16(random), secret: binary.BigEndian.AppendUint64(nil, random)}
	var err error
	if s.v4, err = icmp.ListenPacket("ip4:icmp", "0.0.0.0"); err != nil {
		return nil, fmt.Errorf("echo: %w", err)
	}
	if s.v6, err = icmp.ListenPacket("ip6:ipv6-icmp", "::"); err != nil {
		return nil, errors.Join(fmt.Errorf("echo: %w", err), s.v4.Close())
	}
	var filter ipv6.ICMPFilter
	filter.SetAll(true)
	filter.Accept(ipv6.ICMPTypeEchoReply)
	if err := s.v6.IPv6PacketConn().SetICMPFilter(&filter); err != nil {
		return nil, errors.Join(fmt.Errorf("echo: %w", err), s.Close())
	}
	return s, nil
}

// Close ends Read too.
func (s *Sockets) Close() error { return errors.Join(s.v4.Close(), s.v6.Close()) }

// Send sends a request. From an address that we have not, or not yet, it fails.
func (s *Sockets) Send(to, from netip.Addr, seq uint16) error {
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: int(s.id), Seq: int(seq), Data: s.secret}}
	if to.Is6() {
		m.Type = ipv6.ICMPTypeEchoRequest
	}
	b, err := m.Marshal(nil) // the kernel sums ICMPv6 (RFC 3542 3.1)
	if err != nil {
		return err
	}
	dst := &net.IPAddr{IP: to.AsSlice()}
	if to.Is6() {
		_, err = s.v6.IPv6PacketConn().WriteTo(b, &ipv6.ControlMessage{Src: from.AsSlice()}, dst)
	} else {
		_, err = s.v4.IPv4PacketConn().WriteTo(b, &ipv4.ControlMessage{Src: from.AsSlice()}, dst)
	}
	return err
}

// Read waits for answers of one version of IP, and tells of each, until Close.
func (s *Sockets) Read(v6 bool, tell func(Answer)) error {
	conn, proto := s.v4, 1
	if v6 {
		conn, proto = s.v6, 58
	}
	var b [1500]byte
	for {
		n, peer, err := conn.ReadFrom(b[:])
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil: // it may be about a packet before; what stays must not take the processor
			time.Sleep(pause)
			continue
		}
		if a, ok := s.answer(b[:n], proto, peer); ok {
			tell(a)
		}
	}
}

// answer reads a message that may be anybody's.
func (s *Sockets) answer(b []byte, proto int, peer net.Addr) (Answer, bool) {
	m, err := icmp.ParseMessage(proto, b)
	if err != nil || m.Type != ipv4.ICMPTypeEchoReply && m.Type != ipv6.ICMPTypeEchoReply {
		return Answer{}, false
	}
	body, ok := m.Body.(*icmp.Echo)
	ip, isIP := peer.(*net.IPAddr)
	if !ok || !isIP || body.ID != int(s.id) || !bytes.Equal(body.Data, s.secret) {
		return Answer{}, false
	}
	from, ok := netip.AddrFromSlice(ip.IP)
	return Answer{from.Unmap(), uint16(body.Seq)}, ok
}
