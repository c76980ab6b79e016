package sshadmin

import (
	"net/netip"
	"slices"
	"sync"
)

// maxFamiliar bounds the addresses that are remembered of logins.
const maxFamiliar = 8

// gate bounds the connections that have not logged in. It never refuses: a
// connection that arrives at a bound takes the place of an older one. Who opens
// many connections only shortens the life of their own, because the one that
// goes is the oldest of the source that holds most. Connections from an address that
// somebody has logged in from go after all others.
type gate struct {
	mu             sync.Mutex
	max, perSource int
	pending        []*ticket    // oldest first
	familiar       []netip.Addr // the last first
}

// ticket is the place of one connection in a gate.
type ticket struct {
	source   netip.Prefix
	familiar bool
	evict    func()
}

// enter admits a connection from addr. evict is called, from another
// goroutine's enter and at most once, when the place is given to another.
func (g *gate) enter(addr netip.Addr, evict func()) *ticket {
	g.mu.Lock()
	t := &ticket{source: sourceOf(addr), familiar: slices.Contains(g.familiar, addr), evict: evict}
	victim := g.admit(t)
	g.mu.Unlock()
	if victim != nil {
		victim.evict()
	}
	return t
}

// welcome remembers an address that somebody has logged in from.
func (g *gate) welcome(addr netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	others := slices.DeleteFunc(g.familiar, func(a netip.Addr) bool { return a == addr })
	g.familiar = slices.Insert(others[:min(len(others), maxFamiliar-1)], 0, addr)
}

// leave gives the place back; again, or after an eviction, it does nothing.
func (g *gate) leave(t *ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pending = slices.DeleteFunc(g.pending, func(p *ticket) bool { return p == t })
}

// bound sets how many connections there may be, in all and of one source. Of those that
// are too many the oldest go.
func (g *gate) bound(max, perSource int) {
	var victims []*ticket
	g.mu.Lock()
	g.max, g.perSource = max, perSource
	inside := g.pending
	g.pending = nil
	for _, t := range inside {
		if victim := g.admit(t); victim != nil {
			victims = append(victims, victim)
		}
	}
	g.mu.Unlock()
	for _, t := range victims {
		t.evict()
	}
}

// evictAll takes back every place.
func (g *gate) evictAll() {
	g.mu.Lock()
	all := g.pending
	g.pending = nil
	g.mu.Unlock()
	for _, t := range all {
		t.evict()
	}
}

// admit adds t and returns the ticket that had to go, if any. One is enough:
// before t both bounds held. The caller holds the lock.
func (g *gate) admit(t *ticket) *ticket {
	count := map[netip.Prefix]int{}
	for _, p := range g.pending {
		count[p.source]++
	}
	var victim *ticket
	if crowded := count[t.source] >= g.perSource; crowded || len(g.pending) >= g.max {
		for _, p := range g.pending {
			if crowded && p.source != t.source {
				continue
			}
			if victim == nil || goesBefore(p, victim, t, count) {
				victim = p
			}
		}
		g.pending = slices.DeleteFunc(g.pending, func(p *ticket) bool { return p == victim })
	}
	g.pending = append(g.pending, t)
	return victim
}

// goesBefore reports whether p, and not the older q, goes for the newcomer t: strangers first, of these the
// source that holds most. A tie hits the newcomer's source, then the oldest.
func goesBefore(p, q, t *ticket, count map[netip.Prefix]int) bool {
	switch {
	case p.familiar != q.familiar:
		return q.familiar
	case count[p.source] != count[q.source]:
		return count[p.source] > count[q.source]
	}
	return p.source == t.source && q.source != t.source
}

// sourceOf returns what counts as one source: an IPv4 address, or the /64 of an
// IPv6 address, in which a host takes addresses as it likes (RFC 8981).
func sourceOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits) // fails only for the invalid address: the zero prefix
	return p
}
