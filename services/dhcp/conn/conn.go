// Package conn is the DHCP server's sockets on one LAN.
//
// Messages are received by an ordinary UDP socket that is bound to the link: it
// gets broadcasts and the unicasts of renewing clients, and the kernel has dealt
// with fragments, VLANs and checksums. Replies are built down to the IP header and
// leave through a packet socket to clients that have no address yet, and through a
// raw IP socket, which routes and asks ARP, to those that have one. All replies so
// carry a complete UDP checksum: on Xen the one of an ordinary socket is left to
// hardware that does not exist, and clients that read from packet sockets, as
// dhclient does even when it renews, throw such replies away.
//
// ARP and ICMP look for somebody who uses an address without having asked for it.
//
// Sockets die with their link, without an error (appliance/links). Check finds that out;
// then it takes a Close and an Open.
//
// Opening needs CAP_NET_RAW and CAP_NET_BIND_SERVICE; afterwards neither is used.
package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
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
// counts them, about a kilobyte each: a room of machines that power on together.
const bufferSize = 4 << 20

// A Conn receives and sends on one link. Read may be called while Send is; each
// must not be called by two goroutines at once.
type Conn struct {
	udp     *net.UDPConn
	link    *rawsocket.Packet
	ip      int // raw IP socket
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
	c = &Conn{ip: -1, name: name, ifindex: iface.Index, source: source}
	defer func() {
		if err != nil {
			err = errors.Join(links.On(name, err), c.Close())
			c = nil
		}
	}()
	if c.udp, err = listen(name); err != nil {
		return c, err
	}
	if c.link, err = rawsocket.Open(iface.Index, rawsocket.Options{Name: "DHCP on " + name}); err != nil {
		return c, err
	}
	const flags = unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	if c.ip, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|flags, unix.IPPROTO_RAW); err != nil {
		return c, os.NewSyscallError("raw IP socket", err)
	}
	// A reply never leaves through another link, whatever its address.
	return c, os.NewSyscallError("bind raw IP socket to the link", unix.BindToDevice(c.ip, name))
}

// listen opens the receiving socket. Bound to its link it shares the port with
// those of other links, and with nobody on this one.
func listen(name string) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		var err error
		ctl := rc.Control(func(fd uintptr) {
			err = os.NewSyscallError("bind to the link", unix.BindToDevice(int(fd), name))
			// Beyond the system's limit if we may, up to it otherwise.
			if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bufferSize) != nil {
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, bufferSize)
			}
		})
		return errors.Join(ctl, err)
	}}
	pc, err := lc.ListenPacket(context.Background(), "udp4", fmt.Sprintf("0.0.0.0:%d", serverPort))
	if err != nil {
		return nil, err
	}
	return pc.(*net.UDPConn), nil
}

// Check reports whether the link that the sockets were opened on is still there under
// its name. If not, the error is links.ErrAbsent.
func (c *Conn) Check() error { return links.Check(c.name, c.ifindex) }

// Read waits for the next message and copies it to p. After Close the error is
// net.ErrClosed.
func (c *Conn) Read(p []byte) (int, error) {
	n, _, err := c.udp.ReadFromUDPAddrPort(p)
	return n, err
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
	return os.NewSyscallError("send", unix.Sendto(c.ip, c.frame, unix.MSG_DONTWAIT, &unix.SockaddrInet4{Addr: dst.Addr().As4()}))
}

// Close closes the sockets and ends a Read that waits.
func (c *Conn) Close() error {
	var errs []error
	if c.udp != nil {
		errs = append(errs, c.udp.Close())
	}
	if c.link != nil {
		errs = append(errs, c.link.Close())
	}
	if c.ip >= 0 {
		errs = append(errs, unix.Close(c.ip))
	}
	c.ip = -1
	return errors.Join(errs...)
}
