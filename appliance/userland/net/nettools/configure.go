package nettools

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/netdevice"
)

// change is what ifconfig does to a link, word by word.
type change struct {
	netdevice.Socket
	link       *netdevice.Request
	addr, mask netip.Addr // as far as they were given, for "broadcast +"
}

// configure does the words, one after the other.
func configure(s netdevice.Socket, name string, words []string) error {
	link, err := netdevice.NewRequest(name)
	if err != nil {
		return err
	}
	c := &change{Socket: s, link: link}
	for len(words) > 0 {
		if words, err = c.word(words); err != nil {
			return err
		}
	}
	return nil
}

// word does the first word with its value, and returns the rest.
func (c *change) word(words []string) (rest []string, err error) {
	word, off := strings.CutPrefix(words[0], "-")
	if flag, ok := map[string]uint16{"promisc": unix.IFF_PROMISC, "multicast": unix.IFF_MULTICAST,
		"allmulti": unix.IFF_ALLMULTI,
		"dynamic":  unix.IFF_DYNAMIC}[word]; ok {
		return words[1:], c.setFlag(flag, !off)
	}
	if flag, ok := map[string]uint16{"arp": unix.IFF_NOARP, "trailers": unix.IFF_NOTRAILERS}[word]; ok {
		return words[1:], c.setFlag(flag, off)
	}
	switch {
	case word == "broadcast":
		if off {
			return words[1:], c.setFlag(unix.IFF_BROADCAST, false)
		}
		return c.broadcast(words)
	case word == "pointopoint":
		if off {
			return words[1:], c.setFlag(unix.IFF_POINTOPOINT, false)
		}
		return c.valued(words, func(v string) error {
			if err := c.setAddr(unix.SIOCSIFDSTADDR, v); err != nil {
				return err
			}
			return c.setFlag(unix.IFF_POINTOPOINT, true)
		})
	case off:
		return nil, fmt.Errorf("%s: expected a word without -", words[0])
	case word == "up":
		return words[1:], c.setFlag(unix.IFF_UP|unix.IFF_RUNNING, true)
	case word == "down":
		return words[1:], c.setFlag(unix.IFF_UP, false)
	case word == "inet":
		return words[1:], nil
	case word == "hw":
		return c.hardware(words)
	case word == "netmask":
		if c.mask.IsValid() {
			return nil, usageError{errors.New("netmask is given twice")}
		}
		return c.valued(words, func(v string) error {
			c.mask, _ = inet(v)
			return c.setAddr(unix.SIOCSIFNETMASK, v)
		})
	case word == "dstaddr":
		return c.valued(words, func(v string) error { return c.setAddr(unix.SIOCSIFDSTADDR, v) })
	case word == "add" || word == "del":
		request := map[string]uint{"add": unix.SIOCSIFADDR, "del": unix.SIOCDIFADDR}[word]
		return c.valued(words, func(v string) error { return c.setAddr6(request, v) })
	}
	if request, ok := map[string]uint{"mtu": unix.SIOCSIFMTU, "metric": unix.SIOCSIFMETRIC,
		"txqueuelen": unix.SIOCSIFTXQLEN}[word]; ok {
		return c.valued(words, func(v string) error { return c.setNumber(request, v) })
	}
	return words[1:], c.address(word)
}

// valued does a word that needs a value.
func (c *change) valued(words []string, do func(value string) error) (rest []string, err error) {
	if len(words) == 1 {
		return nil, usageError{fmt.Errorf("%s: expected a value after it", words[0])}
	}
	return words[2:], do(words[1])
}

// do asks the kernel.
func (c *change) do(request uint) error { return explain(c.link.Name(), c.Do(request, c.link)) }

// setFlag sets or clears flags.
func (c *change) setFlag(flag uint16, on bool) error {
	if err := c.do(unix.SIOCGIFFLAGS); err != nil {
		return err
	}
	flags := c.link.Flags() &^ flag
	if on {
		flags |= flag
	}
	c.link.SetFlags(flags)
	return c.do(unix.SIOCSIFFLAGS)
}

// setNumber sets a number.
func (c *change) setNumber(request uint, text string) error {
	n, err := strconv.ParseInt(text, 0, 32)
	if err != nil {
		return fmt.Errorf("%s: expected a number", text)
	}
	c.link.SetNumber(int(n))
	return c.do(request)
}

// setAddr sets an address of IPv4.
func (c *change) setAddr(request uint, text string) error {
	a, err := inet(text)
	if err != nil {
		return err
	}
	c.link.SetAddr(a.As4())
	return c.do(request)
}

// broadcast sets the broadcast address; + is the one of address and netmask.
func (c *change) broadcast(words []string) (rest []string, err error) {
	return c.valued(words, func(v string) error {
		if v == "+" && c.addr.IsValid() && c.mask.IsValid() {
			b, mask := c.addr.As4(), c.mask.As4()
			for i := range b {
				b[i] = b[i]&mask[i] | ^mask[i]
			}
			v = netip.AddrFrom4(b).String()
		}
		if err := c.setAddr(unix.SIOCSIFBRDADDR, v); err != nil {
			return err
		}
		return c.setFlag(unix.IFF_BROADCAST, true)
	})
}

// hardware sets the address of the link layer.
func (c *change) hardware(words []string) (rest []string, err error) {
	if len(words) < 3 || words[1] != "ether" {
		return nil, usageError{errors.New("hw: expected ether and an address after it")}
	}
	mac, err := net.ParseMAC(words[2])
	if err != nil || len(mac) != 6 {
		return nil, fmt.Errorf("%s: expected an address like 00:16:3e:20:00:10", words[2])
	}
	c.link.SetHardware(unix.ARPHRD_ETHER, mac)
	return words[3:], c.do(unix.SIOCSIFHWADDR)
}

// address sets the address of the link, which is up then; the name of another address that ends with -
// deletes it.
func (c *change) address(text string) error {
	if strings.Contains(text, ":") {
		return c.setAddr6(unix.SIOCSIFADDR, text)
	}
	a, err := inet(text)
	if err != nil {
		return fmt.Errorf("%s: expected an address, or a word of ifconfig", text)
	}
	c.addr = a
	c.link.SetAddr(a.As4())
	name := c.link.Name()
	if err := c.do(unix.SIOCSIFADDR); err != nil || strings.Contains(name, ":") && strings.HasSuffix(name, "-") {
		return err
	}
	return c.setFlag(unix.IFF_UP|unix.IFF_RUNNING, true)
}

// setAddr6 adds or deletes an address of IPv6; one without a length has 0, as busybox has it. IPv4 is set by
// add, too.
func (c *change) setAddr6(request uint, text string) error {
	p, err := netip.ParsePrefix(text)
	if a, notAddr := netip.ParseAddr(text); notAddr == nil && a.Zone() == "" {
		if a.Is4() && request == unix.SIOCSIFADDR {
			return c.address(text)
		}
		p, err = netip.PrefixFrom(a, 0), nil
	}
	if err != nil || !p.Addr().Is6() {
		return fmt.Errorf("%s: expected an address like 2001:db8::1/64", text)
	}
	if err := c.do(unix.SIOCGIFINDEX); err != nil {
		return err
	}
	s, err := netdevice.Open(unix.AF_INET6)
	if err != nil {
		return err
	}
	defer s.Close()
	request6 := struct { // in6_ifreq
		addr   [16]byte
		length uint32
		link   int32
	}{p.Addr().As16(), uint32(p.Bits()), int32(c.link.Number())}
	return explain(text, s.Call(request, unsafe.Pointer(&request6)))
}
