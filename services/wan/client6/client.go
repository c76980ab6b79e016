// Package client6 is the DHCPv6 client of the way out: RFC 8415, for a delegated prefix, an
// address, and what else servers know, for providers as they are.
//
// It is an engine, the sister of services/wan/client: a moment and what happened go in, Actions
// come out, to be carried out in their order, and Next says when it wants to be called. All
// that is delegated and given is one session with one server (RFC 8415 18.2: one pair of T1
// and T2). Beside it, and only while there is none, servers may be asked for information.
//
//	            ┌──────────── fails, refused ◄──────────┐
//	            ▼                                       │
//	Init ─► Soliciting ─Advertise─► Requesting ─Reply─► Bound ─T1─► Renewing ─T2─► Rebinding
//	            ▲                       ▲                 ▲             │              │
//	            │                       └─── NoBinding ───┼── Verifying ┴──────────────┤
//	            └── nobody answers, with the lease in use ┴───── Reply ────────────────┘
//	Verifying: after a start and after the link came back, a Rebind (RFC 8415 18.2.12).
//	Releasing ─► Released; Declining ─► Bound or Init.
//
// It guarantees: a prefix is reported only after its lease was handed out for storing, and is
// taken back when its valid lifetime ends, if not before; one that cannot be the house's
// (wan.Config.DisbelievePrefix) is never reported; no more than 20 messages leave in 20
// seconds, whatever is answered; whoever is not asked is not heard. It never unicasts, sends no
// Confirm, since a Rebind says the same and more, and accepts no Reconfigure. It leaves to
// others: sockets, storing, looking for duplicates, and everything in the kernel.
//
// A Client is not safe for concurrent use.
package client6

