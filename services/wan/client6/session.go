package client6

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// session does what is due in the exchange of the session.
func (c *Client) session() {
	switch {
	case c.x.kind == dhcpv6.Solicit && c.offer != nil:
		c.choose()
	case c.isOver(&c.x):
		c.unanswered()
	default:
		c.transmit(&c.x)
	}
}

// solicit looks for servers.
func (c *Client) solicit(delay time.Duration) {
	c.enter(Soliciting)
	c.offer = nil
	p := solicit
	p.mrt = c.solMaxRT
	c.open(&c.x, dhcpv6.Solicit, p, delay)
}

// verify asks all servers whether what we have is still so.
func (c *Client) verify() {
	c.enter(Verifying)
	if c.lease != nil {
		c.lease.Unconfirmed = true
	}
	c.open(&c.x, dhcpv6.Rebind, verifying, c.someDelay())
}

// renew is T1: the server of the lease is asked.
func (c *Client) renew() {
	c.enter(Renewing)
	c.open(&c.x, dhcpv6.Renew, renewing, 0)
}

// rebind is T2: all servers are asked.
func (c *Client) rebind() {
	c.enter(Rebinding)
	c.open(&c.x, dhcpv6.Rebind, rebinding, 0)
}

// request takes an offer, or asks a server anew for what it has forgotten.
func (c *Client) request(r *reply) {
	c.enter(Requesting)
	c.offer, c.kept = r, nil
	c.open(&c.x, dhcpv6.Request, request, 0)
}

// unanswered is the end of an exchange without an answer.
func (c *Client) unanswered() {
	switch c.state {
	case Requesting:
		c.shun(c.offer.server)
		c.fail(NoReply, "server %s does not answer for what it had offered", c.offer.server)
	case Verifying:
		c.silent()
	case Declining:
		c.wasDeclined()
	case Releasing:
		c.x = quiet()
		c.enter(Released)
	default:
		c.solicit(0)
	}
}

// silent goes on when nobody says whether what we have is still so: it is used for its last
// known lifetimes (RFC 8415 18.2.12), if these are known, and a server is looked for.
func (c *Client) silent() {
	if k := c.kept; k != nil && k.Boot != "" {
		k.drop(c.now.Up)
		if !k.empty() {
			c.bind(k)
			c.store()
			text := "no server answers; what was leased before the start is used: " + k.text(c.now.Up)
			c.report(Event{Name: Bound6, Cause: Silent, Text: text})
		}
	}
	c.kept = nil
	c.solicit(0)
}

// bind has a lease be the one in use.
func (c *Client) bind(l *Lease) {
	if c.lease == nil {
		c.boundAt = c.now.Up
	}
	c.lease, c.kept, c.decided = l, nil, true
	if len(l.Prefixes) > 0 {
		c.asked = l.prefixes()
	}
}

// hearAdvertise takes an offer: the best of the first wait, then the first there is.
func (c *Client) hearAdvertise(r *reply) Drop {
	if !r.given() || r.status.Code != dhcpv6.Success {
		c.problem = fmt.Sprintf("server %s offers nothing: %s", r.server, r.says())
		return NothingInIt
	}
	avoided := c.avoid[string(r.server)] > c.now.Up
	r.score = c.rate(r, avoided)
	if c.offer == nil || r.score > c.offer.score {
		c.offer = r
	}
	// RFC 8415 18.2.1: "If the client receives a valid Advertise … that includes a Preference option
	// with a preference value of 255, the client immediately begins" with that one.
	if best := r.preference == 255 && c.complete(r); !avoided && (best || c.x.tries > 1) {
		c.offer = r
		c.choose()
	}
	return 0
}

// complete reports whether r has all that is asked for.
func (c *Client) complete(r *reply) bool {
	return (c.conf.IPv6.Delegation == nil || len(r.leases.Prefixes) > 0) &&
		(!c.wantsAddress() || len(r.leases.Addrs) > 0)
}

// rate is what makes an offer better than another: that its server did not fail us lately, that
// it has a prefix, then an address, then its preference, then that all is as it was.
func (c *Client) rate(r *reply, avoided bool) (score int) {
	add := func(yes bool, points int) {
		if yes {
			score += points
		}
	}
	add(!avoided, 1<<20)
	add(len(r.leases.Prefixes) > 0, 1<<19)
	add(len(r.leases.Addrs) > 0, 1<<18)
	score += int(r.preference) << 2
	add(slices.ContainsFunc(r.leases.Prefixes, func(d wan.Delegation) bool {
		return slices.Contains(c.asked, d.Prefix)
	}), 2)
	add(c.lease != nil && bytes.Equal(c.lease.Server, r.server), 1)
	return score
}

