package ip

import (
	"math"
	"net/netip"

	"golang.org/x/sys/unix"
)

// routes are those that r asks for, with their table.
func (r *request) routes() (table int, chosen []ipRoute, err error) {
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
			if leads(route.dst) && wanted(route) {
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
func (r *request) routeFilter() (func(ipRoute) bool, error) {
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
	return func(route ipRoute) bool {
		return (device == nil || route.link == device.Attrs().Index) &&
			(!r.has(keyScope) || route.scope == scope) &&
			(!r.has(keyMetric) || route.metric == metric) &&
			(!via.IsValid() || route.gateway == via) &&
			(!src.IsValid() || route.from == src) &&
			(!r.has(keyProto) || route.protocol == protocol)
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
