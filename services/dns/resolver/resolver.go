// Package resolver is a question's way to its answer: from the names of the house (zone), from the cache
// (wire), or from those outside who are asked by way of the full server (Chain).
//
//	message ─► Worker.Respond ─┬─ not well formed ──────────────────────────────► reply
//	                           ├─ a name of the house ──────────────────────────► reply
//	                           ├─ in the cache ─────────────────────────────────► reply
//	                           ├─ failed a moment ago ──► the old answer, if any ► reply
//	                           ├─ nobody's share is left ► the old answer, if any ► reply, or none
//	                           ├─ equal to one under way ─► waits ─────────────┐
//	                           ├─ to be asked ─► Chain.Ask ─► cache ───────────┴► replies, later
//	                           └─ all else ───► Chain.Serve ────────────────────► reply, later
//
// It guarantees that an answer that is here costs no allocation and waits for nothing; that a question is
// asked once, however many clients have it; that at most Limits.InFlight questions are under way, shared so
// that one client cannot have them all, whatever it sends; and that an answer that has run out is given when
// there is no better one (RFC 8767), after 1.8 seconds at the latest.
//
// Sockets are of the front, and who is asked outside is the Chain's affair.
package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/wire"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// ErrBusy is wrapped by errors of a Chain that say nothing about whether there is an answer: too much is
// under way. It is not remembered.
var ErrBusy = errors.New("too many questions are under way")

// Limits bound what clients can use up. The zero value of each field is its default.
type Limits struct {
	InFlight int // questions under way, with those that wait for an equal one; 256
	Reserved int // of them, for clients whose address is not forged, by TCP or a cookie of ours; 32
	Serving  int // of what the full server answers beside them; 32
	// CacheBytes is the memory of the cache; 4 MiB.
	CacheBytes int
}

// How long answers are kept that are good no longer, and for how long at most it is remembered that there is
// none.
const (
	staleFor   = 24 * time.Hour
	maxFailure = 30 * time.Second // RFC 8767 5: the failure recheck timer
)

// patience is how long a client waits for a better answer than one that has run out (RFC 8767 5).
const patience = 1800 * time.Millisecond

// askTime bounds a question that is asked outside: a client asks again after five seconds.
const askTime = 5 * time.Second

func (l Limits) withDefaults() Limits {
	orDefault(&l.InFlight, 256)
	orDefault(&l.Reserved, 32)
	orDefault(&l.Serving, 32)
	orDefault(&l.CacheBytes, 4<<20)
	return l
}

func orDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// An Outcome is what became of a message.
type Outcome uint8

// The outcomes.
const (
	Local    Outcome = iota // a name of the house
	Cached                  // it was in the cache
	Stale                   // the answer has run out, and there was no better one
	Asked                   // somebody outside was asked
	Failed                  // nobody had an answer
	Served                  // by the full server
	Rejected                // not well formed, or refused
	Left                    // no share was left: there is no reply
	outcomes
)

// String is the outcome for people.
func (o Outcome) String() string {
	return [...]string{"local", "cached", "stale", "asked", "failed", "full", "rejected", "left"}[o]
}

// An Event is one message that was answered, or left.
type Event struct {
	At     time.Time   // when it was, as far as whoever answers has looked at the clock
	Query  *wire.Query // valid during the call
	From   netip.AddrPort
	Rcode  wire.Rcode // of Local, Cached, Stale, Asked and Failed
	What   Outcome
	Took   time.Duration // 0: at once
	Server string        // who answered outside
}

// Options are what a Resolver has of the world.
type Options struct {
	Chain  Chain
	Table  *zone.Table // of the start
	Limits Limits
	// Secret is 32 bytes by chance, for cookies and for tables whose keys strangers choose.
	Secret [32]byte
	// Shares says whether a client may have one more question that is not answered here at once; nil: always.
	Shares interface {
		Take(client netip.Addr, now time.Time) bool
	}
	// Now is the clock; nil: time.Now. The cache needs it monotonic, cookies the time of the day.
	Now func() time.Time
	// Observe is told of each message; nil: nobody is. It is called where replies are made, so it must be
	// quick.
	Observe func(Event)
}

// A Resolver answers questions. Its methods may be called by any goroutine.
type Resolver struct {
	o      Options
	table  atomic.Pointer[zone.Table]
	cache  *wire.Cache
	seed   uint64
	counts [outcomes]atomic.Uint64

	cookies wire.Cookies

	life    context.Context
	end     context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	flights *wire.Flights
	waits   []waiting          // by the index of a ticket
	has     map[netip.Addr]int // questions under way of a client
	serving int                // calls of Chain.Serve
	closed  bool
}

// New returns a Resolver.
func New(o Options) *Resolver {
	o.Limits = o.Limits.withDefaults()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	l := o.Limits
	r := &Resolver{
		o: o, seed: binary.NativeEndian.Uint64(o.Secret[16:]),
		cache: wire.NewCache(wire.CacheConfig{Bytes: l.CacheBytes, Stale: staleFor, MaxFailure: maxFailure},
			o.Now()),
		flights: wire.NewFlights(l.InFlight, l.InFlight/4),
		waits:   make([]waiting, l.InFlight),
		has:     map[netip.Addr]int{},
		cookies: wire.Cookies{Secret: [16]byte(o.Secret[:])},
	}
	r.table.Store(o.Table)
	r.life, r.end = context.WithCancel(context.Background())
	return r
}

// Table returns the names of the house.
func (r *Resolver) Table() *zone.Table { return r.table.Load() }

// SetTable has questions from now on answered by another table.
func (r *Resolver) SetTable(t *zone.Table) { r.table.Store(t) }

// PathChanged forgets what nobody had an answer for: by another way out, or of another server, there may be
// one.
func (r *Resolver) PathChanged() { r.cache.ForgetFailures(r.o.Now()) }

// Cache returns what others have answered.
func (r *Resolver) Cache() *wire.Cache { return r.cache }

// Close ends what is under way, without replies, and waits for it.
func (r *Resolver) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.end()
	r.running.Wait()
}

// Stats counts messages by what became of them.
type Stats struct {
	Outcomes map[string]uint64 `json:"outcomes"` // by Outcome
	Cache    wire.CacheStats   `json:"cache"`
	InFlight int               `json:"in_flight"`
	Clients  int               `json:"clients"` // that have something under way
}

// Stats returns counters since the start.
func (r *Resolver) Stats() Stats {
	s := Stats{Outcomes: map[string]uint64{}, Cache: r.cache.Stats()}
	for o := range outcomes {
		s.Outcomes[o.String()] = r.counts[o].Load()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.InFlight, s.Clients = r.flights.Len()+r.serving, len(r.has)
	return s
}

// note counts a message and tells of it.
func (r *Resolver) note(e Event) {
	r.counts[e.What].Add(1)
	r.o.Observe(e)
}

// Cookie returns the server cookie for a client that has sent one (RFC 7873).
func (r *Resolver) Cookie(q *wire.Query, client netip.Addr) wire.ServerCookie {
	return r.cookies.Make(q.ClientCookie, client, r.o.Now())
}
