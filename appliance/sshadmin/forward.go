package sshadmin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Our own choices about connections that a client asks for (ssh -L, -W, -J, -D).
const (
	maxForwards  = 64               // of one connection
	dialPatience = 15 * time.Second // for a destination that does not answer
	maxHostName  = 255              // bytes (RFC 1035 section 2.3.4)
)

// forward opens a connection for a client, from the box itself (RFC 4254 section 7.2): what the firewall lets
// the box reach, who is its root reaches. It is the ssh.ChannelHandler for "direct-tcpip".
//
//	asked ── too many, no such host, refused, nobody answers ──► rejected, with the reason
//	  └─ connected ──► both directions ── both have ended, or one of the two ends is gone ──► closed
func (s *Service) forward(_ *ssh.Server, conn *gossh.ServerConn, open gossh.NewChannel, ctx ssh.Context) {
	c := clientOf(conn.RemoteAddr())
	if no := s.beginForward(c); no != "" {
		_ = open.Reject(gossh.ResourceShortage, no) // who is gone hears no reason, here and below
		return
	}
	defer s.endForward(c)
	address, err := destination(open.ExtraData())
	if err != nil {
		_ = open.Reject(gossh.ConnectionFailed, err.Error())
		return
	}
	to, err := s.dial(ctx, address)
	if err != nil {
		_ = open.Reject(gossh.ConnectionFailed, printable.Cut(reasonOf(err), maxWord))
		return
	}
	defer to.Close()
	stopped := context.AfterFunc(s.stop, func() { to.Close() })
	defer stopped()
	c.keepAlive.Do(func() { go watch(ctx, conn, s.active.Load().KeepAlive) })
	ch, requests, err := open.Accept()
	if err != nil {
		return // the connection has ended
	}
	splice(ch, requests, to)
}

// destination reads where a client wants to.
func destination(payload []byte) (string, error) {
	var m struct {
		Host       string
		Port       uint32
		Originator string
		FromPort   uint32
	}
	switch err := gossh.Unmarshal(payload, &m); {
	case err != nil:
		return "", errors.New("not understood")
	case m.Host == "" || len(m.Host) > maxHostName:
		return "", fmt.Errorf("a host name of %d bytes: expected 1 to %d", len(m.Host), maxHostName)
	case m.Port == 0 || m.Port > 0xffff:
		return "", fmt.Errorf("port %d: expected 1 to 65535", m.Port)
	}
	return net.JoinHostPort(m.Host, strconv.Itoa(int(m.Port))), nil
}

// dial connects with an address, or gives up when the connection of the client or the server ends.
func (s *Service) dial(ctx context.Context, address string) (stream, error) {
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	stopped := context.AfterFunc(s.stop, cancel)
	defer stopped()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// reasonOf words for a client why its destination cannot be reached.
func reasonOf(err error) string {
	var name *net.DNSError
	var number unix.Errno
	var timeout net.Error
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return "no such host"
	case errors.As(err, &name):
		return "the name could not be looked up"
	case errors.As(err, &number):
		return number.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer"
	}
	return err.Error()
}

// beginForward counts one more connection for c, or says why there can be none.
func (s *Service) beginForward(c *client) (no string) {
	most := s.active.Load().MaxForwards
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for _, n := range s.forwards {
		total += n
	}
	switch {
	case s.stopping:
		return "the server stops"
	case s.forwards[c] >= maxForwards:
		return fmt.Sprintf("%d connections go through this one, which is all that may", maxForwards)
	case total >= most:
		return fmt.Sprintf("%d connections go through the box, which is all that it has memory for", total)
	}
	s.forwards[c]++
	return ""
}

// endForward takes back what beginForward counted.
func (s *Service) endForward(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forwards[c]--; s.forwards[c] == 0 {
		delete(s.forwards, c)
	}
}

// refuseListening refuses to let others in to the client by ports or sockets of the box (ssh -R). The
// protocol has no words for why, so a session of the client begins with them. It is the ssh.RequestHandler
// for what asks for it.
func (s *Service) refuseListening(ctx ssh.Context, _ *ssh.Server, req *gossh.Request) (bool, []byte) {
	c := clientOf(ctx.RemoteAddr())
	if !c.wantedPort.Swap(true) {
		s.log.Info("ssh refuses to forward from the box (ssh -R)", "source", c.source.String(), "key",
			c.openedBy())
	}
	return false, nil
}

// noListening is what a session says whose client has asked for that.
const noListening = "gatehouse: the box opens no port for its clients: ssh -R is off."
