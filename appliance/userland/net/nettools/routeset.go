package nettools

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/netdevice"
)

// rtentry is a struct rtentry (linux/route.h).
type rtentry struct {
	_                     uintptr
	target, gateway, mask [16]byte
	flags                 uint16
	_                     int16
	_                     uintptr
	_                     uintptr
	metric                int16
	device                *byte
	mtu, window           uintptr
	irtt                  uint16
}

// inet6Route is a struct in6_rtmsg (linux/ipv6_route.h).
type inet6Route struct {
	target, source, gateway    [16]byte
	kind                       uint32
	targetLength, sourceLength uint16
	metric                     uint32
	info                       uintptr
	flags                      uint32
	link                       int32
}

// A routeChange is what a command line says of a route.
type routeChange struct {
	target            netip.Addr
	bits              int  // of the prefix; -1: not given
	host              bool // -host, or an address without -net
	gateway           netip.Addr
	metric            int // -1: not given
	mss, window, irtt int
	flags             int
	link              string
}

// changeRoute adds or deletes a route.
func changeRoute(words []string, v6 bool) error {
	request, ok := map[string]uint{"add": unix.SIOCADDRT, "del": unix.SIOCDELRT,
		"delete": unix.SIOCDELRT}[words[0]]
	if !ok || len(words) < 2 {
		return usageError{fmt.Errorf("%s: expected add or del, and a target", words[0])}
	}
	r, err := parseChange(words[1:], v6)
	if err != nil {
		return err
	}
	if v6 {
		return r.apply6(request)
	}
	return r.apply4(request)
}

// parseChange reads the target and what follows.
func parseChange(words []string, v6 bool) (r routeChange, err error) {
	kind := ""
	if words[0] == "#net" || words[0] == "#host" {
		kind, words = words[0], words[1:]
	}
	if len(words) == 0 || kind != "" && v6 {
		return r, usageError{errors.New("expected a target")}
	}
	r = routeChange{metric: -1, host: kind == "#host" || kind == "" && words[0] != "default"}
	if err = r.setTarget(words[0], v6); err != nil {
		return r, err
	}
	for words = words[1:]; len(words) > 0; {
		if words, err = r.word(words, v6); err != nil {
			return r, err
		}
	}
	return r, nil
}

// setTarget reads where a route leads to.
func (r *routeChange) setTarget(text string, v6 bool) (err error) {
	if r.bits = -1; text == "default" {
		r.target = netip.IPv4Unspecified()
		if v6 {
			r.target, r.bits = netip.IPv6Unspecified(), 0
		}
		return nil
	}
	if p, notPrefix := netip.ParsePrefix(text); notPrefix == nil {
		r.target, r.bits = p.Addr(), p.Bits()
	} else {
		r.target, err = netip.ParseAddr(text)
	}
	if err != nil || r.target.Is4() == v6 {
		return fmt.Errorf("%s: expected a prefix or an address of the family, or default", text)
	}
	if v6 && r.bits < 0 {
		r.bits = 128
	}
	return nil
}

// word reads one word with its value, and returns the rest.
func (r *routeChange) word(words []string, v6 bool) (rest []string, err error) {
	flag, isFlag := map[string]int{"reject": unix.RTF_REJECT, "mod": unix.RTF_MODIFIED,
		"dyn": unix.RTF_DYNAMIC, "reinstate": unix.RTF_REINSTATE}[words[0]]
	number, isNumber := map[string]*int{"metric": &r.metric, "mss": &r.mss, "window": &r.window,
		"irtt": &r.irtt}[words[0]]
	switch key := words[0]; {
	case isFlag && (!v6 || key == "mod" || key == "dyn"):
		r.flags |= flag
		return words[1:], nil
	case len(words) == 1 && r.link == "" && !isNumber && !slices.Contains([]string{"netmask", "gw", "gateway",
		"dev", "device"}, key):
		r.link = key
		return nil, nil
	case len(words) == 1:
		return nil, usageError{fmt.Errorf("%s: expected a value after it", key)}
	case isNumber && (!v6 || key == "metric"):
		n, err := strconv.ParseUint(words[1], 10, 31)
		if err != nil {
			return nil, fmt.Errorf("%s %s: expected a number", key, words[1])
		}
		*number = int(n)
	case key == "netmask" && !v6 && r.bits <= 0:
		if r.bits, err = maskBits(words[1]); err != nil {
			return nil, err
		}
	case (key == "gw" || key == "gateway") && !r.gateway.IsValid():
		if r.gateway, err = netip.ParseAddr(words[1]); err != nil || r.gateway.Is4() == v6 {
			return nil, fmt.Errorf("%s: expected the address of a gateway", words[1])
		}
	case (key == "dev" || key == "device") && r.link == "":
		r.link = words[1]
	default:
		return nil, usageError{fmt.Errorf("%s: expected netmask, gw, metric, mss, window, irtt, reject or dev",
			key)}
	}
	return words[2:], nil
}

