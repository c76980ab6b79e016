package ip

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// address reads the address given by key; the zero Addr when it is not given.
func (r *request) address(key string) (netip.Addr, error) {
	text, ok := r.given[key]
	if !ok {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" || addr.Is4In6() {
		return netip.Addr{}, expected(key+" "+text, "an address like 192.0.2.1 or 2001:db8::1")
	}
	return addr, r.checkFamily(text, addr)
}

// checkFamily refuses an address that is not of the family of -4 or -6.
func (r *request) checkFamily(text string, addr netip.Addr) error {
	if r.family != unix.AF_UNSPEC && r.family != family(addr) {
		return expected(text, "an address of the family that -4 or -6 names")
	}
	return nil
}

// family returns the address family of addr.
func family(addr netip.Addr) int {
	if addr.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// interfaceAddress reads an address with the length of its network. A missing
// length is an error and not /32: such an address on a LAN reaches nobody.
func (r *request) interfaceAddress(key string) (netip.Prefix, error) {
	text := r.given[key]
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return p, expected(text, "an address with its length like 192.0.2.1/24 or 2001:db8::1/64")
	}
	return p, r.checkFamily(text, p.Addr())
}

// prefix reads the destination of a route: a prefix, an address, or default.
func (r *request) prefix() (netip.Prefix, error) { return r.prefixGiven(keyTo) }

// prefixGiven reads the one given by key.
func (r *request) prefixGiven(key string) (netip.Prefix, error) {
	text := r.given[key]
	if text == "default" || text == "any" || text == "all" {
		return r.everything()
	}
	return r.network(text)
}

// everything is the destination "default" in the family of -4 or -6, else of the
// gateway, else IPv4.
func (r *request) everything() (netip.Prefix, error) {
	via, err := r.address(keyVia)
	switch {
	case err != nil:
		return netip.Prefix{}, err
	case r.family == unix.AF_INET6 || via.Is6():
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0), nil
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0), nil
}

// number reads the number given by key; 0 when it is not given.
func (r *request) number(key string, least, most int) (int, error) {
	text, ok := r.given[key]
	if !ok {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, expected(key+" "+text, fmt.Sprintf("a number from %d to %d", least, most))
	}
	return n, nil
}

// table reads the routing table; all is unix.RT_TABLE_UNSPEC.
func (r *request) table() (int, error) {
	text, ok := r.given[keyTable]
	if !ok {
		return unix.RT_TABLE_MAIN, nil
	}
	if text == "all" && r.verb.names[0] == "show" {
		return unix.RT_TABLE_UNSPEC, nil
	}
	for _, id := range []int{unix.RT_TABLE_DEFAULT, unix.RT_TABLE_MAIN, unix.RT_TABLE_LOCAL} {
		if text == tableName(id) {
			return id, nil
		}
	}
	id, err := strconv.Atoi(text)
	if err != nil || id < 1 || id > math.MaxInt32 {
		return 0, expected(keyTable+" "+text, "main, local, default or a number")
	}
	return id, nil
}

// protocol reads who made a route; 0 when it is not given.
func (r *request) protocol() (int, error) {
	text, ok := r.given[keyProto]
	if !ok {
		return 0, nil
	}
	for n := range 256 {
		if text == protocolName(n) || text == strconv.Itoa(n) {
			return n, nil
		}
	}
	return 0, expected(keyProto+" "+text, "kernel, boot, static, dhcp, ra or a number to 255")
}

// scope reads the scope of an address or route.
func (r *request) scope() (int, error) {
	text := r.given[keyScope]
	for _, n := range []int{unix.RT_SCOPE_UNIVERSE, unix.RT_SCOPE_SITE, unix.RT_SCOPE_LINK,
		unix.RT_SCOPE_HOST} {
		if text == scopeName(n) {
			return n, nil
		}
	}
	return 0, expected(keyScope+" "+text, "global, site, link or host")
}

// device returns the link given by key, nil when it is not given.
func (r *request) device(key string) (netlink.Link, error) {
	name, ok := r.given[key]
	if !ok {
		return nil, nil
	}
	link, err := netlink.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil, fmt.Errorf("there is no link %s", name)
	}
	return link, err
}

// wholeNet is p for the library, with its host part.
func wholeNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// prefixOf is the opposite of wholeNet; the zero Prefix for nil.
func prefixOf(n *net.IPNet) netip.Prefix {
	if n == nil {
		return netip.Prefix{}
	}
	bits, size := n.Mask.Size()
	addr := addrOf(n.IP)
	if size == 32 { // the library's 0.0.0.0 has 16 bytes
		addr = addr.Unmap()
	}
	return netip.PrefixFrom(addr, bits)
}

// addrOf returns an address of the library; the zero Addr for none.
func addrOf(ip net.IP) netip.Addr {
	addr, _ := netip.AddrFromSlice(ip)
	return addr
}
