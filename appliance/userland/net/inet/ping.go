package inet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
)

const pingUsage = `usage: ping [-46q] [-c COUNT] [-i SECONDS] [-I INTERFACE|ADDRESS] [-s BYTES]
            [-t TTL] [-w SECONDS] [-W SECONDS] HOST`

const (
	// minInterval is the shortest pause between two requests.
	minInterval = 2 * time.Millisecond
	// defaultPatience is how long ping waits for a first reply after its last
	// request, as iputils does.
	defaultPatience = 10 * time.Second
	// maxEcho is the most that fits in an IPv4 packet: 65535 octets without the
	// headers of IP and ICMP.
	maxEcho = 65535 - 20 - 8
)

// pingOptions are the options of one run.
type pingOptions struct {
	host     string
	network  string // of net.Resolver: ip, ip4 or ip6
	count    int    // 0: until the context ends
	interval time.Duration
	patience time.Duration // wait for a reply after the last request
	deadline time.Duration // end of the whole run; 0: none
	size     int           // octets of data
	ttl      int           // 0: the system's
	quiet    bool

	device string     // "" or the interface to send from
	source netip.Addr // the zero Addr or the address to send from
}

// Ping sends ICMP echo requests (RFC 792, RFC 4443) to a host and prints the
// replies like ping of iputils, always with numeric addresses. It needs
// CAP_NET_RAW. The end of ctx ends the run with the statistics, as ^C does. The
// status is 0 when a reply came, 1 when none came or, with -c and -w, too few,
// and 2 when nothing could be sent at all.
func Ping(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	const command = "ping"
	o, err := parsePing(args[1:])
	if err != nil {
		return fail(stderr, exitUsage, command, fmt.Errorf("%w\n%s", err, pingUsage))
	}
	target, err := resolve(ctx, o)
	if err != nil {
		return fail(stderr, exitUsage, command, err)
	}
	conn, err := openEcho(ctx, target, o)
	if err != nil {
		return fail(stderr, exitUsage, command, err)
	}
	defer conn.close()
	fmt.Fprintf(stdout, "PING %s (%v) %s\n", o.host, target, dataSize(target, o.size))
	p := &pinger{pingOptions: o, target: target, conn: conn, stdout: stdout, stderr: stderr}
	p.run(ctx)
	p.tally.print(stdout, o.host)
	return p.status()
}

// dataSize words how much data a request carries, for IPv4 with its headers.
func dataSize(target netip.Addr, size int) string {
	if target.Is6() {
		return fmt.Sprintf("%d data bytes", size)
	}
	return fmt.Sprintf("%d(%d) bytes of data.", size, size+28)
}

// parsePing reads the arguments after the command's name.
func parsePing(args []string) (pingOptions, error) {
	o := pingOptions{network: "ip", interval: time.Second, patience: defaultPatience, size: 56}
	options, operands, err := getopt.Parse(args, "46qnc:i:I:s:t:w:W:")
	if err != nil {
		return o, err
	}
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
	case '4', '6':
		o.network = "ip" + string(opt.Letter)
	case 'q':
		o.quiet = true
	case 'n': // addresses are always numeric
	case 'c':
		o.count, err = number(opt, 1, 1<<31-1)
	case 's':
		o.size, err = number(opt, 0, maxEcho)
	case 't':
		o.ttl, err = number(opt, 1, 255)
	case 'i':
		o.interval, err = seconds(opt, minInterval)
	case 'w':
		o.deadline, err = seconds(opt, time.Millisecond)
	case 'W':
		o.patience, err = seconds(opt, time.Millisecond)
	case 'I':
		if addr, notAddr := netip.ParseAddr(opt.Value); notAddr == nil {
			o.source = addr
		} else {
			o.device = opt.Value
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
		return 0, fmt.Errorf("-%c %s: expected seconds from %g to %g", opt.Letter, opt.Value, least.Seconds(), most.Seconds())
	}
	return d, nil
}

// resolve returns the address to ping. An address of a link gets the interface
// of -I as its zone when it has none.
func resolve(ctx context.Context, o pingOptions) (netip.Addr, error) {
	network := o.network
	if o.source.IsValid() && network == "ip" {
		network = "ip4"
		if o.source.Is6() {
			network = "ip6"
		}
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, network, o.host)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return netip.Addr{}, fmt.Errorf("%s: Name or service not known", o.host)
	case errors.As(err, &dns):
		return netip.Addr{}, fmt.Errorf("%s: Temporary failure in name resolution: %s", o.host, dns.Err)
	case err != nil || len(addrs) == 0:
		return netip.Addr{}, fmt.Errorf("%s: no address of the wanted family", o.host)
	}
	addr := addrs[0].Unmap()
	if o.device != "" && addr.Zone() == "" && (addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast()) && addr.Is6() {
		addr = addr.WithZone(o.device)
	}
	return addr, nil
}

// openError words an error of opening the socket for a person.
func openError(err error, o pingOptions) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return errors.New("only root (CAP_NET_RAW) may send ICMP")
	case o.device != "":
		return fmt.Errorf("interface %s: %w", o.device, err)
	case o.source.IsValid():
		return fmt.Errorf("source address %v: %w", o.source, err)
	}
	return err
}
