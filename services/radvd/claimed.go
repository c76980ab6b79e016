package radvd

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

const (
	maxClaimants  = 8
	claimedLately = 10 * time.Minute // how long it is of interest
)

// A claimant has said that this router's address is its own.
type claimant struct {
	from netip.Addr
	mac  ethernet.MAC
	last time.Duration
}

// claimed notes one. What is news of it is to be logged.
func (r *Router) claimed(now time.Duration, from netip.Addr, mac ethernet.MAC) []Action {
	if !r.up || mac == r.mac {
		return nil // somebody answers in our place, and truly
	}
	if mac == (ethernet.MAC{}) && from != r.local {
		mac = cardOf(from)
	}
	r.claiming(now)
	if i := slices.IndexFunc(r.claimants, func(c claimant) bool {
		return c.from == from && c.mac == mac
	}); i >= 0 {
		r.claimants[i].last = now
		return nil
	}
	if len(r.claimants) >= maxClaimants {
		return nil // who says it by ever new cards has been told of
	}
	c := claimant{from, mac, now}
	r.claimants = append(r.claimants, c)
	return []Action{Seen{c.String() + " claims this router's address " + r.local.String() + " on LAN " +
		r.conf.Network}}
}

// claiming are those that did so lately.
func (r *Router) claiming(now time.Duration) []claimant {
	r.claimants = slices.DeleteFunc(r.claimants, func(c claimant) bool { return now-c.last > claimedLately })
	return r.claimants
}

// String says who it is: by its card, or else by where it sent from.
func (c claimant) String() string {
	if c.mac == (ethernet.MAC{}) {
		return "a station at " + c.from.String()
	}
	return "the card " + c.mac.String()
}
