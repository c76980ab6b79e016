package discover6

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/wan"
)

// Each router is watched: neighbour unreachability detection, RFC 4861 7.3. The kernel does that too, but
// only while it has something to send, and tells nobody.
//
//	Router Advertisement ─► unknown ─ answer ─► answers ─ 3 lost ─► silent: it is no way out
//	                           ▲                   ▲ └──── answer ◄────┤
//	                           └── Router Advertisement ◄──────────────┘
//
// The silence of a router that never answered means nothing: there may be some that forward and do not
// answer. One that is silent and advertises itself is of these, for all that is known, until it answers
// again.
const (
	// probeEvery is how often a router is asked that answers, or has never done so.
	probeEvery = 10 * time.Second
	// probeWait is how long an answer is waited for, and how often a silent router is asked: RETRANS_TIMER of
	// RFC 4861 10.
	probeWait = time.Second
	// maxLost are the probes in a row whose loss means something: MAX_UNICAST_SOLICIT.
	maxLost = 3
)

// A watch is what is known of one router's being there.
type watch struct {
	at      time.Duration // of the next probe
	lost    int           // probes since it answered
	since   time.Duration // the first of them
	answers bool          // it has answered
	silent  bool          // and does no more
}

// Answered says that the station with this address has answered a Neighbour Solicitation.
func (h *Host) Answered(now time.Duration, by netip.Addr) []Action {
	h.begin(now)
	i := slices.IndexFunc(h.routers, func(r router) bool { return r.addr == by.WithZone("") })
	if i < 0 {
		return h.end("")
	}
	r := &h.routers[i]
	wasSilent := r.silent
	r.watch = watch{at: h.now + probeEvery, answers: true}
	if !wasSilent {
		return h.end("")
	}
	h.solicit() // it may have something else to say than before
	return h.end(r.addr.String() + " answers again")
}

// heard is the watch of a router after its advertisement.
func (w watch) heard(now time.Duration) watch {
	if w.silent {
		return watch{at: now}
	}
	w.lost = 0
	return w
}

// watchCarrier is about what carrier means to routers.
func (h *Host) watchCarrier() {
	h.cut = wan.Never
	if !h.carrier {
		h.cut = h.now + maxLost*probeWait
	}
	for i := range h.routers {
		w := &h.routers[i].watch
		if w.lost = 0; h.carrier {
			w.at, w.silent = h.now, w.silent && w.answers
		} else if !w.silent {
			w.since = h.now
		}
	}
}

// judge takes routers for silent that have lost too much.
func (h *Host) judge() {
	cut := h.cut <= h.now
	if cut {
		h.cut = wan.Never
	}
	for i := range h.routers {
		w := &h.routers[i].watch
		if cut || h.carrier && w.answers && w.lost >= maxLost && w.at <= h.now {
			w.silent = true
		}
	}
}

// probe asks those routers whose time has come.
func (h *Host) probe() {
	if !h.carrier {
		return
	}
	for i := range h.routers {
		r := &h.routers[i]
		if r.at > h.now {
			continue
		}
		if r.lost++; r.lost == 1 && !r.silent {
			r.since = h.now
		}
		r.at = h.now + probeEvery
		if r.answers {
			r.at = h.now + probeWait
		}
		h.out = append(h.out, Probe{r.addr})
	}
}

// nextProbe is when judge or probe have something to do.
func (h *Host) nextProbe() time.Duration {
	at := h.cut
	if h.carrier {
		for i := range h.routers {
			at = min(at, h.routers[i].at)
		}
	}
	return at
}

// reaches reports whether there is a router that is not silent.
func (h *Host) reaches() bool {
	return slices.ContainsFunc(h.routers, func(r router) bool { return !r.silent })
}

// silentText says why there is no router although there is one; "": that is not so.
func (h *Host) silentText() string {
	switch i := slices.IndexFunc(h.routers, func(r router) bool { return r.addr == h.inUse }); {
	case i < 0:
		return ""
	case !h.carrier:
		return "there is no carrier"
	default:
		return h.routers[i].addr.String() + " does not answer"
	}
}
