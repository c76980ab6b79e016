package sshadmin

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// maxWord bounds, in bytes, what a stranger sent and a log line says.
const maxWord = 160

// client is one connection, from accept to close.
type client struct {
	net.Conn
	source netip.AddrPort
	server *Service
	ticket *ticket
	since  time.Duration // when it came, since the kernel started

	out      chan struct{} // closed when its place was given to another
	inside   atomic.Bool   // has logged in
	doorstep doorstep      // of who reads

	mu       sync.Mutex
	offered  []string // fingerprints of refused keys; bounded by the auth tries
	user     string
	key      string // what the key is called that opened the door
	evicted  bool
	unwanted error // what it sent before it had logged in

	keepAlive  sync.Once
	wantedPort atomic.Bool // has asked for ssh -R, and was not told yet that there is none
}

// clientAddr is the remote address of a client. The address is the one thing of
// a connection that every callback of both SSH libraries passes on, so it is how
// a callback finds the client it speaks about.
type clientAddr struct {
	net.Addr
	client *client
}

// clientOf returns the client behind the remote address addr of a connection.
func clientOf(addr net.Addr) *client { return addr.(clientAddr).client }

// newClient takes a place in the gate for conn, which came in by a link; 0: by any.
func (s *Service) newClient(conn net.Conn, link int) *client {
	c := &client{Conn: conn, server: s, since: s.uptime(), source: addrPort(conn.RemoteAddr()),
		out: make(chan struct{})}
	var card ethernet.MAC
	if s.cardOf != nil && link != 0 {
		card, _ = s.cardOf(link, c.source.Addr()) // without it he is one of his network
	}
	c.ticket = s.gate.enter(c.source.Addr(), card, func() {
		c.mu.Lock()
		c.evicted = true
		c.mu.Unlock()
		close(c.out)
		s.turned.note(sourceOf(c.source.Addr(), card), s.uptime())
		conn.Close()
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[c] = struct{}{}
	return c
}

// addrPort returns the address of one end of a TCP connection; an IPv4 address
// as such also on a socket for both families.
func addrPort(addr net.Addr) netip.AddrPort {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Read reads what the client sends. Who has not logged in may send little.
func (c *client) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.inside.Load() {
		return n, err
	}
	if unwanted := c.doorstep.pass(p[:n]); unwanted != nil {
		c.mu.Lock()
		c.unwanted = unwanted
		c.mu.Unlock()
		c.server.turned.note(c.ticket.source, c.server.uptime())
		return 0, unwanted
	}
	return n, err
}

// RemoteAddr returns the address of the peer, as a clientAddr.
func (c *client) RemoteAddr() net.Addr { return clientAddr{c.Conn.RemoteAddr(), c} }

// Close closes the connection and gives its place back.
func (c *client) Close() error {
	c.server.gate.leave(c.ticket)
	c.server.mu.Lock()
	delete(c.server.clients, c)
	c.server.mu.Unlock()
	return c.Conn.Close()
}

// entered notes what the key is called that opened the door.
func (c *client) entered(key string) {
	c.inside.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key = key
}

// openedBy returns what entered noted.
func (c *client) openedBy() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.key
}

// refused notes a key that was offered and did not open the door.
func (c *client) refused(user string, key gossh.PublicKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user = printable.Cut(user, maxWord)
	c.offered = append(c.offered, gossh.FingerprintSHA256(key))
}

// tried notes the user of an attempt by any method.
func (c *client) tried(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user = printable.Cut(user, maxWord)
}

// logFailure writes why c ended before a login.
func (c *client) logFailure(log *slog.Logger, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	attrs := []any{"source", c.source.String()}
	if c.user != "" {
		attrs = append(attrs, "user", c.user)
	}
	if len(c.offered) > 0 {
		attrs = append(attrs, "keys", c.offered)
	}
	log.Warn("ssh login failed", append(attrs, "cause", printable.Cut(c.cause(cause), maxWord))...)
}

// cause words the end of a handshake for a person.
func (c *client) cause(err error) string {
	var auth *gossh.ServerAuthError
	var timeout net.Error
	switch {
	case c.evicted:
		return "too many connections before login"
	case c.unwanted != nil:
		return c.unwanted.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no login in time"
	case c.user != "" && !mayEnter(c.user):
		return "no such user"
	case len(c.offered) > 0:
		return "key not accepted"
	case errors.As(err, &auth):
		return "no key offered"
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET):
		return "connection ended before login"
	default:
		return err.Error()
	}
}

// watch asks for a sign of life until the connection ends, and closes it when
// none comes. Any answer is one, also "unknown request" (RFC 4254 section 4).
func watch(ctx ssh.Context, conn gossh.Conn, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		late := time.AfterFunc(every, func() { conn.Close() })
		_, _, err := conn.SendRequest("keepalive@openssh.com", true, nil)
		late.Stop()
		if err != nil {
			return
		}
	}
}
