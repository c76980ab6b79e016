// Package discover6 is a host's side of router discovery on the way out: RFC 4861 6.3, with the
// solicitations of RFC 7559, addresses of RFC 4862, and resolvers of RFC 8106.
//
// It is an engine: moments, carrier and Router Advertisements go in, solicitations and what
// holds from now on come out, and Next says when it wants to be called. It opens no socket and
// reads no clock.
//
// It guarantees: what was advertised ends with its lifetime, and a word that would end an
// address within two hours does not (RFC 4862 5.5.3 e); all tables are bounded; routers are
// asked in the RFC's times whatever is answered. One router is in use, and stays it as long as
// no better one is there: of a higher preference (RFC 4191). One that has answered and does not
// any more is no way out within 13 seconds (7.3; probe.go). It leaves to others: whether an
// advertisement may be looked at (hop limit, checksum: internal/advert/conn), what of it is
// believed (wan.Config.Judge6), looking for duplicates, and whether a router that is there leads
// anywhere.
//
// A Host is not safe for concurrent use.
package discover6

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// Times of RFC 7559 2, and choices of our own.
const (
	firstWait   = 4 * time.Second
	longestWait = time.Hour
	// mostDelay is that before a first solicitation: MAX_RTR_SOLICITATION_DELAY.
	mostDelay = time.Second
	// ahead is how long before the last router ends it is asked for, or an eighth of its lifetime:
	// there are routers that answer, and say nothing by themselves.
	ahead = time.Minute
	// twoHours is what a word of anybody's leaves of an address: RFC 4862 5.5.3 e.
	twoHours = 2 * time.Hour

	maxRouters   = 8
	maxPrefixes  = 16
	maxResolvers = 16
	maxDomains   = 16
)

// An Action is something to be done by who calls: a Solicit, a Probe or an Event.
type Action interface{ action() }

// Solicit asks for a Router Solicitation to all routers.
type Solicit struct{}

// Probe asks for a Neighbour Solicitation of a router's address, to that router.
type Probe struct{ Router netip.Addr }

func (Solicit) action() {}
func (Probe) action()   {}
func (Event) action()   {}

// Name is the name of an Event.
type Name string

// The events.
const (
	Router6   Name = "router6"   // another router is in use, or one where there was none
	NoRouter6 Name = "norouter6" // there is none any more
	Heard6    Name = "heard6"    // what else routers say has changed
)

// An Event is reported to whoever applies it.
type Event struct {
	Name Name
	Text string        // a sentence for people
	At   time.Duration // on the clock of all calls
	What
}

// What holds by what routers say.
type What struct {
	Said           wan.Said6
	Managed, Other bool // addresses, other things are to be had by DHCPv6
}

// A Host has one link.
type Host struct {
	conf   wan.Config
	secret []byte
	rand   func() uint64

	now     time.Duration
	out     []Action
	carrier bool
	// when routers are taken not to be there, for there is no carrier; wan.Never: they are
	cut  time.Duration
	told What

	routers   []router // in the order in which they came
	inUse     netip.Addr
	prefixes  []prefix
	resolvers []timed[netip.Addr]
	domains   []timed[string]
	managed   bool // of the last advertisement
	other     bool

	solicitAt   time.Duration // the next one; wan.Never: none
	solicitedAt time.Duration // the last one
	wait        time.Duration // after it
	solicited   uint64
	heard       uint64
	ignored     uint64 // that came from no link-local address
}

// A router is one that advertised itself as a default router.
type router struct {
	addr           netip.Addr
	preference     advert.Preference
	until          time.Duration
	ahead          time.Duration // how long before that it is asked for
	mtu            uint32
	managed, other bool
	watch
}

// timed is something with an end.
type timed[T comparable] struct {
	what  T
	until time.Duration
}

// New returns a host. secret makes addresses that nobody can foresee, and that stay (RFC 7217);
// rand returns evenly distributed numbers.
func New(conf wan.Config, secret []byte, rand func() uint64) (*Host, error) {
	if err := conf.Check(); err != nil {
		return nil, err
	}
	return &Host{conf: conf, secret: secret, rand: rand, solicitAt: wan.Never, solicitedAt: -firstWait,
		cut: wan.Never}, nil
}

// Start begins. It must be the first call. All moments are of CLOCK_BOOTTIME.
func (h *Host) Start(now time.Duration, carrier bool) []Action {
	h.begin(now)
	h.carrier = carrier
	if carrier {
		h.solicit()
	}
	return h.end("")
}

// Carrier says that the link can be used, or can be no longer. What is known stays: a cable
// that is put back in must not have ended every conversation. Without one for a while there is
// no router. Routers are asked.
func (h *Host) Carrier(now time.Duration, up bool) []Action {
	h.begin(now)
	if up != h.carrier {
		h.carrier = up
		h.solicitAt = wan.Never
		h.watchCarrier()
		if up {
			h.solicit()
		}
	}
	return h.end("")
}

