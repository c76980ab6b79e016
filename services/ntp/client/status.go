package client

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// words of states.
var states = [...]string{
	NoSources: "there are no sources", Starting: "answers are waited for",
	NoAnswers:  "no source gives the time",
	NoMajority: "the sources disagree, and none of what they say is a majority's",
	Contradict: "the sources contradict the time that was known, and are too few to be believed",
	Known:      "synchronised",
}

// String says it in words.
func (s State) String() string { return states[s] }

// words of whys.
var whys = [...]string{
	Unheard: "has not answered yet", Silent: "does not answer any more", Refused: "refuses to be asked",
	Unsynced: "says that it is not synchronised", Loop: "has its time from this appliance",
	TooFew:  "has not answered often enough yet",
	TooFar:  "may be off by 1.5 s or more",
	Doubted: "contradicts what it said before", Falseticker: "contradicts the majority",
	NoVote:       "contradicts others, and there is no majority",
	Unbelieved:   "contradicts the time that was known",
	OutOfMeasure: "agrees, but is much less exact than the best", Used: "is followed",
}

// String says it in words.
func (w Why) String() string { return whys[w] }

// A Server is what is known about one.
type Server struct {
	Source  string // as the site has it
	Addr    netip.Addr
	Why     Why
	Reach   uint8 // the last 8 questions, the newest is bit 0: answered or not
	Poll    time.Duration
	Next    time.Duration // on the free clock
	Heard   time.Duration // when it gave the time last; 0: never
	Samples int
	// Offset is its time less the time as it is known now; only where both are.
	Offset    time.Duration
	Delay     time.Duration
	Jitter    time.Duration
	Distance  time.Duration
	Frequency float64 // of true time against the free clock
	Stratum   uint8
	RefID     wire.RefID
	Leap      wire.Leap
	Slowed    bool // it said RATE
	Counts    Counts
}

// A Status is all that is known.
type Status struct {
	State    State
	Estimate Estimate // if State is Known, or Distance is not 0: as it was
	Holdover time.Duration
	Servers  []Server
	// Problems are of sources that have no server, and of names whose servers are all silent.
	Problems []string
}

// Status returns what is known.
func (c *Client) Status(now time.Duration) Status {
	c.now = max(c.now, now)
	st := Status{State: c.state, Estimate: c.est}
	if c.known {
		st.Holdover = c.holdover()
	}
	if c.state == Starting && slices.ContainsFunc(c.servers, func(s *server) bool {
		return s.vain >= vainFirst
	}) {
		st.State = NoAnswers // it still waits, but has been answered
	}
	for _, src := range c.sources {
		for _, s := range src.servers {
			st.Servers = append(st.Servers, c.server(s))
		}
		if why := src.trouble(); why != "" {
			st.Problems = append(st.Problems, fmt.Sprintf("%s: %s", src.conf, why))
		}
	}
	return st
}

// trouble is why a source has no server, or none that answers; "": it has.
func (s *source) trouble() string {
	named := len(s.conf.Addrs) == 0
	switch {
	case len(s.servers) > 0 && (!named || slices.ContainsFunc(s.servers, func(s *server) bool {
		return s.reach > 0 || !s.answered
	})):
		return ""
	case s.cause != "":
		return s.cause
	case len(s.servers) > 0:
		return "no address of it answers"
	case len(s.banned) > 0:
		return "no address of it is of use"
	}
	return ""
}

// server is what is known about one.
func (c *Client) server(s *server) Server {
	r := Server{
		Source: s.source.conf.String(), Addr: s.addr, Why: s.why, Reach: s.reach, Next: s.next,
		Heard: s.heard, Poll: time.Second << max(s.poll, s.slowest), Samples: s.filter.Len(),
		Slowed: s.slowest > minPoll, Stratum: s.last.Stratum, RefID: s.last.RefID, Leap: s.last.Leap,
		Counts: s.counts,
	}
	if len(s.doubt) > 0 {
		r.Why = Doubted
	}
	if r.Samples > 0 {
		l := s.filter.Line().Ahead(c.now)
		r.Delay, r.Jitter, r.Distance = s.filter.Delay(), seconds(l.Jitter), c.radius(s)
		r.Frequency = l.Frequency
		if c.known {
			r.Offset = time.Duration(l.Offset - c.est.Ahead(c.now).Offset)
		}
	}
	return r
}

// Names are the sources that are resolved.
func (c *Client) Names() (names []string) {
	for _, s := range c.sources {
		if len(s.conf.Addrs) == 0 && !slices.Contains(names, s.conf.Name) {
			names = append(names, s.conf.Name)
		}
	}
	return names
}
