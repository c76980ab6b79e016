package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// When a question that is not answered is asked again: after 400 ms, and twice as long each time.
const (
	firstRound  = 400 * time.Millisecond
	maxAttempts = 12 // of one question, at all servers together
	// afterBad is how long better answers are waited for when a server could not say.
	afterBad = 800 * time.Millisecond
)

// An Answer is what a server said, and which one.
type Answer struct {
	Message []byte // a whole message, of up to 65,535 octets, with the id of the query
	From    servers.Server
	Took    time.Duration // from the call of Ask, whoever was asked first
}

// Ask asks for what a query asks for, and returns the first good answer. If every server had a bad one
// (SERVFAIL, REFUSED and their like; being sent on to others is SERVFAIL), it is the first of those. Without
// any answer the error says so for each server; it is ErrQuery for what is no plain question, ErrBusy, or
// that of ctx. Questions about the same are not joined, and a chain of CNAMEs may be incomplete.
func (u *Client) Ask(ctx context.Context, query []byte) (Answer, error) {
	q, err := parseQuery(query)
	if err != nil {
		return Answer{}, err
	}
	if u.load.Add(1) > maxAsking {
		u.load.Add(-1)
		return Answer{}, ErrBusy
	}
	defer u.load.Add(-1)
	u.redate()
	u.earn()
	now := time.Now()
	a := asking{
		client: u, q: q, results: make(chan result, maxAttempts),
		began: now, end: now.Add(patience), round: 1, again: now.Add(firstRound), pause: firstRound,
	}
	return a.run(ctx)
}

// asking is one question on its way:
//
//	first server ──slow──► hedge: a second ──400 ms──► round 2 ──800 ms──► round 3 ──1.6 s──► round 4 ──► end
//	      └──fails──► the next of this round at once, if there is one
//
// A round asks one server more, or by UDP the same again. Attempts go on when the question is answered, so
// that what is known of a server is true.
type asking struct {
	client  *Client
	table   *table
	q       *question
	places  []place
	results chan result
	began   time.Time
	end     time.Time

	round   int
	again   time.Time     // when the next round starts
	pause   time.Duration // before it
	hedge   time.Time     // when a second server is asked; zero: it is not
	retry   time.Time     // when a server may be asked that has failed; zero: there is none
	tries   int
	pending int
	bad     *Answer
}

// A place is a server in one question.
type place struct {
	peer    *peer
	round   int // the last that asked it
	tries   int
	pending int
	again   bool // its connection was lost under this question, once
	spoke   bool // it has answered, badly
	err     error
}

func (a *asking) run(ctx context.Context) (Answer, error) {
	if first := a.next(a.began); first != nil {
		a.beside(first)
	}
	timer := time.NewTimer(a.wake().Sub(a.began))
	defer timer.Stop()
	for {
		if a.settled() {
			return a.result()
		}
		select {
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		case r := <-a.results:
			if a.take(r) {
				return Answer{r.msg, r.peer.server, time.Since(a.began)}, nil
			}
		case <-timer.C:
			now := time.Now()
			if !now.Before(a.end) {
				return a.result()
			}
			a.due(now)
		}
		timer.Reset(time.Until(a.wake()))
	}
}

// wake is when there is something to be done.
func (a *asking) wake() time.Time {
	at := a.end
	for _, t := range []time.Time{a.again, a.hedge, a.retry} {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	return at
}

// due does what is to be done by now.
func (a *asking) due(now time.Time) {
	switch passed := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }; {
	case passed(a.again):
		a.round++
		a.pause *= 2
		a.again = now.Add(a.pause)
		a.next(now)
	case passed(a.hedge):
		a.hedge = time.Time{}
		if a.client.hedge() {
			a.next(now)
		}
	case passed(a.retry):
		a.next(now)
	}
}

// follow takes the servers of the table that is in force, and keeps what is known of them.
func (a *asking) follow() {
	t := a.client.table.Load()
	if t == a.table {
		return
	}
	a.table = t
	old := a.places
	a.places = nil
	for _, p := range t.route(a.q.name()) {
		pl := place{peer: p}
		for i := range old {
			if old[i].peer == p {
				pl = old[i]
			}
		}
		a.places = append(a.places, pl)
	}
}

