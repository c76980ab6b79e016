// Package lease decides which address a card gets: a table of one LAN's
// reservations, pool and leases.
//
// It guarantees that at no instant two cards hold one address, that a lease ends
// exactly when it says, that a card gets its old address back for as long as
// nobody else needed it, and that the address reused first is the one that was
// free longest; that no card can by its word put more than a share of the addresses
// into quarantine (witness), and that none has the last of a pool in the names of others
// (Spares). Every operation but those that list or count is O(log n) in the number of leases.
//
// It is pure: time is an argument and must not go back.
// Keeping leases on disk, and speaking to clients, is for others. A Table is not
// safe for concurrent use.
package lease

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// A MAC is the hardware address of an Ethernet card.
type MAC = ethernet.MAC

// State is what an address that was once leased is now.
type State uint8

// The states. Offered is never recorded: an offer is no promise (RFC 2131 3.1.2).
const (
	Free     State = iota // leased before, now expired or released
	Offered               // held for a card that was made an offer
	Bound                 // leased
	Declined              // found in use by a stranger, given to nobody for a while
)

// String returns the word used in listings and in the journal.
func (s State) String() string {
	switch s {
	case Free:
		return "free"
	case Offered:
		return "offered"
	case Bound:
		return "bound"
	case Declined:
		return "declined"
	}
	return "invalid"
}

// A Lease is what is known of one address that was given to a card.
type Lease struct {
	Addr  netip.Addr
	MAC   MAC
	Name  string // host name, one checked label; empty: none
	State State
	Since time.Time // last acknowledged; for Declined, when that was
	Until time.Time // Bound: expiry; Declined: end of quarantine; Free: when it became free
}

// A Range is a run of IPv4 addresses, both ends included.
type Range struct{ First, Last netip.Addr }

// A Reservation keeps addresses for the cards of one host. A host with several
// cards and fewer addresses is one machine plugged in elsewhere: the card that
// asked last has the address.
type Reservation struct {
	MACs  []MAC
	Addrs []netip.Addr

	adopted MAC // a further card, see Table.Adopt; zero: none
}

// Why says why an address was chosen, or why it was refused.
type Why uint8

// Reasons for a choice, then reasons for a refusal.
const (
	_           Why = iota
	Reserved        // chosen: reserved for this card
	Current         // chosen: its present lease
	StillHeld       // chosen: offered to it a moment ago
	Previous        // chosen: the address it had before
	Requested       // chosen: the address it asked for was free
	NeverUsed       // chosen: nobody had it yet
	LongestFree     // chosen: of all addresses the one free for the longest time

	Exhausted        // refused: no address of the pool is free
	NoPool           // refused: there is no pool, and nothing is reserved for this card
	NotGiven         // refused: neither in the pool nor reserved for this card
	HasReservation   // refused: another address is reserved for this card
	ReservedForOther // refused: reserved for another host
	LeasedToOther    // refused: leased to another card
	Quarantined      // refused: was declined a short while ago
	KeptForOthers    // refused: see Table.Spares
)

// String returns a phrase that completes "this address: …".
func (w Why) String() string {
	switch w {
	case Reserved:
		return "reserved for this card"
	case Current:
		return "its present lease"
	case StillHeld:
		return "offered to it a moment ago"
	case Previous:
		return "the address it had before"
	case Requested:
		return "the address it asked for was free"
	case NeverUsed:
		return "never used before"
	case LongestFree:
		return "free for the longest time"
	case Exhausted:
		return "every address of the pool is in use"
	case NoPool:
		return "there is no pool, and nothing is reserved for this card"
	case NotGiven:
		return "neither in the pool nor reserved for this card"
	case HasReservation:
		return "another address is reserved for this card"
	case ReservedForOther:
		return "reserved for another host"
	case LeasedToOther:
		return "leased to another card"
	case Quarantined:
		return "declined a short while ago"
	case KeptForOthers:
		return "the last addresses are kept for others: who asks for it has more than a quarter of the pool"
	}
	return ""
}

// Bounded returns l as it can be at now at the most, and whether that is something else. No lease runs for
// longer than longest from now on, and one that was given later than now runs for its own length: when that
// was nobody knows. Such a lease goes before no other that runs: it counts as older than any.
func (l Lease) Bounded(now time.Time, longest time.Duration) (_ Lease, bounded bool) {
	length := longest
	late := l.Since.After(now)
	if late {
		length = min(max(l.Until.Sub(l.Since), 0), longest)
		l.Since = now.Add(-longest)
	}
	if l.State == Free {
		length = 0
	}
	if end := time.Unix(0, ceil(now.Add(length).UnixNano())).UTC(); end.Before(l.Until) {
		l.Until, late = end, true
	}
	return l, late
}

// Running reports whether the lease is in force at now.
func (l Lease) Running(now time.Time) bool { return l.State == Bound && now.Before(l.Until) }
