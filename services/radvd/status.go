package radvd

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// LinkState is how the kernel has the link.
type LinkState struct {
	Known      bool   `json:"known"` // the rest is
	Carrier    bool   `json:"carrier"`
	Forwarding bool   `json:"forwarding"`
	Trouble    string `json:"trouble,omitempty"`   // why the link-local address is not to be used, in words
	Duplicate  bool   `json:"duplicate,omitempty"` // another station has it
	// Own are the addresses that this router has there.
	Own []netip.Addr `json:"own,omitempty"`
}

// LANStatus is how it is with a LAN.
type LANStatus struct {
	LAN   string       `json:"lan"`
	Link  string       `json:"link"`
	Up    bool         `json:"up"` // it is advertised on
	MAC   ethernet.MAC `json:"mac"`
	Local netip.Addr   `json:"local"`
	State LinkState    `json:"state"`
	// Advertised is what is said now.
	Advertised []advert.Advertisement `json:"advertised,omitempty"`
	// Old are the prefixes that are said to be gone.
	Old []Old `json:"old,omitempty"`
	// Last is when everybody was told, Next when he is the next time, on CLOCK_BOOTTIME; Never: not.
	Last   time.Duration `json:"last_ns"`
	Next   time.Duration `json:"next_ns"`
	Counts Counts        `json:"counts"`
	Others []Other       `json:"others,omitempty"`
}

// Old is a prefix that is gone.
type Old struct {
	Prefix netip.Prefix  `json:"prefix"`
	Left   time.Duration `json:"left_ns"` // how long a host can hold it yet
}

// settling is how long it may take until a link that comes up has its address: RFC 4862 5.4 wants a second.
const settling = 5 * time.Second

// Look tells how the kernel has a link. When carrier comes back, hosts are told as at the start: one behind a
// switch whose own link was never gone has missed what was said meanwhile, and does not ask.
func (h *House) Look(now time.Duration, lan string, s LinkState) {
	if r := h.lans[lan]; r != nil {
		if r.up && s.Carrier && r.state.Known && !r.state.Carrier {
			r.announce(now)
		}
		if s.Trouble != "" && r.state.Trouble == "" {
			r.troubled = now
		}
		r.state = s
	}
}

// Status returns how it is with the LANs of the configuration c.
func (h *House) Status(now time.Duration, c Config) (all []LANStatus) {
	for _, l := range c.Links {
		if r := h.lans[l.Network]; r != nil {
			all = append(all, r.status(now))
		}
	}
	return all
}

func (r *Router) status(now time.Duration) LANStatus {
	r.forget(now)
	s := LANStatus{
		LAN: r.conf.Network, Link: r.conf.Name, Up: r.up, MAC: r.mac, Local: r.local, State: r.state,
		Last: r.last, Next: r.next, Counts: r.counts, Others: append([]Other(nil), r.others...),
	}
	if r.up {
		s.Advertised = r.current(now).Adverts
	}
	if r.await > now {
		return s
	}
	for _, p := range r.gone(now) {
		s.Old = append(s.Old, Old{p, r.held[p].until - now})
	}
	return s
}

// maxNamed is how many routers, or claims, of a link are named, those that came first: who makes them up
// shall not fill a screen with them.
const maxNamed = 3

// Problems returns what a person should look at, one sentence each.
func (h *House) Problems(now time.Duration, c Config) (all []string) {
	for _, l := range c.Links {
		if r := h.lans[l.Network]; r != nil {
			all = append(all, r.problems(now)...)
		}
	}
	return append(all, h.claimed(now, c)...)
}

func (r *Router) problems(now time.Duration) (all []string) {
	say := func(format string, args ...any) {
		all = append(all, fmt.Sprintf("LAN %s (%s): ", r.conf.Network, r.conf.Name)+
			fmt.Sprintf(format, args...))
	}
	if s := r.state; s.Known {
		switch {
		case s.Duplicate:
			say("another station has the link-local address of this router, so nothing is advertised: " +
				"look for one with the same hardware address")
		case !s.Carrier:
			say("there is no carrier: no host hears what is advertised")
		case !r.up && s.Trouble != "" && now-r.troubled >= settling:
			say("nothing is advertised: of a link-local address, %s", s.Trouble)
		}
		if !s.Forwarding {
			say("the kernel forwards no IPv6 there (net.ipv6.conf.%s.forwarding is 0), "+
				"though hosts are told that this is a router", r.conf.Name)
		}
	}
	others := r.otherProblems(now)
	for _, o := range others[:min(maxNamed, len(others))] {
		say("%s", o)
	}
	if n := len(others) - maxNamed; n > 0 {
		say("%d more routers are there beside this one: gatehouse ipv6", n)
	}
	return all
}

// otherProblems are those that other routers make.
func (r *Router) otherProblems(now time.Duration) (all []string) {
	r.forget(now)
	for i := range r.others {
		o := &r.others[i]
		switch {
		case o.Lifetime > 0 || len(o.Prefixes) > 0:
			all = append(all, "another router advertises itself: "+o.describe())
		case len(o.Contradicts) > 0:
			all = append(all, "a router says other things than this one: "+o.describe())
		}
	}
	return all
}
