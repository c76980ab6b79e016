package nettools

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/netdevice"
)

// ifconfig shows links with their addresses, or changes one.
func ifconfig(c *command.Call) {
	args, all := c.Args, false
	if len(args) > 0 && args[0] == "-a" {
		args, all = args[1:], true
	}
	s, err := netdevice.Open(unix.AF_INET)
	if err != nil {
		c.Fail(err)
		return
	}
	defer s.Close()
	switch {
	case len(args) > 0 && strings.HasPrefix(args[0], "-"):
		err = usageError{fmt.Errorf("%s: expected a link", args[0])}
	case len(args) > 1:
		err = configure(s, args[0], args[1:])
	case len(args) == 1:
		err = showLink(c, s, args[0])
	default:
		err = showLinks(c, s, all)
	}
	if errors.As(err, new(usageError)) {
		c.Misused("%v", err)
	} else if err != nil {
		c.Fail(err)
	}
}

// showLinks prints all links that are up, and their other addresses, by their names.
func showLinks(c *command.Call, s netdevice.Socket, all bool) error {
	counters, err := readCounters()
	if err != nil {
		return err
	}
	names, err := s.Names()
	if err != nil {
		return err
	}
	for name := range counters {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		l, err := fetch(s, name)
		if err != nil {
			return err
		}
		if all || l.flags&unix.IFF_UP != 0 {
			l.print(c, counters[name])
		}
	}
	return nil
}

// showLink prints a link.
func showLink(c *command.Call, s netdevice.Socket, name string) error {
	counters, err := readCounters()
	if err != nil {
		return err
	}
	l, err := fetch(s, name)
	if err == nil {
		l.print(c, counters[name])
	}
	return err
}

// counters are those of /proc/net/dev: eight of what is received, eight of what is sent.
type counters []uint64

// readCounters reads those of all links.
func readCounters() (map[string]counters, error) {
	all := map[string]counters{}
	text, err := lines("dev", 2)
	for _, line := range text {
		name, numbers, _ := strings.Cut(line, ":")
		var n counters
		for field := range strings.FieldsSeq(numbers) {
			number, _ := strconv.ParseUint(field, 10, 64)
			n = append(n, number)
		}
		if len(n) >= 16 {
			all[strings.TrimSpace(name)] = n
		}
	}
	return all, err
}

// A link is what the kernel says of a name.
type link struct {
	name                        string
	flags                       uint16
	kind                        uint16
	hardware                    []byte
	metric, mtu, queue          int
	addr, peer, broadcast, mask netip.Addr
}

// fetch asks the kernel.
func fetch(s netdevice.Socket, name string) (l link, err error) {
	r, err := netdevice.NewRequest(name)
	if err == nil {
		err = s.Do(unix.SIOCGIFFLAGS, r)
	}
	if err != nil {
		return l, explain(name, err)
	}
	l = link{name: name, flags: r.Flags(), queue: -1}
	if s.Do(unix.SIOCGIFHWADDR, r) == nil {
		l.kind, l.hardware = r.Hardware()
		l.hardware = slices.Clone(l.hardware)
	}
	for i, n := range []*int{&l.metric, &l.mtu, &l.queue} {
		if s.Do([]uint{unix.SIOCGIFMETRIC, unix.SIOCGIFMTU, unix.SIOCGIFTXQLEN}[i], r) == nil {
			*n = r.Number()
		}
	}
	r.SetFlags(unix.AF_INET)
	for i, a := range []*netip.Addr{&l.addr, &l.peer, &l.broadcast, &l.mask} {
		if s.Do([]uint{unix.SIOCGIFADDR, unix.SIOCGIFDSTADDR, unix.SIOCGIFBRDADDR, unix.SIOCGIFNETMASK}[i],
			r) == nil {
			*a = netip.AddrFrom4(r.Addr())
		}
	}
	return l, nil
}

