package client

import (
	"net/netip"
	"slices"
	"time"
)

// How many answers in a row that are no time end the use of an address, where there is another: of one that
// was of use before, and of one that never was.
const (
	vainMost  = 8
	vainFirst = 3
)

// inVain is about an answer that is no time: its server does not know it, or says what cannot be. One that is
// alive and of no use must not keep the place of one that is.
func (c *Client) inVain(s *server) {
	s.vain++
	limit := vainMost
	if s.counts.Good == 0 {
		limit = vainFirst
	}
	switch {
	case s.vain < limit:
	case c.hasOther(s):
		c.remove(s, doubtedFor)
		c.choose()
	default:
		c.lookAgain(s.source, refill)
	}
}

// hasOther tells whether an address is known that may be asked in place of a server's.
func (c *Client) hasOther(s *server) bool {
	return slices.ContainsFunc(s.source.candidates, func(a netip.Addr) bool {
		until, banned := s.source.banned[a]
		return c.serverAt(a) == nil && (!banned || c.now >= until)
	})
}

// lookAgain has the candidates of a source that has servers found again, if that was not done just now.
func (c *Client) lookAgain(src *source, every time.Duration) {
	if src.asking || c.now < src.asked+every {
		return
	}
	src.asked = c.now
	if len(src.conf.Addrs) > 0 {
		src.candidates = alternate(src.conf.Addrs)
		return
	}
	src.asking = true
	c.do(Resolve{src.conf.Name, !c.known})
}
