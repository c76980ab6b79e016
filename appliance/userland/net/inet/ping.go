package inet

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/probe"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/resolve"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

const (
	pingUsage = "[-46Aqn] [-c COUNT] [-i SECONDS] [-I LINK|ADDRESS] [OPTION]... HOST"
	pingHelp  = `  -c COUNT    so many requests; without it, until ^C
  -i SECONDS  between two (1)
  -A          the next as soon as a reply is there
  -s BYTES    of data (56)
  -p BYTE     the data, in hexadecimal (00)
  -t TTL      so many routers at most
  -I LINK     of that link, or from that address
  -w SECONDS  for all
  -W SECONDS  for a first reply, after the last request (10)
  -q          only the summary
  -4 -6       an address of IPv4, of IPv6
`
)

const (
	// minInterval is the shortest pause between two requests.
	minInterval = 2 * time.Millisecond
	// defaultPatience is how long ping waits for a first reply after its last
	// request, as busybox and iputils do.
	defaultPatience = 10 * time.Second
	// maxEcho is the most that fits in an IPv4 packet: 65535 octets without the
	// headers of IP and ICMP.
	maxEcho = 65535 - 20 - 8
)

// pingOptions are the options of one run.
type pingOptions struct {
	probe.Options
	host     string
	network  string // of net.Resolver: ip, ip4 or ip6
	count    int    // 0: until the context ends
	interval time.Duration
	patience time.Duration // wait for a reply after the last request
	deadline time.Duration // end of the whole run; 0: none
	size     int           // octets of data
	pattern  byte          // that they are
	adaptive bool          // the next request follows a reply
	quiet    bool
}

// ping sends ICMP echo requests (RFC 792, RFC 4443) to a host and prints the replies as busybox's does,
// always with numeric addresses. It needs CAP_NET_RAW. The end of the context ends the run with the
// statistics, as ^C does. The status is 0 when a reply came, 1 when none came or, with -c and -w, too few.
func ping(network string) func(*command.Call) {
	return func(c *command.Call) {
		o, err := parsePing(c.Options, c.Args, network)
		if err != nil {
			c.Misused("%v", err)
			return
		}
		target, err := resolve.Address(c.Context, o.family(), o.host, o.Device)
		if err != nil {
			c.Fail(err)
			return
		}
		socket, err := probe.Open(c.Context, target, o.Options)
		if err != nil {
			c.Fail(err)
			return
		}
		defer socket.Close()
		c.Stdout.Lines()
		from := ""
		if o.Source.IsValid() {
			from = fmt.Sprintf(" from %v", o.Source)
		}
		host := printable.String(o.host)
		fmt.Fprintf(c.Stdout, "PING %s (%v)%s: %d data bytes\n", host, target, from, o.size)
		p := &pinger{pingOptions: o, conn: echoes{socket, target, o.data()}, stdout: c.Stdout,
			complain: c.Warn}
		if err := p.run(c.Context); err != nil {
			c.Fail(err)
			return
		}
		p.tally.print(c.Stdout, host, p.timed())
		c.Exit(p.status())
	}
}

// data is what each request carries.
func (o pingOptions) data() []byte {
	return []byte(strings.Repeat(string([]byte{o.pattern}), o.size))
}

// family is the network of the target: where the source is an address, its.
func (o pingOptions) family() string {
	switch {
	case o.network != "ip" || !o.Source.IsValid():
		return o.network
	case o.Source.Is6():
		return "ip6"
	}
	return "ip4"
}

// parsePing reads options and operands.
func parsePing(options []getopt.Option, operands []string, network string) (pingOptions, error) {
	o := pingOptions{network: network, interval: time.Second, patience: defaultPatience, size: 56}
	for _, opt := range options {
		if err := o.set(opt); err != nil {
			return o, err
		}
	}
	if len(operands) != 1 {
		return o, errors.New("expected one host")
	}
	o.host = operands[0]
	return o, nil
}

// set applies one option.
func (o *pingOptions) set(opt getopt.Option) (err error) {
	switch opt.Letter {
	case '4':
		if o.network == "ip" {
			o.network = "ip4"
		}
	case '6':
		o.network = "ip6"
	case 'A':
		o.adaptive = true
	case 'q':
		o.quiet = true
	case 'n', 'v': // addresses are always numeric, and errors always said
	case 'c':
		o.count, err = number(opt, 0, 1<<31-1)
	case 's':
		o.size, err = number(opt, 0, maxEcho)
	case 't':
		o.TTL, err = number(opt, 1, 255)
	case 'i':
		o.interval, err = seconds(opt, minInterval)
	case 'w':
		o.deadline, err = seconds(opt, time.Millisecond)
	case 'W':
		o.patience, err = seconds(opt, time.Millisecond)
	case 'p':
		b, wrong := strconv.ParseUint(opt.Value, 16, 8)
		if wrong != nil {
			err = fmt.Errorf("-p %s: expected a byte, 00 to ff", opt.Value)
		}
		o.pattern = byte(b)
	case 'I':
		if addr, notAddr := netip.ParseAddr(opt.Value); notAddr == nil {
			o.Source = addr
		} else {
			o.Device = opt.Value
		}
	}
	return err
}

// number reads the value of opt as a whole number.
func number(opt getopt.Option, least, most int) (int, error) {
	n, err := strconv.Atoi(opt.Value)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("-%c %s: expected a number from %d to %d", opt.Letter, opt.Value, least, most)
	}
	return n, nil
}

// seconds reads the value of opt as a number of seconds.
func seconds(opt getopt.Option, least time.Duration) (time.Duration, error) {
	const most = 24 * time.Hour
	s, err := strconv.ParseFloat(opt.Value, 64)
	d := time.Duration(s * float64(time.Second))
	if err != nil || s > most.Seconds() || d < least {
		return 0, fmt.Errorf("-%c %s: expected seconds from %g to %g", opt.Letter, opt.Value, least.Seconds(),
			most.Seconds())
	}
	return d, nil
}
