package discover6

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// Hear takes a Router Advertisement, and who sent it. It keeps nothing of it.
func (h *Host) Hear(now time.Duration, from netip.Addr, a *advert.Advertisement) []Action {
	h.begin(now)
	from = from.WithZone("")
	if !from.Is6() || !from.IsLinkLocalUnicast() {
		h.ignored++
		return h.end("")
	}
	h.heard++
	h.managed, h.other = a.Managed, a.Other
	h.hearRouter(from, a)
	for _, p := range a.Prefixes {
		h.hearPrefix(p)
	}
	for _, r := range a.Resolvers {
		for _, addr := range r.Servers {
			h.resolvers = renew(h.resolvers, addr, h.moment(r.Lifetime), maxResolvers)
		}
	}
	for _, s := range a.Search {
		for _, name := range s.Domains {
			h.domains = renew(h.domains, name, h.moment(s.Lifetime), maxDomains)
		}
	}
	h.expire()
	return h.end("heard from " + from.String())
}

// hearRouter takes what the sender says of itself.
func (h *Host) hearRouter(from netip.Addr, a *advert.Advertisement) {
	i := slices.IndexFunc(h.routers, func(r router) bool { return r.addr == from })
	if a.Lifetime <= 0 {
		if i >= 0 {
			h.routers = slices.Delete(h.routers, i, i+1)
		}
		return
	}
	r := router{
		addr: from, preference: a.Preference, until: h.now + a.Lifetime, ahead: min(ahead, a.Lifetime/8),
		mtu: a.MTU, managed: a.Managed, other: a.Other, watch: watch{at: h.now},
	}
	switch {
	case i >= 0:
		if r.mtu == 0 { // "unspecified … retains": RFC 4861 6.3.4
			r.mtu = h.routers[i].mtu
		}
		r.watch = h.routers[i].heard(h.now)
		h.routers[i] = r
	case len(h.routers) < maxRouters:
		h.routers = append(h.routers, r)
	default: // a better one takes the place of the worst, and none that of the one in use
		worst := -1
		for i, have := range h.routers {
			if have.addr != h.inUse && (worst < 0 || have.preference < h.routers[worst].preference) {
				worst = i
			}
		}
		if r.preference <= h.routers[worst].preference {
			return
		}
		h.routers[worst] = r
	}
	h.solicitAt = wan.Never // RFC 7559 2.1: until an answer with a lifetime above 0 comes
}

// moment is when a lifetime ends.
func (h *Host) moment(life time.Duration) time.Duration {
	if life >= advert.Infinite {
		return wan.Never
	}
	return h.now + max(life, 0)
}

// renew has one of all end at another time; a new one that does not end at once is added, in
// the place of that which ends first when there is no room: RFC 8106 6.2.
func renew[T comparable](all []timed[T], what T, until time.Duration, most int) []timed[T] {
	if i := slices.IndexFunc(all, func(one timed[T]) bool { return one.what == what }); i >= 0 {
		all[i].until = until
		return all
	}
	if len(all) == most {
		soonest := 0
		for i, one := range all {
			if one.until < all[soonest].until {
				soonest = i
			}
		}
		if all[soonest].until >= until {
			return all
		}
		all = slices.Delete(all, soonest, soonest+1)
	}
	return append(all, timed[T]{what, until})
}
