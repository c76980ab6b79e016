package conn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/advert"
	advertconn "github.com/gatehouse-os/gatehouse/internal/advert/conn"
	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
)

// Ports of DHCPv6, RFC 8415 7.2, and all its servers and relay agents, 7.1.
const (
	clientPort6 = 546
	serverPort6 = 547
)

func allServers() netip.Addr { return netip.MustParseAddr("ff02::1:2") }

// A Conn6 is the sockets of a host on the way out over IPv6: for router discovery, and for
// DHCPv6. Both are ordinary sockets on the link, so rules of a firewall apply: Router and
// Neighbour Advertisements, and UDP from link-local addresses to port 546, have to be let in. Each of
// EachAdvertisement and ReadMessage is for one goroutine; all else may be called at any time.
type Conn6 struct {
	Link
	// Local is the link-local address that is sent from.
	Local     netip.Addr
	discovery *advertconn.Conn
	dhcp      *net.UDPConn
	paces     [2]*ratelimit.Bucket // of EachAdvertisement, of ReadMessage
	buf       [MaxMessage]byte
	closed    chan struct{}
	shut      atomic.Bool
	tooLong   atomic.Uint64
}

// Open6 opens the sockets on a link. Without it, and as long as it has no link-local address
// that may be used (RFC 4862 5.4), the error is links.ErrAbsent. It needs CAP_NET_RAW and
// CAP_NET_BIND_SERVICE.
func Open6(name string) (*Conn6, error) {
	l, err := Find(name)
	if err != nil {
		return nil, err
	}
	c := &Conn6{Link: l, closed: make(chan struct{})}
	for i := range c.paces {
		c.paces[i] = ratelimit.NewBucket(readBurst, readEvery)
	}
	if c.discovery, err = advertconn.Open(name, advertconn.Host); err != nil {
		return nil, err
	}
	c.Local = c.discovery.Local()
	if c.dhcp, err = openPort6(name, c.Local); err != nil {
		return nil, errors.Join(links.On(name, err), c.discovery.Close())
	}
	return c, nil
}

// openPort6 opens an ordinary socket for our port, on the link alone.
func openPort6(name string, local netip.Addr) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		var err error
		ctl := rc.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), name) })
		return errors.Join(ctl, err)
	}}
	at := netip.AddrPortFrom(local.WithZone(name), clientPort6)
	pc, err := lc.ListenPacket(context.Background(), "udp6", at.String())
	if err != nil {
		return nil, err
	}
	return pc.(*net.UDPConn), nil
}

// EachAdvertisement calls heard with each Router Advertisement that comes, and who sent it; it is valid until
// heard returns. It calls answered with the link-local address of each station that answers a solicitation of
// its address: that of Probe, or the kernel's. After Close it returns net.ErrClosed.
func (c *Conn6) EachAdvertisement(heard func(from netip.Addr, a *advert.Advertisement),
	answered func(by netip.Addr)) error {
	return c.discovery.Each(func(m *advertconn.Message) {
		isAnswer := m.Kind == advertconn.IsNeighbour && m.Solicited && m.Target.IsLinkLocalUnicast()
		if !isAnswer && m.Kind != advertconn.IsAdvertisement || wait(c.paces[0], c.closed) != nil {
			return
		}
		if isAnswer {
			answered(m.Target)
		} else {
			heard(m.From, &m.Advertisement)
		}
	})
}

// ReadMessage waits for the next message to port 546, which is valid until the next call, and
// says who sent it. After Close the error is net.ErrClosed.
func (c *Conn6) ReadMessage() (message []byte, from netip.Addr, err error) {
	for {
		if err := wait(c.paces[1], c.closed); err != nil {
			return nil, netip.Addr{}, err
		}
		n, _, flags, addr, err := c.dhcp.ReadMsgUDPAddrPort(c.buf[:], nil)
		switch {
		case c.shut.Load():
			return nil, netip.Addr{}, net.ErrClosed
		case err != nil: // such as ENETDOWN: told once, and it hears again when the link is up
			select {
			case <-time.After(carrierPause):
			case <-c.closed:
			}
		case flags&unix.MSG_TRUNC != 0:
			c.tooLong.Add(1)
		default:
			return c.buf[:n], addr.Addr(), nil
		}
	}
}

// Solicit sends a Router Solicitation to all routers.
func (c *Conn6) Solicit() error {
	b, err := advertconn.Solicitation(c.MAC)
	if err != nil {
		return err
	}
	return c.discovery.Send(b, advertconn.AllRouters)
}

// Probe asks a router by a Neighbour Solicitation whether it is there. The kernel finds its card first, if it
// has lost it; what cannot be delivered is no error.
func (c *Conn6) Probe(router netip.Addr) error {
	b, err := advertconn.NeighbourSolicitation(router, c.MAC)
	if err != nil {
		return err
	}
	return c.discovery.Send(b, router)
}

// Send sends a message to all DHCPv6 servers and relay agents on the link. The errors are those
// of package os.
func (c *Conn6) Send(message []byte) error {
	servers := netip.AddrPortFrom(allServers().WithZone(c.Name), serverPort6)
	_, err := c.dhcp.WriteToUDPAddrPort(message, servers)
	if err != nil {
		return fmt.Errorf("DHCPv6: %w", links.On(c.Name, err))
	}
	return nil
}

// Check reports whether the link and its link-local address are as they were; if not, the error
// is links.ErrAbsent.
func (c *Conn6) Check() error {
	if err := c.Link.Check(); err != nil {
		return err
	}
	return c.discovery.Check()
}

// Close closes the sockets, and ends what reads from them.
func (c *Conn6) Close() error {
	if c.shut.Swap(true) {
		return net.ErrClosed
	}
	close(c.closed)
	return errors.Join(c.discovery.Close(), c.dhcp.Close())
}

// Duplicates returns those of all that another station on the link has: the kernel looked for
// them when they were set (RFC 4862 5.4). It needs no privilege.
func (c *Conn6) Duplicates(all []netip.Addr) (found []netip.Addr, err error) {
	b, err := syscall.NetlinkRIB(syscall.RTM_GETADDR, syscall.AF_INET6)
	if err != nil {
		return nil, os.NewSyscallError("netlink", err)
	}
	messages, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return nil, fmt.Errorf("what the kernel says of addresses: %w", err)
	}
	for i := range messages {
		if addr := duplicate(&messages[i], c.Index); slices.Contains(all, addr) {
			found = append(found, addr)
		}
	}
	return found, nil
}

// duplicate returns the address of a message that others have; the zero Addr: it is about none.
func duplicate(m *syscall.NetlinkMessage, index int) (addr netip.Addr) {
	if m.Header.Type != syscall.RTM_NEWADDR || len(m.Data) < unix.SizeofIfAddrmsg ||
		int(binary.NativeEndian.Uint32(m.Data[4:])) != index {
		return netip.Addr{}
	}
	attrs, err := syscall.ParseNetlinkRouteAttr(m)
	flags := uint32(m.Data[2])
	for _, a := range attrs {
		switch {
		case a.Attr.Type == unix.IFA_ADDRESS && len(a.Value) == 16:
			addr = netip.AddrFrom16([16]byte(a.Value))
		case a.Attr.Type == unix.IFA_FLAGS && len(a.Value) == 4:
			flags = binary.NativeEndian.Uint32(a.Value)
		}
	}
	if err != nil || flags&unix.IFA_F_DADFAILED == 0 {
		return netip.Addr{}
	}
	return addr
}
