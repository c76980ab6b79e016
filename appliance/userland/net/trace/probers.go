package trace

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/probe"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/resolve"
)

// pass gives an answer to whoever waits for it.
func pass(ctx context.Context, answers chan<- answer, a answer) {
	select {
	case answers <- a:
	case <-ctx.Done():
	}
}

// echoProber sends echo requests.
type echoProber struct {
	*probe.Socket
	target netip.Addr
	data   []byte
}

func openEcho(ctx context.Context, target netip.Addr, o probe.Options, size int) (prober, error) {
	s, err := probe.Open(ctx, target, o)
	if err != nil {
		return nil, err
	}
	return &echoProber{s, target, make([]byte, size)}, nil
}

func (p *echoProber) send(seq, ttl int) error {
	if err := p.SetTTL(ttl); err != nil {
		return err
	}
	return resolve.Reason(p.Send(uint16(seq), p.data))
}

func (p *echoProber) receive(ctx context.Context, answers chan<- answer) {
	p.Receive(ctx, func(a probe.Arrival) {
		ours := a.Message.From == p.ID && (a.Protocol == probe.ICMP || a.Protocol == probe.ICMPv6)
		if ours && (a.Kind == probe.Reply || a.Target == p.target.WithZone("")) {
			pass(ctx, answers, answerOf(int(a.To), a))
		}
	})
}

func (p *echoProber) close() { p.Close() }

// udpProber sends datagrams, each to a port of its own where nobody is expected to listen.
type udpProber struct {
	errors *probe.Socket // what comes back
	conn   *net.UDPConn
	target netip.Addr
	base   int // the port of probe seq is base+seq
	data   []byte
}

func openUDP(ctx context.Context, target netip.Addr, o probe.Options, base, size int) (prober, error) {
	network := "udp4"
	if target.Is6() {
		network = "udp6"
	}
	conn, err := o.Listen(ctx, network, target)
	if err != nil {
		return nil, err
	}
	s, err := probe.Open(ctx, target, probe.Options{})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &udpProber{s, conn.(*net.UDPConn), target, base, make([]byte, size)}, nil
}

func (p *udpProber) send(seq, ttl int) error {
	port := p.base + seq
	if port > 65535 {
		return fmt.Errorf("no port is left: the first is %d", p.base)
	}
	if err := probe.ConnTTL(p.conn, p.target.Is6(), ttl); err != nil {
		return err
	}
	_, err := p.conn.WriteToUDPAddrPort(p.data, netip.AddrPortFrom(p.target, uint16(port)))
	return resolve.Reason(err)
}

func (p *udpProber) receive(ctx context.Context, answers chan<- answer) {
	own := p.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	p.errors.Receive(ctx, func(a probe.Arrival) {
		if a.Protocol == probe.UDP && a.Kind != probe.Reply && a.Message.From == own &&
			a.Target == p.target.WithZone("") {
			pass(ctx, answers, answerOf(int(a.To)-p.base, a))
		}
	})
}

func (p *udpProber) close() {
	p.errors.Close()
	p.conn.Close()
}
