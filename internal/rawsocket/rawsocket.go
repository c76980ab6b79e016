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
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/mmsg"
)

// Protocols above Ethernet.
const (
	IPv4 uint16 = unix.ETH_P_IP
	ARP  uint16 = unix.ETH_P_ARP
	IPv6 uint16 = unix.ETH_P_IPV6
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
	flags := unix.SOCK_DGRAM | unix.SOCK_CLOEXEC
	// one that only sends is not for Go's poller, whom each packet that has left would wake
	if o.Protocol != 0 {
		flags |= unix.SOCK_NONBLOCK
	}
	fd, err := unix.Socket(unix.AF_PACKET, flags, 0)
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
	// Group: it was for more stations than this one, by broadcast or multicast.
	Group bool
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
	var from unix.RawSockaddrLinklayer
	vector := mmsg.Vector(p)
	in := []unix.Mmsghdr{header(&vector, unsafe.Pointer(&from), unix.SizeofSockaddrLinklayer)}
	h := &in[0].Hdr
	h.Control = &oob[0]
	h.SetControllen(len(oob))
	if _, errno := mmsg.Receive(fd, in, unix.MSG_DONTWAIT); errno != 0 {
		return r, errno
	}
	r.Len, r.Cut = int(in[0].Len), h.Flags&unix.MSG_TRUNC != 0
	if int(from.Halen) == len(r.From) {
		r.From = ethernet.MAC(from.Addr[:len(r.From)])
	}
	r.Group = from.Pkttype == unix.PACKET_BROADCAST || from.Pkttype == unix.PACKET_MULTICAST
	for b := oob[:h.Controllen]; len(b) > 0; {
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
	name := unix.RawSockaddrLinklayer{
		Family: unix.AF_PACKET, Protocol: htons(protocol), Ifindex: int32(s.ifindex), Halen: uint8(len(to)),
	}
	copy(name.Addr[:], to[:])
	return sendTo(s.file, b, unsafe.Pointer(&name), unix.SizeofSockaddrLinklayer)
}

// Lost returns how many packets did not fit into the buffer since it was last asked.
func (s *Packet) Lost() (n uint64) {
	if rc, err := s.file.SyscallConn(); err == nil {
		_ = rc.Control(func(fd uintptr) {
			if stats, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET,
				unix.PACKET_STATISTICS); err == nil {
				n = uint64(stats.Drops)
			}
		})
	}
	return n
}

// Close closes the socket and ends a Read that waits.
func (s *Packet) Close() error { return s.file.Close() }

// SendIPv4 sends by a raw IP socket to an IPv4 address, and never waits. After the socket's
// Close the error is net.ErrClosed.
func SendIPv4(socket *os.File, b []byte, to netip.Addr) error {
	name := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: to.As4()}
	return sendTo(socket, b, unsafe.Pointer(&name), unix.SizeofSockaddrInet4)
}

// sendTo sends b by a socket to a name of that size.
func sendTo(socket *os.File, b []byte, name unsafe.Pointer, size uint32) error {
	rc, err := socket.SyscallConn()
	if err != nil {
		return net.ErrClosed
	}
	vector := mmsg.Vector(b)
	out := []unix.Mmsghdr{header(&vector, name, size)}
	var errno unix.Errno
	if err := rc.Control(func(fd uintptr) {
		_, errno = mmsg.Send(int(fd), out, unix.MSG_DONTWAIT)
	}); err != nil {
		return net.ErrClosed // the only error it has, under a name that is not exported
	}
	if errno != 0 {
		return os.NewSyscallError("send", errno)
	}
	return nil
}

// header is that of a packet in a vector, with a socket's name.
func header(vector *unix.Iovec, name unsafe.Pointer, size uint32) (h unix.Mmsghdr) {
	h.Hdr.Iov, h.Hdr.Name, h.Hdr.Namelen = vector, (*byte)(name), size
	h.Hdr.SetIovlen(1)
	return h
}

// Closed gives the error of a closed file the identity of that of a closed connection.
func Closed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return net.ErrClosed
	}
	return err
}
