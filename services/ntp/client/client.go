// Package client asks servers for the time, and says what of their answers is the time.
//
//	names ─► addresses ─► servers ─ samples ─► filters ─ lines ─► majority ─► Estimate
//	             ▲           │ dead, refuses
//	             └───────────┘
//
// It is an engine: moments, answers and addresses in; Actions out, to be carried out in their order; Next
// says when it wants to be called. Its only clock is one that nobody steers (CLOCK_MONOTONIC_RAW), so nothing
// that is done to the time of day disturbs what is measured. It draws no chance of its own.
//
// It guarantees: no server is asked more often than its tokens allow (8 at once, one in 16 s after that),
// whatever happens; RATE, DENY and RSTR are obeyed; an answer is heard once, and only if it repeats 64 random
// bits of the question; nothing is followed that is not within the intervals of more than half of all who
// vote (RFC 5905 11.2.1), nor what contradicts the time that was known, unless most of those say so that it
// was known from, or most of all; nor who has the time from this machine itself, as far as its reference id
// says so; other sources do not make the time unknown. It leaves to others: sockets, resolving, and the
// clock.
//
// A Client is not safe for concurrent use.
package client

import (
	"math"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/filter"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// Of RFC 5905 7.2 and 11.2.
const (
	minPoll     = 6  // 64 s
	maxPoll     = 10 // 1024 s
	maxDistance = 1500 * time.Millisecond
	// wander is how fast a clock that is not asked drifts at most, in s/s (PHI).
	wander = 15e-6
)

// Choices of our own.
const (
	// burst is how many questions begin: the first burstGap apart, which servers' own limits allow (ntpd: 2
	// s), the last lastGaps doubling from 8 s to 32 s, since two samples that are near tell nothing of the
	// frequency.
	burst    = 7
	lastGaps = 3
	burstGap = 2 * time.Second
	// No server gets more than tokens questions at once, and one for each tokenEvery. The last reserve of
	// them are for one of whom too little is known to have a vote: after a jump, the time waits for that.
	tokens     = 8
	reserve    = 2
	tokenEvery = 16 * time.Second
	// timeout is how long an answer may take; one that takes longer is of no use (maxDistance). A server that
	// has never answered is given less, where there is another to ask.
	timeout      = 3 * time.Second
	firstTimeout = 1200 * time.Millisecond
	// enough samples have a server's vote.
	enough = 2
	// patience is how long after the first answer others may still be heard before those vote that were.
	// longPatience is the same where fewer have been heard than not.
	patience     = 3 * time.Second
	longPatience = 10 * time.Second
	// deadAfter is how many questions in a row without an answer end the use of an address that had answered,
	// where there is another; without, its name is resolved again, at most once in relook.
	deadAfter = 5
	relook    = 8 * time.Minute
	// goneAfter is the same where nobody else answers either: some 23 minutes.
	goneAfter = 12
	// reachBits is how many questions in a row without an answer make a server unreachable (RFC 5905 9.2).
	// Until then it is asked each 64 s, which RFC 5905 does only with a burst, once, after all 8.
	reachBits = 8
	// suspects is how many samples in a row that contradict all before, and agree, are believed.
	suspects = 3
	// strangers is how many in a row contradict all before, and each other, until nothing before is believed.
	strangers = 8
	// refusedFor is how long a server that said DENY or RSTR is left alone, and doubtedFor an address that
	// was given up.
	refusedFor = 24 * time.Hour
	doubtedFor = time.Hour
	// rememberFor is how long it takes most of those that the time was known from to speak, after a jump.
	rememberFor = 10 * time.Minute
	// lookEvery is how often it is looked whether a time that nobody renews is still known.
	lookEvery = time.Minute
	// era is how far in the future a time may be, so that one before notBefore is recognised as such.
	era = 68 * 365 * 24 * time.Hour
	// Never is when nothing is due.
	Never = time.Duration(math.MaxInt64)
)

// An Action is to be carried out: an Ask, Drop, Resolve or Follow.
type Action interface{ action() }

// Ask sends a packet, of a socket of its own with a port by chance (RFC 9109), to port 123.
type Ask struct {
	Exchange uint64
	To       netip.Addr
	Packet   [wire.Size]byte
}

// Drop ends an exchange: no answer is waited for any more.
type Drop struct{ Exchange uint64 }

// Resolve asks for the addresses of a name. Resolved or at last the engine's own patience ends it.
type Resolve struct {
	Name string
	// Early: the time is not known yet, so by a way that does not depend on it: no certificates, no
	// signatures.
	Early bool
}

// Follow has a new estimate.
type Follow struct{ Estimate Estimate }

func (Ask) action()     {}
func (Drop) action()    {}
func (Resolve) action() {}
func (Follow) action()  {}

// An Estimate is the time, as most servers have it.
type Estimate struct {
	filter.Line
	// Distance is by how much the time may be off at Line.At, in the worst case: half of the delay to the
	// reference clock, and all dispersion.
	Distance time.Duration
	Leap     wire.Leap // for the end of this UTC day
	Stratum  uint8     // of the best server
	Server   netip.Addr
	// RootDelay and RootDispersion are those by that server, to the reference clock.
	RootDelay, RootDispersion time.Duration
	// Servers is how many agree; Jump: they do not with what was known before.
	Servers int
	Jump    bool
}

// A Client has the servers of all sources.
type Client struct {
	notBefore int64
	rand      func() uint64
	prior     filter.Prior

	now      time.Duration
	out      []Action
	sources  []*source
	servers  []*server
	spent    map[netip.Addr]time.Duration // buckets of addresses that were given up
	exchange uint64

	est     Estimate
	known   bool
	trusted []netip.Addr  // who the time was known from
	forget  time.Duration // when trusted are forgotten, after a jump
	first   time.Duration // when patience began; Never: nobody has answered
	wait    time.Duration // how long it is
	proper  bool          // names were resolved again with the time known
	alarmed time.Duration // when all were last asked for a contradiction
	state   State

	own    []netip.Prefix // addresses of the machine
	ownIDs map[wire.RefID][]netip.Addr
}

// New returns a client. No time before notBefore (nanoseconds since 1970) is believed: when the program was
// built. prior is what is known of the free clock's frequency; rand returns evenly distributed numbers.
func New(conf *ntp.Config, notBefore int64, prior filter.Prior, rand func() uint64) (*Client, error) {
	if err := conf.Check(); err != nil {
		return nil, err
	}
	c := &Client{
		notBefore: notBefore, rand: rand, prior: prior, spent: map[netip.Addr]time.Duration{},
		first: Never, wait: patience, alarmed: -Never, state: NoSources,
	}
	for _, s := range conf.Sources {
		c.sources = append(c.sources, newSource(s))
		c.state = Starting
	}
	return c, nil
}

// begin starts a step, end returns its actions.
func (c *Client) begin(now time.Duration) { c.now, c.out = max(c.now, now), nil }

func (c *Client) end() []Action {
	c.tend()
	return c.out
}

func (c *Client) do(a Action) { c.out = append(c.out, a) }

// Tick does what is due.
func (c *Client) Tick(now time.Duration) []Action {
	c.begin(now)
	for _, s := range c.servers {
		if s.pending != 0 && c.now >= s.deadline {
			c.unanswered(s)
		}
	}
	if c.known && c.holdover() > maxDistance {
		c.known = false
		c.choose()
	} else if c.state == Starting && c.first != Never && c.now >= c.first+c.wait {
		c.choose()
	}
	return c.end()
}

// tend fills the places of servers, and asks those that are due.
func (c *Client) tend() {
	for _, src := range c.sources {
		c.fill(src)
	}
	for _, s := range c.servers {
		if s.pending == 0 && c.now >= s.next {
			c.ask(s)
		}
	}
}

// Next is when Tick is to be called, at the latest.
func (c *Client) Next() time.Duration {
	next := Never
	for _, s := range c.servers {
		if s.pending != 0 {
			next = min(next, s.deadline)
		} else {
			next = min(next, s.next)
		}
	}
	for _, src := range c.sources {
		next = min(next, c.due(src))
	}
	if c.state == Starting && c.first != Never {
		next = min(next, c.first+c.wait)
	}
	if c.known && len(c.servers) == 0 {
		next = min(next, c.now+lookEvery)
	}
	return max(next, c.now+time.Millisecond)
}

// Jumped says that the free clock stood still or was another for a while: the machine was suspended, saved,
// moved. All samples are void, and all servers are asked at once.
func (c *Client) Jumped(now time.Duration) []Action {
	c.begin(now)
	c.void()
	return c.end()
}

// void forgets what the free clock was to the time.
func (c *Client) void() {
	p := c.prior
	if c.known {
		p = filter.Prior{Frequency: c.est.Frequency, Error: max(c.est.FrequencyError, 10e-6)}
	}
	c.known, c.first, c.forget, c.state = false, Never, c.now+rememberFor, Starting
	for _, s := range c.servers {
		if s.pending != 0 {
			c.do(Drop{s.pending})
			s.pending = 0
		}
		s.filter.Reset(p)
		s.doubt, s.strange, s.wild = nil, 0, 0
		c.hurry(s)
	}
}

// Online says that a network has come: servers that do not answer are asked at once, names are resolved.
func (c *Client) Online(now time.Duration) []Action {
	c.begin(now)
	for _, s := range c.servers {
		if s.reach == 0 {
			c.hurry(s)
		}
	}
	for _, src := range c.sources {
		if len(src.servers) == 0 && !src.asking {
			src.tries, src.askAt = 0, max(c.now, src.asked+firstRetry)
		}
	}
	return c.end()
}

// Shift says that UTC itself was shifted, by a leap second: what is known is shifted with it.
func (c *Client) Shift(by time.Duration) {
	for _, s := range c.servers {
		s.filter.Shift(by)
		s.doubt = nil
		if s.pending != 0 { // its answer may be of before or after
			s.void = true
		}
	}
	c.est.Offset += int64(by)
}

// Estimate returns the time; false: it is not known.
func (c *Client) Estimate() (Estimate, bool) { return c.est, c.known }

// holdover is by how much the time that is known may be off now.
func (c *Client) holdover() time.Duration {
	d := c.now - c.est.At
	return c.est.Distance + seconds(c.est.Ahead(c.now).OffsetError*3) + time.Duration(float64(d)*wander)
}

// seconds as a Duration, at most a year.
func seconds(s float64) time.Duration {
	return time.Duration(min(s, 365*86400) * float64(time.Second))
}
