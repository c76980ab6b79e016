package lease

import (
	"fmt"
	"iter"
	"time"
)

// Config is what a Table is made from.
type Config struct {
	Pool         []Range       // for cards without a reservation; disjoint
	Reservations []Reservation // no card and no address in two of them
	Exclude      []Range       // addresses that are given to nobody; of the pool or not
	OfferHold    time.Duration // how long an offered address is kept for the card
	MaxOffers    int           // how many addresses may be on offer at once; 0: no limit
	Quarantine   time.Duration // how long a declined address is given to nobody
	// MaxByOne is how many addresses may be in quarantine by the word of one card, and beyond one never more
	// than a quarter of the pool; 0: no limit.
	MaxByOne int
}

// A Table holds the leases of one LAN.
type Table struct {
	pool       *pool
	maxOffers  int
	offerHold  int64
	quarantine int64
	maxByOne   int

	byAddr   map[uint32]*entry
	byMAC    map[MAC]*entry    // the address a card holds, or held last
	offers   map[MAC]*entry    // the address on offer to a card
	byName   map[string]*entry // bound entries with a name
	reserved map[MAC]*Reservation
	// witnesses are the cards by whose word addresses are in quarantine.
	witnesses map[MAC]*witness
	senders   map[Sender]*sender // who asked for leases of the pool, if not their own cards

	timed    queue // bound and declined entries, by their end
	offering queue // offered entries, by their end
	free     queue // entries of the pool that anybody may have, by when they became free

	inPool [Declined + 1]int // touched addresses of the pool by state; Free is not kept exact
	bound  int               // all bound entries
	known  int               // entries that some card has or had
}

// An entry is one address that was touched: offered, leased, or reserved.
// Times are nanoseconds of Unix time.
type entry struct {
	addr  uint32
	state State
	pool  bool // may be given to anybody
	// probed: on offer, and it is known that no stranger is there.
	probed bool
	resv   *Reservation // whose it is; nil: nobody's
	mac    MAC          // who has it or had it last; zero: nobody yet
	offer  MAC          // to whom it is on offer
	by     MAC          // by whose word it is in quarantine
	sender *sender      // bound, and asked for by another than mac; nil: not so
	heard  bool         // bound, and Sent was called since: who asked for it is known
	name   string
	began  int64 // when mac got it, heard or not
	since  int64 // last acknowledged to mac
	freed  int64 // when it became free; 0: never leased
	when   int64 // key in the queue: the end of the state, or freed
	slot   int
	in     *queue
}

// New returns an empty table.
func New(c Config) (*Table, error) {
	p, err := newPool(c.Pool, c.Exclude)
	if err != nil {
		return nil, err
	}
	t := &Table{
		pool: p, maxOffers: c.MaxOffers, offerHold: int64(c.OfferHold), quarantine: int64(c.Quarantine),
		byAddr: make(map[uint32]*entry, len(c.Reservations)), byMAC: make(map[MAC]*entry),
		offers: make(map[MAC]*entry), byName: make(map[string]*entry),
		reserved: make(map[MAC]*Reservation, len(c.Reservations)), maxByOne: c.MaxByOne,
		witnesses: make(map[MAC]*witness), senders: make(map[Sender]*sender),
	}
	for i := range c.Reservations {
		if err := t.reserve(&c.Reservations[i]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *Table) reserve(r *Reservation) error {
	for _, m := range r.MACs {
		if t.reserved[m] != nil {
			return fmt.Errorf("card %s has two reservations", m)
		}
		t.reserved[m] = r
	}
	for _, a := range r.Addrs {
		if !a.Is4() {
			return fmt.Errorf("reservation of %s: want an IPv4 address", a)
		}
		if t.byAddr[toUint(a)] != nil {
			return fmt.Errorf("address %s is reserved twice", a)
		}
		t.pool.exclude(toUint(a))
		t.byAddr[toUint(a)] = &entry{addr: toUint(a), resv: r}
	}
	return nil
}

// Stats counts the addresses of the pool.
type Stats struct {
	Size     int // addresses in the pool
	Bound    int // of these, leased
	Offered  int // on offer
	Declined int // in quarantine
	Leases   int // all leases, reserved addresses too
}

// Free returns how many addresses of the pool anybody may have.
func (s Stats) Free() int { return s.Size - s.Bound - s.Offered - s.Declined }

// Stats returns the counts at now.
func (t *Table) Stats(now time.Time) Stats {
	t.expire(now.UnixNano())
	return Stats{
		Size: t.pool.size, Bound: t.inPool[Bound], Offered: t.inPool[Offered],
		Declined: t.inPool[Declined], Leases: t.bound,
	}
}

// Of returns what mac holds or held last; ok is false if it never had a lease,
// or if its address has gone to another.
func (t *Table) Of(now time.Time, mac MAC) (l Lease, ok bool) {
	t.expire(now.UnixNano())
	e := t.byMAC[mac]
	if e == nil {
		return Lease{}, false
	}
	return e.lease(), true
}

// NamedBy returns the card whose running lease carries name.
func (t *Table) NamedBy(now time.Time, name string) (mac MAC, ok bool) {
	t.expire(now.UnixNano())
	e := t.byName[name]
	if e == nil {
		return MAC{}, false
	}
	return e.mac, true
}

// Len returns the number of leases that All yields.
func (t *Table) Len() int { return t.known }

// All yields everything worth remembering, in no order: running leases, former
// ones whose address is still free, quarantined addresses.
func (t *Table) All(now time.Time) iter.Seq[Lease] {
	t.expire(now.UnixNano())
	return func(yield func(Lease) bool) {
		for _, e := range t.byAddr {
			if e.mac != (MAC{}) && !yield(e.lease()) {
				return
			}
		}
	}
}

func (e *entry) lease() Lease {
	l := Lease{
		Addr: toAddr(e.addr), MAC: e.mac, Name: e.name, State: e.state,
		Since: time.Unix(0, e.since).UTC(), Until: time.Unix(0, e.when).UTC(),
	}
	if e.state == Free || e.state == Offered { // what it was before the offer
		l.State, l.Until = Free, time.Unix(0, e.freed).UTC()
	}
	return l
}
