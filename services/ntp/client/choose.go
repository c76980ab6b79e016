package client

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// A State says whether the time is known, or why not.
type State int

// States.
const (
	NoSources  State = iota // the site has none
	Starting                // answers are waited for
	NoAnswers               // nobody answers who is of use
	NoMajority              // those who answer disagree
	Contradict              // a majority contradicts the time that was known; see credible
	Known                   // the time is known
)

// A Why says what a server's answers are taken for.
type Why int

// Whys.
const (
	Unheard      Why = iota // not asked yet, or not answered yet
	Silent                  // the last 8 questions were not answered
	Refused                 // it said DENY or RSTR
	Unsynced                // it says that it does not know the time
	Loop                    // it is this machine, or has the time from it
	TooFew                  // not enough samples yet
	TooFar                  // it may be off by 1.5 s or more
	Doubted                 // its last samples contradict those before
	Falseticker             // it contradicts the majority
	NoVote                  // there is no majority
	Unbelieved              // it and others agree, but contradict the time that was known, and are not enough
	OutOfMeasure            // it agrees, but may be off by so much more than the best that it does not count
	Used                    // it is followed, with others or alone
)

// A vote is the interval in which a server has the true time to be: Offset ± Distance.
type vote struct {
	s      *server
	mid    int64 // true time less free clock, in ns
	radius int64
}

// votes are those of all servers that have one.
func (c *Client) votes() (votes []vote) {
	for _, s := range c.servers {
		radius := time.Duration(0)
		if s.filter.Len() > 0 {
			radius = c.radius(s)
		}
		switch {
		case s.reach == 0 && !s.answered:
			s.why = Unheard
		case s.reach == 0:
			s.why = Silent
		case s.unsynced:
			s.why = Unsynced
		case c.loops(s):
			s.why = Loop
		case s.filter.Len() < enough:
			s.why = TooFew
		case radius >= maxDistance:
			s.why = TooFar
		default:
			votes = append(votes, vote{s, s.filter.Line().Ahead(c.now).Offset, int64(radius)})
		}
	}
	return votes
}

// radius is the root distance of a server: half of all delays, and all dispersion (RFC 5905 11.2.1).
func (c *Client) radius(s *server) time.Duration {
	age := c.now - s.filter.Newest().At
	return (s.last.RootDelay.Duration()+s.filter.Delay())/2 + s.last.RootDispersion.Duration() +
		seconds(3*s.filter.Line().Ahead(c.now).OffsetError) + time.Duration(wander*float64(max(0, age)))
}

// choose finds the majority and follows it.
func (c *Client) choose() {
	votes := c.votes()
	if c.early(votes) {
		return
	}
	agree, lo, hi := majority(votes)
	for _, v := range votes {
		v.s.why = NoVote
		if len(agree) > 0 && !slices.Contains(agree, v) {
			v.s.why = Falseticker
		}
		v.s.wrong++
		if v.s.why != Falseticker {
			v.s.wrong = 0
		}
	}
	switch {
	case len(c.sources) == 0:
		c.state = NoSources
	case len(votes) == 0:
		c.state = NoAnswers
	case len(agree) == 0:
		c.state = NoMajority
	case !c.credible(agree, lo, hi):
		c.state = Contradict
		for _, v := range agree {
			v.s.why = Unbelieved
		}
	default:
		c.follow(agree)
	}
	c.replace()
}

// early tells whether others are to be waited for: at the start, a majority is one of all servers, until
// those that can answer have had the time to.
func (c *Client) early(votes []vote) bool {
	if c.state != Starting {
		return false
	}
	missing, soon := 0, time.Duration(0) // soon: when those that were heard once are heard again
	for _, src := range c.sources {
		if src.asking || len(src.candidates) > 0 || src.tries == 0 {
			missing += src.places() - len(src.servers)
		}
	}
	for _, s := range c.servers {
		if s.filter.Len() < enough && !s.unsynced {
			missing++
			soon = max(soon, s.heard+2*burstGap)
		}
	}
	c.wait = patience
	if len(votes) < missing {
		c.wait = max(longPatience, min(soon-c.first, 2*longPatience))
	}
	if c.first != Never && c.now >= c.first+c.wait {
		return false
	}
	agree, _, _ := majority(votes)
	return 2*len(agree) <= len(votes)+missing
}

