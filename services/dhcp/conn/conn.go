// Package conn is the DHCP server's sockets on one LAN.
//
// Messages are received by an ordinary UDP socket that is bound to the link: it gets broadcasts and the
// unicasts of renewing clients, and the kernel has dealt with fragments, VLANs and checksums. Which card sent
// them it does not tell; see senders. Replies are built down to the IP header and leave through a packet
// socket to clients that have no address yet, and through a raw IP socket, which routes and asks ARP, to
// those that have one. All replies so carry a complete UDP checksum: on Xen the one of an ordinary socket is
// left to hardware that does not exist, and clients that read from packet sockets, as dhclient does even when
// it renews, throw such replies away.
//
// ARP and ICMP look for somebody who uses an address without having asked for it.
//
// Sockets die with their link, without an error (appliance/links). Check finds that out;
// then it takes a Close and an Open.
//
// Opening needs CAP_NET_RAW and CAP_NET_BIND_SERVICE; afterwards neither is used.
package conn

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/mmsg"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// Ports, RFC 2131 section 4.1.
const (
	serverPort = 67
	clientPort = 68
)

// bufferSize is what the kernel may hold of messages not yet read, in bytes as it
// counts them, about a kilobyte each: a room of machines that power on together. A machine of little memory
// holds less.
const bufferSize = 4 << 20

// A Conn receives and sends on one link. All but two Reads, or two Sends, may be called at the same time.
type Conn struct {
	udp     int          // that is read from; -1: none
	queue   queue        // of udp
	senders senders      // used by Read and Watch alone
	waiting sync.RWMutex // held while udp is used
	closed  atomic.Bool
	link    *rawsocket.Packet
	ip      *os.File // raw IP socket
	name    string
	ifindex int
	source  netip.Addr
	frame   []byte // of the last Send
}

// Open opens the sockets on the link called name. Replies come from source, the
// router's address there; while link or address is missing the error is links.ErrAbsent.
// Others are those of package os and say which step failed.
func Open(name string, source netip.Addr) (c *Conn, err error) {
	iface, err := links.Named(name)
	if err != nil {
		return nil, err
	}
	if err := links.HasAddress(iface, source); err != nil { // who got a lease here could not reach us
		return nil, err
	}
	c = &Conn{udp: -1, senders: senders{fd: -1}, name: name, ifindex: iface.Index, source: source}
	defer func() {
		if err != nil {
			err = errors.Join(links.On(name, err), c.Close())
			c = nil
		}
	}()
	if c.udp, err = listen(name); err != nil {
		return c, err
	}
	if err = c.queue.open(c.udp); err != nil {
		return c, err
	}
	if err = c.senders.open(iface.Index); err != nil {
		return c, err
	}
	if c.link, err = rawsocket.Open(iface.Index, rawsocket.Options{Name: "DHCP on " + name}); err != nil {
		return c, err
	}
	// Not for Go's poller, whom each packet that has left would wake: nothing waits for this socket.
	ip, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return c, os.NewSyscallError("raw IP socket", err)
	}
	c.ip = os.NewFile(uintptr(ip), "DHCP by "+name)
	// A reply never leaves through another link, whatever its address.
	return c, os.NewSyscallError("bind raw IP socket to the link", unix.BindToDevice(ip, name))
}

// listen opens the receiving socket. Bound to its link it shares the port with
// those of other links, and with nobody on this one. It blocks: who reads waits in the
// kernel.
func listen(name string) (fd int, err error) {
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, os.NewSyscallError("UDP socket", err)
	}
	mmsg.SetRoom(fd, bufferSize)
	if err = os.NewSyscallError("bind to the link", unix.BindToDevice(fd, name)); err == nil {
		err = os.NewSyscallError("bind to the port of DHCP servers",
			unix.Bind(fd, &unix.SockaddrInet4{Port: serverPort}))
	}
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// Check reports whether the link that the sockets were opened on is still there under
// its name. If not, the error is links.ErrAbsent.
func (c *Conn) Check() error { return links.Check(c.name, c.ifindex) }

