package ip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// routeView is how routes are printed.
type routeView struct {
	links linkNames
	dev   bool // name the link
	table bool // name the table
}

// showRoutes prints routes: of IPv4 without -6, and of all families and tables
// with "table all".
func showRoutes(r *request) error {
	table, err := r.table()
	if err != nil {
		return err
	}
	only := netip.Prefix{}
	if r.has(keyTo) {
		if only, err = r.prefix(); err != nil {
			return err
		}
	}
	device, err := r.device(keyDev)
	if err != nil {
		return err
	}
	names, err := readLinkNames()
	if err != nil {
		return err
	}
	view := routeView{links: names, dev: device == nil, table: !r.has(keyTable) || table == unix.RT_TABLE_UNSPEC}
	for _, family := range r.routeFamilies(table, only) {
		routes, err := readRoutes(family, table)
		if err != nil {
			return err
		}
		for _, route := range routes {
			if (!only.IsValid() || prefixOf(route.Dst) == only) && (device == nil || route.LinkIndex == device.Attrs().Index) {
				fmt.Fprint(r.out, view.lines(route))
			}
		}
	}
	return nil
}

// routeFamilies returns the families that r shows.
func (r *request) routeFamilies(table int, only netip.Prefix) []int {
	switch {
	case only.IsValid():
		return []int{family(only.Addr())}
	case r.family != unix.AF_UNSPEC:
		return []int{r.family}
	case table == unix.RT_TABLE_UNSPEC:
		return []int{unix.AF_INET, unix.AF_INET6}
	}
	return []int{unix.AF_INET}
}

// readRoutes asks the kernel for the routes of a table.
func readRoutes(family, table int) ([]netlink.Route, error) {
	routes, err := whole(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(family, &netlink.Route{Table: table}, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return nil, fmt.Errorf("list of routes: %w", err)
	}
	return routes, nil
}

// lines words a route.
func (v routeView) lines(route netlink.Route) string {
	var words []string
	if route.Type != unix.RTN_UNICAST {
		words = append(words, routeType(route.Type))
	}
	words = append(words, destination(route.Dst))
	if route.Tos != 0 {
		words = append(words, fmt.Sprintf("tos %#x", route.Tos))
	}
	words = append(words, hop(route.Gw, route.Via)...)
	if v.dev && route.LinkIndex != 0 {
		words = append(words, "dev", v.links.of(route.LinkIndex))
	}
	words = append(words, v.origin(route)...)
	if route.Src != nil {
		words = append(words, "src", route.Src.String())
	}
	if route.Priority != 0 || route.Family == unix.AF_INET6 {
		words = append(words, "metric", strconv.Itoa(route.Priority))
	}
	flags, _ := namesOf(uint32(route.Flags), hopFlags())
	words = append(append(words, flags...), metrics(route)...)
	lines := strings.Join(words, " ") + "\n"
	for _, h := range route.MultiPath {
		words := append([]string{"\tnexthop"}, hop(h.Gw, h.Via)...)
		flags, _ := namesOf(uint32(h.Flags), hopFlags())
		words = append(append(words, "dev", v.links.of(h.LinkIndex), "weight", strconv.Itoa(h.Hops+1)), flags...)
		lines += strings.Join(words, " ") + "\n"
	}
	return lines
}

// destination words where a route leads to; a single address has no length.
func destination(n *net.IPNet) string {
	switch p := prefixOf(n); {
	case p.Bits() == 0:
		return "default"
	case p.IsSingleIP():
		return p.Addr().String()
	default:
		return p.String()
	}
}

// hop words a gateway; via is one of the other family.
func hop(gateway net.IP, via netlink.Destination) []string {
	switch v, ok := via.(*netlink.Via); {
	case ok && v.AddrFamily == unix.AF_INET6:
		return []string{"via inet6", v.Addr.String()}
	case ok:
		return []string{"via inet", v.Addr.String()}
	case gateway != nil:
		return []string{"via", gateway.String()}
	}
	return nil
}

// origin words table, protocol and scope, as far as they are not the usual ones.
func (v routeView) origin(route netlink.Route) (words []string) {
	if v.table && route.Table != unix.RT_TABLE_MAIN && route.Table != unix.RT_TABLE_UNSPEC {
		words = append(words, "table", tableName(route.Table))
	}
	if route.Flags&unix.RTM_F_CLONED != 0 { // an answer of "route get" that is no entry of a table
		return words
	}
	if route.Protocol != unix.RTPROT_BOOT {
		words = append(words, "proto", protocolName(int(route.Protocol)))
	}
	if route.Scope != netlink.SCOPE_UNIVERSE {
		words = append(words, "scope", scopeName(int(route.Scope)))
	}
	return words
}

// metrics words what a route says to the protocols above, and how long it lasts.
func metrics(route netlink.Route) (words []string) {
	for _, m := range []struct {
		name  string
		value int
	}{{"mtu", route.MTU}, {"advmss", route.AdvMSS}, {"hoplimit", route.Hoplimit}} {
		if m.value != 0 {
			words = append(words, m.name, strconv.Itoa(m.value))
		}
	}
	if route.Expires != 0 {
		words = append(words, fmt.Sprintf("expires %dsec", route.Expires))
	}
	return words
}

// getRoute prints the route that a packet to an address would take from here.
func getRoute(r *request) error {
	to, err := r.address(keyTo)
	if err != nil {
		return err
	}
	routes, err := netlink.RouteGet(to.AsSlice())
	if err != nil {
		return noRoute(to, err)
	}
	names, err := readLinkNames()
	if err != nil {
		return err
	}
	view := routeView{links: names, dev: true, table: true}
	for _, route := range routes {
		fmt.Fprint(r.out, view.lines(route))
	}
	return nil
}

// noRoute says why nothing leads to an address: the kernel answers with the error
// that a packet would meet.
func noRoute(to netip.Addr, err error) error {
	for _, known := range []struct {
		errno   error
		meaning string
	}{
		{unix.ENETUNREACH, "there is no route to it"},
		{unix.EHOSTUNREACH, "an unreachable route refuses it"},
		{unix.EACCES, "a prohibit route refuses it"},
		{unix.EINVAL, "a blackhole route drops it"},
	} {
		if errors.Is(err, known.errno) {
			return fmt.Errorf("%v: %s (%w)", to, known.meaning, err)
		}
	}
	return fmt.Errorf("%v: %w", to, err)
}
