package radvd

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// A House is this router on all LANs, by their names. A LAN that is in no configuration any more stays as
// long as its hosts can hold a prefix: it may come back.
type House struct {
	rand   func() uint64
	lans   map[string]*Router
	claims map[string]*claims // by links
}

// New returns the engine for a configuration that passes its Check, with what was kept; rand returns 64 bits
// by chance.
func New(now time.Duration, c Config, kept []Kept, rand func() uint64) *House {
	h := &House{rand: rand, lans: map[string]*Router{}, claims: map[string]*claims{}}
	for _, l := range c.Links {
		h.lans[l.Network] = newRouter(now, l, kept, rand)
	}
	for _, k := range kept {
		if h.lans[k.Network] == nil && len(h.lans) < 2*maxLinks {
			h.lans[k.Network] = newRouter(now, Link{Network: k.Network}, kept, rand)
		}
	}
	return h
}

// Up tells that there is a socket on a LAN, whose link has these addresses.
func (h *House) Up(now time.Duration, lan string, mac ethernet.MAC, local netip.Addr) {
	if r := h.lans[lan]; r != nil {
		r.Up(now, mac, local)
	}
}

// Down tells that there is none.
func (h *House) Down(lan string) {
	if r := h.lans[lan]; r != nil {
		r.Down()
	}
}

// Reconfigure makes c, which passes its Check, the configuration. A LAN that is not in it is told, by Tick,
// that there is nothing any more; then it is to go Down.
func (h *House) Reconfigure(now time.Duration, c Config) {
	for _, l := range c.Links {
		if r := h.lans[l.Network]; r != nil {
			r.reconfigure(now, l)
		} else {
			h.lans[l.Network] = newRouter(now, l, nil, h.rand)
		}
	}
	for name, r := range h.lans {
		if !slices.ContainsFunc(c.Links, func(l Link) bool { return l.Network == name }) {
			r.reconfigure(now, Link{Network: name})
		}
	}
	maps.DeleteFunc(h.claims, func(link string, _ *claims) bool {
		return !slices.Contains(c.Watched, link) &&
			!slices.ContainsFunc(c.Links, func(l Link) bool { return l.Name == link })
	})
}

// reconfigure goes on with another configuration of the LAN. What hosts are told otherwise now they are told
// at once; that a lifetime begins anew, only if theirs would end before the next time.
func (r *Router) reconfigure(now time.Duration, l Link) {
	before := r.conf
	r.conf, r.set, r.final, r.over = l, nil, false, false
	if !l.Awaited {
		r.await = 0
	}
	r.withdraw(now, &before)
	r.prune(now)
	if urgent(now, &before, &l) {
		r.announce(now)
		r.hasten(now)
	}
}

// urgent reports whether hosts are to be told of another configuration at once.
func urgent(now time.Duration, before, after *Link) bool {
	a, b := *before, *after
	a.Name, a.NTP, a.Awaited = b.Name, b.NTP, b.Awaited // after a wait something is due anyway
	a.Prefixes, b.Prefixes = nil, nil
	if !reflect.DeepEqual(a, b) || len(before.Prefixes) != len(after.Prefixes) {
		return true
	}
	_, longest := after.intervals()
	for i, q := range after.Prefixes {
		p := before.Prefixes[i]
		was, _ := p.lifetimes(now)
		is, valid := q.lifetimes(now)
		_, wasValid := p.lifetimes(now)
		p.PreferredUntil, p.ValidUntil = q.PreferredUntil, q.ValidUntil
		if p != q || is < was || valid < wasValid || is > was && was < 2*longest {
			return true
		}
	}
	return false
}

// Solicited tells of a solicitation.
func (h *House) Solicited(now time.Duration, lan string, from netip.Addr) []Action {
	if r := h.lans[lan]; r != nil {
		return r.solicited(now, from)
	}
	return nil
}

// Unanswered tells that what was to be sent to one host could not be.
func (h *House) Unanswered(now time.Duration, lan string) {
	if r := h.lans[lan]; r != nil {
		r.unanswered(now)
	}
}

// Heard tells of an advertisement.
func (h *House) Heard(now time.Duration, lan string, from netip.Addr, a *advert.Advertisement) []Action {
	if r := h.lans[lan]; r != nil {
		return r.heard(now, from, a)
	}
	return nil
}

// Next returns when Tick is to be called at the latest; Never: not before something else happens.
func (h *House) Next(now time.Duration) time.Duration {
	next := Never
	for _, r := range h.lans {
		next = min(next, r.Next(now))
	}
	return next
}

// Tick does what is due.
func (h *House) Tick(now time.Duration) (actions []Action) {
	for _, name := range slices.Sorted(maps.Keys(h.lans)) {
		r := h.lans[name]
		actions = append(actions, r.tick(now)...)
		if r.conf.Name == "" && !r.up && len(r.held) == 0 {
			delete(h.lans, name)
		}
	}
	return actions
}

// Stop has each LAN be told for the last time, by Tick, as soon as it may be.
func (h *House) Stop(now time.Duration) {
	for _, r := range h.lans {
		r.stop(now)
	}
}

// Stopped reports whether all were told.
func (h *House) Stopped() bool {
	for _, r := range h.lans {
		if !r.over {
			return false
		}
	}
	return true
}

// Told reports whether a LAN has nothing to be told that is not told yet.
func (h *House) Told(now time.Duration, lan string) bool {
	r := h.lans[lan]
	return r == nil || !r.up || r.next > now
}

// Kept returns what is to be on stable storage, of all LANs.
func (h *House) Kept(now time.Duration) (all []Kept) {
	for _, name := range slices.Sorted(maps.Keys(h.lans)) {
		all = append(all, h.lans[name].Kept(now)...)
	}
	return all
}
