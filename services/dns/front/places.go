package front

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// places are those of connections. A new one is never refused: where a bound is reached, the one that has
// been idle for the longest time makes place, of the client that has most. So who opens many only shortens
// the life of their own.
type places struct {
	limits Limits

	mu     sync.Mutex
	all    []*stream
	closed bool
}

// enter gives a stream a place. victim is the one that had it, and is to be closed. It is not ok after shut.
func (p *places) enter(s *stream) (victim *stream, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, false
	}
	if among := p.crowd(s); among != nil {
		victim = idlest(among)
		p.remove(victim)
	}
	p.all = append(p.all, s)
	return victim, true
}

// crowd returns those of which one has to go before s can come; nil: none.
func (p *places) crowd(s *stream) []*stream {
	client, network := s.from.Addr(), networkOf(s.from.Addr())
	own := p.those(func(o *stream) bool { return o.from.Addr() == client })
	if len(own) >= p.limits.PerClient {
		return own
	}
	if network.IsValid() {
		near := p.those(func(o *stream) bool { return networkOf(o.from.Addr()) == network })
		if len(near) >= p.limits.PerNetwork {
			return most(near)
		}
	}
	if len(p.all) >= p.limits.Connections {
		return most(p.all)
	}
	return nil
}

func (p *places) those(are func(*stream) bool) (some []*stream) {
	for _, s := range p.all {
		if are(s) {
			some = append(some, s)
		}
	}
	return some
}

// most returns the streams of the clients that have most.
func most(all []*stream) []*stream {
	count, top := map[netip.Addr]int{}, 0
	for _, s := range all {
		count[s.from.Addr()]++
		top = max(top, count[s.from.Addr()])
	}
	return slices.DeleteFunc(slices.Clone(all), func(s *stream) bool { return count[s.from.Addr()] < top })
}

// idlest returns the stream that has been idle for the longest time, or, if none is, the one where nothing
// has happened for the longest.
func idlest(all []*stream) (found *stream) {
	var since time.Time
	var quiet bool
	for _, s := range all {
		at, q := s.idle()
		if found == nil || q && !quiet || q == quiet && at.Before(since) {
			found, since, quiet = s, at, q
		}
	}
	return found
}

// networkOf returns the /64 of an address of IPv6; of others there is none, and of link-local ones all hosts
// of the link are in the same.
func networkOf(addr netip.Addr) netip.Prefix {
	if addr.Is4() {
		return netip.Prefix{}
	}
	p, _ := addr.WithZone("").Prefix(64) // fails for no address of 128 bits
	return p
}

// leave gives a place back. One that had to go has none.
func (p *places) leave(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(s)
}

func (p *places) remove(s *stream) {
	p.all = slices.DeleteFunc(p.all, func(o *stream) bool { return o == s })
}

func (p *places) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all)
}

// shut closes all connections, and has no more come.
func (p *places) shut() {
	p.mu.Lock()
	all := slices.Clone(p.all)
	p.closed = true
	p.mu.Unlock()
	for _, s := range all {
		s.close()
	}
}
