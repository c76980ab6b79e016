package radvd

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
)

// A Kept is a prefix that hosts of a LAN were told of, as it is remembered on stable storage.
//
// No clock is in it: that of a machine that starts may be wrong. Hold is how long a host can hold the prefix,
// counted from when this is read, whenever that is. While the prefix is advertised Hold is all that hosts are
// promised, and the file stays as it is; when it is no more, Hold is what is left, and written again when
// half of that is over. So a machine that starts again never thinks too short a time, and at most twice as
// long.
type Kept struct {
	Network    string
	Prefix     netip.Prefix
	OnLink     bool          `json:",omitzero"`
	Autonomous bool          `json:",omitzero"`
	Hold       time.Duration // whole seconds
}

// A holding is a prefix that a host can hold.
type holding struct {
	onLink, autonomous bool
	until              time.Duration // when the last host has let it go
	stored             time.Duration // the Hold that is on stable storage; 0: none
}

// rewriteStep is how much less a Hold must have become to be written anew.
const rewriteStep = 10 * time.Minute

// take makes holdings of what was kept. More than there is room for are cut, and none is believed to be held
// for longer than any prefix is promised.
func (r *Router) take(now time.Duration, kept []Kept) {
	for _, k := range kept {
		if k.Network == r.conf.Network && is6(k.Prefix) && k.Hold > 0 {
			hold := min(k.Hold, MaxValid)
			r.held[k.Prefix] = &holding{k.OnLink, k.Autonomous, now + hold, hold}
		}
	}
	r.prune(now)
}

// Kept returns what is to be on stable storage.
func (r *Router) Kept(now time.Duration) []Kept {
	var all []Kept
	for p, h := range r.held {
		if need := r.need(now, p, h); need > 0 {
			all = append(all, Kept{r.conf.Network, p, h.onLink, h.autonomous, need})
		}
	}
	slices.SortFunc(all, func(a, b Kept) int { return comparePrefix(a.Prefix, b.Prefix) })
	return all
}

// need is the Hold of a prefix if it were written now.
func (r *Router) need(now time.Duration, p netip.Prefix, h *holding) time.Duration {
	left := max(0, h.until-now)
	if c := r.configured(p); c != nil && c.ValidUntil > now {
		left = max(left, c.Valid)
	}
	return (left + time.Second - 1).Truncate(time.Second)
}

// unkept reports whether stable storage must be, or should be, written.
func (r *Router) unkept(now time.Duration) bool {
	for p, h := range r.held {
		need := r.need(now, p, h)
		if need > h.stored || need == 0 || h.stored-need >= max(need, rewriteStep) {
			return true
		}
	}
	return false
}

// keep notes that what Kept returns is stored, once a Keep has been carried out, and returns that.
func (r *Router) keep(now time.Duration) Action {
	for p, h := range r.held {
		h.stored = r.need(now, p, h)
	}
	r.prune(now)
	return Keep{}
}

// prune forgets what nobody can hold, and what there is no room for.
func (r *Router) prune(now time.Duration) {
	maps.DeleteFunc(r.held, func(p netip.Prefix, h *holding) bool { return r.need(now, p, h) == 0 })
	for _, p := range r.gone(now)[min(maxOld, len(r.gone(now))):] {
		delete(r.held, p)
	}
}

func (r *Router) configured(p netip.Prefix) *Prefix {
	i := slices.IndexFunc(r.conf.Prefixes, func(c Prefix) bool { return c.Prefix == p })
	if i < 0 {
		return nil
	}
	return &r.conf.Prefixes[i]
}

// gone are the prefixes that hosts may hold and that are theirs no more, those first that are held longest.
func (r *Router) gone(now time.Duration) (all []netip.Prefix) {
	for p, h := range r.held {
		c := r.configured(p)
		if h.until > now && (c == nil || c.ValidUntil-now < time.Second) {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b netip.Prefix) int {
		return cmp.Or(cmp.Compare(r.held[b].until, r.held[a].until), comparePrefix(a, b))
	})
	return all
}

func comparePrefix(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// note notes what hosts hold once they have heard s. A second more covers what is sent before it is noted
// again.
func (r *Router) note(now time.Duration, s *Set) {
	if s.noted >= 0 && now-s.noted < time.Second {
		return
	}
	s.noted = now
	for i := range s.Adverts {
		for _, p := range s.Adverts[i].Prefixes {
			if p.Valid > 0 {
				r.hold(p, now+p.Valid+time.Second)
			}
		}
	}
}

func (r *Router) hold(p advert.Prefix, until time.Duration) {
	h := r.held[p.Prefix]
	if h == nil {
		h = &holding{}
		r.held[p.Prefix] = h
	}
	h.onLink, h.autonomous, h.until = p.OnLink, p.Autonomous, max(h.until, until)
}
