package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	wanrun "github.com/gatehouse-os/gatehouse/services/wan/run"
)

// wayOut is what the client of the way out has last said, for the box, and what has happened to it, for
// hooks. When the client dies, or is started again, its word holds until it says something else; when the
// site has none any more, it is forgotten.
//
//	client ─ follow ─► facts ───► Facts: the box asks, and applies ─┐
//	            └────► waiting ────────────────────────► applied ───┴─► told, to the hooks
//
// Hooks are told after the box has done what follows: one that wants to be reached by the new address can be.
type wayOut struct {
	*follower
	told func(wanrun.News) // never waits

	mu      sync.Mutex
	facts   *wan.Facts
	facts6  *wan.Facts6
	decided bool // in facts6 is all that is delegated, as far as is known
	link    string
	heard   time.Duration // the number of the last event
	waiting []wanrun.News // that hooks are not told yet, the oldest first
	asked   int           // of these, how many belong to what the box has asked for
}

func newWayOut() *wayOut { return &wayOut{follower: newFollower(roster.WAN)} }

// expect says whether the site has a client that is to be followed.
func (w *wayOut) expect(one bool) {
	if w.follower.expect(one); !one {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.hear(wanrun.Report{})
	}
}

// maxWaiting is how many events are kept for hooks while the box cannot apply anything. The oldest go first:
// what comes later says more.
const maxWaiting = 16

// Facts returns them; nil: there is no way out, or none is known.
func (w *wayOut) Facts() *wan.Facts {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = len(w.waiting)
	return w.facts
}

// Facts6 returns those of IPv6; the same.
func (w *wayOut) Facts6() *wan.Facts6 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.facts6
}

// Decided6 reports whether what was delegated before the start is in Facts6, or is to be had no more.
func (w *wayOut) Decided6() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.decided
}

// applied tells hooks of what the box has asked for, and has applied.
func (w *wayOut) applied() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.waiting[:w.asked] {
		w.told(n)
	}
	w.waiting, w.asked = w.waiting[w.asked:], 0
}

// follow asks the client, and calls changed when its word is another or something has happened, until ctx
// ends.
func (w *wayOut) follow(ctx context.Context, changed func()) {
	follow(ctx, w.follower, func(r wanrun.Report) {
		if w.take(r) {
			changed()
		}
	})
}

// take takes a report, and says whether there is something new in it.
func (w *wayOut) take(r wanrun.Report) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.expected() && w.hear(r) // else they are the last words of one that is being stopped
}

// hear is take, for who holds mu.
func (w *wayOut) hear(r wanrun.Report) bool {
	news := slices.DeleteFunc(r.News, func(n wanrun.News) bool { return n.Number <= w.heard })
	isEnd := func(n wanrun.News) bool { return n.Name == client.Deconfig }
	if w.facts != nil && r.Facts == nil && !slices.ContainsFunc(news, isEnd) {
		// It went with the client that knew it, or its card; hooks are to know all the same.
		news = append([]wanrun.News{{Name: client.Deconfig, Link: w.link}}, news...)
	}
	for _, n := range news {
		w.heard, w.link = max(w.heard, n.Number), n.Link
	}
	w.waiting = append(w.waiting, news...)
	if more := len(w.waiting) - maxWaiting; more > 0 {
		w.waiting, w.asked = w.waiting[more:], max(0, w.asked-more)
	}
	same := r.Facts.Equal(w.facts)
	w.facts = r.Facts
	if !r.Pending6 || w.facts6 == nil { // who knows nothing keeps nothing
		same = same && r.Facts6.Equal(w.facts6) && r.Decided6 == w.decided
		w.facts6, w.decided = r.Facts6, r.Decided6
	}
	return !same || len(news) > 0
}

// bootID names the run of the machine: random(4).
func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	id := strings.TrimSpace(string(b))
	if err == nil && id == "" {
		err = errors.New("boot_id is empty")
	}
	return id, err
}

// plausible is the earliest time of day that a clock can rightly say.
var plausible = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// timeOfDay is the time of day, and whether it can be right.
func timeOfDay() (time.Time, bool) {
	now := time.Now()
	return now, now.After(plausible)
}
