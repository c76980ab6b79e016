package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A flow is one UDP conversation as a frame of it sees it.
type flow struct {
	src, dst netip.AddrPort
}

// frame is the smallest Ethernet frame of f to the box's interface: 60 bytes without the checksum.
func (f flow) frame(to net.HardwareAddr) []byte {
	const size = 60
	b := make([]byte, size)
	copy(b, to)
	copy(b[6:], []byte{2, 0, 0, 0, 9, 9})
	binary.BigEndian.PutUint16(b[12:], unix.ETH_P_IP)
	ip := b[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, unix.IPPROTO_UDP // version and length, TTL
	binary.BigEndian.PutUint16(ip[2:], size-14)
	src, dst := f.src.Addr().As4(), f.dst.Addr().As4()
	copy(ip[12:], src[:])
	copy(ip[16:], dst[:])
	udp := ip[20:]
	binary.BigEndian.PutUint16(udp, f.src.Port())
	binary.BigEndian.PutUint16(udp[2:], f.dst.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	binary.BigEndian.PutUint16(ip[10:], ^sum(0, ip[:20]))
	pseudo := sum(unix.IPPROTO_UDP+uint32(len(udp)), ip[12:20]) // RFC 768
	binary.BigEndian.PutUint16(udp[6:], ^sum(uint32(pseudo), udp))
	return b
}

// sum is that of RFC 1071 over an even number of bytes.
func sum(start uint32, b []byte) uint16 {
	for ; len(b) > 0; b = b[2:] {
		start += uint32(binary.BigEndian.Uint16(b))
	}
	for start > 0xffff {
		start = start>>16 + start&0xffff
	}
	return uint16(start)
}

// hardware is an address that is written in the program.
func hardware(text string) net.HardwareAddr {
	mac, _ := net.ParseMAC(text)
	return mac
}

// batch is how many frames one call hands to the kernel.
const batch = 64

// A sender puts prepared frames on a link.
type sender struct {
	fd       int
	messages []message
}

// message is struct mmsghdr of sendmmsg(2).
type message struct {
	header unix.Msghdr
	sent   uint32
	_      [4]byte
}

// newSender opens the link of the namespace for some frames.
func newSender(from *space, link string, frames [][]byte) (*sender, error) {
	s := &sender{messages: make([]message, len(frames))}
	for i, f := range frames {
		vector := &unix.Iovec{Base: &f[0]}
		vector.SetLen(len(f))
		s.messages[i].header = unix.Msghdr{Iov: vector}
		s.messages[i].header.SetIovlen(1)
	}
	err := from.do(func() (err error) {
		l, err := net.InterfaceByName(link)
		if err != nil {
			return err
		}
		if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.Bind(s.fd, &unix.SockaddrLinklayer{Ifindex: l.Index})
	})
	if err != nil {
		return nil, fmt.Errorf("packet socket on %s of %s: %w", link, from.name, err)
	}
	return s, nil
}

func (s *sender) close() error { return unix.Close(s.fd) }

// send puts all frames on the link, times over.
func (s *sender) send(times int) error {
	for range times {
		for rest := s.messages; len(rest) > 0; {
			n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&rest[0])),
				uintptr(min(batch, len(rest))), 0, 0, 0)
			if errno != 0 && errno != unix.ENOBUFS && errno != unix.EINTR {
				return fmt.Errorf("sendmmsg: %w", errno)
			}
			if errno == 0 {
				rest = rest[n:]
			}
		}
	}
	return nil
}

// cpu is the processor's time that the calling thread has used. The kernel forwards what a thread sends on a
// veth pair before it returns to it, so the work of the box is in it, and what else runs on the machine is
// not.
func cpu() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}
