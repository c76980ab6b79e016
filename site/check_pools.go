package site

import (
	"net/netip"
	"strings"
)

// clientNetwork is the network whose clients are read.
type clientNetwork struct {
	kind string       // "lan" or "network", for people
	ipv4 netip.Prefix // with the appliance's own address, if it has one there; zero when it is not valid
	at   span         // of ipv4
	ipv6 netip.Prefix // of the same link; zero when there is none
}

// own returns the appliance's address there, the zero Addr if it has none.
func (n clientNetwork) own() netip.Addr {
	if n.kind != "lan" {
		return netip.Addr{}
	}
	return n.ipv4.Addr()
}

// placedRange is a range with its place.
type placedRange struct {
	AddrRange
	at span
}

// pools reads the addresses for clients of a network.
func (l *loader) pools(raw rawClients, n clientNetwork, router netip.Addr) []AddrRange {
	var all []AddrRange
	var placed []placedRange
	for _, v := range raw.Pool.items {
		pool, ok := l.pool(v)
		if !ok {
			continue
		}
		if n.ipv4.IsValid() && !l.checkPool(placedRange{pool, v.at}, n, router, raw.Router.at) {
			continue
		}
		for _, other := range placed {
			if !pool.common(other.AddrRange).IsZero() {
				l.against(v.at, other.at, "pool %s overlaps pool %s", pool, other.AddrRange)
			}
		}
		placed = append(placed, placedRange{pool, v.at})
		all = append(all, pool)
	}
	if raw.Pool.ok() && len(raw.Pool.items) == 0 {
		l.at(raw.Pool.at, "pool is empty; expected a range of addresses, or no such line")
	}
	return all
}

// pool reads one range of a pool.
func (l *loader) pool(v str) (pool AddrRange, ok bool) {
	if pool, ok = readRange(v.s); !ok {
		l.at(v.at, `pool %q is no range of addresses; expected the first and the last, as in "192.168.32.100-192.168.32.199"`, v.s)
		return pool, false
	}
	if pool.Last.Less(pool.First) {
		l.at(v.at, "pool %s runs backwards; expected the lower address first", pool)
		return pool, false
	}
	return pool, true
}

// readRange reads the form of AddrRange.String; the order of its ends is not checked.
func readRange(s string) (r AddrRange, ok bool) {
	first, last, _ := strings.Cut(s, "-")
	from, err1 := netip.ParseAddr(strings.TrimSpace(first))
	to, err2 := netip.ParseAddr(strings.TrimSpace(last))
	return AddrRange{from, to}, err1 == nil && err2 == nil && from.Is4() && to.Is4()
}

// checkPool reports whether a pool is on its network; other things that are wrong with
// it are only reported.
func (l *loader) checkPool(pool placedRange, n clientNetwork, router netip.Addr, routerAt span) bool {
	network := n.ipv4.Masked()
	if !network.Contains(pool.First) || !network.Contains(pool.Last) {
		l.against(pool.at, n.at, "pool %s lies outside %s %s", pool.AddrRange, n.kind, network)
		return false
	}
	switch {
	case pool.Contains(network.Addr()):
		l.against(pool.at, n.at, "pool %s contains %s, the address of the network itself", pool.AddrRange, network.Addr())
	case pool.Contains(broadcast(network)):
		l.against(pool.at, n.at, "pool %s contains %s, the broadcast address of the network", pool.AddrRange, broadcast(network))
	}
	switch {
	case n.own().IsValid() && pool.Contains(n.own()):
		l.against(pool.at, n.at, "pool %s contains %s, the appliance's own address", pool.AddrRange, n.own())
	case router.IsValid() && pool.Contains(router):
		l.against(pool.at, routerAt, "pool %s contains %s, the router", pool.AddrRange, router)
	}
	return true
}

// excludes reads the addresses of the pools that nobody gets.
func (l *loader) excludes(raw rawClients, c Clients) []AddrRange {
	if !raw.Exclude.ok() {
		return nil
	}
	if !raw.Pool.ok() {
		if l.parsed {
			l.at(raw.Exclude.at, "exclude without a pool; expected the key pool too, or no such line")
		}
		return nil
	}
	var all []AddrRange
	for _, v := range raw.Exclude.items {
		if r, ok := l.exclude(v); ok {
			all = append(all, r)
			l.checkExclude(v, r, raw, c.Pool)
		}
	}
	c.Exclude = all
	if len(c.Pool) > 0 && c.PoolSize() == 0 {
		l.against(raw.Exclude.at, raw.Pool.at, "exclude leaves no address of the pool; expected fewer, or neither of the two")
	}
	return all
}

func (l *loader) exclude(v str) (AddrRange, bool) {
	if a, err := netip.ParseAddr(v.s); err == nil && a.Is4() {
		return AddrRange{a, a}, true
	}
	r, ok := readRange(v.s)
	switch {
	case !ok:
		l.at(v.at, `exclude %q is no address; expected one, or the first and the last of several, as in "192.168.32.160-192.168.32.169"`, v.s)
	case r.Last.Less(r.First):
		l.at(v.at, "exclude %s runs backwards; expected the lower address first", r)
		ok = false
	}
	return r, ok
}

// checkExclude wants addresses of a pool. Pools that are not valid are left out, so
// that nothing is said while one is missing.
func (l *loader) checkExclude(v str, r AddrRange, raw rawClients, pools []AddrRange) {
	for _, p := range pools {
		if !p.common(r).IsZero() {
			return
		}
	}
	if len(pools) == len(raw.Pool.items) {
		l.against(v.at, raw.Pool.at, "exclude %s is in no pool; expected addresses of a pool, for nobody gets others anyway", v.s)
	}
}
