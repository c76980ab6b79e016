package client

import (
	"fmt"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/services/wan"
)

// reboot asks whether the address that we know is still ours.
func (c *Client) reboot() {
	if !c.known().IsValid() {
		c.enter(Init)
		c.discover()
		return
	}
	c.newExchange()
	c.enter(Rebooting)
	c.pace.begun(c.now.Up)
	switch l := c.lease; {
	case l != nil && l.facts.Gateway.IsValid():
		c.out = append(c.out, Seek{Gateway: l.facts.Gateway, From: l.addr()})
	case l == nil && c.kept != nil:
		c.lookFor(c.known(), c.kept.facts.Gateway)
	case l == nil:
		c.lookFor(c.known(), netip.Addr{})
	}
	c.reReboot()
}

// known is the address that is asked for.
func (c *Client) known() netip.Addr {
	if c.lease != nil {
		return c.lease.addr()
	}
	return c.last.addr
}

// reReboot asks again. A lease in use is asked for as long as it holds: the link came
// back, and a modem that has just started may take minutes to let messages through, and
// then belong to another network. Without one, another way is tried after rebootTries:
// the lease of before the start is used if its gateway is there, or a server is looked
// for.
func (c *Client) reReboot() {
	if c.lease == nil && c.cand == nil && c.x.tries >= rebootTries {
		if c.kept == nil || c.kept.Term.End <= c.now.Up {
			c.kept = nil
			c.enter(Init)
			c.discover()
			return
		}
		c.examine(c.kept)
	}
	if c.x.tries > 0 {
		c.newXID()
	}
	c.x.tries++
	c.sendReboot(c.known())
	c.resend = c.now.Up + c.backOff()
}

// A refusal is a NAK.
type refusal struct {
	server netip.Addr
	says   string
	raw    *wan.Message
}

// hearNAK takes a server's no. That of the server that was asked, or that the lease is
// from, is obeyed at once. Of another one it is heeded only where all were asked, and
// after a while in which the lease's own server may say yes.
func (c *Client) hearNAK(r *reply) Drop {
	n := refusal{r.server, r.says(), r.raw}
	own := c.last.server
	if c.lease != nil {
		own = c.lease.Term.Server
	}
	switch c.state {
	case Requesting:
		if r.server != c.chosen.server {
			return OtherServer
		}
		c.shun(r.server)
	case Renewing:
		if r.server != own {
			return OtherServer
		}
	case Rebooting, Rebinding:
		if own.IsValid() && r.server != own {
			if c.nakBy == wan.Never {
				c.nak, c.nakBy, c.resend = n, c.now.Up+nakPatience, wan.Never
			}
			return 0
		}
	default:
		return NotNow
	}
	c.obey(n)
	return 0
}

func (c *Client) obeyNAK() {
	c.nakBy = wan.Never
	c.obey(c.nak)
}

// obey gives up the address that was refused.
func (c *Client) obey(n refusal) {
	addr := c.known()
	if c.state == Requesting {
		addr = c.chosen.addr
	}
	text := fmt.Sprintf("server %s refuses %s%s", n.server, addr, n.says)
	c.report(Event{Name: NAK, Cause: Refused, Text: text, Message: n.raw})
	if c.lease != nil {
		c.deconfig(Refused, "%s is not ours any more: server %s refuses it%s", addr, n.server, n.says)
	}
	c.kept = nil
	first := c.fails == 0 && c.state != Requesting
	c.forget()
	c.fail()
	if first { // a new address is asked for at once, where it was not the last such attempt that failed
		c.failUntil = c.now.Up
		c.resend = min(c.resend, c.now.Up)
	}
}
