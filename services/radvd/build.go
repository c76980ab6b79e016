package radvd

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
)

// withdrawn is one thing that hosts were told and that is no more: one of its fields.
type withdrawn struct {
	route, nat64 netip.Prefix
	server       netip.Addr
	domain       string
	until        time.Duration // when nobody holds it any more
}

// maxWithdrawn is how many of them are remembered. Nothing of it is kept when the service ends: their
// lifetimes are short, and hosts that hold more than there is find out.
const maxWithdrawn = 32

// current returns what is to be said.
func (r *Router) current(now time.Duration) *Set {
	if r.set == nil || now >= r.set.until {
		r.set = r.make(now)
	}
	return r.set
}

// make makes what is to be said.
func (r *Router) make(now time.Duration) *Set {
	s := &Set{until: Never, noted: -1}
	a := r.head()
	a.MTU, a.CaptivePortal = r.conf.MTU, r.conf.CaptivePortal
	told := r.conf.told()
	for i := range r.conf.Prefixes {
		p := &r.conf.Prefixes[i]
		preferred, valid := p.lifetimes(now)
		s.until = min(s.until, change(p.Preferred, p.PreferredUntil, now), change(p.Valid, p.ValidUntil, now))
		if valid > 0 {
			a.Prefixes = append(a.Prefixes, advert.Prefix{
				Prefix: p.Prefix, OnLink: p.OnLink, Autonomous: p.Autonomous, Valid: valid,
				Preferred: preferred,
			})
		}
	}
	for _, t := range r.conf.Routes {
		a.Routes = append(a.Routes, advert.Route(t))
	}
	if len(r.conf.Resolvers) > 0 {
		a.Resolvers = []advert.Resolvers{{Servers: r.conf.Resolvers, Lifetime: told}}
	}
	if len(r.conf.Search) > 0 {
		a.Search = []advert.Search{{Domains: r.conf.Search, Lifetime: told}}
	}
	if r.conf.NAT64.IsValid() {
		a.NAT64 = []advert.NAT64{{Prefix: r.conf.NAT64, Lifetime: told}}
	}
	s.Adverts = r.further(now, s, a)
	return s
}

// head is what is in each advertisement.
func (r *Router) head() advert.Advertisement {
	a := advert.Advertisement{
		HopLimit: r.conf.HopLimit, Managed: r.conf.Managed, Other: r.conf.Other, Lifetime: r.conf.Lifetime,
		Source: r.mac,
	}
	if r.final {
		a.Lifetime = 0
	}
	if a.Lifetime > 0 { // "the preference value MUST be set to (00)" otherwise: RFC 4191 2.2
		a.Preference = r.conf.Preference
	}
	return a
}

// change is when a lifetime that is counted down becomes another.
func change(lifetime, until, now time.Duration) time.Duration {
	switch {
	case until == Never || until <= now:
		return Never
	case until-now > lifetime:
		return until - lifetime
	}
	return now + (until-now)%time.Second + 1 // whole seconds are said
}

// further adds what is gone, in further advertisements if it has no room in the first. There it is best: some
// hosts keep of a router what they have heard of it last, and nothing else (dhcpcd).
func (r *Router) further(now time.Duration, s *Set, a advert.Advertisement) []advert.Advertisement {
	all, room := []advert.Advertisement{a}, roomOf-r.conf.size()
	if gone := r.still(now, s); len(r.withdrawn) > 0 {
		if gone.size() > room {
			all = append(all, r.head())
			room = roomOf
		}
		room -= gone.size()
		gone.endIn(&all[len(all)-1])
	}
	if r.await > now {
		s.until = min(s.until, r.await)
		return all
	}
	for _, p := range r.gone(now)[:min(maxOld, len(r.gone(now)))] {
		h := r.held[p]
		s.until = min(s.until, h.until)
		if room < prefixSize {
			all = append(all, r.head())
			room = roomOf - (&Link{}).size()
		}
		room -= prefixSize
		last := &all[len(all)-1]
		last.Prefixes = append(last.Prefixes,
			advert.Prefix{Prefix: p, OnLink: h.onLink, Autonomous: h.autonomous})
	}
	return all
}

// still returns what was withdrawn. What is said again meanwhile is no more withdrawn, and what has no room
// is the oldest.
func (r *Router) still(now time.Duration, s *Set) (gone Link) {
	r.withdrawn = slices.DeleteFunc(r.withdrawn, func(w withdrawn) bool {
		return w.until <= now || r.conf.says(w)
	})
	for _, w := range r.withdrawn {
		s.until = min(s.until, w.until)
		gone.add(w)
	}
	for gone.size() > roomOf {
		r.withdrawn = r.withdrawn[1:]
		gone = Link{}
		for _, w := range r.withdrawn {
			gone.add(w)
		}
	}
	return gone
}

// endIn says in an advertisement that what l has is no more.
func (l *Link) endIn(a *advert.Advertisement) {
	for _, t := range l.Routes {
		a.Routes = append(a.Routes, advert.Route{Prefix: t.Prefix})
	}
	if len(l.Resolvers) > 0 {
		a.Resolvers = append(a.Resolvers, advert.Resolvers{Servers: l.Resolvers})
	}
	if len(l.Search) > 0 {
		a.Search = append(a.Search, advert.Search{Domains: l.Search})
	}
	if l.NAT64.IsValid() {
		a.NAT64 = append(a.NAT64, advert.NAT64{Prefix: l.NAT64})
	}
}

// says reports whether l has what was withdrawn.
func (l *Link) says(w withdrawn) bool {
	return w.nat64.IsValid() && w.nat64 == l.NAT64 || slices.Contains(l.Resolvers, w.server) ||
		slices.Contains(l.Search, w.domain) ||
		slices.ContainsFunc(l.Routes, func(t Route) bool { return t.Prefix == w.route && t.Lifetime > 0 })
}

// add adds what was withdrawn to the lists of l. Of NAT64 there is the last.
func (l *Link) add(w withdrawn) {
	switch {
	case w.route.IsValid():
		l.Routes = append(l.Routes, Route{Prefix: w.route})
	case w.nat64.IsValid():
		l.NAT64 = w.nat64
	case w.server.IsValid():
		l.Resolvers = append(l.Resolvers, w.server)
	default:
		l.Search = append(l.Search, w.domain)
	}
}

// withdraw notes what of a configuration before this one hosts may hold and are to let go.
func (r *Router) withdraw(now time.Duration, before *Link) {
	end := now + before.told()
	note := func(w withdrawn) {
		r.withdrawn = slices.DeleteFunc(r.withdrawn, func(o withdrawn) bool {
			o.until = w.until
			return o == w
		})
		if !r.conf.says(w) {
			r.withdrawn = append(r.withdrawn, w)
		}
	}
	for _, t := range before.Routes {
		if t.Lifetime > 0 {
			note(withdrawn{route: t.Prefix, until: now + min(t.Lifetime, MaxValid)})
		}
	}
	for _, a := range before.Resolvers {
		note(withdrawn{server: a, until: end})
	}
	for _, d := range before.Search {
		note(withdrawn{domain: d, until: end})
	}
	if before.NAT64.IsValid() {
		note(withdrawn{nat64: before.NAT64, until: end})
	}
	r.withdrawn = r.withdrawn[max(0, len(r.withdrawn)-maxWithdrawn):]
}
