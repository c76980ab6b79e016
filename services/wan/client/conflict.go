package client

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/wan"
)

// A Finding is the result of a Probe.
type Finding struct {
	// Conflict: another station has the address, or wants it; MAC is its own.
	Conflict bool
	MAC      wan.MAC
	// Gateway: the gateway that was to be looked for is there.
	Gateway bool
}

// A proxy is a station that answered for several addresses: RFC 1027.
type proxy struct {
	mac   wan.MAC
	addrs []netip.Addr
}

// answers notes that a station answered for an address, and reports whether it is one
// that answers for all.
func (p *proxy) answers(mac wan.MAC, a netip.Addr) bool {
	if mac != p.mac {
		*p = proxy{mac: mac}
	}
	if len(p.addrs) < proxyAfter && !slices.Contains(p.addrs, a) {
		p.addrs = append(p.addrs, a)
	}
	return p.isProven(mac)
}

// isProven reports whether a station answers for all.
func (p *proxy) isProven(mac wan.MAC) bool { return mac == p.mac && len(p.addrs) >= proxyAfter }

// A look is for an address that is not ours yet.
type look struct {
	addr  netip.Addr
	at    time.Duration // when it began
	found *Finding      // nil: it is not over
}

// lookFor has an address looked for on the link, also while a server is asked for it: nobody
// waits for one after the other.
func (c *Client) lookFor(addr, gateway netip.Addr) {
	if c.conf.Probe == 0 {
		return
	}
	c.look = look{addr: addr, at: c.now.Up}
	c.out = append(c.out, Probe{Addr: addr, Gateway: gateway, For: c.conf.Probe})
}

// examine has a new address looked for on the link before it is used (RFC 5227 2.1, RFC
// 2131 4.4.1), unless that was done just now, and for a lease that nobody confirmed its
// gateway too.
func (c *Client) examine(l *held) {
	if l.Term.Unconfirmed {
		p := Probe{Addr: l.addr(), Gateway: l.facts.Gateway, For: max(c.conf.Probe, gatewayProbe)}
		c.look, c.cand, c.probeBy = look{}, l, c.now.Up+p.For+probeGrace
		c.out = append(c.out, p)
		return
	}
	c.quiet()
	c.enter(Checking)
	if c.conf.Probe == 0 {
		c.adopt(l)
		return
	}
	c.cand = l
	if c.look.addr != l.addr() || c.now.Up-c.look.at > c.conf.Probe+probeGrace {
		c.lookFor(l.addr(), l.facts.Gateway)
	}
	c.probeBy = c.look.at + c.conf.Probe + probeGrace
	if f := c.look.found; f != nil {
		c.judgeFinding(*f)
	}
}

// Probed is the result of a Probe.
func (c *Client) Probed(now Now, addr netip.Addr, f Finding) []Action {
	c.begin(now)
	switch {
	case c.cand != nil && c.cand.addr() == addr:
		c.judgeFinding(f)
	case c.look.addr == addr:
		c.look.found = &f
	}
	return c.end()
}

// unprobed goes on without the result of a probe: nothing was heard of a conflict.
func (c *Client) unprobed() { c.judgeFinding(Finding{}) }

func (c *Client) judgeFinding(f Finding) {
	l := c.cand
	c.look, c.probeBy = look{}, wan.Never
	conflict := f.Conflict && f.MAC != c.conf.MAC
	if conflict && c.proxy.answers(f.MAC, l.addr()) {
		conflict = false
		l.remarks = append(l.remarks, wan.Remark{About: wan.AboutProbe, Text: "station " + f.MAC.String() +
			" answers for every address, so that nothing is known of this one: it is used"})
	}
	switch {
	case l.Term.End <= c.now.Up:
		c.moved(l)
		c.tooLate(l)
	case conflict && l.Term.Unconfirmed:
		c.unused(InUse, l, "station "+f.MAC.String()+" has its address")
	case conflict:
		c.moved(l)
		c.decline(l, f.MAC)
	case l.Term.Unconfirmed && l.facts.Gateway.IsValid() && !f.Gateway:
		c.unused(GatewaySilent, l, "its gateway "+l.facts.Gateway.String()+" is not there")
	default:
		c.adopt(l)
	}
}

// unused goes on without the lease of before the start. Nobody gave it to us now, so
// there is nobody to decline it to.
func (c *Client) unused(cause Cause, l *held, why string) {
	c.kept = nil
	if cause == InUse {
		c.last.addr = netip.Addr{}
	}
	c.leaseFail(cause, "no server answers, and the lease of %s from before the start is not used: %s",
		l.addr(), why)
	c.quiet()
	c.cand = nil
	c.enter(Init)
	c.resend = c.soon()
}

// decline gives an address back that another station has, and waits.
func (c *Client) decline(l *held, by wan.MAC) {
	c.sendDecline(l)
	c.leaseFail(InUse, "station %s has the address %s that server %s gave: it is declined",
		by, l.addr(), l.Term.Server)
	c.forget()
	c.failAfter(declineWait)
}

// A Rival is another station that says to have the address in use.
type Rival struct {
	MAC   wan.MAC       `json:"mac"`
	First time.Duration `json:"first_ns"` // when it was heard to say so
	Last  time.Duration `json:"last_ns"`  // when it was heard to say so
	Times int           `json:"times"`
}

// Conflict says that another station uses, or announces, an address of ours: RFC 5227 2.4. The address is
// defended by one announcement each ten seconds at most, and
//
//   - kept, if a server has confirmed its lease (c): the provider says whose it is, not who else is on the
//     link. A host that has not probed claims an address twice within two seconds (2.3), so whoever gives up
//     after the second (b), as dhcpcd and lwIP do, is put off its way out by one host that is switched on,
//     and by anybody with two frames. FreeBSD keeps an address too. That there is a rival is told, as (c)
//     asks for.
//   - given up when that was in vain (b), if nobody has confirmed the lease since the start or since the link
//     came: it may be another's by now.
func (c *Client) Conflict(now Now, addr netip.Addr, by wan.MAC) []Action {
	c.begin(now)
	l := c.lease
	if l == nil || l.addr() != addr || by == c.conf.MAC || c.proxy.isProven(by) {
		return c.end()
	}
	news := c.note(by)
	switch {
	case c.now.Up-c.defended >= defendInterval:
		c.defended = c.now.Up
		c.out = append(c.out, Announce{Addr: addr, Times: 1, Text: news})
	case l.Term.Unconfirmed:
		c.deconfig(InUse, "station %s has our address %s, does not give it up, and no server confirms the lease", by, addr)
		c.forget()
		c.failAfter(declineWait)
	}
	return c.end()
}

// note notes who uses our address, and returns what is new in it.
func (c *Client) note(by wan.MAC) (news string) {
	r := c.currentRival(c.now.Up)
	if r == nil || r.MAC != by {
		r = &Rival{MAC: by, First: c.now.Up}
		news = "station " + by.String() + " uses our address " + c.lease.addr().String() + " too: it is defended"
	}
	r.Last = c.now.Up
	r.Times++
	c.rival = r
	return news
}

// currentRival returns the rival that is still to be spoken of, nil if there is none.
func (c *Client) currentRival(now time.Duration) *Rival {
	if c.rival == nil || now-c.rival.Last >= rivalFor {
		return nil
	}
	return c.rival
}
