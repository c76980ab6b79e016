// Package telnet has telnet, as busybox's is: a terminal for a server of telnet (RFC 854), or of anything
// else that speaks lines. Nothing of it is secret on the way.
//
// Until a server takes keys one by one, which it does to show a terminal of its own, what it sends does
// nothing to this one but show itself.
package telnet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/resolve"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{"telnet": {
		Usage: "[-a] [-l USER] HOST [PORT]",
		Help: `  -a       log in as $USER, if the server asks
  -l USER  log in as that
^] ends it, or changes how keys are sent.
`,
		Letters: "al:", Run: run,
	}}
}

// escape is ^].
const escape = 0x1d

// interrupted is the status after ^C, as of who does not know of it.
const interrupted = 130

// A client is one conversation.
type client struct {
	n        negotiator
	conn     net.Conn
	tty      *tty
	out      *command.Writer
	raw      bool // keys go one by one
	forced   bool // a person has said how
	menu     bool // the next key is for it
	interact bool // standard output is a terminal
}

func run(c *command.Call) {
	if len(c.Args) < 1 || len(c.Args) > 2 {
		c.Misused("expected a host, and perhaps a port")
		return
	}
	t := &client{out: c.Stdout, n: negotiator{terminal: word(os.Getenv("TERM"))}}
	if c.Has('a') {
		t.n.user = word(os.Getenv("USER"))
	}
	if user, ok := c.Value('l'); ok {
		t.n.user = word(user)
	}
	if err := t.dial(c); err != nil {
		c.Fail(err)
		return
	}
	defer t.conn.Close()
	fmt.Fprintf(c.Stdout, "Connected to %s\n", printable.String(c.Args[0]))
	t.tty = openTTY(c.Stdin)
	t.interact = isTTY(c.Stdout.Underlying())
	t.n.width, t.n.height = t.tty.size()
	t.mode()
	status, err := t.talk(c.Context, c.Stdin)
	t.tty.restore()
	c.Exit(status)
	if err != nil && c.Stdout.Err() == nil {
		c.Fail(err)
	}
}

// word is a name that goes to the server: of characters that mean nothing else there.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 64)]
}

func (t *client) dial(c *command.Call) error {
	port := 23
	if len(c.Args) == 2 {
		var err error
		if port, err = net.LookupPort("tcp", c.Args[1]); err != nil {
			return fmt.Errorf("%q: expected a port", c.Args[1])
		}
	}
	addr, err := resolve.Address(c.Context, "ip", c.Args[0], "")
	if err != nil {
		return err
	}
	// Urgent data is where it belongs in the stream: a server marks by it what it throws away after ^C.
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var serr error
		err := c.Control(func(fd uintptr) {
			serr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_OOBINLINE, 1)
		})
		return errors.Join(err, serr)
	}}
	if t.conn, err = d.DialContext(c.Context, "tcp",
		net.JoinHostPort(addr.String(), strconv.Itoa(port))); err != nil {
		return fmt.Errorf("can't connect to remote host (%s): %w", addr, resolve.Reason(err))
	}
	return nil
}

// talk passes both ways.
func (t *client) talk(ctx context.Context, stdin io.Reader) (status int, err error) {
	keys, come := make(chan []byte), make(chan []byte)
	go read(stdin, keys)
	go read(t.conn, come)
	look := time.NewTicker(time.Second) // at the size of the window
	defer look.Stop()
	for {
		if err := t.out.Flush(); err != nil {
			return 1, err
		}
		select {
		case <-ctx.Done():
			return interrupted, nil
		case b, ok := <-keys:
			if !ok {
				return 0, nil
			}
			if done, err := t.key(b); done || err != nil {
				return 0, err
			}
		case b, ok := <-come:
			if !ok {
				_, err := io.WriteString(t.out, "Connection closed by foreign host\r\n")
				return 1, err
			}
			if err := t.heard(b); err != nil {
				return 1, err
			}
		case <-look.C:
			if err := t.resize(); err != nil {
				return 1, err
			}
		}
	}
}

// resize tells the server that the window has another size.
func (t *client) resize() error {
	width, height := t.tty.size()
	if width == t.n.width && height == t.n.height {
		return nil
	}
	t.n.width, t.n.height = width, height
	return t.send(t.n.window())
}

// read gives what r has, until its end.
func read(r io.Reader, to chan<- []byte) {
	defer close(to)
	for {
		buf := make([]byte, 4096)
		n, err := r.Read(buf)
		if n > 0 {
			to <- buf[:n]
		}
		if err != nil {
			return
		}
	}
}

func (t *client) send(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	_, err := t.conn.Write(b)
	return resolve.Reason(err)
}

// heard is for what the server sends.
func (t *client) heard(b []byte) error {
	was := t.n.characters()
	shown, reply := t.n.take(b)
	if t.n.characters() != was && !t.forced {
		t.raw = !was
		t.mode()
	}
	var out io.Writer = t.out
	if t.interact && !t.raw {
		out, shown = printable.Output(t.out), bytes.ReplaceAll(shown, []byte("\r"), nil)
	}
	_, err := out.Write(shown)
	return errors.Join(err, t.send(reply))
}

// mode has the terminal give keys as they are sent.
func (t *client) mode() {
	if t.raw {
		t.tty.keys()
	} else {
		t.tty.lines()
	}
}

const menu = "\r\nConsole escape. Commands are:\r\n\r\n l\tgo to line mode\r\n c\tgo to character mode\r\n" +
	" z\tsuspend telnet\r\n e\texit telnet\r\n"

// key is for what a person types, of which the menu takes what is behind ^].
func (t *client) key(b []byte) (done bool, err error) {
	for len(b) > 0 {
		if t.menu {
			t.menu = false
			if t.choose(b[0]) {
				return true, nil
			}
			b = b[1:]
			continue
		}
		text, rest, escaped := bytes.Cut(b, []byte{escape})
		if !escaped || !t.tty.is() {
			return false, t.send(typed(b))
		}
		if err := t.send(typed(text)); err != nil {
			return false, err
		}
		b, t.menu = rest, true
		t.tty.keys()
		_, err = io.WriteString(t.out, menu)
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// choose does what was asked for behind ^].
func (t *client) choose(key byte) (done bool) {
	switch key {
	case 'l':
		t.raw, t.forced = false, true
	case 'c':
		t.raw, t.forced = true, true
	case 'z':
		t.tty.suspend()
	case 'e':
		return true
	}
	t.mode()
	_, _ = io.WriteString(t.out, "continuing...\r\n") // talk looks whether it could be written
	return false
}