func (c *Client) choose() { c.request(c.offer) }

// hearRequested takes the answer to a Request.
func (c *Client) hearRequested(r *reply) Drop {
	if r.has(dhcpv6.UnspecFail) || r.has(dhcpv6.UseMulticast) {
		c.problem = fmt.Sprintf("server %s cannot answer now: %s", r.server, r.says())
		return TryAgain // "the client MUST limit the rate": it is asked again in its time (18.2.10)
	}
	if r.given() && r.status.Code == dhcpv6.Success {
		c.take(r, Answered)
		return 0
	}
	if !c.offer.given() || c.lease != nil && bytes.Equal(c.lease.Server, r.server) {
		c.lose(Refused, "server %s does not give it any more: %s", r.server, r.says())
	}
	c.shun(r.server)
	cause := Refused
	if r.status.Code == dhcpv6.Success && !r.has(dhcpv6.NoPrefixAvail) && len(r.remarks) > 0 {
		cause = NotBelieved
	}
	c.fail(cause, "server %s does not give what it had offered: %s", r.server, r.says())
	return 0
}

// hearRenewed takes the answer to a Renew or Rebind (RFC 8415 18.2.10.1).
func (c *Client) hearRenewed(r *reply) Drop {
	cause := Rebound
	if c.lease != nil && bytes.Equal(c.lease.Server, r.server) {
		cause = Extended
	}
	switch {
	case r.has(dhcpv6.UnspecFail) || r.has(dhcpv6.UseMulticast):
		c.problem = fmt.Sprintf("server %s cannot answer now: %s", r.server, r.says())
		return TryAgain
	case r.has(dhcpv6.NotOnLink):
		c.lose(Refused, "it is not of this link: %s", r.says())
		c.kept = nil
		c.fail(Refused, "server %s says that this is another link: %s", r.server, r.says())
	case r.has(dhcpv6.NoBinding):
		// "sends a Request message to the server that responded"; what it does know holds.
		if r.given() && r.status.Code == dhcpv6.Success {
			c.take(r, cause)
		}
		c.request(&reply{server: r.server})
	case r.given() && r.status.Code == dhcpv6.Success:
		c.take(r, cause)
	case r.tookBack():
		c.take(r, Withdrawn)
	default: // NoPrefixAvail and its like: it holds as long as it does, and is asked for in its time
		c.problem = fmt.Sprintf("server %s does not extend it: %s", r.server, r.says())
		return NothingInIt
	}
	return 0
}

// take makes what a server gives the lease in use. To a Request that is all there is; what an
// answer to a Renew or Rebind leaves out holds as long as it did (RFC 8415 18.2.10.1).
func (c *Client) take(r *reply, cause Cause) {
	was, now := c.lease, c.now.Up
	c.kept = nil
	l := r.leases.clone()
	if was != nil && cause != Answered {
		l.retain(was, r, now)
	}
	l.drop(now)
	if was != nil && now-c.boundAt >= settled {
		c.fails = 0
	}
	delete(c.avoid, string(r.server))
	if l.empty() {
		c.asked, c.decided = nil, true
		c.out = append(c.out, Forget{})
		c.lose(Withdrawn, "server %s took it back: it gives lifetimes of 0", r.server)
		c.again()
		return
	}
	c.lacks(l)
	c.bind(l)
	c.x, c.info.x, c.info.refresh, c.offer = quiet(), quiet(), wan.Never, nil
	c.failUntil = 0
	c.enter(Bound)
	c.store()
	e := Event{Name: Updated6, Cause: cause, Remarks: r.remarks}
	if was == nil {
		e.Name = Bound6
	}
	e.Text = fmt.Sprintf("from server %s: %s", r.server, l.text(now))
	if gone := missing(was, l); gone != "" {
		e.Text += "; no more " + gone
	}
	c.report(e)
	if r.pd.Code != dhcpv6.Success || r.na.Code != dhcpv6.Success {
		c.problem = fmt.Sprintf("server %s does not give all: %s", r.server, r.says())
	}
}

