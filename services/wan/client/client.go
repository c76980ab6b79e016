// Package client is the DHCPv4 client of the way out: RFC 2131 with all its states, for
// providers as they are.
//
// It is an engine. A moment and what happened go in: carrier, a message, a result, the
// wish of a person; Actions come out, to be carried out in their order, and Next says
// when it wants to be called. It opens no socket, reads no clock and draws no chance of
// its own. All its times are on a clock that nobody sets, so that setting the time of
// day does nothing.
//
// It guarantees: an address is reported only after its lease was handed out for storing,
// and is taken back when the lease ends, if not before; what a provider says is judged
// (wan.Judge) before it is told; requests are never sent faster than RFC 2131 4.1 has
// it, whatever is answered, but for the first that follows a NAK; whoever is not asked is
// not heard. It leaves to others: sockets, ARP, the checksums of messages, storing, and
// everything in the kernel.
//
// A Client is not safe for concurrent use.
package client

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// Times of RFC 2131 and RFC 5227.
const (
	firstWait      = 4 * time.Second  // RFC 2131 4.1: before the first retransmission
	longestWait    = 64 * time.Second // and at most, each with a second more or less
	longestRenew   = 60 * time.Second // RFC 2131 4.4.5: "down to a minimum of 60 seconds"
	declineWait    = 10 * time.Second // RFC 2131 3.1: after a DECLINE, at least
	defendInterval = 10 * time.Second // RFC 5227 1.1: DEFEND_INTERVAL
	announcements  = 2                // RFC 5227 1.1: ANNOUNCE_NUM
)

// Choices of our own.
const (
	// requestTries is how often an offer is asked for: "retransmit … four times, for a
	// total delay of 60 seconds" (RFC 2131 3.1).
	requestTries = 4
	// rebootTries is how often a kept address is asked for before it is used without an
	// answer, or another is looked for: 12 seconds. systemd-networkd has two, too, and
	// dhclient 10 seconds.
	rebootTries = 2
	// collect is how long offers are waited for when the first one is not from the
	// server of the last lease, or cannot be used as well. One window, not each time: a
	// rogue that is faster than the provider's server is passed over, and a server that
	// has moved costs a second.
	collect = time.Second
	// nakPatience is how long the server of our lease may still say otherwise after
	// another one has refused it. udhcpc never believes others, so it stays where it is
	// in a network that was changed; networkd believes all, so a rogue takes the link
	// down.
	nakPatience = 2 * time.Second
	// avoidFor is how long a server that refused what it had offered, or never answered
	// a request, comes after all others.
	avoidFor = 5 * time.Minute
	// Carrier that comes is answered within confirmWithin, a few times in a row; a link
	// that goes on to flap gets one message each confirmRefill.
	confirmWithin = time.Second
	confirmBurst  = 5
	confirmRefill = 10 * time.Second
	// proxyAfter is for how many addresses one station answers before it is taken for a
	// router that answers for all (proxy ARP), and no more believed.
	proxyAfter = 3
	// probeGrace is how long after its time the result of a probe is waited for.
	probeGrace = 5 * time.Second
	// rivalFor is how long after its last word a station that uses our address is spoken of.
	rivalFor = 10 * time.Minute
	// gatewayProbe is how long a gateway may take to answer, if the lease was not
	// confirmed and nothing else says that this is the same network.
	gatewayProbe = time.Second

	maxOffers = 8
	maxSent   = 16
)

// Now is the moment at which something happens.
type Now struct {
	// Up is the time since the machine started, CLOCK_BOOTTIME. It never goes back.
	Up time.Duration
	// Wall is the time of day, for the kept lease only; the zero Time: not known.
	Wall time.Time
}

// A Client has one link.
type Client struct {
	conf wan.Config
	boot string
	rand func() uint64

	now     Now
	out     []Action
	state   State
	since   time.Duration // when the state was entered
	carrier bool

	lease *held // the one in use, that was reported
	cand  *held // the one that is looked for on the link before it is used
	// kept is a lease of before the machine started, that may be used if nobody answers.
	kept *held
	// last is what is asked for first: the address and server of the last lease.
	last struct{ addr, server netip.Addr }

	x         exchange
	offers    []offer
	chosen    offer
	avoid     map[netip.Addr]time.Duration // servers, until when
	fails     int                          // attempts in a row that came to nothing
	failUntil time.Duration                // before which no other one begins
	refusals  map[netip.Addr]string        // that were reported in this exchange

	// Moments at which something is to be done; wan.Never: nothing is.
	resend   time.Duration // the next message
	chooseBy time.Duration
	nakBy    time.Duration
	probeBy  time.Duration
	nak      refusal // what is obeyed then

	lastSent  time.Duration
	lastHeard time.Duration
	defended  time.Duration
	rival     *Rival
	pace      pace
	proxy     proxy
	look      look
	ignored   [dropCount]uint64
	problem   string // why there is no lease
}

// New returns a client. boot names the run of the machine (boot_id of random(4)), and
// rand returns evenly distributed numbers.
func New(conf wan.Config, boot string, rand func() uint64) (*Client, error) {
	if err := conf.Check(); err != nil {
		return nil, err
	}
	return &Client{
		conf: conf, boot: boot, rand: rand,
		avoid: map[netip.Addr]time.Duration{}, refusals: map[netip.Addr]string{},
		resend: wan.Never, chooseBy: wan.Never, nakBy: wan.Never, probeBy: wan.Never,
		defended: -defendInterval, lastSent: -longestWait, pace: pace{last: -confirmWithin},
	}, nil
}

