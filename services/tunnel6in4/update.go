package tunnel6in4

import (
	"math"
	"net/netip"
	"slices"
	"time"
)

// Never is a moment that does not come.
const Never = time.Duration(math.MaxInt64)

// When the broker is asked. The API wants no request without a reason, and blocks who does not stop after a
// refusal; its numbers are not published, so these are ours.
const (
	maxAnHour    = 6
	leastPause   = time.Minute      // between two requests
	firstPause   = 5 * time.Minute  // after trouble; twice as long each time
	firstUnheard = 15 * time.Second // when nobody was reached, who could mind; likewise
	mostPause    = time.Hour
	refusedPause = 24 * time.Hour
	// a tunnel is down for so long before the broker hears again what it knows
	downPause     = 10 * time.Minute
	repeatedPause = 6 * time.Hour // since it was last told that
	answerWithin  = time.Minute   // a request that nobody came back from counts as silent
)

// Kept is what outlives the process: the last answer that settled something. Its JSON form is the state file.
type Kept struct {
	Account string     // who was asked as whom: no secret
	Local   netip.Addr // our address then
	Outcome Outcome
	When    time.Time `json:",omitzero"` // zero: the clock was not known
}

// A Reason says why the broker is asked.
type Reason string

// The reasons.
const (
	First   Reason = "it was never told"
	Moved   Reason = "our address is another"
	Changed Reason = "the configuration is another"
	Down    Reason = "the tunnel is down, though it was told before"
	Retried Reason = "it did not take it before"
)

// updater tells the broker.
type updater struct {
	conf   *Config
	random func() uint64
	kept   *Kept // nil: nothing is known

	// unsure: it was told of another address than that of kept, and who knows what it took of that.
	unsure  bool
	reason  Reason
	due     time.Duration // Never: nothing is to be told
	asking  bool
	began   time.Duration   // asking
	sent    []time.Duration // requests of the last hour
	tries   int             // in a row without an answer that settles something
	settled time.Duration   // when an answer did, on the clock of now; may be before the machine's start

	last   *Outcome // of this run
	lastAt time.Duration
}

// begin looks at what is known, for a configuration that is new.
func (u *updater) begin(now Now, conf *Config) {
	u.conf, u.asking, u.tries, u.due = conf, false, 0, Never
	if conf.Update == nil || !conf.Local.IsValid() || conf.Behind == CGNAT {
		return
	}
	k := u.kept
	if k == nil {
		u.want(now.Up, First)
		return
	}
	age := time.Duration(0) // a time that is not known is taken for now
	if d := now.Wall.Sub(k.When); !now.Wall.IsZero() && !k.When.IsZero() && d > 0 {
		age = d
	}
	u.settled = now.Up - age
	refused := k.Outcome.Code.Class() == Refused
	switch {
	case k.Account != conf.Update.account():
		u.want(now.Up, Changed)
	case refused && !k.When.IsZero():
		u.want(u.settled+refusedPause, Retried)
	case refused:
		u.want(now.Up, Retried)
	case k.Local != conf.Local || u.unsure:
		u.want(now.Up, Moved)
	}
}

func (u *updater) want(at time.Duration, why Reason) { u.due, u.reason = at, why }

// next is when there is something to do; since is from when the tunnel is down, Never while it is up.
func (u *updater) next(since time.Duration) time.Duration {
	switch {
	case u.asking:
		return u.began + answerWithin
	case u.conf.Update == nil:
		return Never
	}
	at := u.due
	if at == Never && since != Never && u.isTold() {
		at = max(since+downPause, u.settled+repeatedPause)
	}
	if at == Never {
		return Never
	}
	if n := len(u.sent); n > 0 {
		at = max(at, u.sent[n-1]+leastPause)
		if n >= maxAnHour {
			at = max(at, u.sent[n-maxAnHour]+time.Hour)
		}
	}
	return at
}

// isTold reports whether the broker has taken the address that we have.
func (u *updater) isTold() bool {
	return u.kept != nil && !u.unsure && u.conf.Update != nil && u.kept.Account == u.conf.Update.account() &&
		u.kept.Local == u.conf.Local && u.kept.Outcome.Code.Class() == Accepted
}

// tick asks the broker when it is time.
func (u *updater) tick(now Now, since time.Duration) []Action {
	if now.Up < u.next(since) {
		return nil
	}
	if u.asking {
		return u.answered(now, Outcome{Code: Silent, Text: "no answer within " + answerWithin.String()})
	}
	if u.due == Never {
		u.reason = Down
	}
	u.sent = slices.DeleteFunc(u.sent, func(at time.Duration) bool { return at+time.Hour <= now.Up })
	u.sent = append(u.sent, now.Up)
	u.asking, u.began, u.due = true, now.Up, Never
	u.unsure = u.unsure || u.kept != nil && u.kept.Local != u.conf.Local
	return []Action{Tell{From: u.conf.Local, Update: *u.conf.Update, Reason: u.reason}}
}

// answered goes on with what came of a request.
func (u *updater) answered(now Now, o Outcome) []Action {
	if !u.asking {
		return nil
	}
	u.asking, u.last, u.lastAt = false, &o, now.Up
	if o.Code.Class() == Passing {
		u.want(now.Up+u.pause(o.Code), Retried)
		u.tries++
		return nil
	}
	u.kept = &Kept{Account: u.conf.Update.account(), Local: u.conf.Local, Outcome: o, When: now.Wall}
	u.settled, u.tries, u.unsure = now.Up, 0, false
	if o.Code.Class() == Refused {
		u.want(now.Up+refusedPause, Retried)
	}
	return []Action{Store{*u.kept}}
}

// pause is how long it takes to ask again, with up to a fifth more so that not all customers come at once.
func (u *updater) pause(c Code) time.Duration {
	d := firstPause
	if c == Unreached {
		d = firstUnheard
	}
	d = min(d<<min(u.tries, 10), mostPause)
	return d + time.Duration(u.random()%uint64(d/5))
}
