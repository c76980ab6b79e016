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
	mac   ethernet.MAC // this machine's card on the link
	local netip.Addr   // its link-local address
	own   []netip.Addr // all its addresses there
	all   []claim
}

// A claim is that one address is one station's.
type claim struct {
	from, addr netip.Addr
	mac        ethernet.MAC
	times      uint64
	last       time.Duration
}

// hear notes one. news: it is the first, of one that is remembered.
func (c *claims) hear(now time.Duration, from, addr netip.Addr, mac ethernet.MAC) (news *claim) {
	if mac == c.mac || addr != c.local && !slices.Contains(c.own, addr) {
		return nil // somebody answers in our place, and truly; or for another
	}
	if mac == (ethernet.MAC{}) && from != c.local {
		mac = cardOf(from)
	}
	is := func(o claim) bool { return o.from == from && o.addr == addr && o.mac == mac }
	lately := c.lately(now)
	if i := slices.IndexFunc(lately, is); i >= 0 {
		lately[i].times++
		lately[i].last = now
		return nil
	}
	if len(lately) >= maxClaims {
		return nil // who says it by ever new cards has been told of
	}
	c.all = append(lately, claim{from, addr, mac, 1, now})
	return &c.all[len(c.all)-1]
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
		all = append(all, fmt.Sprintf("%s says that it is %s, an address of this router, %s: neighbours that "+
			"believe it send there what is for the router, which keeps the address", o, o.addr, heard))
	}
	if n := len(lately) - maxNamed; n > 0 {
		all = append(all, fmt.Sprintf("%d more claim addresses of this router: gatehouse log radvd", n))
	}
	return all
}

// String says who it is: by its card, or else by where it sent from.
func (c claim) String() string {
	if c.mac == (ethernet.MAC{}) {
		return "a station at " + c.from.String()
	}
	return "the card " + c.mac.String()
}

// claimed notes that a station says that an address of this router is its own. What is news of it is to be
// logged.
func (r *Router) claimed(now time.Duration, from, addr netip.Addr, mac ethernet.MAC) []Action {
	if !r.up {
		return nil
	}
	return seen(r.claims.hear(now, from, addr, mac), "LAN "+r.conf.Network)
}

// seen has a claim logged, if it is news.
func seen(news *claim, where string) []Action {
	if news == nil {
		return nil
	}
	return []Action{Seen{fmt.Sprintf("%s claims this router's address %s on %s", news, news.addr, where)}}
}

// A watched link is no LAN: nothing is said there, and nothing heard but claims.
type watched struct {
	claims
	duplicate bool // another station has the link-local address
}

// Watching says how a link of Config.Watched is: its card, and how the kernel has it.
func (h *House) Watching(link string, mac ethernet.MAC, s LinkState) {
	w := h.watched[link]
	if w == nil {
		w = &watched{}
		h.watched[link] = w
	}
	w.mac, w.own, w.duplicate = mac, s.Own, s.Duplicate
}

// ClaimedOn is Claimed for a link of Config.Watched.
func (h *House) ClaimedOn(now time.Duration, link string, from, addr netip.Addr, mac ethernet.MAC) []Action {
	if w := h.watched[link]; w != nil {
		return seen(w.hear(now, from, addr, mac), link)
	}
	return nil
}

// watchedProblems are those of the links that are watched.
func (h *House) watchedProblems(now time.Duration, c Config) (all []string) {
	for _, link := range c.Watched {
		w := h.watched[link]
		if w == nil {
			continue
		}
		if w.duplicate {
			all = append(all, link+": another station has the link-local address of this router, so nothing is "+
				"asked there over IPv6: look for one with the same hardware address")
		}
		for _, p := range w.problems(now) {
			all = append(all, link+": "+p)
		}
	}
	return all
}
