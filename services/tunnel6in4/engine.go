package tunnel6in4

import (
	"net/netip"
	"slices"
	"time"
)

// Now is a moment.
type Now struct {
	Up   time.Duration // CLOCK_BOOTTIME
	Wall time.Time     // zero: the time of day is not known
}

// An Action is what the engine wants done: a Ping, Tell, Store or Turned.
type Action interface{ action() }

// Ping sends an echo request, of ICMP or ICMPv6 as its addresses are. What comes back is for Echo.
type Ping struct {
	To, From netip.Addr
	Seq      uint16
}

// Tell asks the broker, over a connection from an address of ours, to take it for the endpoint. What comes of
// it is for Answered; another Tell takes its place.
type Tell struct {
	From   netip.Addr
	Update Update
	Reason Reason
}

// Store keeps something over a restart.
type Store struct{ Kept Kept }

// Turned says that the tunnel is up, or is not any more.
type Turned struct{ Up bool }

func (Ping) action()   {}
func (Tell) action()   {}
func (Store) action()  {}
func (Turned) action() {}

// Engine is a tunnel that is watched. It belongs to one goroutine.
type Engine struct {
	conf   Config
	watch  watch
	update updater
	events []Event
}

// New returns an engine. What was kept may be nil; random is for pauses.
func New(conf Config, kept *Kept, random func() uint64) *Engine {
	return &Engine{conf: conf, update: updater{random: random, kept: kept, conf: &conf, due: Never}}
}

// Start begins with the configuration that New was given.
func (e *Engine) Start(now Now) []Action { return e.Reconfigure(now, e.conf) }

// Reconfigure goes on with another configuration. What the tunnel was it is taken for until that is found
// out, at once.
func (e *Engine) Reconfigure(now Now, conf Config) []Action {
	before := e.conf
	e.conf = conf
	out := e.watch.begin(now.Up, &e.conf)
	told := before.Local == conf.Local && before.Behind == conf.Behind &&
		sameUpdate(before.Update, conf.Update)
	if !told || !e.update.begun() {
		e.update.begin(now, &e.conf)
	}
	e.update.conf = &e.conf
	if before.Local != conf.Local {
		e.note(now, "our address is "+addrText(conf.Local))
	}
	return append(e.seen(now, out), e.Tick(now)...)
}

// begun reports whether begin was called, or need not be.
func (u *updater) begun() bool { return u.asking || u.due != Never || u.last != nil }

func sameUpdate(a, b *Update) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// Tick does what it is time for.
func (e *Engine) Tick(now Now) []Action {
	out := e.watch.tick(now.Up, &e.conf)
	return e.seen(now, append(out, e.update.tick(now, e.downSince())...))
}

// Next is when Tick has something to do.
func (e *Engine) Next() time.Duration { return min(e.watch.next, e.update.next(e.downSince())) }

func (e *Engine) downSince() time.Duration {
	if e.watch.up || !e.watch.known {
		return Never
	}
	return e.watch.since
}

// Echo takes the answer to a Ping.
func (e *Engine) Echo(now Now, from netip.Addr, seq uint16) []Action {
	return e.seen(now, e.watch.echo(now.Up, &e.conf, from, seq))
}

// Answered takes what came of a Tell.
func (e *Engine) Answered(now Now, o Outcome) []Action {
	if !e.update.asking {
		return nil
	}
	e.note(now, "the broker "+o.Code.Means()+quoted(o.Text))
	out := e.update.answered(now, o)
	if o.Code.Class() == Accepted && !e.watch.up && e.watch.next != Never {
		e.watch.next = now.Up // it may be up now
	}
	return append(out, e.Tick(now)...)
}

// An Event is something that happened.
type Event struct {
	At   time.Duration `json:"at_ns"` // on the clock of Now.Up
	Text string        `json:"text"`
}

// maxEvents are kept.
const maxEvents = 30

func (e *Engine) note(now Now, text string) {
	if len(e.events) == maxEvents {
		e.events = slices.Delete(e.events, 0, 1)
	}
	e.events = append(e.events, Event{now.Up, text})
}

// seen notes what people want to know of actions.
func (e *Engine) seen(now Now, out []Action) []Action {
	for _, a := range out {
		switch a := a.(type) {
		case Tell:
			e.note(now, "the broker is told of "+a.From.String()+", for "+string(a.Reason))
		case Turned:
			e.note(now, map[bool]string{true: "the tunnel is up", false: "the tunnel is down"}[a.Up])
		}
	}
	return out
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return "none"
	}
	return a.String()
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}
