package ip

import (
	"errors"
	"fmt"
	"math"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// routes are those that r asks for, with their table.
func (r *request) routes() (table int, chosen []netlink.Route, err error) {
	if table, err = r.table(); err != nil {
		return 0, nil, err
	}
	only, leads, err := r.destinations()
	if err != nil {
		return 0, nil, err
	}
	wanted, err := r.routeFilter()
	if err != nil {
		return 0, nil, err
	}
	for _, family := range r.routeFamilies(table, only) {
		all, err := readRoutes(family, table)
		if err != nil {
			return 0, nil, err
		}
		for _, route := range all {
			if leads(prefixOf(route.Dst)) && wanted(route) {
				chosen = append(chosen, route)
			}
		}
	}
	return table, chosen, nil
}

// destinations are those that r asks for: one, those within a network (root), or those that hold one (match).
// only is what they are told by.
func (r *request) destinations() (only netip.Prefix, leads func(netip.Prefix) bool, err error) {
	leads = func(netip.Prefix) bool { return true }
	for _, by := range []struct {
		key   string
		leads func(netip.Prefix) bool
	}{
		{keyTo, func(p netip.Prefix) bool { return p == only }},
		{keyExact, func(p netip.Prefix) bool { return p == only }},
		{keyRoot, func(p netip.Prefix) bool { return p.Bits() >= only.Bits() && only.Contains(p.Addr()) }},
		{keyMatch, func(p netip.Prefix) bool { return p.Bits() <= only.Bits() && p.Contains(only.Addr()) }},
	} {
		switch {
		case !r.has(by.key):
			continue
		case only.IsValid():
			return only, leads, expected(by.key, "one destination")
		}
		if only, err = r.prefixGiven(by.key); err != nil {
			return only, leads, err
		}
		leads = by.leads
	}
	return only, leads, nil
}

// routeFilter is what else of routes r asks for.
func (r *request) routeFilter() (func(netlink.Route) bool, error) {
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
	protocol, err := r.protocol()
	if err != nil {
		return nil, err
	}
	metric, err := r.number(keyMetric, 0, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	src, err := r.address(keySrc)
	if err != nil {
		return nil, err
	}
	via, err := r.address(keyVia)
	return func(route netlink.Route) bool {
		return (device == nil || route.LinkIndex == device.Attrs().Index) &&
			(!r.has(keyScope) || int(route.Scope) == scope) &&
			(!r.has(keyMetric) || route.Priority == metric) &&
			(!via.IsValid() || addrOf(route.Gw).Unmap() == via) &&
			(!src.IsValid() || addrOf(route.Src).Unmap() == src) &&
			(!r.has(keyProto) || int(route.Protocol) == protocol)
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

// readRoutes asks the kernel for the routes of a table. By strict checks, which it has from 4.20 on, it
// refuses a table that is not there.
func readRoutes(family, table int) ([]netlink.Route, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if table != unix.RT_TABLE_UNSPEC {
		if err := h.SetStrictCheck(true); err != nil {
			return nil, err
		}
	}
	routes, err := whole(func() ([]netlink.Route, error) {
		return h.RouteListFiltered(family, &netlink.Route{Table: table}, netlink.RT_FILTER_TABLE)
	})
	if errors.Is(err, unix.ENOENT) {
		return nil, refused{fmt.Errorf("table %s: there is none", tableName(table))}
	}
	if err != nil {
		return nil, fmt.Errorf("list of routes: %w", err)
	}
	return routes, nil
}
