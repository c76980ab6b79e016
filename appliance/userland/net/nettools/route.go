package nettools

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/sockets"
)

// route shows and changes routes. What looks like -net and -host is a word.
func route(c *command.Call) {
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		if args[i] = a; a == "-net" || a == "-host" {
			args[i] = "#" + a[1:]
		}
	}
	options, words, err := getopt.ParseLong(args, "A:ne", nil)
	v6 := false
	c.Options = options
	if family, given := c.Value('A'); err == nil && given {
		if v6 = family == "inet6"; !v6 && family != "inet" {
			err = fmt.Errorf("%s: expected inet or inet6", family)
		}
	}
	switch {
	case err != nil:
		c.Misused("%v", err)
		return
	case len(words) == 0 && v6:
		err = showRoutes6(c)
	case len(words) == 0:
		err = showRoutes(c, c.Has('e'))
	default:
		err = changeRoute(words, v6)
	}
	if errors.As(err, new(usageError)) {
		c.Misused("%v", err)
	} else if err != nil {
		c.Fail(err)
	}
}

// usageError is an error of the command line.
type usageError struct{ error }

// flagLetters words the flags of a route.
func flagLetters(flags, mask int) string {
	letters := ""
	for _, b := range []bit{
		{unix.RTF_UP, "U"}, {unix.RTF_GATEWAY, "G"}, {unix.RTF_HOST, "H"}, {unix.RTF_REINSTATE, "R"},
		{unix.RTF_DYNAMIC, "D"},
		{unix.RTF_MODIFIED, "M"}, {unix.RTF_DEFAULT, "D"}, {unix.RTF_ADDRCONF, "A"}, {unix.RTF_CACHE, "C"},
		{unix.RTF_REJECT, "!"},
		{unix.RTF_NONEXTHOP, "n"},
	} {
		if flags&mask&b.mask != 0 {
			letters += b.name
		}
	}
	return letters
}

const (
	flags4 = unix.RTF_UP | unix.RTF_GATEWAY | unix.RTF_HOST | unix.RTF_REINSTATE | unix.RTF_DYNAMIC |
		unix.RTF_MODIFIED
	flags6 = unix.RTF_UP | unix.RTF_GATEWAY | unix.RTF_HOST | unix.RTF_DEFAULT | unix.RTF_ADDRCONF |
		unix.RTF_CACHE | unix.RTF_REJECT |
		unix.RTF_NONEXTHOP
)

// showRoutes prints the main table of IPv4; sizes are those of netstat, without it metrics.
func showRoutes(c *command.Call, sizes bool) error {
	head := "Metric Ref    Use"
	if sizes {
		head = "  MSS Window  irtt"
	}
	fmt.Fprintf(c.Stdout,
		"Kernel IP routing table\nDestination     Gateway         Genmask         Flags %s Iface\n", head)
	all, err := lines("route", 1)
	if err != nil {
		return err
	}
	for _, line := range all {
		if strings.TrimSpace(line) == "" {
			continue
		}
		r, err := parseRoute(line)
		if err != nil {
			return fmt.Errorf("route: %s: %w", line, err)
		}
		if r.flags&unix.RTF_UP != 0 {
			r.print(c, sizes)
		}
	}
	return nil
}

// A routeLine is a line of /proc/net/route.
type routeLine struct {
	link              string
	target, gateway   netip.Addr
	mask              netip.Addr
	flags             int
	ref, use, metric  int
	mtu, window, irtt int
}

// parseRoute reads it: link, destination, gateway, flags, ref, use, metric, mask, mtu, window, irtt.
func parseRoute(line string) (r routeLine, err error) {
	f := strings.Fields(line)
	if len(f) < 11 {
		return r, errors.New("expected eleven fields")
	}
	r.link = f[0]
	for i, a := range []*netip.Addr{&r.target, &r.gateway, &r.mask} {
		end, bad := sockets.ParseEnd(f[[]int{1, 2, 7}[i]] + ":0")
		*a, err = end.Addr(), errors.Join(err, bad)
	}
	flags, bad := strconv.ParseUint(f[3], 16, 32)
	r.flags, err = int(flags), errors.Join(err, bad)
	for i, n := range []*int{&r.ref, &r.use, &r.metric, &r.mtu, &r.window, &r.irtt} {
		number, bad := strconv.ParseInt(f[[]int{4, 5, 6, 8, 9, 10}[i]], 10, 64)
		*n, err = int(number), errors.Join(err, bad)
	}
	return r, err
}

func (r routeLine) print(c *command.Call, sizes bool) {
	target, gateway := r.target.String(), r.gateway.String()
	if !c.Has('n') {
		if r.target.IsUnspecified() {
			target = "default"
		}
		if r.gateway.IsUnspecified() {
			gateway = "*"
		}
	}
	flags := flagLetters(r.flags, flags4)
	if r.flags&unix.RTF_REJECT != 0 {
		flags = "!" + flags[min(1, len(flags)):]
	}
	fmt.Fprintf(c.Stdout, "%-15.15s %-15.15s %-16s%-6s", target, gateway, r.mask, flags)
	if sizes {
		fmt.Fprintf(c.Stdout, "%5d %-5d %6d %s\n", r.mtu, r.window, r.irtt, r.link)
	} else {
		fmt.Fprintf(c.Stdout, "%-6d %-2d %7d %s\n", r.metric, r.ref, r.use, r.link)
	}
}

// showRoutes6 prints all routes of IPv6.
func showRoutes6(c *command.Call) error {
	fmt.Fprintf(c.Stdout, "Kernel IPv6 routing table\n%-44s%-40sFlags Metric Ref    Use Iface\n", "Destination",
		"Next Hop")
	all, err := lines("ipv6_route", 0)
	if err != nil {
		return err
	}
	for _, line := range all {
		if line == "" {
			continue
		}
		if err := printRoute6(c, strings.Fields(line)); err != nil {
			return fmt.Errorf("ipv6_route: %s: %w", line, err)
		}
	}
	return nil
}

// printRoute6 prints a line: destination, length, source, length, next hop, metric, ref, use, flags, link.
func printRoute6(c *command.Call, f []string) error {
	if len(f) < 10 {
		return errors.New("expected ten fields")
	}
	target, bad1 := addr6(f[0])
	hop, bad2 := addr6(f[4])
	err := errors.Join(bad1, bad2)
	var n [5]int32
	for i, field := range []int{1, 5, 6, 7, 8} {
		number, bad := strconv.ParseUint(f[field], 16, 32)
		n[i], err = int32(uint32(number)), errors.Join(err, bad)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Stdout, "%-43s %-39s %-5s %-6d %-2d %7d %-8s\n", fmt.Sprintf("%v/%d", target, n[0]),
		hop.String(), flagLetters(int(uint32(n[4])), flags6), n[1], n[2], n[3], f[9])
	return nil
}

// addr6 reads 32 digits.
func addr6(text string) (netip.Addr, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 16 {
		return netip.Addr{}, fmt.Errorf("%s: expected an address of 32 digits", text)
	}
	return netip.AddrFrom16([16]byte(b)), nil
}
