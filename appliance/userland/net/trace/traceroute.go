// Package trace has traceroute, which shows the way to a host, as busybox's does, and mtr, which watches it.
//
//	options ──► prober: UDP, ICMP, TCP ──► route, an engine: what to send when, what is known ──► lines
//	                                  └──► survey, the same for mtr ────────────────────────────► report
//
// Names of routers are whatever their owners say: they are printed safely, and waited for no longer than two
// seconds.
package trace

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/probe"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/resolve"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

const (
	tracerouteUsage = "[-46ITlnr] [-m HOPS] [-q PROBES] [OPTION]... HOST [BYTES]"
	tracerouteHelp  = `  -n          no names
  -I          by echo requests; -T: by connections of TCP; else by UDP
  -f HOP      from that hop on (1)
  -m HOPS     so many at most (30)
  -q PROBES   to each hop (3)
  -w SECONDS  for an answer (3)
  -z MS       milliseconds, before each probe
  -p PORT     of UDP, one less than that of the first probe (33434); of TCP (80)
  -i LINK     of that link; -s ADDRESS: from that address
  -t TOS      type of service, 0 to 255
  -r          only to a neighbour
  -l          the time to live that each answer has left
  -4 -6       an address of IPv4, of IPv6
BYTES is the size of a packet. Behind a time: host (!H), network (!N) or
protocol (!P) not reachable, prohibited (!A, !C, !S), too big (!F-BYTES).
`
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	const letters = "46ITlnrf:i:m:p:q:s:t:w:z:"
	return map[string]command.Command{
		"mtr":         mtrCommand(),
		"traceroute":  {Usage: tracerouteUsage, Help: tracerouteHelp, Letters: letters, Run: traceroute("ip")},
		"traceroute6": {Usage: tracerouteUsage, Help: tracerouteHelp, Letters: letters, Run: traceroute("ip6")},
	}
}

// A kind is what probes are.
type kind byte

const (
	byUDP  kind = 'U'
	byICMP kind = 'I'
	byTCP  kind = 'T'
)

// settings are what the options say.
type settings struct {
	probe.Options
	network     string
	kind        kind
	first, last int
	tries       int
	wait, pause time.Duration
	port        int // -1: the usual one
	size        int // of a packet; 0: the usual one
	numeric     bool
	showTTL     bool
}

func read(c *command.Call, network string) (s settings, err error) {
	s = settings{network: network, kind: byUDP, first: 1, last: 30, tries: 3, wait: 3 * time.Second, port: -1}
	for _, o := range c.Options {
		if err := s.set(o); err != nil {
			return s, fmt.Errorf("-%c %s: %w", o.Letter, o.Value, err)
		}
	}
	switch n := len(c.Args); {
	case n == 2:
		if s.size, err = number(c.Args[1], 1, 32<<10); err != nil {
			return s, fmt.Errorf("%s: %w", c.Args[1], err)
		}
	case n != 1:
		return s, errors.New("expected a host")
	}
	if s.first > s.last {
		return s, fmt.Errorf("-f %d: there are only %d hops", s.first, s.last)
	}
	return s, nil
}

func (s *settings) set(o getopt.Option) (err error) {
	switch o.Letter {
	case '4', '6':
		if s.network != "ip6" {
			s.network = "ip" + string(o.Letter)
		}
	case 'I', 'T':
		s.kind = kind(o.Letter)
	case 'n':
		s.numeric = true
	case 'l':
		s.showTTL = true
	case 'r':
		s.DontRoute = true
	case 'f':
		s.first, err = number(o.Value, 1, 255)
	case 'm':
		s.last, err = number(o.Value, 1, 255)
	case 'q':
		s.tries, err = number(o.Value, 1, maxTries)
	case 'p':
		s.port, err = number(o.Value, 0, 65535)
	case 't':
		s.TOS, err = number(o.Value, 0, 255)
	case 'w':
		s.wait, err = seconds(o.Value)
	case 'z':
		var ms int
		ms, err = number(o.Value, 0, 60*60*1000)
		s.pause = time.Duration(ms) * time.Millisecond
	case 'i':
		s.Device = o.Value
	case 's':
		if s.Source, err = netip.ParseAddr(o.Value); err != nil {
			err = errors.New("expected an address")
		}
	}
	return err
}

// maxTries is how many probes a hop gets at most.
const maxTries = 100

func number(text string, least, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("expected a number from %d to %d", least, most)
	}
	return n, nil
}

func seconds(text string) (time.Duration, error) {
	const least, most = 0.001, 24 * 60 * 60
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= least && n <= most) {
		return 0, fmt.Errorf("expected seconds from %g to %d", least, most)
	}
	return time.Duration(n * float64(time.Second)), nil
}

func traceroute(network string) func(*command.Call) {
	return func(c *command.Call) {
		s, err := read(c, network)
		if err != nil {
			c.Misused("%v", err)
			return
		}
		host := c.Args[0]
		target, err := resolve.Address(c.Context, s.network, host, s.Device)
		if err != nil {
			c.Fail(err)
			return
		}
		prober, err := s.open(c.Context, target)
		if err != nil {
			c.Fail(err)
			return
		}
		defer prober.close()
		from := ""
		if s.Source.IsValid() {
			from = fmt.Sprintf(" from %v", s.Source)
		}
		fmt.Fprintf(c.Stdout, "traceroute to %s (%v)%s, %d hops max, %d byte packets\n",
			printable.String(host), target, from, s.last, s.size)
		p := printer{ctx: c.Context, w: c.Stdout, numeric: s.numeric, showTTL: s.showTTL}
		r := route{first: s.first, last: s.last, tries: s.tries, wait: s.wait, pause: s.pause, prober: prober,
			show: p.show}
		if err := r.run(c.Context); err != nil && c.Stdout.Err() == nil {
			p.endLine()
			c.Fail(err)
		}
		if c.Err() != nil {
			p.endLine()
			c.Exit(interrupted)
		}
	}
}

// interrupted is the status after ^C, as of who does not know of it.
const interrupted = 130

// Sizes of headers, in bytes.
const (
	header4    = 20
	header6    = 40
	headerICMP = 8 // of UDP too
)

// open makes the prober, and says in s how large its packets are.
func (s *settings) open(ctx context.Context, target netip.Addr) (prober, error) {
	if _, err := s.Route(target); err != nil {
		return nil, err
	}
	header, usual := header4, 46
	if target.Is6() {
		header, usual = header6, 72
	}
	if s.kind == byTCP {
		s.size = header + 40 // as the kernel makes them
		return openTCP(ctx, target, s.Options, s.portOr(80), s.wait)
	}
	least := usual
	if s.size == 0 {
		s.size = usual
	}
	if s.size < least {
		return nil, fmt.Errorf("%d bytes: a packet has %d at least", s.size, least)
	}
	data := s.size - header - headerICMP
	if s.kind == byICMP {
		return openEcho(ctx, target, s.Options, data)
	}
	return openUDP(ctx, target, s.Options, s.portOr(33434), data)
}

func (s *settings) portOr(usual int) int {
	if s.port < 0 {
		return usual
	}
	return s.port
}
