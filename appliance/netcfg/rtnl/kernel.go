package rtnl

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
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

// Observe reads all that diff asks about.
func (k kernel) Observe(wanted []netcfg.Sysctl) (netcfg.State, error) {
	s := netcfg.State{
		Links: map[string]netcfg.LinkState{}, Sysctls: map[string]netcfg.Setting{},
		Addresses: map[netcfg.Address]bool{}, Places: map[netcfg.Address]int{},
	}
	links, err := dump(k.LinkList)
	if err != nil {
		return s, fmt.Errorf("list links: %w", err)
	}
	names := map[int]string{}
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	for _, l := range links {
		s.Links[l.Attrs().Name] = linkOf(l, names)
	}
	addrs, err := dump(func() ([]netlink.Addr, error) { return k.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return s, fmt.Errorf("list addresses: %w", err)
	}
	for place, a := range addrs {
		address := netcfg.Address{Link: names[a.LinkIndex], Prefix: prefixOf(a.IPNet)}
		ours := a.Protocol == netcfg.Owner
		address.Detect = ours && address.Prefix.Addr().Is6() && a.Flags&unix.IFA_F_NODAD == 0
		address.Beside = ours && address.Prefix.Addr().Is4() && a.Scope == unix.RT_SCOPE_LINK
		s.Addresses[address], s.Places[address] = ours, place
	}
	for _, sysctl := range wanted {
		value, err := os.ReadFile(sysctl.Path())
		s.Sysctls[sysctl.Key] = netcfg.Setting{Value: string(value), Err: err}
	}
	if s.Routes, err = k.routes(names); err != nil {
		return s, err
	}
	s.Rules, err = k.rules()
	return s, err
}

// routes lists our own of all tables.
func (k kernel) routes(names map[int]string) ([]netcfg.Route, error) {
	var ours []netcfg.Route
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		filter := netlink.Route{Protocol: netcfg.Owner, Table: unix.RT_TABLE_UNSPEC}
		all, err := dump(func() ([]netlink.Route, error) {
			return k.RouteListFiltered(family, &filter, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
		})
		if err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
		for _, r := range all {
			via, _ := netip.AddrFromSlice(r.Gw)
			route := netcfg.Route{To: prefixOf(r.Dst), Via: via.Unmap(), Link: names[r.LinkIndex]}
			if r.Table != unix.RT_TABLE_MAIN {
				route.Table = uint8(r.Table)
			}
			if r.Type == unix.RTN_UNREACHABLE {
				route.Link, route.Unreachable = "", true // IPv6 has it on lo
			}
			if r.Dst == nil {
				route.To = map[int]netip.Prefix{netlink.FAMILY_V4: netip.PrefixFrom(netip.IPv4Unspecified(),
					0),
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

func linkOf(l netlink.Link, names map[int]string) netcfg.LinkState {
	attrs := l.Attrs()
	s := netcfg.LinkState{Index: attrs.Index, Up: attrs.Flags&net.FlagUp != 0}
	s.Name, s.MAC, s.MTU = attrs.Name, attrs.HardwareAddr.String(), uint16(min(attrs.MTU, math.MaxUint16))
	if vlan, ok := l.(*netlink.Vlan); ok {
		s.Parent, s.VLAN = names[attrs.ParentIndex], uint16(vlan.VlanId)
		s.Priority = uint8(vlan.EgressQosMap[0])
		s.Ours = attrs.Group == netcfg.Owner
	}
	if tunnel, ok := l.(*netlink.Sittun); ok {
		s.Remote, s.Local = addrOf(tunnel.Remote), addrOf(tunnel.Local)
		s.Ours, s.MAC = attrs.Group == netcfg.Owner, "" // what a tunnel has there is its local end
	}
	return s
}

// Execute makes one change.
func (k kernel) Execute(c netcfg.Change) error {
	switch c.Op {
	case netcfg.SetSysctl:
		return writeSysctl(c.Sysctl)
	case netcfg.AddLink:
		if c.Link.Remote.IsValid() {
			return k.addTunnel(c.Link)
		}
		return k.addVLAN(c.Link)
	case netcfg.SetTunnel:
		return k.setTunnel(c.Link)
	case netcfg.ChangeAddress, netcfg.LeaveAddress:
		return k.changeAddress(c.Verb, c.Address)
	case netcfg.ChangeRoute, netcfg.LeaveRoute:
		return k.changeRoute(c.Verb, c.Route)
	case netcfg.AddRule:
		return k.RuleAdd(ruleOf(c.Rule))
	case netcfg.DelRule:
		return k.RuleDel(ruleOf(c.Rule))
	}
	link, err := k.LinkByName(c.Link.Name)
	if err != nil {
		return err
	}
	switch c.Op {
	case netcfg.UpLink:
		return k.LinkSetUp(link)
	case netcfg.DownLink:
		return errors.Join(k.LinkSetDown(link), tellNobody(c.Link.Name))
	case netcfg.SetMTU:
		return k.LinkSetMTU(link, int(c.Link.MTU))
	case netcfg.SetMAC:
		return k.setMAC(link, c.Link.MAC)
	}
	return k.LinkDel(link)
}

// setMAC sets a link down that cannot have another address while it is up. What the kernel drops then is made
// anew, for it is looked at again.
func (k kernel) setMAC(link netlink.Link, text string) error {
	mac, err := net.ParseMAC(text)
	if err != nil {
		return err
	}
	if err = k.LinkSetHardwareAddr(link, mac); !errors.Is(err, unix.EBUSY) {
		return err
	}
	if err := k.LinkSetDown(link); err != nil {
		return err
	}
	return errors.Join(k.LinkSetHardwareAddr(link, mac), k.LinkSetUp(link))
}

func (k kernel) addVLAN(l netcfg.Link) error {
	parent, err := k.LinkByName(l.Parent)
	if err != nil {
		return fmt.Errorf("parent %s: %w", l.Parent, err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.Group = l.Name, parent.Attrs().Index, netcfg.Owner
	vlan := &netlink.Vlan{LinkAttrs: attrs, VlanId: int(l.VLAN), VlanProtocol: netlink.VLAN_PROTOCOL_8021Q}
	if l.Priority != 0 {
		vlan.EgressQosMap = map[uint32]uint32{}
		for of := range uint32(netcfg.Priorities) {
			vlan.EgressQosMap[of] = uint32(l.Priority)
		}
	}
	return k.LinkAdd(vlan)
}

// changeAddress adds IPv6 addresses without duplicate address detection: services that start now must be able
// to use them now, and should somebody else on the link have the router's address, it is not the router who
// must go. Optimistic detection is not for addresses that people chose (RFC 4429, 3.1).
func (k kernel) changeAddress(verb string, a netcfg.Address) error {
	link, err := k.LinkByName(a.Link)
	if err != nil {
		return err
	}
	addr := &netlink.Addr{IPNet: ipNet(a.Prefix), Protocol: netcfg.Owner}
	if a.Prefix.Addr().Is6() && !a.Detect {
		addr.Flags = unix.IFA_F_NODAD
	}
	if a.Beside {
		addr.Scope = unix.RT_SCOPE_LINK
	}
	if verb == "del" {
		return k.AddrDel(link, addr)
	}
	return k.AddrAdd(link, addr)
}

func (k kernel) changeRoute(verb string, r netcfg.Route) error {
	route := &netlink.Route{Dst: ipNet(r.To), Gw: r.Via.AsSlice(), Protocol: netcfg.Owner,
		Table: tableOf(r.Table)}
	if r.Unreachable {
		route.Type = unix.RTN_UNREACHABLE
	} else {
		link, err := k.LinkByName(r.Link)
		if err != nil {
			return err
		}
		route.LinkIndex = link.Attrs().Index
	}
	if !r.Via.IsValid() && !r.Unreachable && r.To.Addr().Is4() {
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

// tellNobody has a link that is no plan's any more as one that was never: the kernel tells nobody there of
// other routers.
func tellNobody(link string) error {
	err := writeSysctl(netcfg.Sysctl{Key: "net/ipv4/conf/" + link + "/send_redirects", Value: "0"})
	if errors.Is(err, fs.ErrNotExist) { // gone meanwhile, or without IPv4
		return nil
	}
	return err
}

func writeSysctl(s netcfg.Sysctl) error {
	// never create: a mistyped key must not look like success
	f, err := os.OpenFile(s.Path(), os.O_WRONLY|os.O_TRUNC, 0)
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