// maskBits is the length of a mask.
func maskBits(text string) (int, error) {
	mask, err := inet(text)
	if err != nil {
		return 0, err
	}
	for bits := range 33 {
		if p, err := allOnes().Prefix(bits); err == nil && p.Addr() == mask {
			return bits, nil
		}
	}
	return 0, fmt.Errorf("%s: expected a mask like 255.255.255.0", text)
}

func allOnes() netip.Addr { return netip.AddrFrom4([4]byte{255, 255, 255, 255}) }

// apply4 asks the kernel.
func (r *routeChange) apply4(request uint) error {
	e := &rtentry{flags: uint16(unix.RTF_UP | r.flags), mtu: uintptr(r.mss), window: uintptr(r.window),
		irtt: uint16(r.irtt)}
	copy(e.target[:], netdevice.Sockaddr(r.target.As4()))
	switch network, err := r.target.Prefix(max(r.bits, 0)); {
	case r.host && r.bits > 0:
		return fmt.Errorf("%v/%d: expected -net before a network", r.target, r.bits)
	case err != nil || r.bits > 0 && network.Addr() != r.target:
		return fmt.Errorf("%v/%d: expected %v, the network of that address", r.target, r.bits, network)
	case r.host:
		e.flags |= unix.RTF_HOST
	case r.bits >= 0:
		mask, _ := allOnes().Prefix(r.bits)
		copy(e.mask[:], netdevice.Sockaddr(mask.Addr().As4()))
	}
	if r.gateway.IsValid() {
		e.flags |= unix.RTF_GATEWAY
		copy(e.gateway[:], netdevice.Sockaddr(r.gateway.As4()))
	}
	if r.metric >= 0 {
		e.metric = int16(r.metric + 1)
	}
	if r.mss > 0 {
		e.flags |= unix.RTF_MSS
	}
	if r.window > 0 {
		e.flags |= unix.RTF_WINDOW
	}
	if r.irtt > 0 {
		e.flags |= unix.RTF_IRTT
	}
	link := r.link
	if link == "" && r.flags&unix.RTF_REJECT != 0 {
		link = "lo"
	}
	var err error
	if link != "" {
		if e.device, err = unix.BytePtrFromString(link); err != nil {
			return err
		}
	}
	s, err := netdevice.Open(unix.AF_INET)
	if err != nil {
		return err
	}
	defer s.Close()
	err = explain(r.target.String(), s.Call(request, unsafe.Pointer(e)))
	runtime.KeepAlive(e)
	return err
}

// apply6 asks the kernel.
func (r *routeChange) apply6(request uint) error {
	m := &inet6Route{target: r.target.As16(), targetLength: uint16(r.bits), metric: 1,
		flags: uint32(unix.RTF_UP |
			r.flags)}
	if r.bits == 128 {
		m.flags |= unix.RTF_HOST
	}
	if r.gateway.IsValid() {
		m.flags |= unix.RTF_GATEWAY
		m.gateway = r.gateway.As16()
	}
	if r.metric >= 0 {
		m.metric = uint32(r.metric)
	}
	s, err := netdevice.Open(unix.AF_INET6)
	if err != nil {
		return err
	}
	defer s.Close()
	if r.link != "" {
		link, err := netdevice.NewRequest(r.link)
		if err == nil {
			err = s.Do(unix.SIOCGIFINDEX, link)
		}
		if err != nil {
			return explain(r.link, err)
		}
		m.link = int32(link.Number())
	}
	return explain(r.target.String(), s.Call(request, unsafe.Pointer(m)))
}
