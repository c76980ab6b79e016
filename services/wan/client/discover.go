package client

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/span"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// An offer is one that could be taken.
type offer struct {
	server, addr netip.Addr
	gateway      netip.Addr // the zero Addr: it leads nowhere
	score        int
}

// What makes an offer better than another: that its server did not fail us lately, then
// that it is the server of the last lease, then that it leads anywhere, then that the
// address is the one we had. Among equals the first is taken.
const (
	notAvoided  = 8
	sameServer  = 4
	withGateway = 2
	sameAddr    = 1
)

// discover looks for servers. RFC 2131 4.4.1 has a client wait for up to ten seconds
// before, so that a street whose power comes back does not ask as one: the jitter of
// what follows does that, and nobody waits ten seconds for a router.
func (c *Client) discover() {
	c.newExchange()
	c.enter(Selecting)
	c.pace.begun(c.now.Up)
	c.rediscover()
}

// rediscover asks, again and again, with the interval at its bound in the end.
func (c *Client) rediscover() {
	// It is said after a minute, after ever more, and then once an hour.
	if n := c.x.tries; n >= 4 && (n&(n-1) == 0 && n < 56 || n%56 == 0) {
		c.leaseFail(Silent, "no server has offered anything for %s",
			span.Text(c.now.Up-c.x.began))
	}
	c.x.tries++
	c.sendDiscover()
	c.resend = c.now.Up + c.backOff()
}

// hearOffer judges an offer as the lease that it would be.
func (c *Client) hearOffer(r *reply) Drop {
	err := r.err
	var l *held
	if err == nil {
		l, err = c.judged(r)
	}
	if err != nil {
		c.refuse(r.server, err)
		return 0
	}
	if len(c.offers) == maxOffers {
		return NotNow
	}
	o := offer{server: r.server, addr: r.said.Addr, gateway: l.facts.Gateway}
	if c.avoid[o.server] <= c.now.Up {
		o.score += notAvoided
	}
	known := c.routable(c.last.server)
	if known && o.server == c.last.server {
		o.score += sameServer
	}
	if l.facts.Gateway.IsValid() {
		o.score += withGateway
	}
	if o.addr == c.last.addr {
		o.score += sameAddr
	}
	c.offers = append(c.offers, o)
	if best := notAvoided | withGateway; o.score&best == best && (!known || o.score&sameServer != 0) {
		c.choose()
	} else {
		c.chooseBy, c.resend = min(c.chooseBy, c.now.Up+collect), wan.Never
	}
	return 0
}

// refuse reports what a server said that cannot be ours, once in an exchange.
func (c *Client) refuse(server netip.Addr, err error) {
	text := fmt.Sprintf("server %s: %v", server, err)
	if c.refusals[server] == text || len(c.refusals) >= maxOffers && c.refusals[server] == "" {
		return
	}
	c.refusals[server] = text
	c.leaseFail(NotBelieved, "%s", text)
}

// choose takes the best offer.
func (c *Client) choose() {
	best := c.offers[0]
	for _, o := range c.offers[1:] {
		if o.score > best.score {
			best = o
		}
	}
	c.chosen, c.offers, c.chooseBy = best, nil, wan.Never
	c.x.tries = 0
	c.x.sent[0].at = c.now.Up // the lease counts from its request, not from the DISCOVER
	c.enter(Requesting)
	c.rerequest()
	c.lookFor(best.addr, best.gateway)
}

// rerequest asks for the offer, as often as RFC 2131 has it.
func (c *Client) rerequest() {
	if c.x.tries == requestTries {
		c.shun(c.chosen.server)
		server := c.chosen.server
		c.fail()
		c.leaseFail(NoReply, "server %s offered %s and does not answer for it", server, c.chosen.addr)
		return
	}
	c.x.tries++
	c.sendRequest()
	c.resend = c.now.Up + c.backOff()
}

// shun puts a server behind all others for a while.
func (c *Client) shun(server netip.Addr) {
	for s, until := range c.avoid {
		if until <= c.now.Up {
			delete(c.avoid, s)
		}
	}
	if len(c.avoid) < maxOffers {
		c.avoid[server] = c.now.Up + avoidFor
	}
}

// fail begins anew after an attempt that came to nothing: after a second, and twice that
// each time, to the bound of RFC 2131 4.1.
func (c *Client) fail() {
	c.failAfter(0)
}

func (c *Client) failAfter(least time.Duration) {
	wait := max(least, min(time.Second<<min(c.fails, 6), longestWait))
	wait += time.Duration(c.rand()%uint64(wait/4/time.Millisecond)) * time.Millisecond
	c.fails++
	c.quiet()
	c.cand = nil
	c.enter(Init)
	c.failUntil = c.now.Up + wait
	if c.carrier {
		c.resend = c.failUntil
	}
}
