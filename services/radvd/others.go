package radvd

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

const (
	maxOthers   = 16
	maxSaid     = 8         // prefixes of one that are remembered
	forgetAfter = time.Hour // how long one is of interest that says nothing any more
)

// An Other is another router that advertises itself on the LAN.
type Other struct {
	From netip.Addr `json:"from"`
	// MAC is what it says its card is, or what its address is made of; zero: neither is known.
	MAC   ethernet.MAC  `json:"mac"`
	First time.Duration `json:"first_ns"` // on CLOCK_BOOTTIME, as Last
	Last  time.Duration `json:"last_ns"`
	Count uint64        `json:"count"`
	// Lifetime is that of the default route that it promises.
	Lifetime time.Duration  `json:"lifetime_ns,omitempty"`
	Prefixes []netip.Prefix `json:"prefixes,omitempty"`
	// Contradicts says what of it is other than what this router says (RFC 4861 6.2.7).
	Contradicts []string `json:"contradicts,omitempty"`
}

// heard notes an advertisement of another. What is news of it is to be logged.
func (r *Router) heard(now time.Duration, from netip.Addr, a *advert.Advertisement) []Action {
	if from == r.local || !r.up {
		return nil // our own, which a switch sends back
	}
	r.counts.Advertised++
	r.forget(now)
	i := slices.IndexFunc(r.others, func(o Other) bool { return o.From == from })
	news := i < 0
	if news {
		if len(r.others) >= maxOthers { // whoever makes up routers pushes out those that he made up
			i := indexOfLatest(r.others)
			r.others = slices.Delete(r.others, i, i+1)
		}
		r.others = append(r.others, Other{From: from, First: now})
		i = len(r.others) - 1
	}
	o := &r.others[i]
	o.Last, o.Count, o.Lifetime = now, o.Count+1, a.Lifetime
	o.MAC = a.Source
	if o.MAC == (ethernet.MAC{}) {
		o.MAC = cardOf(from)
	}
	o.Prefixes = nil
	for _, p := range a.Prefixes[:min(maxSaid, len(a.Prefixes))] {
		o.Prefixes = append(o.Prefixes, p.Prefix)
	}
	before := o.Contradicts
	o.Contradicts = r.contradictions(now, a)
	if news || !slices.Equal(before, o.Contradicts) {
		return []Action{Seen{"another router on LAN " + r.conf.Network + ": " + o.describe()}}
	}
	return nil
}

// indexOfLatest is the one that came last of those that were heard once, or of all: one that was there before
// stays.
func indexOfLatest(others []Other) int {
	latest := slices.MaxFunc(others, func(a, b Other) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.First, b.First))
	})
	return slices.IndexFunc(others, func(o Other) bool { return o.From == latest.From })
}

// forget forgets those that are heard no more.
func (r *Router) forget(now time.Duration) {
	r.others = slices.DeleteFunc(r.others, func(o Other) bool { return now-o.Last > forgetAfter })
}

// cardOf returns the card that a link-local address is made of (RFC 4291, appendix A), if it is.
func cardOf(a netip.Addr) (m ethernet.MAC) {
	b := a.As16()
	if b[11] != 0xff || b[12] != 0xfe {
		return m
	}
	return ethernet.MAC{b[8] ^ 2, b[9], b[10], b[13], b[14], b[15]}
}

// contradictions are those of RFC 4861 6.2.7, and of RFC 8106 7: what is not said contradicts nothing.
func (r *Router) contradictions(now time.Duration, a *advert.Advertisement) (all []string) {
	c := &r.conf
	differ := func(what string, theirs, ours any) {
		all = append(all, fmt.Sprintf("%s is %v, ours %v", what, theirs, ours))
	}
	if a.HopLimit != 0 && c.HopLimit != 0 && a.HopLimit != c.HopLimit {
		differ("the hop limit", a.HopLimit, c.HopLimit)
	}
	if a.Managed != c.Managed {
		differ("addresses by DHCPv6", a.Managed, c.Managed)
	}
	if a.Other != c.Other {
		differ("other configuration by DHCPv6", a.Other, c.Other)
	}
	if a.MTU != 0 && c.MTU != 0 && a.MTU != c.MTU {
		differ("the MTU", a.MTU, c.MTU)
	}
	for _, p := range a.Prefixes[:min(maxSaid, len(a.Prefixes))] {
		if ours := r.configured(p.Prefix); ours != nil {
			preferred, valid := ours.lifetimes(now)
			if p.Valid < valid/2 || p.Preferred < preferred/2 { // theirs may be counted down
				differ("prefix "+p.Prefix.String(), fmt.Sprintf("preferred %s, valid %s", p.Preferred,
					p.Valid),
					fmt.Sprintf("%s, %s", preferred, valid))
			}
		}
	}
	return all
}

// describe says who another router is.
func (o *Other) describe() string {
	s := o.From.String()
	if o.MAC != (ethernet.MAC{}) {
		s += " (" + o.MAC.String() + ")"
	}
	if o.Lifetime > 0 {
		s += fmt.Sprintf(", which hosts take for a way out for %s", o.Lifetime)
	}
	for i, p := range o.Prefixes {
		s += [...]string{", with prefix ", " and "}[min(i, 1)] + p.String()
	}
	if len(o.Contradicts) > 0 {
		s += "; contradicting: " + strings.Join(o.Contradicts, "; ")
	}
	return s
}