// print prints a link, with its counters unless it is another address of one.
func (l link) print(c *command.Call, n counters) {
	fmt.Fprintf(c.Stdout, "%-9s Link encap:%s\n", l.name, l.linkLayer())
	if l.addr.IsValid() {
		fmt.Fprintf(c.Stdout, "          inet addr:%v ", l.addr)
		if l.flags&unix.IFF_POINTOPOINT != 0 {
			fmt.Fprintf(c.Stdout, " P-t-P:%v ", l.peer)
		}
		if l.flags&unix.IFF_BROADCAST != 0 {
			fmt.Fprintf(c.Stdout, " Bcast:%v ", l.broadcast)
		}
		fmt.Fprintf(c.Stdout, " Mask:%v\n", l.mask)
	}
	printAddrs6(c, l.name)
	fmt.Fprintf(c.Stdout, "          %s MTU:%d  Metric:%d\n", flagWords(l.flags), l.mtu, max(l.metric, 1))
	if n != nil {
		fmt.Fprintf(c.Stdout, "          RX packets:%d errors:%d dropped:%d overruns:%d frame:%d\n", n[1],
			n[2], n[3], n[4], n[5])
		fmt.Fprintf(c.Stdout, "          TX packets:%d errors:%d dropped:%d overruns:%d carrier:%d\n", n[9],
			n[10], n[11], n[12], n[14])
		fmt.Fprintf(c.Stdout, "          collisions:%d ", n[13])
		if l.queue != -1 {
			fmt.Fprintf(c.Stdout, "txqueuelen:%d ", l.queue)
		}
		fmt.Fprintf(c.Stdout, "\n          RX bytes:%s  TX bytes:%s\n", scaled(n[0]), scaled(n[8]))
	}
	fmt.Fprintln(c.Stdout)
}

// linkLayer words kind and address of a link layer.
func (l link) linkLayer() string {
	switch l.kind {
	case unix.ARPHRD_LOOPBACK:
		return "Local Loopback  "
	case unix.ARPHRD_ETHER:
		return fmt.Sprintf("Ethernet  HWaddr %s  ",
			strings.ToUpper(net.HardwareAddr(l.hardware[:6]).String()))
	case unix.ARPHRD_PPP:
		return "Point-to-Point Protocol  "
	case unix.ARPHRD_SIT:
		return "IPv6-in-IPv4  "
	}
	words := make([]string, 16)
	for i := range words {
		words[i] = "00"
		if i < len(l.hardware) {
			words[i] = fmt.Sprintf("%02X", l.hardware[i])
		}
	}
	return "UNSPEC  HWaddr " + strings.Join(words, "-") + "  "
}

// flagWords words the flags of a link.
func flagWords(flags uint16) string {
	if flags == 0 {
		return "[NO FLAGS] "
	}
	words := ""
	for _, b := range []bit{
		{unix.IFF_UP, "UP"}, {unix.IFF_BROADCAST, "BROADCAST"}, {unix.IFF_DEBUG, "DEBUG"}, {unix.IFF_LOOPBACK,
			"LOOPBACK"},
		{unix.IFF_POINTOPOINT, "POINTOPOINT"}, {unix.IFF_NOTRAILERS, "NOTRAILERS"}, {unix.IFF_RUNNING, "RUNNING"},
		{unix.IFF_NOARP, "NOARP"},
		{unix.IFF_PROMISC, "PROMISC"}, {unix.IFF_ALLMULTI, "ALLMULTI"}, {unix.IFF_SLAVE, "SLAVE"},
		{unix.IFF_MASTER,
			"MASTER"},
		{unix.IFF_MULTICAST, "MULTICAST"}, {unix.IFF_DYNAMIC, "DYNAMIC"},
	} {
		if int(flags)&b.mask != 0 {
			words += b.name + " "
		}
	}
	return words
}

// scaled words a number of bytes twice.
func scaled(n uint64) string {
	whole, tenths, unit := n, uint64(0), ""
	for _, next := range []string{"Ki", "Mi", "Gi", "Ti"} {
		if whole < 1024 {
			break
		}
		tenths = whole % 1024 * 10 / 1024
		whole, unit = whole/1024, next
	}
	return fmt.Sprintf("%d (%d.%d %sB)", n, whole, tenths, unit)
}

// printAddrs6 prints the addresses of IPv6 of a link: address, index, length, scope, flags, link.
func printAddrs6(c *command.Call, name string) {
	all, err := lines("if_inet6", 0)
	if err != nil {
		c.Fail(err)
	}
	for _, line := range all {
		f := strings.Fields(line)
		if len(f) < 6 || f[5] != name {
			continue
		}
		addr, err := addr6(f[0])
		length, badLength := strconv.ParseUint(f[2], 16, 8)
		scope, badScope := hex.DecodeString(f[3])
		if err := errors.Join(err, badLength, badScope); err != nil || len(scope) != 1 {
			c.Fail(fmt.Errorf("if_inet6: %s: %w", line, err))
			continue
		}
		word, known := map[byte]string{0: "Global", 0x20: "Link", 0x40: "Site", 0x80: "Compat",
			0x10: "Host"}[scope[0]&0xf0]
		if !known {
			word = "Unknown"
		}
		fmt.Fprintf(c.Stdout, "          inet6 addr: %v/%d Scope:%s\n", addr, length, word)
	}
}
