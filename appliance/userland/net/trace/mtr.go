package trace

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/resolve"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

func mtrCommand() command.Command {
	return command.Command{
		Usage: "[-46Tbnruw] [-c CYCLES] [-i SECONDS] [OPTION]... HOST",
		Help: `  -r          a report at the end; so without a terminal
  -w          the same, as wide as names are
  -c CYCLES   so many (10 of a report; without one, until ^C)
  -i SECONDS  a cycle takes so long (1)
  -n          no names; -b: names and addresses
  -u          by UDP; -T: by TCP; else by echo requests
  -P PORT     of UDP, TCP
  -f HOP      from that hop on (1)
  -m HOPS     so many at most (30)
  -s BYTES    of a packet
  -I LINK     of that link; -a ADDRESS: from that address
  -Q TOS      type of service, 0 to 255
  -4 -6       an address of IPv4, of IPv6
`,
		Letters: "46Tbnruwa:c:f:i:I:m:P:Q:s:",
		Long: map[string]byte{
			"report": 'r', "report-wide": 'w', "report-cycles": 'c', "interval": 'i', "no-dns": 'n',
			"show-ips": 'b', "udp": 'u', "tcp": 'T', "port": 'P', "first-ttl": 'f', "max-ttl": 'm',
			"psize": 's', "interface": 'I', "address": 'a', "tos": 'Q',
		},
		Run: mtr,
	}
}

// reportCycles are those of a report without -c.
const reportCycles = 10

// mtrSettings are what the options say.
type mtrSettings struct {
	settings
	cycles   int
	interval time.Duration
	report   bool
	wide     bool
	both     bool
}

func readMtr(c *command.Call) (s mtrSettings, err error) {
	s = mtrSettings{
		interval: time.Second,
		settings: settings{network: "ip", kind: byICMP, first: 1, last: 30, port: -1, wait: grace},
	}
	for _, o := range c.Options {
		if err := s.setMtr(o); err != nil {
			return s, fmt.Errorf("-%c %s: %w", o.Letter, o.Value, err)
		}
	}
	switch {
	case len(c.Args) != 1:
		return s, errors.New("expected one host")
	case s.first > s.last:
		return s, fmt.Errorf("-f %d: there are only %d hops", s.first, s.last)
	case s.report && s.cycles == 0:
		s.cycles = reportCycles
	}
	return s, nil
}

func (s *mtrSettings) setMtr(o getopt.Option) (err error) {
	switch o.Letter {
	case 'r':
		s.report = true
	case 'w':
		s.report, s.wide = true, true
	case 'b':
		s.both = true
	case 'u':
		s.kind = byUDP
	case 'c':
		s.cycles, err = number(o.Value, 1, 1<<31-1)
	case 'i':
		s.interval, err = seconds(o.Value)
	case 's':
		s.size, err = number(o.Value, 1, 32<<10)
	case 'I':
		s.Device = o.Value
	case 'a':
		if s.Source, err = netip.ParseAddr(o.Value); err != nil {
			err = errors.New("expected an address")
		}
	case 'P':
		return s.set(getopt.Option{Letter: 'p', Value: o.Value})
	case 'Q':
		return s.set(getopt.Option{Letter: 't', Value: o.Value})
	default:
		return s.set(o)
	}
	return err
}

func mtr(c *command.Call) {
	s, err := readMtr(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	terminal := isTerminal(c.Stdout.Underlying())
	if !terminal && !s.report {
		s.report = true
		if s.cycles == 0 {
			s.cycles = reportCycles
		}
	}
	target, err := resolve.Address(c.Context, s.network, c.Args[0], s.Device)
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
	own, _ := os.Hostname() // a name that nobody knows is shown as none
	v := view{w: c.Stdout, begin: time.Now(), own: printable.String(own), numeric: s.numeric, both: s.both,
		wide: s.wide}
	y := survey{first: s.first, last: s.last, cycles: s.cycles, interval: s.interval, prober: prober}
	y.cycled = func() error { return nil }
	if !s.report {
		title := fmt.Sprintf("%s (%v)", printable.String(c.Args[0]), target)
		y.cycled = func() error { return v.screen(c.Context, &y, title) }
	}
	switch err := y.run(c.Context); {
	case err != nil && c.Stdout.Err() == nil:
		c.Fail(err)
	case s.report:
		v.report(c.Context, &y)
		if c.Err() != nil {
			c.Exit(interrupted)
		}
	}
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
