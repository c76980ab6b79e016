// Package radvd is the router of a LAN as its hosts see it: when what is advertised, RFC 4861 6.2, as pure
// functions of (now, input, state). It opens no socket and keeps no file; services/radvd/run does.
//
//	Up, Reconfigure ──► three at once ──► each MinInterval to MaxInterval ──► Stop: one without a default route
//	                         ▲                    ▲
//	Solicited ─ of nobody ───┴─ within 0.5 s ─────┘        all of them: to everybody, 3 s apart at least;
//	                                                       Reconfigure meanwhile to hosts that are known, alone
//	          └ of an address ─► at once, to that alone
//	Heard ────► the table of other routers, and what of theirs contradicts ours
//
// It guarantees that no more than one advertisement in three seconds goes to everybody, whatever comes in;
// that each solicitation is answered; that a prefix is in what a Keep action stores before it is in an
// advertisement; and that a prefix which is in the configuration no more is advertised with both lifetimes
// zero for as long as a host can hold it (RFC 9096 3.5), also if the process or the machine ended meanwhile.
// After a start with Link.Awaited it is silent for AwaitMost at most, if hosts hold something, rather than
// take back what may be theirs: the first word to everybody is by what is known then.
//
// It leaves to others where prefixes come from, and that a default route is advertised only while there is
// one: Link.Lifetime is 0 otherwise.
package radvd

import (
	"math"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
)

// Never is a moment that does not come.
const Never = time.Duration(math.MaxInt64)

// What RFC 4861 10 has by these names.
const (
	maxInitial    = 3                      // MAX_INITIAL_RTR_ADVERTISEMENTS
	maxInitialGap = 16 * time.Second       // MAX_INITIAL_RTR_ADVERT_INTERVAL
	minGap        = 3 * time.Second        // MIN_DELAY_BETWEEN_RAS
	maxDelay      = 500 * time.Millisecond // MAX_RA_DELAY_TIME
)

// minInitialGap has the first three of them spread, so that a host that misses one hears the next.
const minInitialGap = 4 * time.Second

// An Action is what is to be done: Keep or Send, in their order.
type Action any

// Keep is to have what Kept returns on stable storage before the actions after it.
type Keep struct{}

// Send is to send a Set.
type Send struct {
	LAN string
	To  netip.Addr // the zero Addr: to everybody on the link
	Set *Set
}

// A Set is what is said at one time: an advertisement, and further ones if old prefixes have no room in it.
// It is not changed once it is sent, so whoever sends may keep its octets with it.
type Set struct {
	Adverts []advert.Advertisement

	until time.Duration // from then on another must be made
	noted time.Duration // when it was last noted what hosts hold of it; before is never
}

// Seen is something to be logged about another router.
type Seen struct{ Text string }