// majority returns those votes whose intervals have a part in common, and the part, if they are more than
// half.
func majority(votes []vote) (agree []vote, lo, hi int64) {
	type end struct {
		at   int64
		step int // 1 begins, -1 ends
	}
	var ends []end
	for _, v := range votes {
		ends = append(ends, end{v.mid - v.radius, 1}, end{v.mid + v.radius, -1})
	}
	slices.SortFunc(ends, func(a, b end) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.step, a.step))
	})
	depth, best := 0, 0
	for i, e := range ends {
		if depth += e.step; depth > best {
			best, lo, hi = depth, e.at, ends[i+1].at
		}
	}
	if 2*best <= len(votes) {
		return nil, 0, 0
	}
	for _, v := range votes {
		if v.mid-v.radius <= lo && v.mid+v.radius >= hi {
			agree = append(agree, v)
		}
	}
	return agree, lo, hi
}

// credible tells whether a majority may be followed: it does not contradict the time that is known, or most
// of those that it is known from, or of all that there are, are of it. So one liar is not followed while all
// others are silent.
func (c *Client) credible(agree []vote, lo, hi int64) bool {
	c.est.Jump = false
	if len(c.trusted) == 0 || !c.known && c.now >= c.forget {
		return true
	}
	if c.known {
		mid, radius := c.est.Ahead(c.now).Offset, int64(c.holdover())
		if lo <= mid+radius && hi >= mid-radius {
			return true
		}
	}
	n := 0
	for _, v := range agree {
		if slices.Contains(c.trusted, v.s.addr) {
			n++
		}
	}
	c.est.Jump = c.known
	return 2*n > len(c.trusted) || 2*len(agree) > c.places()
}

// places is how many servers there are, and are to be.
func (c *Client) places() (n int) {
	for _, src := range c.sources {
		n += src.places()
	}
	return n
}

// follow combines those that agree: each by how near it is to the reference clock. Those that are far from it
// do not count, since a path that is long one way only is seen by nothing else.
func (c *Client) follow(agree []vote) {
	slices.SortStableFunc(agree, func(a, b vote) int { return cmp.Compare(a.radius, b.radius) })
	best := agree[0]
	var sum, offset, variance, fsum, frequency, wander float64
	c.trusted = c.trusted[:0:0]
	leaps := map[wire.Leap]int{}
	for _, v := range agree {
		c.trusted = append(c.trusted, v.s.addr)
		leaps[v.s.last.Leap]++
		v.s.why = OutOfMeasure
		if v.radius > 3*best.radius+int64(time.Millisecond) {
			continue
		}
		v.s.why = Used
		l := v.s.filter.Line().Ahead(c.now)
		w := 1 / sq(float64(v.radius)/1e9+1e-6)
		sum += w
		offset += w * float64(v.mid-best.mid) / 1e9
		variance += sq(w * l.OffsetError)
		f := 1 / (sq(l.FrequencyError) + 1e-20)
		fsum += f
		frequency += f * l.Frequency
		wander += f * l.Wander
	}
	e := Estimate{Jump: c.est.Jump, Servers: len(agree), Stratum: best.s.last.Stratum, Server: best.s.addr}
	e.At, e.Offset = c.now, best.mid+int64(math.Round(offset/sum*1e9))
	e.Frequency, e.FrequencyError, e.Wander = frequency/fsum, 1/math.Sqrt(fsum), wander/fsum
	e.OffsetError, e.Jitter = math.Sqrt(variance)/sum, best.s.filter.Line().Jitter
	away := time.Duration(max(e.Offset-best.mid, best.mid-e.Offset))
	e.Distance = time.Duration(best.radius) + away
	e.RootDelay = best.s.last.RootDelay.Duration() + best.s.filter.Delay()
	e.RootDispersion = e.Distance - e.RootDelay/2
	for leap, n := range leaps {
		if 2*n > len(agree) {
			e.Leap = leap
		}
	}
	c.est, c.known, c.state = e, true, Known
	c.do(Follow{e})
	c.resolveProperly()
}

// replace gives up servers that contradict the majority for long, where there are others: members of pools,
// for a pool has others, and those whose names have.
func (c *Client) replace() {
	var wrong []*server
	for _, s := range c.servers {
		if s.wrong >= 8*len(c.servers) {
			wrong = append(wrong, s)
		}
	}
	for _, s := range wrong {
		switch {
		case s.source.conf.Pool:
			c.remove(s, refusedFor)
		case c.hasOther(s):
			c.remove(s, doubtedFor)
		default:
			c.lookAgain(s.source, refill)
		}
	}
}

func sq(x float64) float64 { return x * x }

// Trusted are the servers that the time is known from.
func (c *Client) Trusted() []netip.Addr { return slices.Clone(c.trusted) }
