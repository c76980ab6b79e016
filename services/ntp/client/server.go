package client

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/filter"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// A server is one address that is asked.
//
//	             7 questions                    the line is steady
//	burst ─────────────────────────► 64 s ◄──────────────────────► 1024 s
//	  ▲                                │ a contradiction, a jump, a network
//	  └────────────────────────────────┘
type server struct {
	source *source
	addr   netip.Addr
	filter *filter.Filter
	doubt  []filter.Sample // those that contradict the line

	strange int // samples in a row that did
	wild    int // lines in a row that were contradicted as soon as they began

	poll, slowest int8          // log2 of seconds; slowest: after RATE, none below
	same          int           // samples since poll was changed
	burst         int           // questions that are to follow soon
	next, asked   time.Duration // the next question, and the last
	bucket        time.Duration // when all tokens are there again

	pending  uint64 // the exchange that is waited for, 0: none
	cookie   wire.Timestamp
	deadline time.Duration
	void     bool // its answer will not count

	reach    uint8
	fails    int // questions in a row without an answer
	answered bool
	last     wire.Header // of the last good answer
	unsynced bool        // the last answer said so
	heard    time.Duration
	wrong    int // votes in a row that contradicted the majority
	vain     int // answers in a row that were no time
	why      Why
	counts   Counts
}

// serverAt returns the server that has an address, nil if none has.
func (c *Client) serverAt(a netip.Addr) *server {
	for _, s := range c.servers {
		if s.addr == a {
			return s
		}
	}
	return nil
}

// add begins to ask an address.
func (c *Client) add(src *source, a netip.Addr) {
	p := c.prior
	if c.known {
		p = filter.Prior{Frequency: c.est.Frequency, Error: max(c.est.FrequencyError, 1e-6)}
	}
	s := &server{
		source: src, addr: a, filter: filter.New(p), poll: minPoll, slowest: minPoll, next: c.now,
		burst: burst, asked: c.now - burstGap,
	}
	s.bucket = c.spent[a]
	delete(c.spent, a)
	src.servers = append(src.servers, s)
	c.servers = append(c.servers, s)
}

// remove ends the use of a server, and of its address for some time.
func (c *Client) remove(s *server, ban time.Duration) {
	if s.pending != 0 {
		c.do(Drop{s.pending})
		s.pending = 0
	}
	is := func(o *server) bool { return o == s }
	s.source.servers = slices.DeleteFunc(s.source.servers, is)
	c.servers = slices.DeleteFunc(slices.Clone(c.servers), is)
	if len(c.spent) >= maxBanned {
		maps.DeleteFunc(c.spent, func(_ netip.Addr, full time.Duration) bool { return full <= c.now })
	}
	c.spent[s.addr] = s.bucket
	if ban > 0 {
		s.source.ban(s.addr, c.now+ban)
	}
	if len(s.source.candidates) == 0 && len(s.source.servers) == 0 {
		s.source.askAt = max(s.source.askAt, c.now+min(maxRetry, firstRetry<<min(s.source.tries, 10)))
	}
}

// hurry has a server asked in a burst, as its tokens allow.
func (c *Client) hurry(s *server) {
	if s.slowest > minPoll { // it has complained
		return
	}
	s.burst = burst
	s.next = min(s.next, max(c.now, s.asked+burstGap))
	s.poll, s.same = minPoll, 0
}

// ask sends a question, if there is a token.
func (c *Client) ask(s *server) {
	limit := (tokens - 1) * tokenEvery
	if s.filter.Len() >= enough {
		limit -= reserve * tokenEvery
	}
	if full := s.bucket - c.now; full > limit {
		s.next = c.now + full - limit
		return
	}
	s.bucket = max(s.bucket, c.now) + tokenEvery
	c.exchange++
	s.pending, s.void = c.exchange, false
	s.cookie = wire.Timestamp(max(1, c.rand())) // zero would be "unknown"
	s.reach, s.asked = s.reach<<1, c.now
	s.counts.Sent++
	s.deadline = c.now + timeout
	if !s.answered && len(s.source.candidates) > 0 {
		s.deadline = c.now + firstTimeout
	}
	s.burst = max(0, s.burst-1)
	// Nothing but what every question has, and a cookie: draft-ietf-ntp-data-minimization.
	h := wire.Header{Version: wire.Version, Mode: wire.ModeClient, Transmit: s.cookie}
	a := Ask{Exchange: s.pending, To: s.addr}
	h.Append(a.Packet[:0])
	s.next = c.now + c.interval(s)
	c.do(a)
}

// interval is how long it is to the next question: with a little chance, so that nobody asks in step.
func (c *Client) interval(s *server) time.Duration {
	d := burstGap
	if s.burst > 0 && s.burst <= lastGaps {
		d = 4 * burstGap << (lastGaps - s.burst)
	} else if s.burst == 0 {
		d = time.Second << max(s.poll, s.slowest)
		if s.fails > burst {
			d = max(d, time.Second<<min(minPoll+s.fails-burst, maxPoll))
		}
	}
	return d + time.Duration(c.rand()%uint64(d/32))
}

// Failed says that a question could not be sent, or that it was refused on its way.
func (c *Client) Failed(now time.Duration, exchange uint64) []Action {
	c.begin(now)
	for _, s := range c.servers {
		if s.pending == exchange && exchange != 0 {
			c.unanswered(s)
			break
		}
	}
	return c.end()
}

// unanswered ends an exchange without an answer.
func (c *Client) unanswered(s *server) {
	c.do(Drop{s.pending})
	s.pending = 0
	s.fails++
	s.counts.Lost++
	if c.givenUp(s) {
		c.remove(s, doubtedFor)
		c.choose()
		return
	}
	if s.reach == 0 {
		c.choose()
	}
}

// givenUp tells whether an address is not asked any more: there are others, or the name may have others now.
// Addresses of the site are all there are.
func (c *Client) givenUp(s *server) bool {
	named := len(s.source.conf.Addrs) == 0
	limit, others := deadAfter, len(s.source.candidates) > 0
	switch {
	case !s.answered && others:
		limit = 1
	case s.answered && !others:
		limit = 2 * deadAfter
	}
	return (others || named) && s.fails >= limit
}
