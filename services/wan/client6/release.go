package client6

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// Release gives everything back. Nothing is asked for until Renew.
func (c *Client) Release(now Now) []Action {
	c.begin(now)
	c.x, c.info.x, c.info.refresh, c.offer, c.kept = quiet(), quiet(), wan.Never, nil, nil
	c.failUntil = 0
	if c.state == Releasing || c.state == Released {
		return c.end()
	}
	c.enter(Released)
	c.out = append(c.out, Forget{})
	if c.lease != nil {
		c.released = c.lease
		c.lose(ByHand, "%s was given back because somebody said so", missing(c.released, &Lease{}))
		if c.carrier {
			c.enter(Releasing)
			c.open(&c.x, dhcpv6.Release, releasing, 0)
		}
	}
	c.problem = "it was released; it is asked for again when somebody says so"
	return c.end()
}

// Duplicate says that another station has an address of ours (RFC 4862 5.4). It is given back
// (RFC 8415 18.2.8), and another one asked for after a while.
func (c *Client) Duplicate(now Now, addr netip.Addr) []Action {
	c.begin(now)
	if c.lease == nil || !slices.Contains(c.lease.addrs(), addr) {
		return c.end()
	}
	c.declined.addr, c.declined.server = addr, c.lease.Server
	c.noAddress = c.now.Up + min(declineWait<<min(c.declines, 10), time.Hour)
	c.declines++
	text := fmt.Sprintf("another station has %s", addr)
	l := c.lease.clone()
	l.Addrs = slices.DeleteFunc(l.Addrs, func(a Address) bool { return a.Addr == addr })
	if l.empty() {
		c.out = append(c.out, Forget{})
		c.lose(InUse, "%s", text)
	} else {
		c.lease, c.anew = l, c.want.Address
		c.store()
		c.report(Event{Name: Updated6, Cause: InUse, Text: text})
	}
	if c.carrier {
		c.enter(Declining)
		c.offer = nil
		c.open(&c.x, dhcpv6.Decline, declining, 0)
	}
	return c.end()
}

// wasDeclined goes on after a Decline was answered, or was not.
func (c *Client) wasDeclined() {
	c.x = quiet()
	if c.lease != nil {
		c.enter(Bound)
		return
	}
	c.enter(Init)
	c.failUntil = max(c.noAddress, c.now.Up+1)
}

// another asks for an address beside what is leased.
func (c *Client) another() {
	c.anew = false
	c.renew()
}
