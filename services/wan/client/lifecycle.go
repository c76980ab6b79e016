package client

import (
	"fmt"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/services/wan"
)

// hearACK takes a lease, or more time for one.
func (c *Client) hearACK(r *reply) Drop {
	switch c.state {
	case Requesting:
		if r.server != c.chosen.server {
			return OtherServer
		}
	case Rebooting, Renewing, Rebinding:
		// Any server may answer: those that stand in for each other share their leases,
		// and the number of the question is known to nobody who did not hear it.
	default:
		return NotNow
	}
	err := r.err
	var l *held
	if err == nil {
		l, err = c.judged(r)
	}
	if err != nil {
		c.refuse(r.server, err)
		if c.state == Requesting {
			c.shun(r.server)
			c.fail()
		}
		return 0 // the lease that we have holds as long as it did
	}
	delete(c.avoid, r.server)
	if l.Term.End <= c.now.Up { // it took that long to be answered
		if c.state == Requesting {
			c.tooLate(l)
		}
		return 0
	}
	switch {
	case c.lease != nil && c.lease.addr() == l.addr():
		c.extend(l)
	default: // the lease in use, if there is one, is used until this one can be
		c.examine(l)
	}
	return 0
}

// tooLate begins anew after a lease that ended before it could be used.
func (c *Client) tooLate(l *held) {
	c.fail()
	c.leaseFail(Expired, "the lease of %s ended before it could be used", l.addr())
}

// extend has the lease in use hold longer.
func (c *Client) extend(l *held) {
	old := c.lease
	c.lease = l
	c.settle(Bound)
	e := Event{
		Name: Renewed, Cause: Extended, Facts: l.facts, Term: l.Term, Remarks: l.remarks, Message: l.Message,
		Changed: !old.facts.Equal(&l.facts),
	}
	if l.Term.Server != old.Term.Server {
		e.Cause = Rebound
	}
	e.Text = fmt.Sprintf("server %s renewed %s: %s", l.Term.Server, l.facts.Addrs[0], c.until(l))
	if e.Changed {
		e.Text += "; what it says of the way out has changed"
	}
	c.store()
	c.report(e)
}

// settle ends the exchange with a lease.
func (c *Client) settle(s State) {
	c.quiet()
	c.fails, c.failUntil = 0, 0
	c.kept, c.cand = nil, nil
	c.last.addr, c.last.server = c.lease.addr(), c.lease.Term.Server
	c.enter(s)
}

// moved takes back the lease in whose place its server gave l.
func (c *Client) moved(l *held) {
	if c.lease != nil {
		c.deconfig(Moved, "server %s gives %s in place of %s", l.Term.Server, l.addr(), c.lease.addr())
	}
}

// adopt uses a lease.
func (c *Client) adopt(l *held) {
	c.moved(l)
	c.lease, c.cand, c.probeBy = l, nil, wan.Never
	e := Event{
		Name: BoundTo, Cause: Acknowledged, Changed: true, Facts: l.facts, Term: l.Term, Remarks: l.remarks,
		Message: l.Message,
		Text:    fmt.Sprintf("%s from server %s: %s", l.facts.Addrs[0], l.Term.Server, c.until(l)),
	}
	if l.Term.Unconfirmed {
		e.Cause = Silent
		e.Text = fmt.Sprintf("no server answers: the lease of %s from before the start is used; %s",
			l.facts.Addrs[0], c.until(l))
		c.kept = nil
		c.last.addr, c.last.server = l.addr(), l.Term.Server
	} else {
		c.settle(Bound)
	}
	c.store()
	c.report(e)
	c.out = append(c.out, Announce{Addr: l.addr(), Times: announcements})
}

// renew is T1: the server of the lease is asked.
func (c *Client) renew() {
	c.newExchange()
	c.enter(Renewing)
	c.resend = c.soon()
}

// rebind is T2: every server is asked.
func (c *Client) rebind() {
	began, renewing := c.x.began, c.state == Renewing
	c.newExchange()
	if renewing {
		c.x.began = began // secs: since the renewal began
	}
	c.enter(Rebinding)
	c.resend = c.soon()
}

// reRenew asks for more time, and plans to ask again after half of the time that is left
// until the next state, but not within a minute (RFC 2131 4.4.5: "SHOULD"). That minute
// would leave a lease of a few minutes with one try in each state, and one lost message
// with one: for leases shorter than half an hour it is shorter, four seconds in the end.
func (c *Client) reRenew() {
	t := c.lease.Term
	to, until := netip.Addr{}, t.End
	if c.state == Renewing {
		until = t.Rebind
		if c.routable(t.Server) {
			to = t.Server
		}
	}
	if c.x.tries > 0 {
		c.newXID()
	} else if n := len(c.x.sent); n > 0 {
		c.x.sent[n-1].at = c.now.Up
	}
	c.x.tries++
	c.sendRenew(to)
	if until == wan.Never { // somebody had an infinite lease renewed
		c.resend = c.now.Up + c.backOff()
		return
	}
	least := longestRenew
	if t.End != wan.Never {
		least = min(least, max(firstWait, (t.End-t.Start)/32))
	}
	c.resend = c.now.Up + max(least, (until-c.now.Up)/2)
}

// expire is the end of the lease: "the client MUST immediately stop any other network
// processing" (RFC 2131 4.4.5).
func (c *Client) expire() {
	if c.state == Checking && c.cand != nil { // what is in its place is still looked for
		c.moved(c.cand)
		return
	}
	l := c.lease
	c.quiet()
	c.deconfig(Expired, "the lease of %s has ended, and server %s has not renewed it", l.addr(),
		l.Term.Server)
	c.cand = nil
	c.enter(Init)
	if c.carrier {
		c.resend = c.soon()
	}
}
