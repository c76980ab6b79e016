// Package arping has arping, which asks the stations of a link by ARP (RFC 826), as busybox's does: who has
// an address, whether anybody has it (RFC 5227), or tells them that it is here. What an answer says is
// printed as numbers only.
package arping

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/probe"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/resolve"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{"arping": {
		Usage: "[-ADUbfq] [-c COUNT] [-w SECONDS] [-I LINK] [-s ADDRESS] ADDRESS",
		Help: `  -I LINK     on that link (eth0)
  -c COUNT    so many messages, one a second; without it, until ^C
  -w SECONDS  for all
  -f          until the first answer
  -b          to all stations also once one has answered
  -D          is it anybody's? 0: no, 1: yes
  -U          tell all that ADDRESS is here; -A: by answers
  -s ADDRESS  from that own address
  -q          no output
`,
		Letters: "ADUbfqc:w:I:s:", Run: run,
	}}
}

// settings are what the options say.
type settings struct {
	link      string
	count     int // -1: without end
	wait      time.Duration
	first     bool // -f
	broadcast bool // -b
	detect    bool // -D
	announce  bool // -U, -A
	reply     bool // -A
	quiet     bool
	own       string // -s
	source    netip.Addr
}

func read(c *command.Call) (s settings, err error) {
	s = settings{link: "eth0", count: -1}
	for _, o := range c.Options {
		switch o.Letter {
		case 'A':
			s.announce, s.reply = true, true
		case 'D':
			s.detect, s.first = true, true
		case 'U':
			s.announce = true
		case 'b':
			s.broadcast = true
		case 'f':
			s.first = true
		case 'q':
			s.quiet = true
		case 'c':
			s.count, err = number(o.Value)
		case 'w':
			var n int
			n, err = number(o.Value)
			s.wait = time.Duration(n) * time.Second
		case 'I':
			s.link = o.Value
		case 's':
			s.own = o.Value
		}
		if err != nil {
			return s, fmt.Errorf("-%c %s: %w", o.Letter, o.Value, err)
		}
	}
	if len(c.Args) != 1 {
		return s, errors.New("expected one address")
	}
	return s, nil
}

func number(text string) (int, error) {
	const most = 1000000
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("expected a number up to %d", most)
	}
	return n, nil
}

// errNotARP is for links without hardware addresses.
var errNotARP = errors.New("is not ARPable")

func run(c *command.Call) {
	s, err := read(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	if err := s.run(c); err != nil && c.Stdout.Err() == nil {
		c.Fail(err)
		c.Exit(2)
		if s.detect && errors.Is(err, errNotARP) {
			c.Exit(0) // nobody else has it
		}
	}
}

func (s settings) run(c *command.Call) error {
	x, err := s.prepare(c)
	if err != nil {
		return err
	}
	link, err := net.InterfaceByName(s.link)
	if err != nil {
		return err
	}
	socket, err := rawsocket.Open(link.Index, rawsocket.Options{
		Name: "arping on " + s.link, Protocol: rawsocket.ARP,
		Filter: rawsocket.OfLink(link.Index).AcceptAll(),
	})
	if err != nil {
		return err
	}
	defer socket.Close()
	c.Stdout.Lines()
	if err := x.run(c.Context, socket, c.Stdout); err != nil {
		return err
	}
	c.Exit(x.status())
	return nil
}

// prepare finds out who we are on the link.
func (s settings) prepare(c *command.Call) (*exchange, error) {
	link, err := net.InterfaceByName(s.link)
	switch {
	case err != nil:
		return nil, fmt.Errorf("interface %s not found: %w", s.link, unix.ENODEV)
	case link.Flags&net.FlagUp == 0:
		return nil, fmt.Errorf("interface %s is down", s.link)
	case link.Flags&net.FlagLoopback != 0 || len(link.HardwareAddr) != len(ethernet.MAC{}):
		return nil, fmt.Errorf("interface %s %w", s.link, errNotARP)
	}
	if s.own != "" {
		if s.source, err = netip.ParseAddr(s.own); err != nil || !s.source.Is4() {
			return nil, fmt.Errorf("-s %s: expected an IPv4 address", s.own)
		}
	}
	target, err := resolve.Address(c.Context, "ip4", c.Args[0], "")
	if err != nil {
		return nil, err
	}
	if s.announce && !s.detect && !s.source.IsValid() {
		s.source = target
	}
	o := probe.Options{Device: s.link, Source: s.source, DontRoute: true}
	switch {
	case s.source.IsValid():
		err = o.Own()
	case !s.detect:
		s.source, err = o.Route(target)
	default:
		s.source = netip.IPv4Unspecified() // a probe claims nothing (RFC 5227 1.1)
	}
	if err != nil {
		return nil, err
	}
	return &exchange{settings: s, own: ethernet.MAC(link.HardwareAddr), target: target,
		to: ethernet.Everybody()}, nil
}
