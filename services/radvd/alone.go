package radvd

import (
	"net/netip"
	"time"
)

// What everybody is to know at once, such as a way out that is back, cannot go to everybody for
// MIN_DELAY_BETWEEN_RAS after the last time. Until then hosts that are known are told alone: RFC 4861 6.2.6
// has no such delay for these, and nobody sleeps worse for it (RFC 7772 5.1).
//
//	a change that is urgent ─┬ everybody may be told ─► to everybody
//	                         └ not yet ─► to each that is known, 5 ms apart ─► then to everybody
const (
	// MaxKnown is how many hosts of a LAN are told so.
	MaxKnown = 64
	// knownGap lies between two of them: all have heard within a third of a second.
	knownGap = 5 * time.Millisecond
)

// Known tells which hosts are on a LAN, by an address of each, those first that were heard last. Of more than
// MaxKnown the rest is left out. It is to be called before Reconfigure, which may have them told something.
func (h *House) Known(lan string, hosts []netip.Addr) {
	if r := h.lans[lan]; r != nil {
		r.known = hosts[:min(len(hosts), MaxKnown)]
	}
}

// hasten begins to tell hosts that are known what everybody cannot be told now. Those who were not told yet
// what was before hear only this.
func (r *Router) hasten(now time.Duration) {
	r.hastened = nil
	if !r.up || r.free(now) <= now {
		return
	}
	for _, a := range r.known {
		if r.near(a) {
			r.hastened = append(r.hastened, a)
		}
	}
	r.hastenAt = max(r.hastenAt, now)
}

// tellHastened tells the next, if it is time.
func (r *Router) tellHastened(now time.Duration) []Action {
	if len(r.hastened) == 0 || r.hastenAt > now {
		return nil
	}
	to := r.hastened[0]
	r.hastened, r.hastenAt = r.hastened[1:], now+knownGap
	return r.unicast(now, to)
}
