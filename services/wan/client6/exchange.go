package client6

import (
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// patience is how many times a server is looked for before information is asked for beside it.
const patience = 3

// params are those of a retransmission (RFC 8415 15): the first wait, the longest, how often
// it is sent, and for how long; 0: without end.
type params struct {
	irt, mrt time.Duration
	mrc      int
	mrd      time.Duration
}

// Those of RFC 8415 7.6.
var (
	solicit   = params{irt: time.Second, mrt: time.Hour}
	request   = params{irt: time.Second, mrt: 30 * time.Second, mrc: 10}
	renewing  = params{irt: 10 * time.Second, mrt: 600 * time.Second}
	rebinding = params{irt: 10 * time.Second, mrt: 600 * time.Second, mrd: rebindPatience}
	// as a Confirm: 18.2.12
	verifying   = params{irt: time.Second, mrt: 4 * time.Second, mrd: 10 * time.Second}
	information = params{irt: time.Second, mrt: time.Hour}
	releasing   = params{irt: time.Second, mrc: 4}
	declining   = params{irt: time.Second, mrc: 4}
)

// An exchange is one question to servers and its answers.
type exchange struct {
	kind  dhcpv6.MessageType
	p     params
	id    uint32
	began time.Duration // of the first message
	last  time.Duration // of the last one
	tries int
	rt    time.Duration
	next  time.Duration // of the next one; wan.Never: nothing is asked
}

// quiet is no exchange.
func quiet() exchange { return exchange{next: wan.Never} }

// open begins one, after a delay.
func (c *Client) open(x *exchange, kind dhcpv6.MessageType, p params, delay time.Duration) {
	*x = exchange{kind: kind, p: p, id: uint32(c.rand()) & dhcpv6.MaxID, next: c.now.Up + delay}
}

// isOver reports whether it was asked often and long enough.
func (c *Client) isOver(x *exchange) bool {
	return x.tries > 0 && (x.p.mrc > 0 && x.tries >= x.p.mrc || x.p.mrd > 0 && c.now.Up >= x.began+x.p.mrd)
}

// transmit sends the message of x, unless too many were sent lately, and plans the next.
func (c *Client) transmit(x *exchange) {
	if at := c.pace.when(c.now.Up); at > c.now.Up {
		x.next = at
		return
	}
	if x.tries == 0 {
		x.began = c.now.Up
	}
	x.tries++
	x.last = c.now.Up
	x.rt = c.wait(x)
	x.next = c.now.Up + x.rt
	if x.p.mrd > 0 {
		x.next = min(x.next, x.began+x.p.mrd)
	}
	c.pace.sent(c.now.Up)
	c.out = append(c.out, Send{Type: x.kind, Message: c.message(x)})
	if x.kind == dhcpv6.Solicit && x.tries == patience {
		c.inquire()
	}
}

// wait is RT of RFC 8415 15.
func (c *Client) wait(x *exchange) time.Duration {
	if x.rt == 0 {
		rt := x.p.irt + c.share(x.p.irt)
		if x.kind == dhcpv6.Solicit { // "the first RT MUST be … RAND … strictly greater than 0": 18.2.1
			rt = x.p.irt + max(rt-x.p.irt, x.p.irt-rt) + time.Millisecond
		}
		return rt
	}
	rt := 2*x.rt + c.share(x.rt)
	if x.p.mrt > 0 && rt > x.p.mrt {
		rt = x.p.mrt + c.share(x.p.mrt)
	}
	return rt
}

// share is RAND of it: from -0.1 to 0.1.
func (c *Client) share(of time.Duration) time.Duration {
	const parts = 1 << 20
	return of / 10 * (time.Duration(c.rand()%(2*parts+1)) - parts) / parts
}

// A pace lets messageBurst messages leave in any messageSpan.
type pace struct {
	at [messageBurst]time.Duration // when the last ones left, plus one nanosecond; 0: none
	n  int
}

// when returns the earliest time at which one may leave.
func (p *pace) when(now time.Duration) time.Duration {
	if oldest := p.at[p.n]; oldest > 0 {
		return max(now, oldest+messageSpan)
	}
	return now
}

func (p *pace) sent(now time.Duration) {
	p.at[p.n] = now + 1
	p.n = (p.n + 1) % messageBurst
}
