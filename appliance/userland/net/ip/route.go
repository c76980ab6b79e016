package ip

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// routeView is how routes are printed.
type routeView struct {
	links      linkNames
	hides      func(key string) bool // what need not be said: dev, table, via, proto, scope
	details    bool                  // name what is as usual, too
	everything bool                  // routes of all tables
	from       string                // source and mark of the packet that was asked for
	mark       int
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
	wanted, err := r.routeFilter(only)
	if err != nil {
		return err
	}
	names, err := readLinkNames()
	if err != nil {
		return err
	}
	view := routeView{links: names, details: r.details, everything: table == unix.RT_TABLE_UNSPEC, hides: func(key string) bool {
		return r.has(key) && (key != keyTable || table != unix.RT_TABLE_UNSPEC)
	}}
	for _, family := range r.routeFamilies(table, only) {
		routes, err := readRoutes(family, table)
		if err != nil {
			return err
		}
		for _, route := range routes {
			if wanted(route) {
				r.showRoute(view, route)
			}
		}
	}
	return nil
}

// routeFilter is what routes r asks for.
func (r *request) routeFilter(only netip.Prefix) (func(netlink.Route) bool, error) {
	device, err := r.device(keyDev)
	if err != nil {
		return nil, err
	}
	scope := 0
	if r.has(keyScope) {
		if scope, err = r.scope(); err != nil {
			return nil, err
		}
	}
	via, err := r.address(keyVia)
	return func(route netlink.Route) bool {
		return (!only.IsValid() || prefixOf(route.Dst) == only) &&
			(device == nil || route.LinkIndex == device.Attrs().Index) &&
			(!r.has(keyScope) || int(route.Scope) == scope) &&
			(!via.IsValid() || addrOf(route.Gw).Unmap() == via) &&
			(!r.has(keyProto) || protocolName(int(route.Protocol)) == r.given[keyProto])
	}, err
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

// wholeView hides nothing.
func (r *request) wholeView(names linkNames) routeView {
	return routeView{links: names, details: r.details, everything: true, hides: func(string) bool { return false }}
}

// showRoute prints a route.
func (r *request) showRoute(v routeView, route netlink.Route) {
	fmt.Fprint(&r.out, v.lines(route))
	r.out.end(v.record(route))
}

// lines words a route. Each line has a space at its end, as iproute2's.
func (v routeView) lines(route netlink.Route) string {
	var words []string
	if route.Type != unix.RTN_UNICAST || v.details {
		words = append(words, routeType(route.Type))
	}
	words = append(words, destination(route.Dst))
	if v.from != "" {
		words = append(words, keyFrom, v.from)
	}
	if route.Tos != 0 {
		words = append(words, fmt.Sprintf("tos %#x", route.Tos))
	}
	if !v.hides(keyVia) {
		words = append(words, hop(route.Gw, route.Via)...)
	}
	if !v.hides(keyDev) && route.LinkIndex != 0 {
		words = append(words, "dev", v.links.of(route.LinkIndex))
	}
	for _, word := range v.origin(route) {
		words = append(words, word[0], word[1])
	}
	if route.Src != nil {
		words = append(words, "src", route.Src.String())
	}
	if route.Priority != 0 || route.Family == unix.AF_INET6 {
		words = append(words, "metric", strconv.Itoa(route.Priority))
	}
	flags, _ := namesOf(uint32(route.Flags), hopFlags())
	words = append(words, flags...)
	for _, m := range metrics(route) {
		words = append(words, m.name, strconv.Itoa(m.value))
	}
	if v.mark != 0 {
		words = append(words, keyMark, markText(v.mark))
	}
	if route.Expires != 0 {
		words = append(words, fmt.Sprintf("expires %dsec", route.Expires))
	}
	lines := strings.Join(words, " ") + " \n"
	for _, h := range route.MultiPath {
		words := append([]string{"\tnexthop"}, hop(h.Gw, h.Via)...)
		flags, _ := namesOf(uint32(h.Flags), hopFlags())
		words = append(append(words, "dev", v.links.of(h.LinkIndex), "weight", strconv.Itoa(h.Hops+1)), flags...)
		lines += strings.Join(words, " ") + " \n"
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
func (v routeView) origin(route netlink.Route) (words [][2]string) {
	named := route.Table != unix.RT_TABLE_UNSPEC && (route.Table != unix.RT_TABLE_MAIN || v.details && v.everything)
	if named && !v.hides(keyTable) {
		words = append(words, [2]string{"table", tableName(route.Table)})
	}
	if route.Flags&unix.RTM_F_CLONED != 0 { // an answer of "route get" that is no entry of a table
		return words
	}
	if !v.hides(keyProto) && (route.Protocol != unix.RTPROT_BOOT || v.details) {
		words = append(words, [2]string{"proto", protocolName(int(route.Protocol))})
	}
	if !v.hides(keyScope) && (route.Scope != netlink.SCOPE_UNIVERSE || v.details) {
		words = append(words, [2]string{"scope", scopeName(int(route.Scope))})
	}
	return words
}

// markText words a mark as iproute2 does: small ones are decimal.
func markText(mark int) string {
	if mark < 16 {
		return strconv.Itoa(mark)
	}
	return fmt.Sprintf("%#x", mark)
}

// A metric is what a route says to the protocols above.
type metric struct {
	name  string
	value int
}

// metrics are those that a route has.
func metrics(route netlink.Route) (all []metric) {
	for _, m := range []metric{{"mtu", route.MTU}, {"advmss", route.AdvMSS}, {"hoplimit", route.Hoplimit}} {
		if m.value != 0 {
			all = append(all, m)
		}
	}
	return all
}

// getRoute prints the route that a packet to an address would take from here.
func getRoute(r *request) error {
	to, err := r.address(keyTo)
	if err != nil {
		return err
	}
	from, err := r.address(keyFrom)
	if err != nil {
		return err
	}
	mark, err := r.number(keyMark, 0, math.MaxUint32)
	if err != nil {
		return err
	}
	for _, key := range []string{keyIif, keyOif} {
		if _, err := r.device(key); err != nil {
			return err
		}
	}
	options := &netlink.RouteGetOptions{Iif: r.given[keyIif], Oif: r.given[keyOif], SrcAddr: from.AsSlice(), Mark: uint32(mark)}
	routes, err := netlink.RouteGetWithOptions(to.AsSlice(), options)
	if err != nil {
		return noRoute(to, err)
	}
	names, err := readLinkNames()
	if err != nil {
		return err
	}
	view := r.wholeView(names)
	view.from, view.mark = r.given[keyFrom], mark
	for _, route := range routes {
		r.showRoute(view, route)
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
			return refused{fmt.Errorf("%v: %s (%w)", to, known.meaning, err)}
		}
	}
	return refused{fmt.Errorf("%v: %w", to, err)}
}
