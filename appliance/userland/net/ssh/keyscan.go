package ssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/client"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/known"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

const keyscanHelp = `	-t TYPE,...	rsa, ecdsa, ed25519
	-p PORT
	-T SECONDS	for each connection, 5 if nothing is said
	-f FILE	hosts are in there, one in a line
	-H	names are unreadable
	-q	no comments
	-4, -6	by IPv4, IPv6
`

func runKeyscan(c *command.Call) {
	s, hosts, err := newScan(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	for _, host := range hosts {
		for _, kind := range s.kinds {
			if c.Err() != nil || !s.ask(host, kind) {
				break
			}
		}
	}
	if !s.found {
		c.Exit(1)
	}
}

// A scan is one of the program.
type scan struct {
	*command.Call
	kinds   []string
	port    string
	timeout time.Duration
	network string
	found   bool
}

func newScan(c *command.Call) (s *scan, hosts []string, err error) {
	s = &scan{Call: c, port: "22", timeout: 5 * time.Second, network: "tcp"}
	if s.kinds, err = kinds(c); err != nil {
		return nil, nil, err
	}
	if text, ok := c.Value('p'); ok {
		if n, err := strconv.Atoi(text); err != nil || n < 1 || n > 65535 {
			return nil, nil, fmt.Errorf("port %q: expected 1 to 65535", text)
		}
		s.port = text
	}
	if text, ok := c.Value('T'); ok {
		if s.timeout, err = client.Span(text); err != nil || s.timeout == 0 {
			return nil, nil, fmt.Errorf("timeout %q: expected seconds", text)
		}
	}
	switch {
	case c.Has('4'):
		s.network = "tcp4"
	case c.Has('6'):
		s.network = "tcp6"
	}
	hosts = c.Args
	if name, ok := c.Value('f'); ok {
		in, err := c.Open(name)
		if err != nil {
			return nil, nil, err
		}
		defer in.Close()
		for lines := bufio.NewScanner(in); lines.Scan(); {
			if words := strings.Fields(lines.Text()); len(words) > 0 && words[0][0] != '#' {
				hosts = append(hosts, words[0])
			}
		}
	}
	if len(hosts) == 0 {
		return nil, nil, errors.New("which host?")
	}
	return s, hosts, nil
}

// kinds are those of -t.
func kinds(c *command.Call) ([]string, error) {
	text, given := c.Value('t')
	if !given {
		text = "rsa,ecdsa,ed25519"
	}
	var all []string
	for kind := range strings.SplitSeq(text, ",") {
		switch kind {
		case "rsa", "ecdsa", "ed25519":
			all = append(all, kind)
		default:
			return nil, fmt.Errorf("unknown key type %s: expected rsa, ecdsa or ed25519", kind)
		}
	}
	return all, nil
}

// algorithms are by what a host proves to have a key of the kind.
func algorithms(kind string) []string {
	switch kind {
	case "rsa":
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	case "ecdsa":
		return []string{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521}
	}
	return []string{ssh.KeyAlgoED25519}
}

// ask asks a host for one kind of key. Where nobody is there, it is not asked for others.
func (s *scan) ask(host, kind string) (there bool) {
	ctx, cancel := context.WithTimeout(s.Context, s.timeout)
	defer cancel()
	address := net.JoinHostPort(host, s.port)
	conn, err := (&net.Dialer{}).DialContext(ctx, s.network, address)
	if err != nil {
		s.Warn(fmt.Errorf("%s port %s: %s", printable.String(host), s.port,
			printable.String(command.Message(client.Reason(ctx, err)))))
		return false
	}
	defer conn.Close()
	context.AfterFunc(ctx, func() { conn.Close() })
	heard := &listener{Conn: conn}
	var key ssh.PublicKey
	supported := ssh.SupportedAlgorithms()
	config := &ssh.ClientConfig{
		Config: ssh.Config{KeyExchanges: supported.KeyExchanges, Ciphers: supported.Ciphers,
			MACs: supported.MACs},
		HostKeyAlgorithms: algorithms(kind), ClientVersion: "SSH-2.0-Gatehouse",
		HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error { key = k; return errSeen },
	}
	_, _, _, err = ssh.NewClientConn(heard, address, config)
	if !s.Has('q') && heard.version() != "" {
		fmt.Fprintf(s.Stderr, "# %s:%s %s\n", host, s.port, printable.Cut(heard.version(), 255))
	}
	if key == nil {
		if heard.version() == "" {
			s.Warn(fmt.Errorf("%s port %s: no ssh server: %s", host, s.port, printable.Cut(err.Error(), 255)))
		}
		return heard.version() != ""
	}
	s.found = true
	name := known.NameOf(address)
	if s.Has('H') {
		name = known.Hash(name)
	}
	fmt.Fprintln(s.Stdout, known.Entry(name, key))
	return true
}

// errSeen ends a connection whose host has shown what was asked for.
var errSeen = errors.New("the key was seen")

// A listener notes the beginning of what the server says.
type listener struct {
	net.Conn
	first []byte
}

// Read implements net.Conn.
func (l *listener) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if room := 255 - len(l.first); room > 0 {
		l.first = append(l.first, p[:min(n, room)]...)
	}
	return n, err
}

// version is what the server says it is.
func (l *listener) version() string {
	for text := range strings.Lines(string(l.first)) {
		if strings.HasPrefix(text, "SSH-") {
			return strings.TrimRight(text, "\r\n")
		}
	}
	return ""
}
