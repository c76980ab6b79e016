// Package shares decides who has his share of the conversations that the kernel can remember, so that one
// host, or some together, do not use them up for all:
//
//	           each second: how many are there?
//	few ───────────────────────────────────────► nothing to do
//	more than a share, or 3/4 of the table ────► a census: who has how many
//	     who has as many as he may ────────────► what has ended is cut
//	     and if so many have not ──────────────► refused: begins no more
//	     who has an eighth more than a share ──► cut down to it
//	     7/8 of the table ─────────────────────► all are cut down to what they may have
//
// Below 3/4 of the table a source may have its share. Above, until there is room again, it may have the
// max-min fair level: as much as fits if nobody has more and who has less keeps what he has. So there is
// always room for those that have little, and for the appliance's own, which is never refused.
//
// It is pure: what there is, when, and what is done about it are its caller's (firewall/shares/watch).
package shares

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Limits are what there is to share.
type Limits struct {
	Table int // most conversations that the kernel remembers
	Share int // most of one source; 0: no bound but the table
}

// Parts of the table, in eighths.
const (
	nearFull = 6 // from here on nobody may have more than the fair level
	relieved = 5 // until so little is used again; the level is what makes it so
	full     = 7 // from here on what is above the level is cut
)

const (
	// Little is how many conversations a source keeps, however many sources there are.
	Little = 32

	period = time.Second
	effort = 10 // a census may take this part of a processor
	// Longest is what a census is put off by at most: where others take the processor it takes long, and
	// somebody may have to be cut then above all.
	Longest = 5 * time.Second
)

// A Holder is a source and what it has.
type Holder struct {
	Source Source
	Addr   netip.Addr   // one of its addresses
	Addrs  []netip.Addr // of an IPv6 source those that it was seen with, at most 64
	Count  int          // that have not ended
}

// A Verdict is what is to be done after a census.
type Verdict struct {
	Near    bool           // the table is nearly full
	Bound   int            // what each source may have now
	Refused []Holder       // who may begin no more, who has most first
	Excess  map[Source]int // how many conversations are to be cut, of whom
}

// Watch remembers what was decided. The zero value has decided nothing yet.
type Watch struct {
	near    bool
	refused map[Source]bool
	next    time.Time
}

// Due reports whether it is time for a census, when used conversations are remembered.
func (w *Watch) Due(now time.Time, used int, l Limits) bool {
	least := l.Table * nearFull / 8
	if l.Share > 0 {
		least = min(least, l.Share)
	}
	return !now.Before(w.next) && (used >= least || w.near || len(w.refused) > 0)
}

// Judge decides after a census that took some time.
func (w *Watch) Judge(now time.Time, took time.Duration, l Limits, c *Census) Verdict {
	w.next = now.Add(min(max(period, took*effort), Longest))
	w.near = c.total >= l.Table*nearFull/8 || w.near && c.total >= l.Table*relieved/8
	v := Verdict{Near: w.near, Bound: l.Table, Excess: map[Source]int{}}
	if l.Share > 0 {
		v.Bound = l.Share
	}
	if w.near {
		// what the appliance takes beyond is not theirs to give
		room := l.Table*relieved/8 - min(c.own, l.Table/4)
		v.Bound = max(min(v.Bound, Level(c.counts(), room)), Little)
	}
	refused := map[Source]bool{}
	for s, h := range c.sources {
		if going := h.count - h.ended; going >= v.Bound || w.refused[s] && going >= v.Bound*7/8 {
			refused[s] = true
			v.Refused = append(v.Refused, Holder{s, h.addr, h.addrs, going})
		}
		if n := excess(h, v.Bound, l, c); n > 0 {
			v.Excess[s] = n
		}
	}
	w.refused = refused
	slices.SortFunc(v.Refused, func(a, b Holder) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), a.Addr.Compare(b.Addr))
	})
	return v
}

// excess is how many conversations of a source are to be cut. What has ended is only remembered in case that
// something was lost on the way (RFC 5382, REQ-5): nobody is refused anything for that.
func excess(h *held, bound int, l Limits, c *Census) int {
	n := 0
	if h.count >= bound {
		n = h.ended
	}
	switch {
	case c.total >= l.Table*full/8:
		n = max(n, h.count-bound)
	case l.Share > 0 && h.count > l.Share+l.Share/8:
		n = max(n, h.count-l.Share)
	}
	return n
}

// Level is the highest bound by which all counts together fit into a room (max-min fairness); if they all
// fit, one above the largest.
func Level(counts []int, room int) int {
	counts = slices.Sorted(slices.Values(counts))
	for i, n := range counts {
		if left := len(counts) - i; n*left > room {
			return max(0, room) / left
		}
		room -= n
	}
	if len(counts) == 0 {
		return 1
	}
	return counts[len(counts)-1] + 1
}
