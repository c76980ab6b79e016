package conn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/mmsg"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
)

// A Role is which end of router discovery a socket is for.
type Role uint8

// The roles.
const (
	Host   Role = iota // hears advertisements, and those of neighbours
	Router             // hears solicitations too, and no neighbours; those that claim its addresses: Watch
)

// Multicast groups: RFC 4291 2.7.1.
var (
	AllNodes   = netip.MustParseAddr("ff02::1")
	AllRouters = netip.MustParseAddr("ff02::2")
)

const (
	// maxMessage is the longest message that is read, in octets: an Ethernet frame has less, and discovery is
	// never in fragments (RFC 6980).
	maxMessage = 1500
	batch      = 16
	// buffer is what the kernel may hold of messages not yet read, as it counts octets: about 500.
	buffer = 512 << 10
)

// A Conn is the socket of one link. Each is for one goroutine; all else may be called at any time.
type Conn struct {
	link  string
	index int
	mac   ethernet.MAC
	local netip.Addr

	in    [batch]unix.Mmsghdr
	slots [batch]slot

	refused atomic.Uint64
	// file has its reads wait in Go's poller, and all else is calls that do not wait: while little comes,
	// nothing is cheaper (internal/mmsg).
	file *os.File
	raw  syscall.RawConn
}

// A slot is room for one message, with what the kernel says about it.
type slot struct {
	from    unix.RawSockaddrInet6
	vector  unix.Iovec
	control [128]byte
	octets  [maxMessage]byte
}

// Open opens a socket on a link. Without the link, or a link-local address on it that may be used, the error
// is links.ErrAbsent.
func Open(link string, role Role) (*Conn, error) {
	iface, err := links.Named(link)
	if err != nil {
		return nil, err
	}
	state, err := Look(iface.Index)
	if err != nil {
		return nil, links.On(link, err)
	}
	if state.Local != Usable {
		return nil, fmt.Errorf("link %s: a link-local address is %w: %s", link, links.ErrAbsent, state.Local)
	}
	c := &Conn{link: link, index: iface.Index, local: state.Addr, mac: macOf(iface)}
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK,
		unix.IPPROTO_ICMPV6)
	if err != nil {
		return nil, os.NewSyscallError("ICMPv6 socket", err)
	}
	c.file = os.NewFile(uintptr(fd), "router discovery on "+link)
	err = c.prepare(fd, role)
	if err == nil {
		c.raw, err = c.file.SyscallConn()
	}
	if err != nil {
		return nil, errors.Join(links.On(link, err), c.file.Close())
	}
	for i := range c.slots {
		s, h := &c.slots[i], &c.in[i].Hdr
		s.vector = mmsg.Vector(s.octets[:])
		h.Iov, h.Name, h.Control = &s.vector, (*byte)(unsafe.Pointer(&s.from)), &s.control[0]
		h.SetIovlen(1)
	}
	return c, nil
}

// macOf is the hardware address of a link, if it has one of a card.
func macOf(l net.Interface) (m ethernet.MAC) {
	if len(l.HardwareAddr) == len(m) {
		m = ethernet.MAC(l.HardwareAddr)
	}
	return m
}

// prepare sets what the socket hears before it hears anything: nothing passes the first filter.
func (c *Conn) prepare(fd int, role Role) error {
	filter := unix.ICMPv6Filter{}
	block(&filter)
	if err := unix.SetsockoptICMPv6Filter(fd, unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, &filter); err != nil {
		return os.NewSyscallError("ICMPv6 filter", err)
	}
	if err := unix.BindToDevice(fd, c.link); err != nil {
		return os.NewSyscallError("bind to the link", err)
	}
	for _, o := range []struct {
		what         string
		level, value int
	}{
		{"hop limit of multicasts", unix.IPV6_MULTICAST_HOPS, hopLimit},
		{"hop limit", unix.IPV6_UNICAST_HOPS, hopLimit},
		{"loop of multicasts", unix.IPV6_MULTICAST_LOOP, 0},
		{"receive the hop limit", unix.IPV6_RECVHOPLIMIT, 1},
		{"receive the destination", unix.IPV6_RECVPKTINFO, 1},
	} {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, o.level, o.value); err != nil {
			return os.NewSyscallError(o.what, err)
		}
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer) // cut to the system's limit
	// Network control, 6 in 802.1p, as routing protocols have it.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, 6)
	allow(&filter, typeAdvertisement)
	if role == Host { // a router would hear all that its hosts answer
		allow(&filter, typeNeighbourAdvertisement)
	}
	if role == Router {
		allow(&filter, typeSolicitation)
		group := unix.IPv6Mreq{Multiaddr: AllRouters.As16(), Interface: uint32(c.index)}
		if err := unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, &group); err != nil {
			return os.NewSyscallError("join the group of all routers", err)
		}
	}
	// The address is where it sends from. It hears what is sent to that, and to groups.
	if err := unix.Bind(fd, c.address(c.local)); err != nil {
		return os.NewSyscallError("bind to "+c.local.String(), err)
	}
	return os.NewSyscallError("ICMPv6 filter",
		unix.SetsockoptICMPv6Filter(fd, unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, &filter))
}

