package inet

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// rawConn is the echoConn of a raw socket.
type rawConn struct {
	target netip.Addr
	id     uint16
	size   int
	conn   net.PacketConn
	v4     *ipv4.PacketConn // for an IPv4 target
	v6     *ipv6.PacketConn // for an IPv6 target
}

// openEcho opens a raw socket for echo requests to target.
func openEcho(ctx context.Context, target netip.Addr, o pingOptions) (*rawConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		if o.device == "" {
			return nil
		}
		var berr error
		err := c.Control(func(fd uintptr) { berr = unix.BindToDevice(int(fd), o.device) })
		return errors.Join(err, berr)
	}}
	network, source := "ip4:icmp", "0.0.0.0"
	if target.Is6() {
		network, source = "ip6:ipv6-icmp", "::"
	}
	if o.source.IsValid() {
		source = o.source.String()
	}
	conn, err := lc.ListenPacket(ctx, network, source)
	if err != nil {
		return nil, openError(err, o)
	}
	var id [2]byte
	// It never fails (crypto/rand).
	_, _ = rand.Read(id[:])
	r := &rawConn{target: target, id: binary.BigEndian.Uint16(id[:]), size: o.size, conn: conn}
	if err := r.prepare(o.ttl); err != nil {
		conn.Close()
		return nil, openError(err, o)
	}
	return r, nil
}

// prepare sets the options of the socket.
func (r *rawConn) prepare(ttl int) error {
	var errs []error
	if r.target.Is4() {
		r.v4 = ipv4.NewPacketConn(r.conn)
		errs = append(errs, r.v4.SetControlMessage(ipv4.FlagTTL, true))
		if ttl > 0 {
			errs = append(errs, r.v4.SetTTL(ttl), r.v4.SetMulticastTTL(ttl))
		}
		return errors.Join(errs...)
	}
	r.v6 = ipv6.NewPacketConn(r.conn)
	var wanted ipv6.ICMPFilter
	wanted.SetAll(true)
	for _, kind := range []ipv6.ICMPType{ipv6.ICMPTypeEchoReply, ipv6.ICMPTypeDestinationUnreachable,
		ipv6.ICMPTypePacketTooBig, ipv6.ICMPTypeTimeExceeded, ipv6.ICMPTypeParameterProblem} {
		wanted.Accept(kind)
	}
	errs = append(errs, r.v6.SetICMPFilter(&wanted), r.v6.SetControlMessage(ipv6.FlagHopLimit, true))
	if ttl > 0 {
		errs = append(errs, r.v6.SetHopLimit(ttl), r.v6.SetMulticastHopLimit(ttl))
	}
	return errors.Join(errs...)
}

// send sends the request with the sequence number seq.
func (r *rawConn) send(seq uint16) error {
	packet, err := echoRequest(r.target, r.id, seq, r.size)
	if err != nil {
		return err
	}
	_, err = r.conn.WriteTo(packet, &net.IPAddr{IP: r.target.AsSlice(), Zone: r.target.Zone()})
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err // without addresses, which the line above names
	}
	return err
}

// receive passes on answers until ctx ends.
func (r *rawConn) receive(ctx context.Context, answers chan<- answer) {
	defer context.AfterFunc(ctx, func() { _ = r.conn.SetReadDeadline(time.Unix(1, 0)) })()
	buf := make([]byte, 1<<16)
	for ctx.Err() == nil {
		n, ttl, from, err := r.read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // the end, or for once the interface was down
		}
		at := time.Now()
		a, ok := parseAnswer(buf[:n], from, r.target, r.id)
		if !ok {
			continue
		}
		a.at, a.ttl = at, ttl
		select {
		case answers <- a:
		case <-ctx.Done():
		}
	}
}

// read reads one message with the time to live it arrived with, 0 if unknown.
func (r *rawConn) read(buf []byte) (n, ttl int, from netip.Addr, err error) {
	var addr net.Addr
	if r.v4 != nil {
		var cm *ipv4.ControlMessage
		if n, cm, addr, err = r.v4.ReadFrom(buf); cm != nil {
			ttl = cm.TTL
		}
	} else {
		var cm *ipv6.ControlMessage
		if n, cm, addr, err = r.v6.ReadFrom(buf); cm != nil {
			ttl = cm.HopLimit
		}
	}
	if ip, ok := addr.(*net.IPAddr); ok {
		from, _ = netip.AddrFromSlice(ip.IP)
		from = from.Unmap().WithZone(ip.Zone)
	}
	return n, ttl, from, err
}

// close closes the socket.
func (r *rawConn) close() { r.conn.Close() }