// next asks the best server that this round has not asked yet, and returns it, or nil if there is none now.
func (a *asking) next(now time.Time) *place {
	a.follow()
	a.retry = time.Time{}
	if a.tries == maxAttempts {
		return nil
	}
	var room [servers.MaxServers]view
	views, alone := room[:len(a.places)], true
	for i := range a.places {
		views[i] = a.places[i].peer.view(now)
		alone = alone && views[i].down
	}
	best := -1
	for i, pl := range a.places {
		if pl.spoke || pl.round == a.round || pl.pending > 0 && pl.peer.tls != nil {
			continue
		}
		if at := views[i].when(alone); now.Before(at) {
			if !(alone && views[i].fatal) && (a.retry.IsZero() || at.Before(a.retry)) {
				a.retry = at
			}
			continue
		}
		if best < 0 || better(a.places[i], views[i], a.places[best], views[best]) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	if a.tries == 0 && len(a.places) > 1 && views[best].usual < firstRound {
		a.hedge = now.Add(views[best].usual)
	}
	a.ask(&a.places[best])
	return &a.places[best]
}

// when is the time from which on a server may be asked.
func (v view) when(alone bool) time.Time {
	if alone {
		return v.retryAlone
	}
	return v.retry
}

// better reports whether one server is to be asked before another, which comes first in the Config if it
// does.
func better(p place, v view, than place, old view) bool {
	if p, than := rank(p, v), rank(than, old); p != than {
		return p < than
	}
	return v.known && (!old.known || v.latency < old.latency)
}

// rank orders servers coarsely: those that were not asked before those that were, and both before those that
// fail.
func rank(p place, v view) int {
	rank := p.tries
	if v.down || v.stuck {
		rank += 2
	}
	return rank
}

// beside asks another server too, if one is due: not for its answer, but to know how it is.
func (a *asking) beside(first *place) {
	now := time.Now()
	for i := range a.places {
		if pl := &a.places[i]; pl != first && pl.pending == 0 && pl.peer.claim(now) {
			a.ask(pl)
			return
		}
	}
}

// ask makes an attempt.
func (a *asking) ask(pl *place) {
	pl.round = a.round
	pl.tries++
	pl.pending++
	a.tries++
	a.pending++
	at := &attempt{q: a.q, raw: a.q.raw, done: a.results, deadline: a.began.Add(patience)}
	if a.table.mixed && pl.peer.tls == nil {
		at.raw = mixCase(a.q.raw, a.client.world.Rand)
	}
	pl.peer.start(at)
}

// take looks at the end of an attempt and reports whether it answers the question. If not, the next is asked.
func (a *asking) take(r result) bool {
	a.pending--
	now := time.Now()
	good := r.err == nil && r.good()
	for i := range a.places {
		pl := &a.places[i]
		if pl.peer != r.peer {
			continue
		}
		pl.pending--
		switch {
		case r.err == nil:
			pl.spoke = true
		case errors.Is(r.err, errMoved) || errors.Is(r.err, errCut):
			if pl.err = r.err; !pl.again {
				pl.again, pl.round = true, 0 // once, it is asked again at once
			}
		default:
			pl.err = r.err
		}
	}
	if good {
		return true
	}
	if r.err == nil && a.bad == nil {
		a.bad = &Answer{r.msg, r.peer.server, now.Sub(a.began)}
		if end := now.Add(afterBad); end.Before(a.end) {
			a.end = end
		}
	}
	a.next(now)
	return false
}

// settled reports whether there is nothing to wait for: each server has answered badly, or fails in a way
// that waiting does not mend. With a bad answer in hand, no server that is down is waited for.
func (a *asking) settled() bool {
	if a.bad == nil && (a.pending > 0 || !a.retry.IsZero()) {
		return false
	}
	for _, pl := range a.places {
		if !pl.spoke && !pl.peer.hopeless(a.bad != nil) {
			return false
		}
	}
	return true
}

// result is the end of a question without a good answer.
func (a *asking) result() (Answer, error) {
	switch {
	case a.bad != nil:
		return *a.bad, nil
	case len(a.places) == 0 && a.client.world.ctx.Err() != nil:
		return Answer{}, ErrClosed
	case len(a.places) == 0:
		return Answer{}, ErrNoServer
	}
	err := ErrNoAnswer
	for i, pl := range a.places {
		why := pl.err
		if why == nil || errors.Is(why, errTimeout) {
			why = pl.peer.reason()
		}
		separator := ";"
		if i == 0 {
			separator = ":"
		}
		err = fmt.Errorf("%w%s %s: %w", err, separator, pl.peer.server, why)
	}
	return Answer{}, err
}

// mixCase returns a question with the letters of its name in random case.
func mixCase(raw []byte, random func() uint64) []byte {
	mixed := append([]byte(nil), raw...)
	var bits uint64
	for i := range len(raw) - 4 {
		if i%64 == 0 {
			bits = random()
		}
		if c := servers.Lower(mixed[i]); c >= 'a' && c <= 'z' {
			mixed[i] = c - byte(bits&1)*('a'-'A')
		}
		bits >>= 1
	}
	return mixed
}