import (
	"errors"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// Choices of our own.
const (
	// refusedWait is the first wait after servers refused or did not answer for what they had
	// offered; it doubles up to refusedMost.
	refusedWait = 2 * time.Second
	refusedMost = 10 * time.Minute
	// avoidFor is how long a server that did so comes after all others.
	avoidFor = 5 * time.Minute
	// rebindPatience is how long a Rebind alone is tried after T2. Servers need not answer for
	// what they have forgotten (RFC 8415 18.3.5), and the lease may be for weeks: after that a
	// server is looked for, with the lease in use as long as it holds.
	rebindPatience = 5 * time.Minute
	// declineWait is the first wait before another address is asked for.
	declineWait = 10 * time.Second
	// settled is how long a lease has held that was worth it: only then the next attempt
	// begins without a wait.
	settled = 5 * time.Minute
	// messageBurst messages may leave in messageSpan: RFC 8415 14.1.
	messageBurst = 20
	messageSpan  = 20 * time.Second
)

// Now is the moment at which something happens.
type Now struct {
	// Up is the time since the machine started, CLOCK_BOOTTIME. It never goes back.
	Up time.Duration
	// Wall is the time of day, for the kept lease only; the zero Time: not known.
	Wall time.Time
}

// A Want is what is asked for beside the prefix, as routers say.
type Want struct {
	Address     bool // an address: the M flag
	Information bool // resolvers and the like: the O flag
}

// A Client has one link.
type Client struct {
	conf wan.Config
	duid dhcpv6.DUID
	boot string
	rand func() uint64

	now     Now
	out     []Action
	state   State
	since   time.Duration
	carrier bool
	want    Want

	lease *Lease // the one in use, that was reported
	kept  *Lease // one of before the machine started, that may be used if nobody answers
	// asked are the prefixes of the last lease, to be asked for again.
	asked []netip.Prefix

	x        exchange // of the session
	info     inform
	offer    *reply // the best Advertise so far, then the one that is requested
	released *Lease // that is given back
	declined struct {
		addr   netip.Addr
		server dhcpv6.DUID
	}
	declines  int
	noAddress time.Duration // until then no address is asked for
	anew      bool          // then another one is, in place of one that was declined
	avoid     map[string]time.Duration
	fails     int           // attempts in a row that came to nothing
	failUntil time.Duration // before which no other one begins
	boundAt   time.Duration
	lacking   int // answers in a row without a prefix

	solMaxRT, infMaxRT time.Duration
	pace               pace
	heard              time.Duration
	ignored            [dropCount]uint64
	problem            string // why there is no lease
	decided            bool   // see Decided
}

// New returns a client. duid is what servers know us by, boot names the run of the machine
// (boot_id of random(4)), and rand returns evenly distributed numbers.
func New(conf wan.Config, duid dhcpv6.DUID, boot string, rand func() uint64) (*Client, error) {
	if err := conf.Check(); err != nil {
		return nil, err
	}
	if !duid.Valid() {
		return nil, errors.New("the DUID has a length that none has")
	}
	return &Client{
		conf: conf, duid: duid, boot: boot, rand: rand, avoid: map[string]time.Duration{},
		x: quiet(), info: inform{x: quiet(), refresh: wan.Never}, solMaxRT: solicit.mrt,
		infMaxRT: information.mrt,
	}, nil
}

// Start begins, with the lease that was stored last; nil: none. It must be the first call.
func (c *Client) Start(now Now, kept *Lease, carrier bool, w Want) []Action {
	c.begin(now)
	c.carrier, c.want = carrier, w
	c.since = now.Up
	if kept != nil {
		c.takeUp(kept)
	}
	if carrier {
		c.attach()
	}
	return c.end()
}

// Carrier says that the link can be used, or can be no longer. What was given stays, and is
// asked for anew.
func (c *Client) Carrier(now Now, up bool) []Action {
	c.begin(now)
	if up != c.carrier {
		c.carrier = up
		c.x, c.info.x, c.offer = quiet(), quiet(), nil
		if c.state != Released && c.state != Releasing {
			c.enter(Init)
			c.failUntil = 0
		} else {
			c.enter(Released)
		}
		if up {
			c.attach()
		}
	}
	return c.end()
}

// Want says what routers say is to be had, when that is something else than before.
func (c *Client) Want(now Now, w Want) []Action {
	c.begin(now)
	was := c.want
	c.want = w
	switch {
	case was == w || !c.carrier:
	case c.state == Init && c.lease == nil && c.failUntil == 0:
		c.attach()
	case c.state == Bound && w.Address && !was.Address && len(c.lease.Addrs) == 0:
		c.renew()
	default:
		c.inquire()
	}
	return c.end()
}

// Look says that there is a sign of life upstream, such as a router that was not there before:
// whoever waits long for an answer asks soon.
func (c *Client) Look(now Now) []Action {
	c.begin(now)
	const soon = 10 * time.Second
	for _, x := range []*exchange{&c.x, &c.info.x} {
		if x.next != wan.Never && x.next > now.Up+soon {
			x.next, x.rt = now.Up+time.Duration(c.rand()%uint64(time.Second)), x.p.irt
		}
	}
	return c.end()
}

// attach begins on a link that can be used.
func (c *Client) attach() {
	switch {
	case c.state == Released:
	case !c.wantsSession():
		c.inquire()
	case c.lease != nil || c.kept != nil:
		c.verify()
	default:
		c.solicit(c.someDelay())
	}
}

// someDelay is that before a first message: SOL_MAX_DELAY, CNF_MAX_DELAY, INF_MAX_DELAY.
func (c *Client) someDelay() time.Duration { return time.Duration(c.rand() % uint64(time.Second)) }

func (c *Client) wantsAddress() bool {
	return c.conf.IPv6.Address && c.want.Address && c.now.Up >= c.noAddress
}

// wantsSession reports whether there is anything to be leased.
func (c *Client) wantsSession() bool { return c.conf.IPv6.Delegation != nil || c.wantsAddress() }

// Tick is to be called at the time that Next returns.
func (c *Client) Tick(now Now) []Action {
	c.begin(now)
	return c.end()
}

// Renew asks now, whatever the times say, or begins again after Release. Who says so again while
// the server of the lease does not answer has all servers asked.
func (c *Client) Renew(now Now) []Action {
	c.begin(now)
	if c.state == Releasing || c.state == Released {
		c.x = quiet()
		c.enter(Init)
	}
	c.fails, c.failUntil = 0, 0
	switch {
	case !c.carrier:
	case c.state == Bound:
		c.renew()
	case c.state == Init:
		c.attach()
	case c.state == Renewing && c.x.tries > 0 && now.Up > c.x.last:
		c.verify()
	case c.x.next != wan.Never:
		c.x.next = min(c.x.next, max(now.Up, c.x.last+c.x.p.irt))
	}
	return c.end()
}

// Next is when Tick wants to be called; wan.Never: not before something happens.
func (c *Client) Next() time.Duration {
	at, _ := c.soonest()
	return at
}

// begin takes the moment. What was due before it is done first.
func (c *Client) begin(now Now) {
	now.Up = max(now.Up, c.now.Up)
	c.now = now
	c.out = nil
	c.due()
}

func (c *Client) end() []Action {
	c.due()
	return c.out
}

// due does what is due, the earliest first. A turn that goes on for ever would be a mistake of
// ours; it is left for the next call.
func (c *Client) due() {
	for range 32 {
		at, do := c.soonest()
		if at > c.now.Up {
			return
		}
		do()
	}
}

// soonest returns what is to be done next. Ends of lifetimes come before all that is due at
// the same time.
func (c *Client) soonest() (at time.Duration, do func()) {
	at = wan.Never
	consider := func(when time.Duration, what func()) {
		if when < at {
			at, do = when, what
		}
	}
	if l := c.lease; l != nil {
		consider(l.ends(), c.expire)
		if c.carrier && c.state == Bound {
			consider(l.Renew, c.renew)
			consider(l.Rebind, c.rebind)
			if c.anew {
				consider(c.noAddress, c.another)
			}
		} else if c.carrier && c.state == Renewing {
			consider(l.Rebind, c.rebind)
		}
	}
	if c.carrier {
		consider(c.x.next, c.session)
		consider(c.info.x.next, c.informing)
		if c.state == Init && c.failUntil > 0 {
			consider(c.failUntil, c.retry)
		}
		consider(c.info.refresh, c.refreshInfo)
	}
	return at, do
}

func (c *Client) enter(s State) {
	if s != c.state {
		c.state, c.since = s, c.now.Up
	}
}

// retry begins another attempt.
func (c *Client) retry() {
	c.failUntil = 0
	c.attach()
}
