package radvd

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// How often hosts are answered alone. Beyond that a solicitation is answered by what goes to everybody, so
// that nobody, whatever addresses he makes up, has more sent than that.
const (
	shareSize  = 4           // answers at once to one address: a host asks three times (RFC 4861 6.3.7)
	shareEvery = time.Second // and then one more
	maxShares  = 4096        // addresses that are known
	allSize    = 2000        // answers at once to all of a link
	allEvery   = time.Second / allSize
	maxWaiting = 64
)

// shares are the answers that hosts of a link still have.
type shares struct {
	of  map[netip.Addr]bucket
	all bucket
}

// A bucket is full at the moment full, which each answer puts off.
type bucket struct{ full time.Duration }

// take takes one, if there is one.
func (b *bucket) take(now time.Duration, size int, every time.Duration) bool {
	full := max(b.full, now) + every
	if full-now > time.Duration(size)*every {
		return false
	}
	b.full = full
	return true
}

// take takes an answer for a host. When too many hosts are known, those are forgotten that have all theirs.
func (s *shares) take(now time.Duration, host netip.Addr) bool {
	if s.of == nil {
		s.of = map[netip.Addr]bucket{}
	}
	b, known := s.of[host]
	if !known && len(s.of) >= maxShares {
		maps.DeleteFunc(s.of, func(_ netip.Addr, b bucket) bool { return b.full <= now })
		if len(s.of) >= maxShares {
			return false
		}
	}
	if !b.take(now, shareSize, shareEvery) || !s.all.take(now, allSize, allEvery) {
		return false
	}
	s.of[host] = b
	return true
}

// solicited answers a solicitation.
//
// Who has an address is answered alone, which wakes nobody else (RFC 7772 5.1), whether his card is in the
// message or not: most systems leave it out. RFC 4861 6.2.6 has an answer wait up to half a second by chance,
// so that several routers do not speak at once; where no other router is, there is nothing to wait for.
func (r *Router) solicited(now time.Duration, from netip.Addr) []Action {
	r.counts.Solicited++
	if !r.up || r.over {
		return nil
	}
	if !r.near(from) || !r.shares.take(now, from) {
		r.want(now)
		return nil
	}
	if len(r.others) == 0 {
		return r.unicast(now, from)
	}
	switch {
	case slices.ContainsFunc(r.waiting, func(w waiting) bool { return w.to == from }): // one answer is enough
	case len(r.waiting) >= maxWaiting:
		r.want(now)
	default:
		r.waiting = append(r.waiting, waiting{from, now + r.between(0, maxDelay)})
	}
	return nil
}

// near reports whether an address is one that hosts of the link have, so that an answer stays on it.
func (r *Router) near(a netip.Addr) bool {
	return a.IsLinkLocalUnicast() || slices.ContainsFunc(r.conf.Prefixes, func(p Prefix) bool {
		return p.OnLink && p.Prefix.Contains(a)
	})
}

func (r *Router) unicast(now time.Duration, to netip.Addr) []Action {
	r.counts.Unicast++
	return r.send(now, to)
}

// answerWaiting answers those whose time has come.
func (r *Router) answerWaiting(now time.Duration) (actions []Action) {
	r.waiting = slices.DeleteFunc(r.waiting, func(w waiting) bool {
		if w.at > now {
			return false
		}
		actions = append(actions, r.unicast(now, w.to)...)
		return true
	})
	return actions
}

// Unanswered tells that an answer to one host could not be sent: it gets what goes to everybody.
func (r *Router) unanswered(now time.Duration) {
	if r.up && !r.over {
		r.want(now)
	}
}

// want has everybody be told soon, and not too often: RFC 4861 6.2.6.
func (r *Router) want(now time.Duration) {
	if r.wanted == Never {
		r.wanted = r.free(now) + r.between(0, maxDelay)
	}
}
