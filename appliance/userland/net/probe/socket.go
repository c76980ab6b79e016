package probe

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// Options are what a packet is sent with.
type Options struct {
	Device    string     // of this link; "": of whichever leads there
	Source    netip.Addr // from this address; not valid: from the kernel's choice
	TTL       int        // 0: the system's
	TOS       int        // type of service, of IPv6 the traffic class; 0: none
	DontRoute bool       // only to a neighbour
}

// set sets them on a socket before it is bound.
func (o Options) set(fd int, v6 bool) error {
	var errs []error
	if o.Device != "" {
		errs = append(errs, unix.BindToDevice(fd, o.Device))
	}
	if o.DontRoute {
		errs = append(errs, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DONTROUTE, 1))
	}
	if o.TOS > 0 && v6 {
		errs = append(errs, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, o.TOS))
	} else if o.TOS > 0 {
		errs = append(errs, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, o.TOS))
	}
	return errors.Join(append(errs, setTTL(fd, v6, o.TTL))...)
}

// setTTL has packets of a socket pass at most so many routers; 0 changes nothing.
func setTTL(fd int, v6 bool, ttl int) error {
	level, unicast, multicast := unix.IPPROTO_IP, unix.IP_TTL, unix.IP_MULTICAST_TTL
	if v6 {
		level, unicast, multicast = unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, unix.IPV6_MULTICAST_HOPS
	}
	if ttl == 0 {
		return nil
	}
	_ = unix.SetsockoptInt(fd, level, multicast, ttl) // TCP has none
	return unix.SetsockoptInt(fd, level, unicast, ttl)
}

// Listen opens a socket of a network of package net for packets to target, with the options set. Its error is
// for people.
func (o Options) Listen(ctx context.Context, network string, target netip.Addr) (net.PacketConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var serr error
		err := c.Control(func(fd uintptr) { serr = o.set(int(fd), target.Is6()) })
		return errors.Join(err, serr)
	}}
	source := "0.0.0.0"
	if target.Is6() {
		source = "::"
	}
	if o.Source.IsValid() {
		source = o.Source.String()
	}
	if network == "udp4" || network == "udp6" {
		source = net.JoinHostPort(source, "0")
	}
	conn, err := lc.ListenPacket(ctx, network, source)
	if err != nil {
		return nil, o.Explain(err)
	}
	return conn, nil
}

// Explain words an error of opening a socket with these options.
func (o Options) Explain(err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return errors.New("only root (CAP_NET_RAW) may do this")
	case o.Device != "":
		return fmt.Errorf("interface %s: %w", o.Device, err)
	case o.Source.IsValid():
		return fmt.Errorf("source address %v: %w", o.Source, err)
	}
	return err
}

// A Socket sends echo requests to one target and receives messages of ICMP, of everybody.
type Socket struct {
	ID     uint16 // of its echo requests
	target netip.Addr
	conn   *net.IPConn
	v4     *ipv4.PacketConn // for an IPv4 target
	v6     *ipv6.PacketConn // for an IPv6 target
}

// Open opens one. It needs CAP_NET_RAW.
func Open(ctx context.Context, target netip.Addr, o Options) (*Socket, error) {
	network := "ip4:icmp"
	if target.Is6() {
		network = "ip6:ipv6-icmp"
	}
	conn, err := o.Listen(ctx, network, target)
	if err != nil {
		return nil, err
	}
	var id [2]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	s := &Socket{ID: binary.BigEndian.Uint16(id[:]), target: target, conn: conn.(*net.IPConn)}
	if err := s.prepare(); err != nil {
		conn.Close()
		return nil, o.Explain(err)
	}
	return s, nil
}

// prepare asks for the time to live of what comes, and lets through only what answers packets.
func (s *Socket) prepare() error {
	if s.target.Is4() {
		s.v4 = ipv4.NewPacketConn(s.conn)
		return s.v4.SetControlMessage(ipv4.FlagTTL, true)
	}
	s.v6 = ipv6.NewPacketConn(s.conn)
	var wanted ipv6.ICMPFilter
	wanted.SetAll(true)
	for _, kind := range []ipv6.ICMPType{
		ipv6.ICMPTypeEchoReply, ipv6.ICMPTypeDestinationUnreachable,
		ipv6.ICMPTypePacketTooBig, ipv6.ICMPTypeTimeExceeded, ipv6.ICMPTypeParameterProblem,
	} {
		wanted.Accept(kind)
	}
	return errors.Join(s.v6.SetICMPFilter(&wanted), s.v6.SetControlMessage(ipv6.FlagHopLimit, true))
}

// SetTTL is for what is sent from now on.
func (s *Socket) SetTTL(ttl int) error { return ConnTTL(s.conn, s.target.Is6(), ttl) }

// ConnTTL has packets of a connection pass at most so many routers.
func ConnTTL(conn syscall.Conn, v6 bool, ttl int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	err = raw.Control(func(fd uintptr) { serr = setTTL(int(fd), v6, ttl) })
	return errors.Join(err, serr)
}

// Send sends an echo request.
func (s *Socket) Send(seq uint16, data []byte) error {
	packet := Echo(s.target.Is6(), s.ID, seq, data)
	_, err := s.conn.WriteTo(packet, &net.IPAddr{IP: s.target.AsSlice(), Zone: s.target.Zone()})
	return err
}

// An Arrival is a message that has come.
type Arrival struct {
	Message
	From netip.Addr
	TTL  int // that it has left; 0: not known
	At   time.Time
}

// Receive gives f what comes, until ctx ends.
func (s *Socket) Receive(ctx context.Context, f func(Arrival)) {
	defer context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(time.Unix(1, 0)) })()
	buf := make([]byte, 1<<16)
	for ctx.Err() == nil {
		n, ttl, from, err := s.read(buf)
		at := time.Now()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // the end, or for once the interface was down
		}
		if m, ok := Read(buf[:n], s.target.Is6()); ok {
			f(Arrival{m, from, ttl, at})
		}
	}
}

func (s *Socket) read(buf []byte) (n, ttl int, from netip.Addr, err error) {
	var addr net.Addr
	if s.v4 != nil {
		var cm *ipv4.ControlMessage
		if n, cm, addr, err = s.v4.ReadFrom(buf); cm != nil {
			ttl = cm.TTL
		}
	} else {
		var cm *ipv6.ControlMessage
		if n, cm, addr, err = s.v6.ReadFrom(buf); cm != nil {
			ttl = cm.HopLimit
		}
	}
	if ip, ok := addr.(*net.IPAddr); ok {
		from, _ = netip.AddrFromSlice(ip.IP)
		from = from.Unmap().WithZone(ip.Zone)
	}
	return n, ttl, from, err
}

// Close closes the socket.
func (s *Socket) Close() { s.conn.Close() }
