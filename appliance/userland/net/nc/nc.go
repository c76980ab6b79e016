// Package nc has nc, which connects standard input and output with somebody else's, as busybox's and
// OpenBSD's do. Where these differ it is as busybox's: the end of standard input is passed on at once (-N of
// OpenBSD's), and -w is for what is waited for before there is a connection.
//
//	standard input ──► chunks ──► connection ──► chunks ──► standard output
//	     its end: the connection is half closed        its end: that of nc
//
// What comes is written to a terminal so that it does nothing there but show itself; into pipes and files as
// it is.
package nc

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	c := command.Command{
		Usage: "[-46Nnuvz] [OPTION]... HOST PORT\n-l [-46Nknuv] [OPTION]... [ADDRESS] PORT",
		Help: `  -l          wait for a connection: -l PORT, -l -p PORT, -l ADDRESS PORT
  -k          for one after the other
  -u          UDP
  -z          only connect; PORT may be PORT-PORT then
  -v          say what is done
  -n          no names of hosts
  -p PORT     from that port; -s ADDRESS: from that address
  -w SECONDS  for a connection; of UDP: for what comes
  -i SECONDS  between pieces that are sent
  -q SECONDS  so long after the end of standard input
  -N          the end of standard input is passed on, as it is without
  -4 -6       addresses of IPv4, of IPv6
`,
		Letters: "46klNnuvzde:i:p:q:s:w:",
		Run:     run,
	}
	return map[string]command.Command{"nc": c, "netcat": c}
}

// settings are what the options say.
type settings struct {
	family      string // "4", "6", "": any
	udp         bool
	listen      bool
	again       bool
	scan        bool
	verbose     bool
	numeric     bool
	noInput     bool
	port        string // own
	source      string // own address
	wait, delay time.Duration
	quit        time.Duration // after the end of standard input; negative: never
}

func read(c *command.Call) (s settings, err error) {
	s.quit = -1
	for _, o := range c.Options {
		switch o.Letter {
		case '4', '6':
			s.family = string(o.Letter)
		case 'd':
			s.noInput = true
		case 'k':
			s.again = true
		case 'l':
			s.listen = true
		case 'n':
			s.numeric = true
		case 'u':
			s.udp = true
		case 'v':
			s.verbose = true
		case 'z':
			s.scan = true
		case 'e':
			return s, errors.New("-e is not there: a program that anybody may talk to has no place on this box")
		case 'p':
			s.port = o.Value
		case 's':
			s.source = o.Value
		case 'i':
			s.delay, err = seconds(o.Value)
		case 'q':
			s.quit, err = seconds(o.Value)
		case 'w':
			s.wait, err = seconds(o.Value)
		}
		if err != nil {
			return s, fmt.Errorf("-%c %s: %w", o.Letter, o.Value, err)
		}
	}
	if s.again && !s.listen {
		return s, errors.New("-k is for -l")
	}
	return s, nil
}

func seconds(text string) (time.Duration, error) {
	const most = 1 << 22 // seven weeks
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0 && n <= most) {
		return 0, errors.New("expected seconds")
	}
	return time.Duration(n * float64(time.Second)), nil
}

// network is what package net calls it.
func (s settings) network() string {
	if s.udp {
		return "udp" + s.family
	}
	return "tcp" + s.family
}

// portOf is the number of a port, which may have a name.
func (s settings) portOf(name string) (int, error) {
	port, err := net.LookupPort(s.network(), name)
	if err != nil {
		return 0, fmt.Errorf("%q: expected a port", name)
	}
	return port, nil
}

// local is the own address, for a connection and for who waits for one.
func (s settings) local() (addr string, err error) {
	port := 0
	if s.port != "" {
		if port, err = s.portOf(s.port); err != nil {
			return "", err
		}
	}
	if s.source != "" {
		if _, err := netip.ParseAddr(s.source); err != nil {
			return "", fmt.Errorf("-s %s: expected an address", s.source)
		}
	}
	return net.JoinHostPort(s.source, strconv.Itoa(port)), nil
}

func run(c *command.Call) {
	s, err := read(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	switch {
	case s.listen:
		err = s.runListen(c)
	case len(c.Args) == 2:
		err = s.runDial(c, c.Args[0], c.Args[1])
	default:
		err = errUsage
	}
	switch {
	case errors.Is(err, errUsage) && s.listen:
		c.Misused("expected a port, and perhaps an own address")
	case errors.Is(err, errUsage):
		c.Misused("expected a host and a port")
	case err != nil && c.Stdout.Err() == nil:
		c.Fail(err)
	}
}

// errUsage is for operands.
var errUsage = errors.New("usage")

// say tells a person what happens.
func (s settings) say(c *command.Call, format string, args ...any) {
	if s.verbose {
		fmt.Fprintf(c.Stderr, strings.TrimSuffix(format, "\n")+"\n", args...)
	}
}
