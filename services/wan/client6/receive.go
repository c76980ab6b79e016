package client6

import (
	"bytes"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
)

// Drop is why a message had no effect.
type Drop uint8

// The reasons.
const (
	_           Drop = iota
	NotReply         // a message that clients send, or a Reconfigure
	NotOurs          // for another client
	NotServer        // without a server that it could be from
	NotAsked         // no question of ours has its number, or it is not of the type of an answer to it
	OtherServer      // of a server that was not asked
	NothingInIt      // it gives nothing that can be used
	TryAgain         // the server cannot answer now
	dropCount
)

// String returns a key for counters and listings.
func (d Drop) String() string {
	names := [...]string{
		"", "not-a-reply", "not-ours", "no-server", "not-asked", "other-server", "nothing-in-it", "try-again",
	}
	if d < dropCount {
		return names[d]
	}
	return "?"
}

// Receive takes a message that came to port 546. It keeps none of its memory.
func (c *Client) Receive(now Now, m *dhcpv6.Message) []Action {
	c.begin(now)
	if drop := c.hear(m); drop != 0 {
		c.ignored[drop]++
	}
	return c.end()
}

// hear takes a message, or says why it has no effect: RFC 8415 16.3, 16.10.
func (c *Client) hear(m *dhcpv6.Message) Drop {
	server := dhcpv6.DUID(m.Options.Get(dhcpv6.OptionServerID))
	switch {
	case m.Type != dhcpv6.Advertise && m.Type != dhcpv6.Reply:
		return NotReply
	case !bytes.Equal(m.Options.Get(dhcpv6.OptionClientID), c.duid):
		return NotOurs
	case !server.Valid():
		return NotServer
	}
	x := &c.x
	if !x.asks(m.ID) {
		x = &c.info.x
	}
	if !x.asks(m.ID) || (m.Type == dhcpv6.Advertise) != (x.kind == dhcpv6.Solicit) {
		return NotAsked
	}
	if to := c.server(x.kind); to != nil && !bytes.Equal(to, server) {
		return OtherServer
	}
	c.heard = c.now.Up
	c.maxRTs(m.Options)
	r := c.read(m, x.last)
	switch x.kind {
	case dhcpv6.Solicit:
		return c.hearAdvertise(r)
	case dhcpv6.Request:
		return c.hearRequested(r)
	case dhcpv6.Renew, dhcpv6.Rebind:
		return c.hearRenewed(r)
	case dhcpv6.InformationRequest:
		return c.hearInformation(m.Options, r)
	case dhcpv6.Decline:
		c.wasDeclined()
	case dhcpv6.Release: // whatever it says: 18.2.10.2
		c.x = quiet()
		c.enter(Released)
	}
	return 0
}

// asks reports whether an answer with that number is waited for.
func (x *exchange) asks(id uint32) bool { return x.tries > 0 && x.id == id }

// maxRTs takes the longest waits that servers name: RFC 8415 18.2.9, 21.24, 21.25.
func (c *Client) maxRTs(o dhcpv6.Options) {
	take := func(code uint16, to *time.Duration) {
		if d, ok := dhcpv6.ReadSeconds(o.Get(code)); ok && d >= time.Minute && d <= 24*time.Hour {
			*to = d
		}
	}
	take(dhcpv6.OptionSolMaxRT, &c.solMaxRT)
	take(dhcpv6.OptionInfMaxRT, &c.infMaxRT)
	if c.x.kind == dhcpv6.Solicit {
		c.x.p.mrt = c.solMaxRT
	}
	if c.info.x.kind == dhcpv6.InformationRequest {
		c.info.x.p.mrt = c.infMaxRT
	}
}
