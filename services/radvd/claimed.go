package radvd

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/span"
)

const (
	maxClaims     = 8                // of one link
	claimedLately = 10 * time.Minute // how long one is of interest
)

// claims are what stations of one link have said lately of this machine's addresses there: that they are
// theirs. Nothing follows from it but that people are told: the kernel keeps an address that it has
// (ndisc_recv_na in net/ipv6/ndisc.c), whoever says what.
type claims struct {
	duplicate bool // another station has the link-local address
	all       []claim
}

// A claim is that an address of this machine is one station's.
type claim struct {
	addr  netip.Addr
	card  ethernet.MAC // who sent it
	times uint64
	last  time.Duration
}

// hear notes one. news: it is the first, of one that is remembered.
func (c *claims) hear(now time.Duration, addr netip.Addr, card ethernet.MAC) (news bool) {
	lately := c.lately(now)
	i := slices.IndexFunc(lately, func(o claim) bool { return o.addr == addr && o.card == card })
	switch {
	case i >= 0:
		lately[i].times++
		lately[i].last = now
	case len(lately) < maxClaims: // who says it by ever new cards has been told of
		c.all = append(lately, claim{addr, card, 1, now})
		return true
	}
	return false
}

// lately are those that were heard lately.
func (c *claims) lately(now time.Duration) []claim {
	c.all = slices.DeleteFunc(c.all, func(o claim) bool { return now-o.last > claimedLately })
	return c.all
}

// problems are those that a person should look at.
func (c *claims) problems(now time.Duration) (all []string) {
	lately := c.lately(now)
	for _, o := range lately[:min(maxNamed, len(lately))] {
		heard := "heard once, " + span.Text(now-o.last) + " ago"
		if o.times > 1 {
			heard = fmt.Sprintf("heard %d times, last %s ago", o.times, span.Text(now-o.last))
		}
		all = append(all, fmt.Sprintf("the card %s says that it is %s, an address of this router, %s: "+
			"neighbours that believe it send there what is for the router, which keeps the address",
			o.card, o.addr, heard))
	}
	if n := len(lately) - maxNamed; n > 0 {
		all = append(all, fmt.Sprintf("%d more claim addresses of this router: gatehouse log radvd", n))
	}
	return all
}

// Claimed tells that a card of a link says that it has addr, an address of this router there.
func (h *House) Claimed(now time.Duration, link string, addr netip.Addr, card ethernet.MAC) []Action {
	if !h.claimsOn(link).hear(now, addr, card) {
		return nil
	}
	return []Action{Seen{fmt.Sprintf("the card %s claims this router's address %s on %s", card, addr, link)}}
}

// Watching says how the kernel has a link of Config.Watched.
func (h *House) Watching(link string, s LinkState) { h.claimsOn(link).duplicate = s.Duplicate }

func (h *House) claimsOn(link string) *claims {
	if h.claims[link] == nil {
		h.claims[link] = &claims{}
	}
	return h.claims[link]
}

// claimed are the problems that claims make: on LANs, and on links that are watched.
func (h *House) claimed(now time.Duration, c Config) (all []string) {
	say := func(where, link string, watched bool) {
		on := h.claimsOn(link)
		if watched && on.duplicate {
			all = append(all, where+": another station has the link-local address of this router, so nothing "+
				"is asked there over IPv6: look for one with the same hardware address")
		}
		for _, p := range on.problems(now) {
			all = append(all, where+": "+p)
		}
	}
	for _, l := range c.Links {
		say(fmt.Sprintf("LAN %s (%s)", l.Network, l.Name), l.Name, false)
	}
	for _, link := range c.Watched {
		say(link, link, true)
	}
	return all
}