// Start begins, with the lease that was stored last; nil: none. It must be the first
// call.
func (c *Client) Start(now Now, kept *Lease, carrier bool) []Action {
	c.begin(now)
	c.carrier = carrier
	c.enter(Init)
	if kept != nil {
		c.takeUp(kept)
	}
	if carrier {
		c.attach()
	}
	return c.end()
}

// Carrier says that the link has carrier, or has lost it. An address stays: a cable that
// is put back in must not have ended every conversation. It is asked for anew.
func (c *Client) Carrier(now Now, up bool) []Action {
	c.begin(now)
	if up != c.carrier {
		c.carrier = up
		c.detach()
		if up {
			c.attach()
		}
	}
	return c.end()
}

// detach forgets whatever was under way on the link.
func (c *Client) detach() {
	c.quiet()
	c.look = look{}
	switch {
	case c.state == Released:
	case c.lease != nil:
		c.lease.Term.Unconfirmed = true
		c.enter(InitReboot)
	case c.cand != nil && !c.cand.Term.Unconfirmed:
		c.last.addr, c.last.server = c.cand.addr(), c.cand.Term.Server
		c.enter(InitReboot)
	case c.state == Rebooting || c.state == InitReboot:
		c.enter(InitReboot)
	default:
		c.enter(Init)
	}
	c.cand = nil
}

// attach has the first message be sent: at once, or as soon as a flapping link may.
func (c *Client) attach() {
	if c.state != Released {
		c.resend = max(c.pace.when(c.now.Up), c.failUntil)
	}
}

// Receive takes a message that came to the client's port, and who sent it.
func (c *Client) Receive(now Now, p *packet.Packet, from netip.Addr) []Action {
	c.begin(now)
	if drop := c.hear(p, from); drop != 0 {
		c.ignored[drop]++
	}
	return c.end()
}

// Tick is to be called at the time that Next returns.
func (c *Client) Tick(now Now) []Action {
	c.begin(now)
	return c.end()
}

// Renew asks for the lease now, whatever its times say, or begins again after Release.
func (c *Client) Renew(now Now) []Action {
	c.begin(now)
	if c.state == Released {
		c.enter(Init)
		c.fails, c.failUntil = 0, 0
	}
	soon := c.soon()
	switch {
	case !c.carrier:
	case c.state == Bound:
		c.enter(Renewing)
		c.newExchange()
		c.resend = soon
	case c.resend != wan.Never:
		c.resend = min(c.resend, soon)
	case c.state == Init:
		c.resend = soon
	}
	return c.end()
}

// soon is now, or when a first retransmission could be: nothing that nobody's answer has
// caused is sent faster than RFC 2131 4.1 has it.
func (c *Client) soon() time.Duration { return max(c.now.Up, c.lastSent+firstWait) }

// Release gives the lease back. Nothing is asked for until Renew.
func (c *Client) Release(now Now) []Action {
	c.begin(now)
	if l := c.lease; l != nil {
		if c.carrier && c.routable(l.Term.Server) {
			c.sendRelease(l)
		}
		c.deconfig(ByHand, "%s was given back because somebody said so", l.addr())
	}
	c.quiet()
	c.forget()
	c.cand = nil
	c.enter(Released)
	c.problem = "it was released; it is asked for again when somebody says so"
	return c.end()
}

// Next is when Tick wants to be called; wan.Never: not before something happens.
func (c *Client) Next() time.Duration {
	at, _ := c.soonest()
	return at
}

// begin takes the moment. What was due before it is done first, so that whoever calls
// late finds an ended lease ended.
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

// due does what is due, the earliest first. A turn that goes on for ever would be a
// mistake of ours; it is left for the next call.
func (c *Client) due() {
	for range 32 {
		at, do := c.soonest()
		if at > c.now.Up {
			return
		}
		do()
	}
}

// soonest returns what is to be done next. The end of a lease comes before all that is
// due at the same time.
func (c *Client) soonest() (at time.Duration, do func()) {
	at = wan.Never
	consider := func(when time.Duration, what func()) {
		if when < at {
			at, do = when, what
		}
	}
	if c.lease != nil {
		consider(c.lease.Term.End, c.expire)
		switch c.state {
		case Bound:
			consider(c.lease.Term.Renew, c.renew)
			consider(c.lease.Term.Rebind, c.rebind)
		case Renewing:
			consider(c.lease.Term.Rebind, c.rebind)
		}
	}
	if c.cand != nil {
		consider(c.probeBy, c.unprobed)
	}
	consider(c.nakBy, c.obeyNAK)
	consider(c.chooseBy, c.choose)
	if c.carrier {
		consider(c.resend, c.again)
	}
	return at, do
}

// quiet takes back everything that was to be done, but for the lease in use.
func (c *Client) quiet() {
	c.resend, c.chooseBy, c.nakBy, c.probeBy = wan.Never, wan.Never, wan.Never, wan.Never
	c.offers = nil
	c.x = exchange{}
	clear(c.refusals)
}

func (c *Client) enter(s State) {
	if s != c.state || c.since == 0 {
		c.state, c.since = s, c.now.Up
	}
}

// again sends the next message of the state.
func (c *Client) again() {
	c.resend = wan.Never
	switch c.state {
	case Init:
		c.discover()
	case Selecting:
		c.rediscover()
	case Requesting:
		c.rerequest()
	case InitReboot:
		c.reboot()
	case Rebooting:
		c.reReboot()
	case Renewing, Rebinding:
		c.reRenew()
	}
}
