package ip

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// addRoute adds a route that is not there yet.
func addRoute(r *request) error { return r.changeRoute(netlink.RouteAdd) }

// replaceRoute adds a route, or changes the one with its prefix and metric.
func replaceRoute(r *request) error { return r.changeRoute(netlink.RouteReplace) }

// appendRoute adds a route behind one with its prefix and metric.
func appendRoute(r *request) error { return r.changeRoute(netlink.RouteAppend) }

// alterRoute changes the route with its prefix and metric.
func alterRoute(r *request) error { return r.changeRoute(netlink.RouteChange) }

// flushRoutes deletes the routes that are asked for: without a word it would be all of them. "cache" is what
// the kernel has learned of paths, as their MTU.
func flushRoutes(r *request) error {
	if r.given[keyTo] == "cache" {
		return explain("the cache", os.WriteFile("/proc/sys/net/ipv4/route/flush", []byte("-1"), 0))
	}
	if len(r.given) == 0 {
		return usageError{errors.New("expected which ones: for all, table main")}
	}
	_, routes, err := r.routes()
	if err != nil {
		return err
	}
	for _, route := range routes {
		if err := route.delete(); err != nil && !errors.Is(err, unix.ESRCH) { // gone with another
			return explain(destination(route.dst), err)
		}
	}
	return nil
}

// delRoute deletes the first route that has everything that is given.
func delRoute(r *request) error {
	return r.changeRoute(func(route *netlink.Route) error {
		if !r.has(keyScope) {
			route.Scope = netlink.SCOPE_NOWHERE // matches every scope
		}
		return netlink.RouteDel(route)
	})
}

// changeRoute hands the route of r to change.
func (r *request) changeRoute(change func(*netlink.Route) error) error {
	route, err := r.route()
	if err != nil {
		return err
	}
	device, err := r.device(keyDev)
	if err != nil {
		return err
	}
	if device != nil {
		route.LinkIndex = device.Attrs().Index
	}
	return explain(r.given[keyTo], change(route))
}

// route reads a route but for its link.
func (r *request) route() (*netlink.Route, error) {
	to, err := r.prefix()
	if err != nil {
		return nil, err
	}
	route := &netlink.Route{Dst: wholeNet(to), Family: family(to.Addr())}
	if route.Type, err = r.fate(); err != nil {
		return nil, err
	}
	via, err := r.sameFamily(keyVia, to)
	if err != nil {
		return nil, err
	}
	src, err := r.sameFamily(keySrc, to)
	if err != nil {
		return nil, err
	}
	route.Gw, route.Src = via.AsSlice(), src.AsSlice()
	if route.Priority, err = r.number(keyMetric, 1, math.MaxInt32); err != nil {
		return nil, err
	}
	if route.Table, err = r.table(); err != nil {
		return nil, err
	}
	if !via.IsValid() && to.Addr().Is4() && r.has(keyDev) {
		route.Scope = netlink.SCOPE_LINK // the destination itself is on the link
	}
	return route, r.routeOptions(route)
}

// routeOptions reads what else a route has.
func (r *request) routeOptions(route *netlink.Route) error {
	if r.has(keyScope) {
		scope, err := r.scope()
		if err != nil {
			return err
		}
		route.Scope = netlink.Scope(scope)
	}
	protocol, err := r.protocol()
	if err != nil {
		return err
	}
	route.Protocol = netlink.RouteProtocol(protocol)
	if r.has(keyOnlink) {
		route.Flags |= unix.RTNH_F_ONLINK
	}
	route.MTU, err = r.number(keyMTU, 1, math.MaxInt32)
	return err
}

// fate reads what becomes of the packets, 0 for the usual. Only a route for which
// they go nowhere has neither gateway nor link.
func (r *request) fate() (int, error) {
	kind, err := r.onlyFate()
	if err != nil {
		return 0, err
	}
	led := r.has(keyVia) || r.has(keyDev)
	switch {
	case kind != 0 && led:
		return 0, expected(routeType(kind), "no via and no dev with it")
	case kind == 0 && !led && r.verb.names[0] != "del":
		return 0, expected(r.given[keyTo], "via ADDRESS or dev LINK after it")
	}
	return kind, nil
}

// onlyFate reads that packets go nowhere, 0 if they go somewhere.
func (r *request) onlyFate() (kind int, err error) {
	for _, t := range []int{unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT} {
		if !r.has(routeType(t)) {
			continue
		}
		if kind != 0 {
			return 0, expected(routeType(t), "only one of blackhole, unreachable and prohibit")
		}
		kind = t
	}
	return kind, nil
}

// sameFamily reads the address given by key, which must be of the family of to.
func (r *request) sameFamily(key string, to netip.Prefix) (netip.Addr, error) {
	addr, err := r.address(key)
	if err == nil && addr.IsValid() && addr.Is4() != to.Addr().Is4() {
		return addr, expected(fmt.Sprintf("%s %v", key, addr), "an address of the same family as the prefix")
	}
	return addr, err
}
