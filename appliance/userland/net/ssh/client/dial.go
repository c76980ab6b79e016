// Package client connects with ssh servers: whom a person may trust, and by what a person is known there. It
// is what ssh and scp have in common. It leaves to others what is done by a connection.
//
// A server is believed if a file of known hosts has its key. One that is new is shown to the person, who
// decides; one that has changed is refused. What servers say is made printable.
package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// maxSaid bounds what is shown of a text of a server, in bytes.
const maxSaid = 16 << 10

// A Dialer makes connections.
type Dialer struct {
	*Options
	Stderr io.Writer

	unlocked map[string]ssh.Signer // keys by path, whose passphrase was asked for once
}

// Say says what is of the level.
func (d *Dialer) Say(level int, format string, args ...any) {
	if d.Level >= level {
		fmt.Fprintf(d.Stderr, format+"\n", args...)
	}
}

// A connection is being made.
type connection struct {
	*Dialer
	ctx  context.Context
	to   Destination // complete
	conn net.Conn
	auth authentication
	// refused is why the key of the host was not believed.
	refused error
}

// complete is a destination with user and port.
func (d *Dialer) complete(to Destination, user string, port int) Destination {
	if to.User == "" {
		to.User = user
	}
	if to.User == "" {
		to.User, _ = Me()
	}
	if to.Port == 0 {
		to.Port = port
	}
	return to
}

// Dial connects, over the machines of ProxyJump if there are any. The connection ends with ctx.
func (d *Dialer) Dial(ctx context.Context, to Destination) (*ssh.Client, error) {
	if d.Given("User") {
		to.User = d.User
	}
	if d.Given("Port") {
		to.Port = d.Port
	}
	to = d.complete(to, d.User, d.Port)
	var last *ssh.Client
	for hop := range strings.SplitSeq(d.Jump, ",") {
		if hop == "" || hop == "none" {
			continue
		}
		by, err := ParseJump(hop)
		if err != nil {
			return nil, err
		}
		if last, err = d.hop(ctx, last, d.complete(by, "", 22)); err != nil {
			return nil, err
		}
	}
	return d.hop(ctx, last, to)
}

// hop connects by another connection, or without.
func (d *Dialer) hop(ctx context.Context, by *ssh.Client, to Destination) (*ssh.Client, error) {
	address := net.JoinHostPort(to.Host, strconv.Itoa(to.Port))
	d.Say(Verbose, "Connecting to %s port %d.", to.Host, to.Port)
	limited, cancel := ctx, context.CancelFunc(func() {})
	if d.Timeout > 0 {
		limited, cancel = context.WithTimeout(ctx, d.Timeout)
	}
	defer cancel()
	var conn net.Conn
	var err error
	if by != nil {
		conn, err = by.DialContext(limited, "tcp", address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(limited, d.Family, address)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to host %s port %d: %w", to.Host, to.Port, Reason(limited, err))
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	return (&connection{Dialer: d, ctx: ctx, to: to, conn: conn}).handshake(address)
}

func (c *connection) handshake(address string) (*ssh.Client, error) {
	algorithms := ssh.SupportedAlgorithms()
	config := &ssh.ClientConfig{
		Config: ssh.Config{KeyExchanges: algorithms.KeyExchanges, Ciphers: algorithms.Ciphers,
			MACs: algorithms.MACs},
		User: c.to.User, HostKeyAlgorithms: c.preferred(algorithms.HostKeys), HostKeyCallback: c.believe,
		AuthCallback: c.next, BannerCallback: c.banner, ClientVersion: "SSH-2.0-Gatehouse",
	}
	timely := func() bool { return true }
	if c.Timeout > 0 {
		timely = time.AfterFunc(c.Timeout, func() { c.conn.Close() }).Stop // a channel has no deadline
	}
	c.auth.begin = func() { timely() }
	conn, channels, requests, err := ssh.NewClientConn(c.conn, address, config)
	inTime := timely()
	if err != nil {
		c.conn.Close()
		return nil, c.explain(err, inTime)
	}
	c.Say(Verbose, "Authenticated to %s by %q.", c.to.Host, c.auth.by)
	return ssh.NewClient(conn, channels, requests), nil
}

// explain is why there is no connection.
func (c *connection) explain(err error, inTime bool) error {
	switch {
	case c.ctx.Err() != nil:
		return c.ctx.Err()
	case c.refused != nil:
		return c.refused
	case c.auth.denied != nil:
		return c.auth.denied
	case !inTime && !c.auth.begun:
		return fmt.Errorf("connection timed out during banner exchange with %s port %d", c.to.Host, c.to.Port)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("connection closed by %s port %d", c.to.Host, c.to.Port)
	}
	text := strings.TrimPrefix(err.Error(), "ssh: handshake failed: ")
	return fmt.Errorf("%s port %d: %s", c.to.Host, c.to.Port,
		printable.Cut(strings.TrimPrefix(text, "ssh: "), maxSaid))
}

// banner shows what the server says before it lets anybody in.
func (c *connection) banner(text string) error {
	if c.Level >= Normal {
		if len(text) > maxSaid {
			text = text[:maxSaid]
		}
		// nobody else to tell
		_, _ = io.WriteString(printable.Writer(c.Stderr), strings.ReplaceAll(text, "\r\n", "\n"))
	}
	return nil
}

// Reason is why a connection was not made, in few words: an error without what is said beside it.
func Reason(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("connection timed out")
	}
	var op *net.OpError
	var dns *net.DNSError
	var open *ssh.OpenChannelError
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("could not resolve the name: %s", dns.Err)
	case errors.As(err, &op):
		var call interface{ Unwrap() error }
		if inner := op.Err; errors.As(inner, &call) && call.Unwrap() != nil {
			return call.Unwrap()
		}
		return op.Err
	case errors.As(err, &open):
		return errors.New("the machine before it says: " + printable.Cut(open.Message, maxSaid))
	}
	return err
}
