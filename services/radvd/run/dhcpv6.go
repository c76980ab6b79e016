package run

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
	"github.com/gatehouse-os/gatehouse/services/radvd"
	"github.com/gatehouse-os/gatehouse/services/radvd/stateless"
)

// Ports of DHCPv6, and the group that servers hear: RFC 8415 7.1, 7.2.
const (
	dhcpServer = 547
	dhcpClient = 546
	maxRequest = 1500 // octets; a longer one is not answered
)

// answered is how many requests of a LAN are answered at once, and answerEvery when one more is: hosts ask
// once an hour.
const (
	answered    = 200
	answerEvery = 5 * time.Millisecond
)

// inform is the socket of a LAN that answers by DHCPv6. It needs CAP_NET_RAW to be bound to its link.
type inform struct {
	*net.UDPConn
	link   string
	index  int
	server dhcpv6.DUID
}

// openInform opens it. Without the link the error is links.ErrAbsent.
func openInform(link string) (*inform, error) {
	iface, err := links.Named(link)
	if err != nil {
		return nil, err
	}
	var mac [6]byte
	copy(mac[:], iface.HardwareAddr)
	s := &inform{link: link, index: iface.Index, server: dhcpv6.LinkLayerDUID(mac)}
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) (err error) {
		return errors.Join(rc.Control(func(fd uintptr) { err = s.prepare(int(fd)) }), err)
	}}
	any := netip.AddrPortFrom(netip.IPv6Unspecified(), dhcpServer)
	c, err := lc.ListenPacket(context.Background(), "udp6", any.String())
	if err != nil {
		return nil, links.On(link, err)
	}
	s.UDPConn = c.(*net.UDPConn)
	return s, nil
}

func (s *inform) prepare(fd int) error {
	group := unix.IPv6Mreq{Multiaddr: netip.MustParseAddr("ff02::1:2").As16(), Interface: uint32(s.index)}
	const level = unix.IPPROTO_IPV6
	return errors.Join(
		os.NewSyscallError("bind to the link", unix.BindToDevice(fd, s.link)),
		os.NewSyscallError("IPv6 only", unix.SetsockoptInt(fd, level, unix.IPV6_V6ONLY, 1)),
		os.NewSyscallError("receive the destination", unix.SetsockoptInt(fd, level, unix.IPV6_RECVPKTINFO,
			1)),
		os.NewSyscallError("join the servers", unix.SetsockoptIPv6Mreq(fd, level, unix.IPV6_JOIN_GROUP,
			&group)))
}

// Check implements links.Socket.
func (s *inform) Check() error { return links.Check(s.link, s.index) }

// read waits for the next request that may be answered: one to the group (RFC 8415 16). It is of a host on
// the link if it comes from there; others are for who looks at where they come from (RFC 9686).
func (s *inform) read(b []byte) (n int, from netip.Addr, err error) {
	var oob [64]byte
	for {
		n, oobn, flags, peer, err := s.ReadMsgUDPAddrPort(b, oob[:])
		if errors.Is(err, net.ErrClosed) {
			return 0, from, net.ErrClosed
		}
		if err != nil { // such as ENETDOWN
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if flags&unix.MSG_TRUNC == 0 && toGroup(oob[:oobn]) {
			return n, peer.Addr(), nil
		}
	}
}

func toGroup(oob []byte) bool {
	all, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(all) == 0 || all[0].Header.Type != unix.IPV6_PKTINFO ||
		len(all[0].Data) < unix.SizeofInet6Pktinfo {
		return false
	}
	return (*unix.Inet6Pktinfo)(unsafe.Pointer(&all[0].Data[0])).Addr[0] == 0xff
}

// informers are those of all LANs.
type informers struct {
	links   *links.Keeper[*inform]
	conf    func(lan string) *radvd.Link
	changed chan struct{}
	readers sync.WaitGroup
}

// newInformers answers nobody yet.
func (s *Service) newInformers() *informers {
	i := &informers{changed: make(chan struct{}, 1), conf: s.link}
	i.links = links.New(s.log, i.took)
	return i
}

// openings are those of LANs whose advertisements say that there is something to be asked for.
func (i *informers) openings(c *radvd.Config) (all []links.Opening[*inform]) {
	for _, l := range c.Links {
		if l.Other {
			all = append(all, links.Opening[*inform]{
				Key: l.Network + "\n" + l.Name, Name: l.Name + ", DHCPv6",
				Open: func() (*inform, error) { return openInform(l.Name) },
			})
		}
	}
	return all
}

// set has those LANs answered. What cannot be opened now the keeper says, and tries again: a LAN is
// advertised on all the same.
func (i *informers) set(c *radvd.Config) { _ = i.links.Set(i.openings(c)) }

// close answers nobody any more.
func (i *informers) close() error {
	err := i.links.Close()
	i.readers.Wait()
	return err
}

func (i *informers) took(o links.Opening[*inform], c *inform, _ error) {
	if c != nil {
		lan, _, _ := strings.Cut(o.Key, "\n")
		i.readers.Go(func() { i.answer(lan, c) })
	}
}

// answer answers until the socket is closed.
func (i *informers) answer(lan string, c *inform) {
	b := make([]byte, maxRequest)
	share := ratelimit.NewBucket(answered, answerEvery)
	for {
		n, from, err := c.read(b)
		if err != nil {
			return
		}
		l := i.conf(lan)
		if ok, _ := share.Take(time.Now()); l == nil || !ok {
			continue
		}
		var reply []byte
		if from.IsLinkLocalUnicast() {
			reply, from = stateless.Answer(l, c.server, b[:n]), from.WithZone(c.link)
		} else {
			reply = stateless.Register(l, from, b[:n])
		}
		if reply != nil {
			// What cannot be sent is asked for again.
			_, _ = c.WriteToUDPAddrPort(reply, netip.AddrPortFrom(from, dhcpClient))
		}
	}
}

// link returns the configuration of a LAN, which nobody changes.
func (s *Service) link(lan string) *radvd.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.conf.Links {
		if s.conf.Links[i].Network == lan {
			return &s.conf.Links[i]
		}
	}
	return nil
}