// Wait waits until there is a message to be read, or was. After Close the error is net.ErrClosed.
func (c *Conn) Wait() error {
	c.waiting.RLock()
	defer c.waiting.RUnlock()
	if c.closed.Load() {
		return net.ErrClosed
	}
	err := c.queue.wait()
	if c.closed.Load() {
		return net.ErrClosed
	}
	return err
}

// Watch has it looked at which cards send messages, or not. That costs each packet that comes in by the link
// a filter, forwarded ones too. It is not called beside Read.
func (c *Conn) Watch(on bool) error {
	c.waiting.RLock()
	defer c.waiting.RUnlock()
	if c.closed.Load() {
		return net.ErrClosed
	}
	return c.senders.watch(c.ifindex, on)
}

// Read copies the next message to p, and tells which card sent it, or a relay agent's; zero: it is not
// known, as while nobody watches. It does not wait: without one n is 0.
func (c *Conn) Read(p []byte) (n int, from lease.MAC, err error) {
	c.waiting.RLock()
	defer c.waiting.RUnlock()
	if c.closed.Load() {
		return 0, from, net.ErrClosed
	}
	var in [1]unix.Mmsghdr
	vector := mmsg.Vector(p)
	in[0].Hdr.Iov = &vector
	in[0].Hdr.SetIovlen(1)
	switch _, errno := mmsg.Receive(c.udp, in[:], unix.MSG_DONTWAIT); errno {
	case 0:
		n = int(in[0].Len)
		return n, c.senders.of(p[:n]), nil
	case unix.EAGAIN:
		return 0, from, nil
	default:
		return 0, from, os.NewSyscallError("receive", errno)
	}
}

// Send sends a reply. It never waits: when the link takes no more the error is
// EAGAIN or ENOBUFS, the reply is lost, and the client will ask again.
func (c *Conn) Send(to dhcp.Destination, reply []byte) error {
	src := netip.AddrPortFrom(c.source, serverPort)
	switch to.Via {
	case dhcp.Broadcast:
		everybody := netip.AddrFrom4([4]byte{255, 255, 255, 255})
		return c.sendLink(src, netip.AddrPortFrom(everybody, clientPort), ethernet.Everybody(), reply)
	case dhcp.Direct:
		return c.sendLink(src, netip.AddrPortFrom(to.IP, clientPort), to.MAC, reply)
	case dhcp.Relay:
		return c.sendIP(src, netip.AddrPortFrom(to.IP, serverPort), reply)
	default:
		return c.sendIP(src, netip.AddrPortFrom(to.IP, clientPort), reply)
	}
}

func (c *Conn) sendLink(src, dst netip.AddrPort, mac lease.MAC, payload []byte) error {
	c.frame = ethernet.AppendDatagram(c.frame[:0], src, dst, payload)
	return c.link.Send(mac, rawsocket.IPv4, c.frame)
}

func (c *Conn) sendIP(src, dst netip.AddrPort, payload []byte) error {
	c.frame = ethernet.AppendDatagram(c.frame[:0], src, dst, payload)
	return rawsocket.SendIPv4(c.ip, c.frame, dst.Addr())
}

// Close closes the sockets and ends each Wait. Shutting down a socket without a peer returns ENOTCONN,
// and yet has every receive return at once.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	_ = unix.Shutdown(c.udp, unix.SHUT_RD)
	errs := []error{c.queue.close()}
	c.waiting.Lock()
	defer c.waiting.Unlock()
	if c.udp >= 0 {
		errs = append(errs, os.NewSyscallError("close", unix.Close(c.udp)))
	}
	errs = append(errs, c.senders.close())
	if c.link != nil {
		errs = append(errs, c.link.Close())
	}
	if c.ip != nil {
		errs = append(errs, c.ip.Close())
	}
	return errors.Join(errs...)
}