// block and allow change a filter, whose bits are of types that are kept out: RFC 3542 3.2.
func block(f *unix.ICMPv6Filter) {
	for i := range f.Data {
		f.Data[i] = ^uint32(0)
	}
}

func allow(f *unix.ICMPv6Filter, kind uint8) { f.Data[kind>>5] &^= 1 << (kind & 31) }

func (c *Conn) address(a netip.Addr) *unix.SockaddrInet6 {
	return &unix.SockaddrInet6{Addr: a.As16(), ZoneId: uint32(c.index)}
}

// MAC returns the hardware address of the link; the zero MAC: it has none.
func (c *Conn) MAC() ethernet.MAC { return c.mac }

// Local returns the link-local address that is sent from, without a zone.
func (c *Conn) Local() netip.Addr { return c.local }

// Refused returns how many messages were thrown away because they pass no check.
func (c *Conn) Refused() uint64 { return c.refused.Load() }

// Each calls f with each message that passes the checks, until Close; then the error is net.ErrClosed. What f
// gets is its own to keep.
func (c *Conn) Each(f func(m *Message)) error {
	// Its only error is that of a closed file, under a name that is not exported.
	_ = c.raw.Read(func(fd uintptr) bool {
		c.drain(int(fd), f)
		return false // wait for more
	})
	return net.ErrClosed
}

// drain reads what is there. The poller tells of each message that comes, so what was read to less than a
// batch needs no look that finds nothing.
func (c *Conn) drain(fd int, f func(m *Message)) {
	failed := false
	for {
		for i := range c.in {
			h := &c.in[i].Hdr
			h.Namelen = uint32(unsafe.Sizeof(c.slots[i].from))
			h.SetControllen(len(c.slots[i].control))
		}
		n, errno := mmsg.Receive(fd, c.in[:], unix.MSG_DONTWAIT)
		if errno == unix.EAGAIN || errno != 0 && failed {
			return
		}
		failed = errno != 0 // such as ENETDOWN, which is told once, before what there is to read
		for i := range n {
			m, err := c.message(i)
			if err != nil {
				c.refused.Add(1)
				continue
			}
			f(&m)
		}
		if errno == 0 && n < batch {
			return
		}
	}
}

// message reads one that was received.
func (c *Conn) message(i int) (Message, error) {
	s, in := &c.slots[i], &c.in[i]
	if in.Hdr.Flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		return Message{}, errors.New("longer than any frame")
	}
	h := header{from: netip.AddrFrom16(s.from.Addr), hopLimit: -1}
	for b := s.control[:in.Hdr.Controllen]; len(b) > 0; {
		head, data, rest, err := unix.ParseOneSocketControlMessage(b)
		if err != nil {
			break
		}
		b = rest
		switch {
		case head.Level != unix.IPPROTO_IPV6:
		case head.Type == unix.IPV6_HOPLIMIT && len(data) >= 4:
			h.hopLimit = int(*(*int32)(unsafe.Pointer(&data[0])))
		case head.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			h.to = netip.AddrFrom16(info.Addr)
			if int(info.Ifindex) != c.index {
				return Message{}, errors.New("it came in by another link")
			}
		}
	}
	return parse(h, s.octets[:in.Len])
}

// Send sends octets, which must not be none, to a group or an address of the link, and never waits. After
// Close the error is net.ErrClosed.
func (c *Conn) Send(octets []byte, to netip.Addr) error {
	name := unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: to.As16(), Scope_id: uint32(c.index)}
	vector := mmsg.Vector(octets)
	out := make([]unix.Mmsghdr, 1)
	h := &out[0].Hdr
	h.Iov, h.Name, h.Namelen = &vector, (*byte)(unsafe.Pointer(&name)), unix.SizeofSockaddrInet6
	h.SetIovlen(1)
	var errno unix.Errno
	send := func(fd uintptr) { _, errno = mmsg.Send(int(fd), out, unix.MSG_DONTWAIT) }
	if err := c.raw.Control(send); err != nil {
		return net.ErrClosed // the only error it has, under a name that is not exported
	}
	if errno != 0 {
		return os.NewSyscallError("send", errno)
	}
	return nil
}

// Check implements links.Socket: the socket is of use as long as link and addresses are as they were, that of
// the card too. A link that goes on with another card keeps its link-local address, and what is sent would
// lead hosts to the card before (a bridge gets another when its links change).
func (c *Conn) Check() error {
	iface, err := links.Named(c.link)
	switch {
	case err != nil:
		return err
	case iface.Index != c.index:
		return fmt.Errorf("link %s is another one now, the former is %w", c.link, links.ErrAbsent)
	case macOf(iface) != c.mac:
		return fmt.Errorf("link %s: the hardware address %s is %w any more", c.link, c.mac, links.ErrAbsent)
	}
	s, err := Look(c.index)
	if err == nil && (s.Local != Usable || s.Addr != c.local) {
		return fmt.Errorf("link %s: the address %s is %w any more", c.link, c.local, links.ErrAbsent)
	}
	return err
}

// Close closes the socket, and ends Each.
func (c *Conn) Close() error { return rawsocket.Closed(c.file.Close()) }
