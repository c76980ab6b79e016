package client

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
)

// Reconfigure goes on with other sources.
//
//	stays  ─► its servers, what was measured of them, and their votes
//	is new ─► asked as at the start
//	goes   ─► its servers are asked no more, and have no say
//
// A time that is known stays known: by those who stay and agree with it, or else held over, with the error
// that it has by then, until a majority of the new ones is found. What is heard of those that go is nobody's.
func (c *Client) Reconfigure(now time.Duration, conf *ntp.Config) ([]Action, error) {
	if err := conf.Check(); err != nil {
		return nil, err
	}
	c.begin(now)
	before := c.sources
	c.sources = nil
	for _, s := range conf.Sources {
		is := func(old *source) bool { return same(old.conf, s) }
		if i := slices.IndexFunc(before, is); i >= 0 {
			c.sources = append(c.sources, before[i])
			before = slices.Delete(slices.Clone(before), i, i+1)
			continue
		}
		c.sources = append(c.sources, newSource(s))
	}
	for _, gone := range before {
		for _, s := range slices.Clone(gone.servers) {
			c.remove(s, 0)
		}
	}
	c.trusted = slices.DeleteFunc(slices.Clone(c.trusted), func(a netip.Addr) bool {
		return c.serverAt(a) == nil
	})
	c.again()
	return c.end(), nil
}

// same tells whether two sources are one.
func same(a, b ntp.Source) bool {
	return a.Name == b.Name && a.Pool == b.Pool && slices.Equal(a.Addrs, b.Addrs)
}

// again chooses after the sources became others. Where nobody is left who the time is known from, it begins
// as at the start: a majority is one of all of them, who have the time to answer.
func (c *Client) again() {
	if c.state == Starting && len(c.sources) > 0 || c.state == Known && len(c.trusted) > 0 {
		c.choose()
		return
	}
	c.state, c.first = Starting, Never
	if slices.ContainsFunc(c.servers, func(s *server) bool { return s.filter.Len() > 0 }) {
		c.first = c.now
	}
	if len(c.sources) == 0 {
		c.state = NoSources
	}
	c.choose()
}
