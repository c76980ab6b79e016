package check

import (
	"net/netip"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// clientNetwork is the network whose clients are read.
type clientNetwork struct {
	kind string       // "lan" or "network", for people
	ipv4 netip.Prefix // with the appliance's own address, if it has one there; zero when it is not valid
	at   source.Span  // of ipv4
	ipv6 bool         // there is IPv6 on the same link
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
	model.AddrRange
	at source.Span
}

// pools reads the addresses for clients of a network.
func (l *loader) pools(raw toml.Clients, n clientNetwork, router netip.Addr) []model.AddrRange {
	var all []model.AddrRange
	var placed []placedRange
	for _, v := range raw.Pool.Items {
		pool, ok := l.pool(v)
		if !ok {
			continue
		}
		if n.ipv4.IsValid() && !l.checkPool(placedRange{pool, v.At}, n, router, raw.Router.At) {
			continue
		}
		for _, other := range placed {
			if !pool.Common(other.AddrRange).IsZero() {
				l.Against(v.At, other.at, "pool %s overlaps pool %s", pool, other.AddrRange)
			}
		}
		placed = append(placed, placedRange{pool, v.At})
		all = append(all, pool)
	}
	if raw.Pool.OK() && len(raw.Pool.Items) == 0 {
		l.At(raw.Pool.At, "pool is empty; expected a range of addresses, or no such line")
	}
	return all
}

// pool reads one range of a pool.
func (l *loader) pool(v toml.Str) (pool model.AddrRange, ok bool) {
	if pool, ok = readRange(v.Text); !ok {
		example := "192.168.32.100-192.168.32.199"
		plain := strings.NewReplacer("–", "-", "—", "-", "‐", "-", "−", "-", "..", "-", " to ", "-", " ",
			"-").Replace(v.Text)
		if _, meant := readRange(plain); meant {
			example = plain
		}
		l.At(v.At, `pool %q is no range of addresses; expected the first and the last, as in %q`, v.Text,
			example)
		return pool, false
	}
	if pool.Last.Less(pool.First) {
		l.At(v.At, "pool %s runs backwards; expected the lower address first", pool)
		return pool, false
	}
	return pool, true
}

// readRange reads the form of AddrRange.String; the order of its ends is not checked.
func readRange(s string) (r model.AddrRange, ok bool) {
	first, last, _ := strings.Cut(s, "-")
	from, err1 := netip.ParseAddr(strings.TrimSpace(first))
	to, err2 := netip.ParseAddr(strings.TrimSpace(last))
	return model.AddrRange{First: from, Last: to}, err1 == nil && err2 == nil && from.Is4() && to.Is4()
}

// checkPool reports whether a pool is on its network; other things that are wrong with
// it are only reported.
func (l *loader) checkPool(pool placedRange, n clientNetwork, router netip.Addr, routerAt source.Span) bool {
	network := n.ipv4.Masked()
	if !network.Contains(pool.First) || !network.Contains(pool.Last) {
		l.Against(pool.at, n.at, "pool %s lies outside %s %s", pool.AddrRange, n.kind, network)
		return false
	}
	switch {
	case pool.Contains(network.Addr()):
		l.Against(pool.at, n.at, "pool %s contains %s, the address of the network itself", pool.AddrRange,
			network.Addr())
	case pool.Contains(model.Broadcast(network)):
		l.Against(pool.at, n.at, "pool %s contains %s, the broadcast address of the network", pool.AddrRange,
			model.Broadcast(network))
	}
	switch {
	case n.own().IsValid() && pool.Contains(n.own()):
		l.Against(pool.at, n.at, "pool %s contains %s, the appliance's own address", pool.AddrRange, n.own())
	case router.IsValid() && pool.Contains(router):
		l.Against(pool.at, routerAt, "pool %s contains %s, the router", pool.AddrRange, router)
	}
	return true
}

// excludes reads the addresses of the pools that nobody gets.
func (l *loader) excludes(raw toml.Clients, c model.Clients) []model.AddrRange {
	if !raw.Exclude.OK() {
		return nil
	}
	if !raw.Pool.OK() {
		if l.parsed {
			l.At(raw.Exclude.At, "exclude without a pool; expected the key pool too, or no such line")
		}
		return nil
	}
	var all []model.AddrRange
	for _, v := range raw.Exclude.Items {
		if r, ok := l.exclude(v); ok {
			all = append(all, r)
			l.checkExclude(v, r, raw, c.Pool)
		}
	}
	c.Exclude = all
	if len(c.Pool) > 0 && c.PoolSize() == 0 {
		l.Against(raw.Exclude.At, raw.Pool.At,
			"exclude leaves no address of the pool; expected fewer, or neither of the two")
	}
	return all
}

func (l *loader) exclude(v toml.Str) (model.AddrRange, bool) {
	if a, err := netip.ParseAddr(v.Text); err == nil && a.Is4() {
		return model.AddrRange{First: a, Last: a}, true
	}
	r, ok := readRange(v.Text)
	switch {
	case !ok:
		l.At(v.At, `exclude %q is no address; expected one, or the first and the last of several, as in "192.168.32.160-192.168.32.169"`, v.Text)
	case r.Last.Less(r.First):
		l.At(v.At, "exclude %s runs backwards; expected the lower address first", r)
		ok = false
	}
	return r, ok
}

// checkExclude wants addresses of a pool. Pools that are not valid are left out, so
// that nothing is said while one is missing.
func (l *loader) checkExclude(v toml.Str, r model.AddrRange, raw toml.Clients, pools []model.AddrRange) {
	for _, p := range pools {
		if !p.Common(r).IsZero() {
			return
		}
	}
	if len(pools) == len(raw.Pool.Items) {
		l.Against(v.At, raw.Pool.At, "exclude %s is in no pool; expected addresses of a pool, for nobody gets others anyway", v.Text)
	}
}
