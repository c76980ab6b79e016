package conn

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// An ICMP asks for addresses behind routers by echo requests: RFC 792. Hosts that
// do not answer them are not found. Probe may be called while Answer waits.
type ICMP struct {
	socket *os.File
	id     uint16
}

const (
	icmpEchoReply = 0
	icmpEcho      = 8
	icmpLen       = 8
	ipv4Len       = 20
)

// OpenICMP opens a socket for echo requests, which carry id. It needs CAP_NET_RAW.
func OpenICMP(id uint16) (*ICMP, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK,
		unix.IPPROTO_ICMP)
	if err != nil {
		return nil, os.NewSyscallError("ICMP socket", err)
	}
	p := &ICMP{socket: os.NewFile(uintptr(fd), "ICMP"), id: id}
	// A set bit keeps a type out: icmp(7), ICMP_FILTER.
	const solRaw, icmpFilter = 255, 1
	if err := unix.SetsockoptInt(fd, solRaw, icmpFilter, ^(1 << icmpEchoReply)); err != nil {
		return nil, errors.Join(os.NewSyscallError("filter ICMP", err), p.Close())
	}
	return p, nil
}

// Probe sends one echo request. It never waits.
func (p *ICMP) Probe(addr netip.Addr) error {
	b := []byte{icmpEcho, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(b[4:], p.id)
	binary.BigEndian.PutUint16(b[2:], ethernet.Checksum(b))
	return rawsocket.SendIPv4(p.socket, b, addr)
}

// Answer waits for the next reply and returns whose it is; the card is not known.
// After Close the error is net.ErrClosed.
func (p *ICMP) Answer() (addr netip.Addr, by lease.MAC, err error) {
	var b [256]byte
	for {
		n, err := p.socket.Read(b[:])
		if err != nil {
			return addr, by, rawsocket.Closed(err)
		}
		if addr, ok := readEchoReply(b[:n], p.id); ok {
			return addr, by, nil
		}
	}
}

// readEchoReply returns who sent an IPv4 packet that is a reply to an echo request with that id.
func readEchoReply(b []byte, id uint16) (from netip.Addr, ok bool) {
	if len(b) < ipv4Len || b[0]>>4 != 4 {
		return from, false
	}
	head := int(b[0]&15) * 4
	if head < ipv4Len || len(b) < head+icmpLen {
		return from, false
	}
	m := b[head:]
	return netip.AddrFrom4([4]byte(b[12:])), m[0] == icmpEchoReply && binary.BigEndian.Uint16(m[4:]) == id
}

// Close closes the socket and ends an Answer that waits.
func (p *ICMP) Close() error { return p.socket.Close() }
