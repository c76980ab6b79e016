package netcfg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

const (
	// settle is how long to wait for what comes along with a change: a card that comes back is a dozen of
	// them.
	settle = 100 * time.Millisecond
	// rest is the least time from one application to the next, whatever links do.
	rest = time.Second
	// firstRetry, and twice as much each time up to lastRetry, is how long until what was refused is tried
	// again.
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// Tell is how a Keeper says what it does. It calls all from its own goroutine.
type Tell struct {
	// State is called after each application of the plan, first of all with the first: missing are links that
	// are not there and what needs them, wrong is everything else that could not be done. Both nil: all is as
	// it should be.
	State func(missing, wrong error)
	// Gone gets the own addresses that a plan has taken away: who talked to them, or was translated to them,
	// does not get any further. Before State; nil: nobody asks.
	Gone func([]netip.Addr)
	// Log gets a line for people when a link of the plan goes or comes, and when something is refused or no
	// longer.
	Log func(line string)
}

// A Keeper keeps a network equal to the plan that it was given last, and makes it so again whenever a link of
// the plan comes, goes or was down. What is refused is tried again with growing pauses. Before the first Set
// it touches nothing.
//
//	Set ─────────┐
//	             ├─► apply ──► State, Log, the answer to Set
//	Add ── look ─┤     │
//	(settle, rest)     └─ refused: again after 1, 2, 4 … 60 s
//
// It follows links only: an address or a route that somebody takes away by hand, or a link that he sets down,
// stays so until some link of the plan comes or goes, what he set down is up again, or a plan is set.
type Keeper struct {
	network Network
	tell    Tell
	news    *news
	sets    chan set

	// What follows belongs to Run.
	want    Config
	wanted  bool // there is a plan
	past    past
	links   map[string]LinkState
	known   map[string]bool // links of the plan that have been there
	wrong   string          // what was wrong after the last application
	last    time.Time       // the last application
	retryAt time.Time       // zero: nothing is to be tried again
	delay   time.Duration   // the last until retryAt
}

// set is a plan on its way to Run.
type set struct {
	want Config
	done chan outcome // holds one
}

// outcome is what became of a plan.
type outcome struct{ missing, wrong error }

// NewKeeper makes one for n. Run must run beside it.
func NewKeeper(n Network, tell Tell) *Keeper {
	return &Keeper{network: n, tell: tell, news: newNews(), sets: make(chan set), known: map[string]bool{},
		past: past{links: map[string]LinkState{}}}
}

// Add takes what the kernel has told of a link. It never waits.
func (k *Keeper) Add(n Notice) { k.news.add(n) }

// Set makes want the plan and the network equal to it. It returns what could not be done, as Tell.State has
// it; the rest is done. When ctx ends first, its error is wrong, and the plan may become true all the same.
func (k *Keeper) Set(ctx context.Context, want Config) (missing, wrong error) {
	s := set{want, make(chan outcome, 1)}
	select {
	case k.sets <- s:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case o := <-s.done:
		return o.missing, o.wrong
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Run keeps the network until ctx ends. It may be called once.
func (k *Keeper) Run(ctx context.Context) {
	for ctx.Err() == nil {
		var retry <-chan time.Time
		if !k.retryAt.IsZero() {
			retry = time.After(time.Until(k.retryAt))
		}
		select {
		case <-ctx.Done():
		case s := <-k.sets:
			s.done <- k.replace(ctx, s.want)
		case <-retry:
			k.apply(ctx, down{})
		case <-k.news.wake:
			if pause(ctx, max(settle, time.Until(k.last.Add(rest))), k); k.wanted {
				k.look(ctx)
			}
		}
	}
}

// pause waits, and meanwhile takes a plan that is set: who sets one does not wait for links to settle.
func pause(ctx context.Context, d time.Duration, k *Keeper) {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return
		case s := <-k.sets:
			s.done <- k.replace(ctx, s.want)
		case <-ctx.Done():
			return
		}
	}
}

// replace makes want the plan. Links that only the one before it had are set down, as they are after a fresh
// start.
func (k *Keeper) replace(ctx context.Context, want Config) outcome {
	for _, l := range k.want.Links {
		if l.Parent == "" {
			k.past.up = append(k.past.up, l.Name)
		}
	}
	k.past.up = slices.DeleteFunc(k.past.up, func(name string) bool {
		return slices.ContainsFunc(want.Links, func(l Link) bool { return l.Name == name })
	})
	k.want, k.wanted, k.delay = want, true, 0
	return k.apply(ctx, k.news.take())
}

// look applies the plan if the news and what the links are now make it necessary.
func (k *Keeper) look(ctx context.Context) {
	between := k.news.take()
	have, err := k.network.Observe(nil)
	if err == nil && !between.any && turnsOf(k.want.Links, k.links, have.Links, between).none() {
		k.links = have.Links
		return
	}
	k.delay = 0 // things have changed: what was refused may be possible now
	k.apply(ctx, between)
}

// apply applies the plan and tells how it went.
func (k *Keeper) apply(ctx context.Context, between down) outcome {
	if between.any || len(between.links) > 0 {
		k.past.settings = nil // a link may be another, which has none of them
	}
	r := makeEqual(ctx, k.network, k.want, k.past)
	if err := ctx.Err(); err != nil {
		return outcome{wrong: err}
	}
	first := k.last.IsZero()
	k.last = time.Now()
	if r.links == nil {
		r.links = k.links
	}
	turns := turnsOf(k.want.Links, k.links, r.links, between)
	if !first {
		k.log(turns.lines(&r, k.known))
		k.logWrong(&r)
	}
	k.remember(&r)
	if gone := r.gone(); len(gone) > 0 && k.tell.Gone != nil {
		k.tell.Gone(gone)
	}
	o := outcome{told(r.missing()), told(r.wrong())}
	k.tell.State(o.missing, o.wrong)
	return o
}

func (k *Keeper) log(lines []string) {
	for _, line := range lines {
		k.tell.Log(line)
	}
}

// logWrong says what is wrong when that is news, and whether it is tried again.
func (k *Keeper) logWrong(r *result) {
	switch text := linesOf(r.wrong()); {
	case text == k.wrong:
	case text == "":
		k.tell.Log("what was wrong before is done")
	case r.again():
		k.tell.Log(fmt.Sprintf("%s\nis tried again with growing pauses, %v at most", text, lastRetry))
	default:
		k.tell.Log(text)
	}
}

func linesOf(errs []error) string {
	if len(errs) == 0 {
		return ""
	}
	return errors.Join(errs...).Error()
}

// remember keeps what the next look is compared with, and when to try again.
func (k *Keeper) remember(r *result) {
	k.links, k.wrong, k.retryAt = r.links, linesOf(r.wrong()), time.Time{}
	k.past.settings = k.want.Sysctls
	for _, l := range k.want.Links {
		if _, ok := r.links[l.Name]; ok {
			k.known[l.Name] = true
		}
	}
	if r.again() {
		k.delay = min(max(firstRetry, 2*k.delay), lastRetry)
		k.retryAt = k.last.Add(k.delay)
		return
	}
	k.delay, k.past.up = 0, nil
}
