// Package rawsocket is packet sockets: they receive and send on one link below
// everything that the kernel has by way of addresses, routes and firewall rules, and
// with the kernel's Ethernet header, so that VLANs and the link's own address are right.
//
// What a Filter lets through is received, and nothing before the filter is in place.
// Reading waits, sending never does. Sockets die with their link, without an error
// (appliance/links). What packets mean is left to others: internal/ethernet.
//
// Opening needs CAP_NET_RAW; afterwards it is not used.
package rawsocket

import (
	"errors"
	"net"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// Protocols above Ethernet.
const (
	IPv4 uint16 = unix.ETH_P_IP
	ARP  uint16 = unix.ETH_P_ARP
)

// A Packet is a packet socket on one link. Read, Send and Close may be called at the same
// time.
type Packet struct {
	file    *os.File
	ifindex int
}

// Options say what a Packet is to be.
type Options struct {
	Name     string // for people
	Protocol uint16 // that is received; 0: nothing is
	Filter   Filter // what of it is
	// Buffer is what the kernel may hold of packets not yet read, in bytes as it counts
	// them, beyond the system's limit if possible; 0: as the system has it.
	Buffer int
	// Priority is that of what is sent, for queues and 802.1p: socket(7), SO_PRIORITY.
	Priority int
}

// Open opens a socket on the link with that index. The errors are those of package os.
func Open(ifindex int, o Options) (*Packet, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("packet socket", err)
	}
	s := &Packet{os.NewFile(uintptr(fd), o.Name), ifindex}
	if err := s.set(fd, o); err != nil {
		return nil, errors.Join(err, s.file.Close())
	}
	return s, nil
}

func (s *Packet) set(fd int, o Options) error {
	if o.Priority != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, o.Priority); err != nil {
			return os.NewSyscallError("priority of a packet socket", err)
		}
	}
	if o.Protocol == 0 {
		return nil
	}
	if o.Buffer > 0 && unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, o.Buffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, o.Buffer)
	}
	if err := o.Filter.Attach(fd); err != nil {
		return os.NewSyscallError("filter of a packet socket", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
		return os.NewSyscallError("PACKET_AUXDATA", err)
	}
	// It receives from here on.
	link := &unix.SockaddrLinklayer{Protocol: htons(o.Protocol), Ifindex: s.ifindex}
	return os.NewSyscallError("bind packet socket", unix.Bind(fd, link))
}

// htons returns n as the kernel wants it: its bytes in network order.
func htons(n uint16) uint16 { return n<<8 | n>>8 }

// Received is what is known of a packet.
type Received struct {
	Len  int
	From ethernet.MAC
	// Cut: it was longer than the buffer.
	Cut bool
	// Partial: the checksum above IP is left to the hardware that it is to leave by. So
	// it is with everything that comes from another virtual machine of the same host.
	Partial bool
}

// Read waits for the next packet, and copies it to p from its network header on. After
// Close the error is net.ErrClosed, after the deadline os.ErrDeadlineExceeded.
func (s *Packet) Read(p []byte) (r Received, err error) {
	rc, err := s.file.SyscallConn()
	if err != nil {
		return r, net.ErrClosed
	}
	for {
		var failed error
		err = rc.Read(func(fd uintptr) bool {
			r, failed = receive(int(fd), p)
			return failed != unix.EAGAIN
		})
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return r, err
		case err != nil:
			return r, net.ErrClosed // under a name that is not exported
		case failed == unix.EINTR:
		case failed == unix.ENETDOWN: // told once; it hears again when the link is up again
		default:
			return r, os.NewSyscallError("receive", failed)
		}
	}
}

func receive(fd int, p []byte) (r Received, err error) {
	var oob [64]byte
	n, oobn, flags, from, err := unix.Recvmsg(fd, p, oob[:], 0)
	if err != nil {
		return r, err
	}
	r.Len, r.Cut = n, flags&unix.MSG_TRUNC != 0
	if a, ok := from.(*unix.SockaddrLinklayer); ok && int(a.Halen) == len(r.From) {
		r.From = ethernet.MAC(a.Addr[:len(r.From)])
	}
	for b := oob[:oobn]; len(b) > 0; {
		head, data, rest, err := unix.ParseOneSocketControlMessage(b)
		if err != nil {
			break
		}
		if head.Level == unix.SOL_PACKET && head.Type == unix.PACKET_AUXDATA && len(data) >= 4 {
			status := *(*uint32)(unsafe.Pointer(&data[0])) // struct tpacket_auxdata, in the order of the host
			r.Partial = status&unix.TP_STATUS_CSUMNOTREADY != 0
		}
		b = rest
	}
	return r, nil
}

// Deadline makes a Read that waits, or will, end at a moment; the zero Time: never.
func (s *Packet) Deadline(t time.Time) { _ = s.file.SetReadDeadline(t) }

// Send sends a packet of a protocol to a station. It never waits: when the link takes no
// more, the error is EAGAIN or ENOBUFS.
func (s *Packet) Send(to ethernet.MAC, protocol uint16, b []byte) error {
	link := &unix.SockaddrLinklayer{Protocol: htons(protocol), Ifindex: s.ifindex, Halen: uint8(len(to))}
	copy(link.Addr[:], to[:])
	return SendTo(s.file, b, link)
}

// Lost returns how many packets did not fit into the buffer since it was last asked.
func (s *Packet) Lost() (n uint64) {
	if rc, err := s.file.SyscallConn(); err == nil {
		_ = rc.Control(func(fd uintptr) {
			if stats, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
				n = uint64(stats.Drops)
			}
		})
	}
	return n
}

// Close closes the socket and ends a Read that waits.
func (s *Packet) Close() error { return s.file.Close() }

// SendTo sends by any socket that is a file, and never waits. After its Close the error is
// net.ErrClosed.
func SendTo(socket *os.File, b []byte, to unix.Sockaddr) error {
	rc, err := socket.SyscallConn()
	if err != nil {
		return net.ErrClosed
	}
	var sent error
	if err := rc.Control(func(fd uintptr) { sent = unix.Sendto(int(fd), b, unix.MSG_DONTWAIT, to) }); err != nil {
		return net.ErrClosed // the only error it has, under a name that is not exported
	}
	return os.NewSyscallError("send", sent)
}

// Closed gives the error of a closed file the identity of that of a closed connection.
func Closed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return net.ErrClosed
	}
	return err
}
