package client6

import (
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// Times of RFC 8415 7.6, 21.23: how long information is taken for true, without a word about
// it and at least.
const (
	refreshDefault = 24 * time.Hour
	refreshLeast   = 10 * time.Minute
)

// inform is what servers say without a lease.
type inform struct {
	x       exchange
	said    *Lease // its resolvers and the like; nil: nobody said any
	refresh time.Duration
}

// inquire asks for information, if routers say that there is some, and there is neither a lease
// that has it, nor is it there or asked for already.
func (c *Client) inquire() {
	if !c.want.Information || !c.carrier || c.lease != nil || c.state == Released || c.state == Releasing ||
		c.info.x.next != wan.Never || c.info.refresh != wan.Never {
		return
	}
	p := information
	p.mrt = c.infMaxRT
	c.open(&c.info.x, dhcpv6.InformationRequest, p, c.someDelay())
}

// informing does what is due in that exchange.
func (c *Client) informing() { c.transmit(&c.info.x) }

func (c *Client) hearInformation(o dhcpv6.Options, r *reply) Drop {
	if r.status.Code != dhcpv6.Success {
		return TryAgain
	}
	life, ok := dhcpv6.ReadSeconds(o.Get(dhcpv6.OptionRefreshTime))
	if !ok {
		life = refreshDefault
	}
	c.info = inform{x: quiet(), said: &r.leases, refresh: moment(c.now.Up, max(life, refreshLeast))}
	c.report(Event{
		Name: Informed6, Cause: Answered, Text: "server " + r.server.String() + " told of resolvers and the like",
		Remarks: r.remarks,
	})
	return 0
}

// refreshInfo asks again. What is known holds until somebody says otherwise.
func (c *Client) refreshInfo() {
	c.info.refresh = wan.Never
	c.inquire()
}
