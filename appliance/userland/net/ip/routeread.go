package ip

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// An ipRoute is a route as the kernel tells it.
type ipRoute struct {
	family                            int
	kind, table, protocol, scope, tos int
	dst, src                          netip.Prefix // src is invalid for packets from everywhere
	hop
	nexthop   uint32 // the number of a next hop that is kept apart
	from      netip.Addr
	metric    int
	mark      uint32 // of the packet that was asked for
	realms    uint32
	expires   int // in seconds, 0 for never
	metrics   attributes
	preferred []byte // RTA_PREF (RFC 4191 section 2.1), nil for IPv4
	hops      []hop  // if there are several ways
	message   []byte
}

// A hop is where packets go next.
type hop struct {
	gateway netip.Addr
	foreign bool // the gateway is of the other family
	link    int
	weight  int // from 1
	flags   uint32
}

// cutOff is of a message that is shorter than it says.
func cutOff() error { return errors.New("a route of the kernel's is cut off") }

// parseRoute reads an rtmsg with its attributes (rtnetlink(7)).
func parseRoute(m []byte) (route ipRoute, err error) {
	if len(m) < unix.SizeofRtMsg {
		return route, cutOff()
	}
	h, all := nl.DeserializeRtMsg(m), inner(m[unix.SizeofRtMsg:])
	route = ipRoute{
		kind: int(h.Type), table: int(h.Table), protocol: int(h.Protocol), scope: int(h.Scope),
		tos:     int(h.Tos),
		dst:     prefixOf(all.network(unix.RTA_DST, h.Dst_len)),
		src:     prefixOf(all.network(unix.RTA_SRC, h.Src_len)),
		hop:     parseHop(all, int(all.number(unix.RTA_OIF)), h.Flags),
		nexthop: all.number(netlink.RTA_NH_ID), from: addrOf(all[unix.RTA_PREFSRC]),
		metric: int(all.number(unix.RTA_PRIORITY)),
		mark:   all.number(unix.RTA_MARK), realms: all.number(unix.RTA_FLOW),
		metrics: inner(all[unix.RTA_METRICS]), preferred: all[unix.RTA_PREF],
		family: int(h.Family), message: m,
	}
	if !route.dst.IsValid() {
		everywhere := netip.IPv4Unspecified()
		if route.family == unix.AF_INET6 {
			everywhere = netip.IPv6Unspecified()
		}
		route.dst = netip.PrefixFrom(everywhere, int(h.Dst_len))
	}
	if id := all.number(unix.RTA_TABLE); id != 0 {
		route.table = int(id)
	}
	if b := all[unix.RTA_CACHEINFO]; len(b) >= 12 { // struct rta_cacheinfo: rta_expires, in 1/100 s
		route.expires = int(int32(nl.NativeEndian().Uint32(b[8:]))) / 100
	}
	route.hops, err = parseHops(all[unix.RTA_MULTIPATH])
	return route, err
}

// parseHop reads the attributes of a hop.
func parseHop(all attributes, link int, flags uint32) hop {
	h := hop{gateway: addrOf(all[unix.RTA_GATEWAY]), link: link, flags: flags}
	if via := all[unix.RTA_VIA]; len(via) > 2 { // struct rtvia: the family before the address
		h.gateway, h.foreign = addrOf(via[2:]), true
	}
	return h
}

// parseHops reads the list of an RTA_MULTIPATH: each a struct rtnexthop with attributes.
func parseHops(b []byte) (hops []hop, err error) {
	for len(b) > 0 {
		if len(b) < unix.SizeofRtNexthop {
			return nil, cutOff()
		}
		head := nl.DeserializeRtNexthop(b)
		size := int(head.RtNexthop.Len)
		if size < unix.SizeofRtNexthop || size > len(b) {
			return nil, cutOff()
		}
		h := parseHop(inner(b[unix.SizeofRtNexthop:size]), int(head.Ifindex), uint32(head.Flags))
		h.weight = int(head.Hops) + 1
		hops, b = append(hops, h), b[size:]
	}
	return hops, nil
}

// readRoutes asks the kernel for the routes of a table. By strict checks, which it has from 4.20 on, it
// refuses a table that is not there.
func readRoutes(family, table int) (routes []ipRoute, err error) {
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	if table != unix.RT_TABLE_UNSPEC {
		err := unix.SetsockoptInt(socket.GetFd(), unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
		if err != nil {
			return nil, err
		}
	}
	messages, err := whole(func() ([][]byte, error) {
		req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, unix.NLM_F_DUMP)
		req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: socket}}
		req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: uint8(family)}})
		if table != unix.RT_TABLE_UNSPEC {
			req.AddData(numeric(unix.RTA_TABLE, uint32(table)))
		}
		return req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWROUTE)
	})
	if errors.Is(err, unix.ENOENT) {
		return nil, refused{fmt.Errorf("table %s: there is none", tableName(table))}
	}
	for _, m := range messages {
		route, wrong := parseRoute(m)
		err = errors.Join(err, wrong)
		meant := route.family == family && (table == unix.RT_TABLE_UNSPEC || route.table == table)
		if meant && route.flags&unix.RTM_F_CLONED == 0 {
			routes = append(routes, route)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list of routes: %w", err)
	}
	return routes, nil
}

// askRoute asks the kernel which way a packet would take from here.
func askRoute(packet ask) (ipRoute, error) {
	to := packet.to.AsSlice()
	head := unix.RtMsg{Family: uint8(family(packet.to)), Dst_len: uint8(8 * len(to)),
		Flags: unix.RTM_F_LOOKUP_TABLE}
	req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, 0)
	message := &nl.RtMsg{RtMsg: head}
	req.AddData(message)
	req.AddData(nl.NewRtAttr(unix.RTA_DST, to))
	if from := packet.from.AsSlice(); from != nil {
		message.Src_len = uint8(8 * len(from))
		req.AddData(nl.NewRtAttr(unix.RTA_SRC, from))
	}
	for _, of := range []struct {
		kind  int
		value uint32
	}{{unix.RTA_IIF, packet.in}, {unix.RTA_OIF, packet.out}, {unix.RTA_MARK, packet.mark}} {
		if of.value != 0 {
			req.AddData(numeric(of.kind, of.value))
		}
	}
	answers, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWROUTE)
	if err != nil {
		return ipRoute{}, err
	}
	if len(answers) == 0 {
		return ipRoute{}, cutOff()
	}
	return parseRoute(answers[0])
}

// An ask is the packet that a route is asked for; 0 stands for any link.
type ask struct {
	to, from      netip.Addr
	in, out, mark uint32
}

// delete has the kernel delete the route that it has told of.
func (route ipRoute) delete() error {
	req := nl.NewNetlinkRequest(unix.RTM_DELROUTE, unix.NLM_F_ACK)
	req.AddRawData(route.message)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// numeric is an attribute of four bytes.
func numeric(kind int, n uint32) *nl.RtAttr {
	return nl.NewRtAttr(kind, nl.Uint32Attr(n))
}
