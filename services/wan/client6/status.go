package client6

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/internal/span"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// Said returns what holds now, as servers said it.
func (c *Client) Said() (s wan.Said6) {
	config := c.info.said
	if l := c.lease; l != nil {
		s.Delegated = append(s.Delegated, l.Prefixes...)
		for _, a := range l.Addrs {
			s.Addrs = append(s.Addrs, netip.PrefixFrom(a.Addr, 128)) // no network is said: RFC 5942 4
		}
		if config == nil || len(l.DNS)+len(l.NTP)+len(l.NTPNames)+len(l.Search) > 0 {
			config = l
		}
	}
	if config != nil {
		s.DNS, s.NTP, s.NTPNames, s.Search = config.DNS, config.NTP, config.NTPNames, config.Search
	}
	return s
}

// Decided reports whether it is known what of before the start is still ours: a server has said so, or what
// was leased in this run of the machine is used. While it is not, a Rebind or Solicit is on its way, or has
// no link yet.
func (c *Client) Decided() bool { return c.decided || c.lease != nil }

// Status is how a client is, for people.
type Status struct {
	State State         `json:"state"`
	Since time.Duration `json:"since_ns"` // Now.Up at which the state was entered
	DUID  dhcpv6.DUID   `json:"duid"`
	Wants bool          `json:"wants,omitempty"` // there is something to be leased
	Lease *Lease        `json:"lease,omitempty"` // the one in use; nil: none
	Tries int           `json:"tries,omitempty"` // messages of this exchange
	Heard time.Duration `json:"heard_ns"`        // when a server last said something; 0: never
	// Next is when something is done next; wan.Never: not before something happens.
	Next    time.Duration     `json:"next_ns"`
	Ignored map[string]uint64 `json:"ignored,omitempty"`
	Text    string            `json:"text"` // the whole in one sentence
}

// Status returns how the client is. It changes nothing, so what is due is not done.
func (c *Client) Status(now Now) Status {
	s := Status{
		State: c.state, Since: c.since, Wants: c.wantsSession(), DUID: c.duid, Tries: c.x.tries,
		Heard: c.heard, Next: c.Next(), Ignored: map[string]uint64{},
	}
	if c.lease != nil {
		s.Lease = c.lease.clone()
	}
	for d, n := range c.ignored {
		if n > 0 {
			s.Ignored[Drop(d).String()] = n
		}
	}
	s.Text = c.sentence(max(now.Up, c.now.Up))
	return s
}

func (c *Client) sentence(now time.Duration) (text string) {
	switch {
	case c.lease != nil:
		text = c.lease.text(now)
	case c.state == Released || c.state == Releasing:
		text = "nothing is leased"
	case !c.carrier:
		text = "the link cannot be used"
	case !c.wantsSession() && c.info.said != nil:
		text = "resolvers and the like are known"
	case !c.wantsSession():
		text = "nothing is to be leased"
	default:
		text = "nothing is leased yet"
	}
	switch {
	case c.state == Bound || c.lease == nil && !c.carrier:
	case !c.carrier:
		text += "; the link cannot be used"
	case c.x.tries > 1:
		text += fmt.Sprintf("; no server has answered %d messages in %s",
			c.x.tries, span.Text(now-c.x.began))
	}
	if c.problem != "" {
		text += "; " + c.problem
	}
	return text
}