// lacks has a prefix be asked for sooner than at T1, if there is none: after a minute, twice as
// long each time.
func (c *Client) lacks(l *Lease) {
	if c.conf.IPv6.Delegation == nil || len(l.Prefixes) > 0 {
		c.lacking = 0
		return
	}
	l.Renew = min(l.Renew, c.now.Up+min(time.Minute<<min(c.lacking, 10), time.Hour))
	c.lacking++
}

// retain adds what was leased, and an answer neither gives nor takes back.
func (l *Lease) retain(was *Lease, r *reply, now time.Duration) {
	// it only takes back: the rest is asked for in its time, and if that is over, not at once again
	if !r.given() {
		if l.Renew = was.Renew; l.Renew <= now {
			l.Renew = now + min(max(soonestRenew, (was.ends()-now)/2), time.Hour)
		}
		l.Rebind = max(was.Rebind, l.Renew)
		l.DNS, l.NTP, l.NTPNames, l.Search = was.DNS, was.NTP, was.NTPNames, was.Search
	}
	keep := func(valid time.Duration) {
		if r.given() && valid != wan.Never { // it is asked for again before it ends
			l.Renew = min(l.Renew, max(now+soonestRenew, now+(valid-now)/2))
		}
	}
	for _, d := range was.Prefixes {
		overlaps := func(n wan.Delegation) bool { return n.Prefix.Overlaps(d.Prefix) }
		if !slices.Contains(r.taken.prefixes, d.Prefix) && !slices.ContainsFunc(l.Prefixes, overlaps) &&
			len(l.Prefixes) < maxLeased {
			l.Prefixes = append(l.Prefixes, d)
			keep(d.Valid)
		}
	}
	for _, a := range was.Addrs {
		if !slices.Contains(r.taken.addrs, a.Addr) && !slices.Contains(l.addrs(), a.Addr) &&
			len(l.Addrs) < maxLeased {
			l.Addrs = append(l.Addrs, a)
			keep(a.Valid)
		}
	}
}

// missing names what was leased and is no more.
func missing(was, is *Lease) string {
	if was == nil {
		return ""
	}
	var gone []string
	for _, p := range was.prefixes() {
		if !slices.Contains(is.prefixes(), p) {
			gone = append(gone, p.String())
		}
	}
	for _, a := range was.addrs() {
		if !slices.Contains(is.addrs(), a) {
			gone = append(gone, a.String())
		}
	}
	return strings.Join(gone, ", ")
}

// expire is the end of a valid lifetime.
func (c *Client) expire() {
	l := c.lease.clone()
	l.drop(c.now.Up)
	gone := missing(c.lease, l)
	if !l.empty() {
		c.lease = l
		c.store()
		c.report(Event{Name: Updated6, Cause: Expired, Text: gone + " has ended; " + l.text(c.now.Up)})
		return
	}
	c.lose(Expired, "%s has ended, and no server has renewed it", gone)
	switch c.state {
	case Bound, Renewing, Rebinding, Verifying:
		c.again()
	}
}

// lose takes what is leased back.
func (c *Client) lose(cause Cause, format string, args ...any) {
	if c.lease == nil {
		return
	}
	c.lease = nil
	if c.now.Up-c.boundAt < settled {
		c.fails++
	} else {
		c.fails = 0
	}
	c.report(Event{Name: Unbound6, Cause: cause, Text: fmt.Sprintf(format, args...)})
}

// fail ends an attempt that came to nothing. The next one begins after a while.
func (c *Client) fail(cause Cause, format string, args ...any) {
	c.fails++
	c.decided = true
	c.report(Event{Name: Fail6, Cause: cause, Text: fmt.Sprintf(format, args...)})
	c.again()
}

// again begins anew after the wait that fails are worth.
func (c *Client) again() {
	c.x, c.offer = quiet(), nil
	c.enter(Init)
	wait := time.Duration(0)
	if c.fails > 0 {
		wait = min(refusedWait<<min(c.fails-1, 12), refusedMost)
	}
	c.failUntil = c.now.Up + wait + c.share(wait) + 1
}

// shun has a server come after all others for a while.
func (c *Client) shun(server dhcpv6.DUID) {
	const most = 16
	for s, until := range c.avoid {
		if until <= c.now.Up || len(c.avoid) >= most {
			delete(c.avoid, s)
		}
	}
	c.avoid[string(server)] = c.now.Up + avoidFor
}
