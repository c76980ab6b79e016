package radvd

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// A Router is this router on one LAN.
type Router struct {
	conf Link
	rand func() uint64

	up    bool // there is a socket
	mac   ethernet.MAC
	local netip.Addr
	state LinkState
	// troubled is since when there is State.Trouble.
	troubled time.Duration

	set  *Set // the last that was made; nil: another must be made
	held map[netip.Prefix]*holding
	// withdrawn are routes, servers and the like that hosts may hold and that are no more.
	withdrawn []withdrawn

	last  time.Duration // when something went to everybody; Never: not yet
	next  time.Duration // when it is time again
	burst int           // how many more follow soon
	// wanted is when somebody who has no address, or is not answered alone, is to be answered; Never: nobody.
	wanted  time.Duration
	waiting []waiting
	// known are hosts of the LAN; hastened those that are told alone, the next at hastenAt.
	known, hastened []netip.Addr
	hastenAt        time.Duration
	shares          shares
	others          []Other

	await time.Duration // the end of the wait for Link.Awaited; Never: it begins with Up; 0: there is none

	final  bool // the next one is the last
	over   bool // it was sent
	counts Counts
}

// Counts are how often something happened since the start.
type Counts struct {
	Solicited  uint64 `json:"solicited"`  // solicitations that came in
	Unicast    uint64 `json:"unicast"`    // advertisements that went to one host
	Multicast  uint64 `json:"multicast"`  // and to everybody
	Advertised uint64 `json:"advertised"` // those of other routers
}

// waiting is a host that is answered in a moment.
type waiting struct {
	to netip.Addr
	at time.Duration
}

func newRouter(now time.Duration, l Link, kept []Kept, rand func() uint64) *Router {
	r := &Router{conf: l, rand: rand, held: map[netip.Prefix]*holding{}, last: Never, next: Never,
		wanted: Never}
	r.take(now, kept)
	if l.Awaited && len(r.gone(now)) > 0 {
		r.await = Never
	}
	return r
}

// between draws a time by chance.
func (r *Router) between(from, to time.Duration) time.Duration {
	if to <= from {
		return from
	}
	return from + time.Duration(r.rand()%uint64(to-from))
}

// Up tells that there is a socket on the link, with these addresses: hosts hear of it at once.
func (r *Router) Up(now time.Duration, mac ethernet.MAC, local netip.Addr) {
	r.up, r.mac, r.local, r.set = true, mac, local, nil
	if r.await == Never {
		r.await = now + AwaitMost
	}
	r.announce(now)
}

// Down tells that there is none any more.
func (r *Router) Down() {
	r.up, r.waiting, r.hastened, r.wanted = false, nil, nil, Never
}

// announce has the next one go out as soon as it may, and two more soon after.
func (r *Router) announce(now time.Duration) { r.next, r.burst = now, maxInitial-1 }

// free is when something may go to everybody. While there is a wait that is nothing: whoever was told before
// goes on as he was, and what holds in a moment need not wait for the gap after what is not known yet.
func (r *Router) free(now time.Duration) time.Duration {
	if !r.final {
		now = max(now, r.await)
	}
	if r.last == Never {
		return now
	}
	return max(now, r.last+minGap)
}

// Next returns when Tick is to be called, at the latest.
func (r *Router) Next(now time.Duration) time.Duration {
	next := r.nextKept(now)
	if !r.up || r.over {
		return next
	}
	if due := min(r.next, r.wanted); due != Never {
		next = min(next, max(due, r.free(now)))
	}
	for _, w := range r.waiting {
		next = min(next, w.at)
	}
	if len(r.hastened) > 0 {
		next = min(next, max(now, r.hastenAt))
	}
	return next
}

// nextKept is when what is stored of prefixes that are gone is to be written anew. Once a minute is often
// enough: a Hold that is too long does no harm.
func (r *Router) nextKept(now time.Duration) time.Duration {
	const look = time.Minute
	if len(r.held) == 0 {
		return Never
	}
	return now + look
}

// tick does what is due.
func (r *Router) tick(now time.Duration) (actions []Action) {
	if r.unkept(now) {
		actions = append(actions, r.keep(now))
	}
	if !r.up || r.over {
		return actions
	}
	actions = append(actions, r.answerWaiting(now)...)
	if min(r.next, r.wanted) <= now && r.free(now) <= now {
		return append(actions, r.multicast(now)...)
	}
	return append(actions, r.tellHastened(now)...)
}

// multicast tells everybody, and says when the next one is.
func (r *Router) multicast(now time.Duration) []Action {
	r.last, r.wanted, r.hastened, r.over = now, Never, nil, r.final
	r.counts.Multicast++
	shortest, longest := r.conf.intervals()
	r.next = now + r.between(shortest, longest)
	if r.burst > 0 {
		r.burst--
		r.next = min(r.next, now+r.between(minInitialGap, maxInitialGap))
	}
	return r.send(now, netip.Addr{})
}

// send sends what is to be said now, once that hosts will know it is kept.
func (r *Router) send(now time.Duration, to netip.Addr) (actions []Action) {
	s := r.current(now)
	noted := s.noted
	r.note(now, s)
	if s.noted != noted && r.unkept(now) {
		actions = append(actions, r.keep(now))
	}
	return append(actions, Send{r.conf.Network, to, s})
}

// stop has the next advertisement be the last: without a default route (RFC 4861 6.2.5), and if the LAN
// itself is to be one without a router, without anything.
func (r *Router) stop(now time.Duration) {
	r.final, r.set, r.next, r.burst, r.waiting = true, nil, now, 0, nil
	r.hasten(now)
	r.over = !r.up
}