// Tick is to be called at the time that Next returns.
func (h *Host) Tick(now time.Duration) []Action {
	h.begin(now)
	return h.end("")
}

// Look asks routers now, because somebody wants it.
func (h *Host) Look(now time.Duration) []Action {
	h.begin(now)
	if h.carrier {
		h.solicit()
	}
	return h.end("")
}

// solicit begins to ask: RFC 4861 6.3.7.
func (h *Host) solicit() {
	h.wait = 0
	at := h.now + time.Duration(h.rand()%uint64(mostDelay))
	h.solicitAt = min(h.solicitAt, max(at, h.solicitedAt+firstWait))
}

// ask sends a solicitation, and plans the next: RFC 7559 2.
func (h *Host) ask() {
	h.solicited++
	h.solicitedAt = h.now
	h.out = append(h.out, Solicit{})
	if h.wait == 0 {
		h.wait = firstWait + h.share(firstWait)
	} else if h.wait = 2*h.wait + h.share(h.wait); h.wait > longestWait {
		h.wait = longestWait + h.share(longestWait)
	}
	h.solicitAt = h.now + h.wait
}

// share is RAND of it: from -0.1 to 0.1.
func (h *Host) share(of time.Duration) time.Duration {
	const parts = 1 << 20
	return of / 10 * (time.Duration(h.rand()%(2*parts+1)) - parts) / parts
}

// Next is when Tick wants to be called; wan.Never: not before something happens.
func (h *Host) Next() time.Duration {
	at := time.Duration(wan.Never)
	if h.carrier {
		at = min(h.solicitAt, h.refreshAt())
	}
	at = min(at, h.nextProbe())
	for _, r := range h.routers {
		at = min(at, r.until)
	}
	for _, p := range h.prefixes {
		at = min(at, p.valid)
		if p.preferred > h.now {
			at = min(at, p.preferred)
		}
	}
	return min(at, firstEnd(h.resolvers), firstEnd(h.domains))
}

// refreshAt is when routers are asked because the last one is about to end.
func (h *Host) refreshAt() time.Duration {
	if len(h.routers) == 0 || h.solicitAt != wan.Never {
		return wan.Never
	}
	at := time.Duration(0)
	for _, r := range h.routers {
		at = max(at, r.until-r.ahead)
	}
	return at
}

func firstEnd[T comparable](all []timed[T]) time.Duration {
	at := time.Duration(wan.Never)
	for _, one := range all {
		at = min(at, one.until)
	}
	return at
}

func (h *Host) begin(now time.Duration) {
	refresh := h.refreshAt()
	h.now = max(now, h.now)
	h.out = nil
	h.expire()
	h.judge()
	if h.carrier && refresh <= h.now {
		h.solicit()
	}
	if h.carrier && h.solicitAt <= h.now {
		h.ask()
	}
}

// expire drops what has ended.
func (h *Host) expire() {
	h.routers = slices.DeleteFunc(h.routers, func(r router) bool { return r.until <= h.now })
	h.prefixes = slices.DeleteFunc(h.prefixes, func(p prefix) bool { return p.valid <= h.now })
	h.resolvers = ended(h.resolvers, h.now)
	h.domains = ended(h.domains, h.now)
}

func ended[T comparable](all []timed[T], now time.Duration) []timed[T] {
	return slices.DeleteFunc(all, func(one timed[T]) bool { return one.until <= now })
}

// end tells what holds, if it is something else than before.
func (h *Host) end(why string) []Action {
	h.choose()
	if h.carrier && !h.reaches() && h.solicitAt == wan.Never {
		h.solicit()
	}
	h.probe()
	is := h.what()
	if was := h.told; !was.equal(&is) {
		h.told = is
		if silent := h.silentText(); why == "" && was.Said.Gateway.IsValid() && !is.Said.Gateway.IsValid() &&
			silent != "" {
			why = silent
		}
		h.out = append(h.out, event(&was, &is, h.now, why))
	}
	return h.out
}

// choose has the best router be in use: one that is there before others (RFC 4861 6.3.6), then by preference
// (RFC 4191 3.2).
func (h *Host) choose() {
	var best *router
	for i := range h.routers {
		r := &h.routers[i]
		if best == nil || r.isBetter(best, h.inUse) {
			best = r
		}
	}
	h.inUse = netip.Addr{}
	if best != nil {
		h.inUse = best.addr
	}
}

func (r *router) isBetter(than *router, inUse netip.Addr) bool {
	switch {
	case r.silent != than.silent:
		return than.silent
	case r.preference != than.preference:
		return r.preference > than.preference
	}
	return r.addr == inUse
}
