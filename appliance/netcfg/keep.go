package netcfg

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// settle is how long to wait for what comes along with a change: a card that comes back is a dozen of them.
	settle = 100 * time.Millisecond
	// rest is the least time from one application to the next, whatever links do.
	rest = time.Second
	// firstRetry, and twice as much each time up to lastRetry, is how long until what was refused is tried again.
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// Tell is how Keep says what it does. It calls both from its own goroutine.
type Tell struct {
	// State is called after each application of the plan, first of all with the first: missing are links that are not
	// there and what needs them, wrong is everything else that could not be done. Both nil: all is as it should be.
	State func(missing, wrong error)
	// Log gets a line for people when a link of the plan goes or comes, and when something is refused or no longer.
	Log func(line string)
}

// Keep makes the network namespace of the calling thread equal to want, and again whenever a link of the plan comes,
// goes or was down, until ctx ends. What is refused is tried again with growing pauses.
//
// It follows links only: an address or a route that somebody takes away by hand, or a link that he sets down, stays so
// until some link of the plan comes or goes, or what he set down is up again.
func Keep(ctx context.Context, want Config, tell Tell) error {
	k, err := openKernel()
	if err != nil {
		return err
	}
	defer k.Close()
	m, err := openMonitor(unix.RTMGRP_LINK) // before the first look, so that nothing is missed
	if err != nil {
		return err
	}
	n := newNews()
	var following sync.WaitGroup
	following.Go(func() { m.follow(ctx, n.add) })
	newKeeper(k, want, tell).run(ctx, n)
	following.Wait()
	return nil
}

// A keeper is Keep without its sockets.
type keeper struct {
	network
	want Config
	tell Tell

	links   map[string]linkState // at the last look
	known   map[string]bool      // links of the plan that have been there
	wrong   string               // what was wrong after the last application
	last    time.Time            // the last application
	retryAt time.Time            // zero: nothing is to be tried again
	delay   time.Duration        // the last until retryAt
}

func newKeeper(n network, want Config, tell Tell) *keeper {
	return &keeper{network: n, want: want, tell: tell, known: map[string]bool{}}
}

func (k *keeper) run(ctx context.Context, n *news) {
	k.apply(ctx, down{})
	for ctx.Err() == nil {
		var retry <-chan time.Time
		if !k.retryAt.IsZero() {
			retry = time.After(time.Until(k.retryAt))
		}
		select {
		case <-ctx.Done():
		case <-retry:
			k.apply(ctx, down{})
		case <-n.wake:
			pause(ctx, max(settle, time.Until(k.last.Add(rest))))
			k.look(ctx, n)
		}
	}
}

// look applies the plan if the news and what the links are now make it necessary.
func (k *keeper) look(ctx context.Context, n *news) {
	between := n.take()
	have, err := k.observe(nil)
	if err == nil && !between.any && turnsOf(k.want.Links, k.links, have.links, between).none() {
		k.links = have.links
		return
	}
	k.delay = 0 // things have changed: what was refused may be possible now
	k.apply(ctx, between)
}

// apply applies the plan and tells how it went.
func (k *keeper) apply(ctx context.Context, between down) {
	r := makeEqual(ctx, k.network, k.want)
	if ctx.Err() != nil {
		return
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
	k.tell.State(told(r.missing()), told(r.wrong()))
}

func (k *keeper) log(lines []string) {
	for _, line := range lines {
		k.tell.Log(line)
	}
}

// logWrong says what is wrong when that is news, and whether it is tried again.
func (k *keeper) logWrong(r *result) {
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
func (k *keeper) remember(r *result) {
	k.links, k.wrong, k.retryAt = r.links, linesOf(r.wrong()), time.Time{}
	for _, l := range k.want.Links {
		if _, ok := r.links[l.Name]; ok {
			k.known[l.Name] = true
		}
	}
	if r.again() {
		k.delay = min(max(firstRetry, 2*k.delay), lastRetry)
		k.retryAt = k.last.Add(k.delay)
	} else {
		k.delay = 0
	}
}
