package nc

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/resolve"
)

// runListen waits for connections. Operands are an own address and a port, of which -s and -p may take the
// place.
func (s settings) runListen(c *command.Call) error {
	operands := c.Args
	if s.port == "" {
		if len(operands) == 0 {
			return errUsage
		}
		s.port, operands = operands[len(operands)-1], operands[:len(operands)-1]
	}
	switch len(operands) {
	case 0:
	case 1:
		addr, err := resolve.Address(c.Context, "ip"+s.family, operands[0], "")
		if err != nil {
			return err
		}
		s.source = addr.String()
	default:
		return errUsage
	}
	local, err := s.local()
	if err != nil {
		return err
	}
	chunks := input(c, s)
	if s.udp {
		return s.listenUDP(c, local, chunks)
	}
	return s.listenTCP(c, local, chunks)
}

func (s settings) listenTCP(c *command.Call, local string, chunks <-chan chunk) error {
	var lc net.ListenConfig
	l, err := lc.Listen(c.Context, s.network(), local)
	if err != nil {
		return resolve.Reason(err)
	}
	defer l.Close()
	go func() { <-c.Done(); l.Close() }()
	s.say(c, "Listening on %s", spaced(l.Addr()))
	for {
		if s.wait > 0 {
			_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(s.wait))
		}
		conn, err := l.Accept()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errors.New("timed out")
		case c.Err() != nil:
			c.Exit(interrupted)
			return nil
		case err != nil:
			return resolve.Reason(err)
		}
		if !s.again {
			l.Close() // whoever comes later is refused
		}
		s.say(c, "Connection received on %s", spaced(conn.RemoteAddr()))
		err = s.relay(c, conn, chunks)
		conn.Close()
		if err != nil || !s.again || c.Err() != nil {
			return err
		}
	}
}

// listenUDP talks with who sends first; with -k it hears everybody.
func (s settings) listenUDP(c *command.Call, local string, chunks <-chan chunk) error {
	var lc net.ListenConfig
	conn, err := lc.ListenPacket(c.Context, s.network(), local)
	if err != nil {
		return resolve.Reason(err)
	}
	defer conn.Close()
	s.say(c, "Listening on %s", spaced(conn.LocalAddr()))
	return s.relay(c, &partner{PacketConn: conn, everybody: s.again, met: make(chan struct{})}, chunks)
}

// spaced is an address as OpenBSD's shows it.
func spaced(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return fmt.Sprintf("%s %s", host, port)
}

// A partner is who has sent the first datagram; before that nothing can be sent to it.
type partner struct {
	net.PacketConn
	everybody bool
	known     net.Addr
	met       chan struct{}
}

func (p *partner) Read(b []byte) (int, error) {
	for {
		n, from, err := p.ReadFrom(b)
		if err != nil {
			return n, err
		}
		if p.known == nil {
			p.known = from
			close(p.met)
		}
		if p.everybody || from.String() == p.known.String() {
			return n, nil
		}
	}
}

func (p *partner) Write(b []byte) (int, error) {
	<-p.met
	return p.WriteTo(b, p.known)
}

// RemoteAddr is that of the partner.
func (p *partner) RemoteAddr() net.Addr { return p.known }
