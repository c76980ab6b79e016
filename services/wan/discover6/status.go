package discover6

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
)

// event tells of a change.
func event(was, is *What, now time.Duration, why string) Event {
	e := Event{Name: Heard6, At: now, What: *is}
	switch {
	case is.Said.Gateway == was.Said.Gateway:
	case is.Said.Gateway.IsValid():
		e.Name = Router6
	default:
		e.Name = NoRouter6
	}
	var parts []string
	if is.Said.Gateway.IsValid() {
		parts = append(parts, "router "+is.Said.Gateway.String())
	} else {
		parts = append(parts, "no router")
	}
	for _, a := range is.Said.Addrs {
		parts = append(parts, a.String())
	}
	if n := len(is.Said.DNS); n > 0 {
		parts = append(parts, fmt.Sprintf("%d resolvers", n))
	}
	e.Text = strings.Join(parts, ", ")
	if why != "" {
		e.Text += "; " + why
	}
	return e
}

// Status is how a host is, for people.
type Status struct {
	Routers   []Router  `json:"routers"`
	Addrs     []Address `json:"addresses"`
	Managed   bool      `json:"managed,omitempty"`
	Other     bool      `json:"other,omitempty"`
	Solicited uint64    `json:"solicited"` // solicitations
	Heard     uint64    `json:"heard"`     // advertisements
	Ignored   uint64    `json:"ignored,omitempty"`
	// Next is when routers are asked next; wan.Never: not before something happens.
	Next time.Duration `json:"next_ns"`
}

// A Router is one that can be the default router.
type Router struct {
	Addr       netip.Addr        `json:"addr"`
	Preference advert.Preference `json:"preference"`
	Until      time.Duration     `json:"until_ns"`
	InUse      bool              `json:"in_use,omitempty"`
	// Silent is since when it does not answer, and is taken not to be there; 0: it is, as far as is known.
	Silent time.Duration `json:"silent_ns,omitempty"`
	// Answers: it has answered a probe, so its silence means something.
	Answers bool `json:"answers,omitempty"`
}

// SilentRouter returns a router that there would be if it answered; nil: there is one that does, for all that
// is known, or none at all.
func (s *Status) SilentRouter() *Router {
	for i := range s.Routers {
		if s.Routers[i].InUse {
			return nil
		}
	}
	i := slices.IndexFunc(s.Routers, func(r Router) bool { return r.Silent > 0 })
	if i < 0 {
		return nil
	}
	return &s.Routers[i]
}

// An Address is one that was made of a prefix.
type Address struct {
	Addr      netip.Addr    `json:"addr"` // the zero Addr: others have all that were tried
	Prefix    netip.Prefix  `json:"prefix"`
	Preferred time.Duration `json:"preferred_ns"`
	Valid     time.Duration `json:"valid_ns"`
}

// What returns what holds now.
func (h *Host) What() What { return h.what() }

// Status returns how the host is. It changes nothing.
func (h *Host) Status() Status {
	s := Status{
		Managed: h.managed, Other: h.other, Solicited: h.solicited, Heard: h.heard, Ignored: h.ignored,
		Next: h.solicitAt,
	}
	for _, r := range h.routers {
		router := Router{
			Addr: r.addr, Preference: r.preference, Until: r.until, InUse: r.addr == h.inUse && !r.silent,
			Answers: r.answers,
		}
		if r.silent {
			router.Silent = r.since
		}
		s.Routers = append(s.Routers, router)
	}
	for _, p := range h.prefixes {
		s.Addrs = append(s.Addrs, Address{p.addr, p.prefix, p.preferred, p.valid})
	}
	return s
}
