package netcfg

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// kernel is the edge: rtnetlink and /proc/sys.
type kernel struct{ *netlink.Handle }

// openKernel opens the network namespace of the calling thread.
func openKernel() (kernel, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return kernel{}, fmt.Errorf("network: netlink: %w", err)
	}
	return kernel{handle}, nil
}

// observe reads all that diff asks about.
func (k kernel) observe(wanted []Sysctl) (state, error) {
	s := state{links: map[string]linkState{}, addresses: map[Address]bool{}, sysctls: map[string]setting{}}
	links, err := dump(k.LinkList)
	if err != nil {
		return s, fmt.Errorf("list links: %w", err)
	}
	names := map[int]string{}
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	for _, l := range links {
		s.links[l.Attrs().Name] = linkOf(l, names)
	}
	addrs, err := dump(func() ([]netlink.Addr, error) { return k.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return s, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range addrs {
		s.addresses[Address{Link: names[a.LinkIndex], Prefix: prefixOf(a.IPNet)}] = a.Protocol == Owner
	}
	for _, sysctl := range wanted {
		value, err := os.ReadFile(sysctlPath(sysctl.Key))
		s.sysctls[sysctl.Key] = setting{string(value), err}
	}
	s.routes, err = k.routes(names)
	return s, err
}

// routes lists our own of the main table.
func (k kernel) routes(names map[int]string) ([]Route, error) {
	var ours []Route
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		filter := netlink.Route{Protocol: Owner, Table: unix.RT_TABLE_MAIN}
		all, err := dump(func() ([]netlink.Route, error) {
			return k.RouteListFiltered(family, &filter, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
		})
		if err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
		for _, r := range all {
			via, _ := netip.AddrFromSlice(r.Gw)
			route := Route{To: prefixOf(r.Dst), Via: via.Unmap(), Link: names[r.LinkIndex]}
			if r.Dst == nil {
				route.To = map[int]netip.Prefix{netlink.FAMILY_V4: netip.PrefixFrom(netip.IPv4Unspecified(), 0),
					netlink.FAMILY_V6: netip.PrefixFrom(netip.IPv6Unspecified(), 0)}[family]
			}
			ours = append(ours, route)
		}
	}
	return ours, nil
}

// dump lists again when the list changed while the kernel wrote it.
func dump[T any](list func() ([]T, error)) (all []T, err error) {
	for range 10 {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return all, err
}

func linkOf(l netlink.Link, names map[int]string) linkState {
	attrs := l.Attrs()
	s := linkState{Link: Link{Name: attrs.Name}, index: attrs.Index, up: attrs.Flags&net.FlagUp != 0}
	if vlan, ok := l.(*netlink.Vlan); ok {
		s.Parent, s.VLAN = names[attrs.ParentIndex], uint16(vlan.VlanId)
		s.ours = attrs.Group == Owner
	}
	return s
}

// execute makes one change.
func (k kernel) execute(c change) error {
	switch c.op {
	case setSysctl:
		return writeSysctl(c.sysctl)
	case addVLAN:
		return k.addVLAN(c.link)
	case delVLAN, upLink:
		link, err := k.LinkByName(c.link.Name)
		switch {
		case err != nil:
			return err
		case c.op == upLink:
			return k.LinkSetUp(link)
		}
		return k.LinkDel(link)
	case changeAddress:
		return k.changeAddress(c.verb, c.address)
	}
	return k.changeRoute(c.verb, c.route)
}

func (k kernel) addVLAN(l Link) error {
	parent, err := k.LinkByName(l.Parent)
	if err != nil {
		return fmt.Errorf("parent %s: %w", l.Parent, err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.Group = l.Name, parent.Attrs().Index, Owner
	return k.LinkAdd(&netlink.Vlan{LinkAttrs: attrs, VlanId: int(l.VLAN), VlanProtocol: netlink.VLAN_PROTOCOL_8021Q})
}

// changeAddress adds IPv6 addresses without duplicate address detection: services that start now must be able to use
// them now, and should somebody else on the link have the router's address, it is not the router who must go. Optimistic
// detection is not for addresses that people chose (RFC 4429, 3.1).
func (k kernel) changeAddress(verb string, a Address) error {
	link, err := k.LinkByName(a.Link)
	if err != nil {
		return err
	}
	addr := &netlink.Addr{IPNet: ipNet(a.Prefix), Protocol: Owner}
	if a.Prefix.Addr().Is6() {
		addr.Flags = unix.IFA_F_NODAD
	}
	if verb == "del" {
		return k.AddrDel(link, addr)
	}
	return k.AddrAdd(link, addr)
}

func (k kernel) changeRoute(verb string, r Route) error {
	link, err := k.LinkByName(r.Link)
	if err != nil {
		return err
	}
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(r.To), Gw: r.Via.AsSlice(), Protocol: Owner,
		Table: unix.RT_TABLE_MAIN}
	if !r.Via.IsValid() && r.To.Addr().Is4() {
		route.Scope = netlink.SCOPE_LINK
	}
	switch verb {
	case "replace":
		return k.RouteReplace(route)
	case "del":
		return k.RouteDel(route)
	}
	return k.RouteAdd(route)
}

// sysctlPath is the file of a key. Outside of /proc/sys there are no settings.
func sysctlPath(key string) string {
	if dot, slash := strings.IndexByte(key, '.'), strings.IndexByte(key, '/'); dot >= 0 && (slash < 0 || dot < slash) {
		key = strings.Map(func(r rune) rune { // sysctl(8)
			switch r {
			case '.':
				return '/'
			case '/':
				return '.'
			}
			return r
		}, key)
	}
	return filepath.Join("/proc/sys", filepath.Join("/", key))
}

func writeSysctl(s Sysctl) error {
	f, err := os.OpenFile(sysctlPath(s.Key), os.O_WRONLY, 0) // never create: a mistyped key must not look like success
	if err != nil {
		return err
	}
	_, err = f.WriteString(s.Value)
	return errors.Join(err, f.Close())
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func prefixOf(n *net.IPNet) netip.Prefix {
	if n == nil {
		return netip.Prefix{}
	}
	addr, _ := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), bits)
}
