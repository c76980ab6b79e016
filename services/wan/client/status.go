package client

import (
	"fmt"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/span"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// Status is how a client is, for people.
type Status struct {
	State   State         `json:"state"`
	Since   time.Duration `json:"since_ns"` // Now.Up at which the state was entered
	Carrier bool          `json:"carrier"`
	// Held: Facts, Term and Remarks are those of the lease in use.
	Held    bool          `json:"held"`
	Facts   wan.Facts     `json:"facts"`
	Term    wan.Term      `json:"term"`
	Remarks []wan.Remark  `json:"remarks"`
	Tries   int           `json:"tries"`    // messages of this exchange without an answer
	Heard   time.Duration `json:"heard_ns"` // when a server last said something; 0: never
	// when something is done next; wan.Never: not before something happens
	Next    time.Duration     `json:"next_ns"`
	Ignored map[string]uint64 `json:"ignored"`
	Rival   *Rival            `json:"rival"` // uses the address in use too; nil: nobody has lately
	Text    string            `json:"text"`  // the whole in one sentence
}

// Status returns how the client is. It changes nothing, so what is due is not done.
func (c *Client) Status(now Now) Status {
	s := Status{
		State: c.state, Since: c.since, Carrier: c.carrier, Tries: c.x.tries, Heard: c.lastHeard,
		Next: c.Next(), Ignored: map[string]uint64{},
	}
	if l := c.lease; l != nil {
		s.Held, s.Facts, s.Term, s.Remarks = true, l.facts, l.Term, l.remarks
	}
	if r := c.currentRival(now.Up); r != nil {
		rival := *r
		s.Rival = &rival
	}
	for d, n := range c.ignored {
		if n > 0 {
			s.Ignored[Drop(d).String()] = n
		}
	}
	s.Text = c.sentence(now.Up)
	return s
}

// sentence says how thin the ice is.
func (c *Client) sentence(now time.Duration) string {
	l := c.lease
	if l == nil {
		text := map[State]string{
			Selecting: "servers are asked for an address", Requesting: "an offer is asked for",
			Checking:  "the address is looked for on the link",
			Rebooting: "the address of before is asked for",
		}[c.state]
		switch {
		case c.state == Released:
			text = "there is no address"
		case !c.carrier:
			text = "there is no carrier"
		case text == "":
			text = "there is no address yet"
		}
		if c.problem != "" {
			text += "; " + c.problem
		}
		return text
	}
	kind := ""
	if k := wan.KindOf(l.addr()); k != wan.Public {
		kind = ", " + k.String()
	}
	text := fmt.Sprintf("%s%s from server %s; %s",
		l.facts.Addrs[0], kind, l.Term.Server, untilText(l.Term.End, now))
	switch {
	case !c.carrier:
		text += "; there is no carrier"
	case c.state == Bound:
	case c.x.tries > 1:
		text += fmt.Sprintf("; no server has answered %d requests in %s",
			c.x.tries, span.Text(now-c.x.began))
	default:
		text += "; it is being renewed"
	}
	return text
}
