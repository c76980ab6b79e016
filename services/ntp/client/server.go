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
//	  ▲                                │ a contradiction, a jump, a network  │ no answer
//	  └────────────────────────────────┘                                     ▼
//	                                     an answer: as before ◄── 64 s, 8 times; then 128 s … 1024 s
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
	fails    int           // questions in a row without an answer
	silent   time.Duration // when the first of these was asked
	alone    bool          // when the last was, others had been heard since then
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
	s.reach, s.asked, s.alone = s.reach<<1, c.now, s.fails > 0 && c.heardSince(s.silent)
	s.counts.Sent++
	s.deadline = c.now + timeout
	if !s.answered && c.hasOther(s) {
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

// interval is how long it is to the next question: with a little chance, so that nobody asks in step. One
// that does not answer is asked each 64 s until all 8 bits of its reach say so, whatever its poll was, and
// then ever less.
func (c *Client) interval(s *server) time.Duration {
	d := burstGap
	if s.burst > 0 && s.burst <= lastGaps {
		d = 4 * burstGap << (lastGaps - s.burst)
	} else if s.burst == 0 {
		poll := s.poll
		if s.fails > 0 {
			poll = int8(min(minPoll+max(0, s.fails-reachBits), maxPoll))
		}
		d = time.Second << max(poll, s.slowest)
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
	if s.fails == 0 {
		s.silent = s.asked
	}
	s.fails++
	s.counts.Lost++
	if s.burst == 0 {
		s.next = max(c.now, s.asked+c.interval(s))
	}
	if c.givenUp(s) {
		c.remove(s, doubtedFor)
		c.choose()
		return
	}
	if s.fails >= deadAfter {
		c.lookAgain(s.source, relook)
	}
	if s.reach == 0 {
		c.choose()
	}
}

// givenUp tells whether an address that does not answer is not asked any more, since there is another. One
// that has answered stays longer where nobody else was heard before its last question: it may be our network
// that is gone. Without another, a name whose address has never answered is resolved as at the start; all
// else stays, and is asked less and less.
func (c *Client) givenUp(s *server) bool {
	limit := deadAfter
	switch {
	case s.fails == 0:
		return false
	case !c.hasOther(s):
		return !s.answered && len(s.source.conf.Addrs) == 0 && s.fails >= limit
	case !s.answered:
		limit = 1
	case !s.alone:
		limit = goneAfter
	}
	return s.fails >= limit
}

// heardSince tells whether any server gave the time after a moment.
func (c *Client) heardSince(at time.Duration) bool {
	return slices.ContainsFunc(c.servers, func(s *server) bool { return s.heard > at })
}
