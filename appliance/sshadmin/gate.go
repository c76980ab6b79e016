package sshadmin

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// maxFamiliar bounds the addresses that are remembered of logins.
const maxFamiliar = 8

// gate bounds the connections that have not logged in. It never refuses: a
// connection that arrives at a bound takes the place of an older one. Who opens
// many connections only shortens the life of their own, because the one that
// goes is the oldest of the host that holds most, in the network that holds most. Connections
// from an address that somebody has logged in from go after all others.
type gate struct {
	mu             sync.Mutex
	max, perSource int
	pending        []*ticket    // oldest first
	familiar       []netip.Addr // the last first
}

// ticket is the place of one connection in a gate.
type ticket struct {
	source
	familiar bool
	evict    func()
}

// enter admits a connection from addr, of a card of the link if that is known. evict is called,
// from another goroutine's enter and at most once, when the place is given to another.
func (g *gate) enter(addr netip.Addr, card ethernet.MAC, evict func()) *ticket {
	g.mu.Lock()
	t := &ticket{source: sourceOf(addr, card), familiar: slices.Contains(g.familiar, addr), evict: evict}
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
	networks, hosts := map[network]int{}, map[source]int{}
	for _, p := range g.pending {
		networks[p.network]++
		hosts[p.source]++
	}
	// order is less for who goes before another: strangers first, of the network that holds most, there of
	// the host that does. Of equals it is the newcomer's own network, his own host, and then the oldest.
	order := func(p, q *ticket) int {
		return cmp.Or(first(!p.familiar, !q.familiar), cmp.Compare(networks[q.network], networks[p.network]),
			first(p.network == t.network, q.network == t.network),
			cmp.Compare(hosts[q.source], hosts[p.source]), first(p.source == t.source, q.source == t.source))
	}
	var victim *ticket
	if crowded := networks[t.network] >= g.perSource; crowded || len(g.pending) >= g.max {
		for _, p := range g.pending {
			if (!crowded || p.network == t.network) && (victim == nil || order(p, victim) < 0) {
				victim = p
			}
		}
		g.pending = slices.DeleteFunc(g.pending, func(p *ticket) bool { return p == victim })
	}
	g.pending = append(g.pending, t)
	return victim
}

// first has true before false.
func first(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return -1
	}
	return 1
}

// A network is what may hold so many places in all: an IPv4 address or, on a link, a card; or the /64 of an
// IPv6 address, in which a host takes addresses as it likes (RFC 8981).
type network struct {
	prefix netip.Prefix
	card   ethernet.MAC
}

// A source is a host, as far as one is to be told from others: in a /64 that is on a link, by its card.
type source struct {
	network
	card ethernet.MAC
}

// sourceOf returns what counts as one source; card is the zero MAC if none is known.
func sourceOf(addr netip.Addr, card ethernet.MAC) source {
	addr = addr.Unmap().WithZone("")
	switch {
	case !addr.IsValid():
		return source{}
	case addr.Is4() && card != ethernet.MAC{}:
		return source{network{card: card}, card}
	case addr.Is4():
		return source{network: network{prefix: netip.PrefixFrom(addr, 32)}}
	}
	return source{network{prefix: netip.PrefixFrom(addr, 64).Masked()}, card}
}

// String is a source for people: a card, an address, or a network of IPv6.
func (s source) String() string {
	switch {
	case s.card != ethernet.MAC{}:
		return "the card " + s.card.String()
	case s.prefix.IsSingleIP():
		return s.prefix.Addr().String()
	}
	return s.prefix.String()
}
