package client

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
)

// How often names are resolved that have no address, or only such as are dead: after 2, 4, 8 … 1024 seconds.
// One with servers that has a place left, each hour. That of a silent server: see relook.
const (
	firstRetry   = 2 * time.Second
	maxRetry     = 1024 * time.Second
	refill       = time.Hour
	resolveBound = 30 * time.Second // for one answer
	maxBanned    = 64
)

// A source is one of the site's: a name or addresses, and the servers that were made of it.
type source struct {
	conf       ntp.Source
	servers    []*server
	candidates []netip.Addr // that are to be tried
	banned     map[netip.Addr]time.Duration
	asking     bool
	asked      time.Duration // when it was resolved last, or its addresses were looked through
	askAt      time.Duration // when to resolve again, or to begin again with the addresses
	tries      int
	cause      string // why it has no address
}

func newSource(conf ntp.Source) *source {
	return &source{conf: conf, banned: map[netip.Addr]time.Duration{}}
}

// places is how many servers it may have.
func (s *source) places() int {
	if s.conf.Pool {
		return ntp.PoolServers
	}
	return 1
}

// due is when something is to be done about a source.
func (c *Client) due(s *source) time.Duration {
	switch {
	case s.asking:
		return s.asked + resolveBound
	case len(s.servers) == 0 || s.conf.Pool && len(s.servers) < s.places():
		return s.askAt
	}
	return Never
}

// fill makes servers of candidates while there is a place, and looks for candidates.
func (c *Client) fill(s *source) {
	if s.asking && c.now >= s.asked+resolveBound {
		s.asking, s.cause = false, "no answer from the resolver"
	}
	for len(s.servers) < s.places() && len(s.candidates) > 0 {
		a := s.candidates[0]
		s.candidates = s.candidates[1:]
		if until, is := s.banned[a]; is && c.now < until || c.serverAt(a) != nil {
			continue
		}
		delete(s.banned, a)
		c.add(s, a)
	}
	if c.due(s) > c.now {
		return
	}
	s.askAt = c.now + min(maxRetry, firstRetry<<min(s.tries, 10))
	if len(s.servers) > 0 {
		s.askAt = c.now + refill
	}
	s.tries++
	c.look(s)
}

// look has the candidates of a source found again.
func (c *Client) look(s *source) {
	if len(s.conf.Addrs) > 0 {
		s.candidates = alternate(s.conf.Addrs)
		if s.tries > 1 {
			s.unban(c.now)
		}
		s.askAt = min(s.askAt, c.now+maxRetry)
		if len(s.servers) == 0 && s.tries == 1 {
			c.fill(s)
		}
		return
	}
	s.asking, s.asked = true, c.now
	c.do(Resolve{s.conf.Name, !c.known})
}

// unban lets addresses be tried again that were only given up; those that refused stay away.
func (s *source) unban(now time.Duration) {
	for a, until := range s.banned {
		if until <= now+doubtedFor {
			delete(s.banned, a)
		}
	}
}

// Resolved says what addresses a name has; or why it has none.
func (c *Client) Resolved(now time.Duration, name string, addrs []netip.Addr, cause string) []Action {
	c.begin(now)
	for _, s := range c.sources {
		if s.conf.Name == name && s.asking {
			c.resolved(s, usable(addrs), cause)
		}
	}
	return c.end()
}

func (c *Client) resolved(s *source, addrs []netip.Addr, cause string) {
	s.asking, s.cause = false, cause
	if len(addrs) == 0 {
		if cause == "" {
			s.cause = "the name has no address"
		}
		return
	}
	s.cause = ""
	if len(s.servers) == 0 {
		s.unban(c.now)
	}
	if !s.conf.Pool { // a pool names others each time
		for _, old := range slices.Clone(s.servers) {
			if !slices.Contains(addrs, old.addr) {
				c.remove(old, 0)
			}
		}
	}
	s.candidates = alternate(addrs)
	for _, old := range slices.Clone(s.servers) {
		if c.givenUp(old) {
			c.remove(old, doubtedFor)
			c.choose()
			c.fill(s) // what is left may be of use to the next
		}
	}
}

// usable are the first addresses that a server can have.
func usable(addrs []netip.Addr) (found []netip.Addr) {
	for _, a := range addrs {
		a = a.Unmap()
		if len(found) < ntp.MaxAddrs && a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() &&
			a != netip.AddrFrom4([4]byte{255, 255, 255, 255}) && !slices.Contains(found, a) {
			found = append(found, a)
		}
	}
	return found
}

// alternate puts the families in turn, and begins with that of the first.
func alternate(addrs []netip.Addr) []netip.Addr {
	var one, other []netip.Addr
	for _, a := range addrs {
		if a.Is4() == addrs[0].Is4() {
			one = append(one, a)
		} else {
			other = append(other, a)
		}
	}
	mixed := make([]netip.Addr, 0, len(addrs))
	for i := range max(len(one), len(other)) {
		mixed = append(mixed, one[min(i, len(one)):min(i+1, len(one))]...)
		mixed = append(mixed, other[min(i, len(other)):min(i+1, len(other))]...)
	}
	return mixed
}

// resolveProperly has all names resolved again, once, when the time is known for the first time: what was
// said before may not have been checked.
func (c *Client) resolveProperly() {
	if c.proper {
		return
	}
	c.proper = true
	for _, s := range c.sources {
		if len(s.conf.Addrs) == 0 && !s.asking {
			s.asking, s.asked = true, c.now
			c.do(Resolve{s.conf.Name, false})
		}
	}
}

// give up an address: it is not tried again for some time.
func (s *source) ban(a netip.Addr, until time.Duration) {
	if len(s.banned) >= maxBanned {
		clear(s.banned)
	}
	s.banned[a] = until
}
