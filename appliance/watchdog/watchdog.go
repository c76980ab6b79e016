// Package watchdog asks every service regularly whether it is well, starts again what hangs, and keeps the
// machine's watchdog fed while the services that a network cannot do without answer; when those have been
// silent for so long that starting them again does not help, it lets the watchdog reset the box.
//
// A Guard asks each service one question per round. One that lives and does not answer for three rounds is
// started again; one that hangs again without having been sound in between, after a patience that doubles
// (judge.go). One that died, and one that takes another configuration, is supervise's to look after; only an
// essential one that is silent through all of that makes the guard stop feeding. What a service answers does
// not matter: that it gives no leases, because the disk is full, is an answer.
//
// The watchdog is opened, and with that armed, when all essential services have answered once in this boot: a
// fault that is there from the start leaves a box to look at, and no loop of resets. Before a reset the guard
// leaves a note, and in the boot after it, which shows the note, it spares the box for an hour; so it resets
// once an hour at most. What hangs the kernel or process 1 hangs the guard too, and the watchdog ends it at
// any hour. While the machine ends the watchdog stays armed: a shutdown that hangs is a reset.
//
// Limits: one watchdog. Rounds are counted and not time, so that a clock that jumps means nothing; but Xen's
// watchdog counts while the domain is paused.
package watchdog

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Device is a watchdog that runs; Open opens the machine's.
type Device interface {
	Name() string                   // of its driver: "xen_wdt"
	SetTimeout(time.Duration) error // whole seconds; feeds it too
	Feed() error
	Disarm() error // for good: it resets nothing any more
}

// Services are those of the box.
type Services interface {
	// Up reports whether the process is there, has said that it serves, and is not being given another
	// configuration: whether its silence means that it hangs.
	Up(name string) bool
	// Ask returns nil when the service has answered, an error when ctx ends.
	Ask(ctx context.Context, name string) error
	// Restart has the process ended and started again. It does not wait for that.
	Restart(name string) error
}

const (
	roundsPerTimeout = 6               // fed in one of these, the watchdog is content
	endTimeout       = 2 * time.Minute // for a machine that ends: boot takes less than one
	spareTime        = time.Hour       // from the start of the boot after a reset
)

// Config is what a Guard needs.
type Config struct {
	Names     []string // of the services that the box must have; none: the watchdog stays off
	Others    []string // of those that it can be without; a site may have them or not
	Services  Services
	Open      func() (Device, error) // nil: the watchdog stays off; fs.ErrNotExist: there is none
	Timeout   time.Duration          // of the watchdog; 0: DefaultTimeout
	Say       func(service, format string, args ...any)
	Note      func(why string) error // keeps why for the next boot; "": nothing is to be kept. It may hang
	LastReset string                 // the note of the boot before, "" if none
}

// Guard asks the services and feeds the watchdog.
type Guard struct {
	Config
	judge   *judge
	queries []*query
	note    note
	sick    bool // feeding failed, and that was said

	mu     sync.Mutex // of what others look at
	device Device     // nil: not armed
	status Status
}

// New prepares a guard. Nothing happens before Run.
func New(c Config) *Guard {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	g := &Guard{Config: c}
	g.note = note{write: c.Note, failed: func(err error) {
		g.Say(logName, "the note for the next boot: %v", err)
	}}
	g.status = Status{State: Waiting, Timeout: c.Timeout, Services: c.Names, LastReset: c.LastReset}
	if c.Open == nil || len(c.Names) == 0 {
		g.status.State = Off
	}
	spared := 0
	if c.LastReset != "" {
		spared = int(spareTime / g.period())
	}
	g.judge = newJudge(c.Names, c.Others, spared)
	for _, name := range slices.Concat(c.Names, c.Others) {
		g.queries = append(g.queries, &query{name: name, answer: make(chan error, 1)})
	}
	return g
}

// period is the time between two rounds.
func (g *Guard) period() time.Duration { return g.Timeout / roundsPerTimeout }

// Run guards the services until ctx ends, which it does when the machine is to.
// Then it gives the watchdog the time that this may take, and returns.
func (g *Guard) Run(ctx context.Context) {
	ticker := time.NewTicker(g.period())
	defer ticker.Stop()
	for {
		g.ask(ctx)
		select {
		case <-ticker.C:
			g.round()
		case <-ctx.Done():
			g.tell("the time to end", func(d Device) error { return d.SetTimeout(endTimeout) })
			g.note.drop()
			return
		}
	}
}

// Disarm is for the last moment of a machine that is not to start again.
func (g *Guard) Disarm() {
	g.tell("disarm", Device.Disarm)
}

// tell does something to the watchdog, if it is armed.
func (g *Guard) tell(what string, do func(Device) error) {
	g.mu.Lock()
	d := g.device
	g.mu.Unlock()
	if d == nil {
		return
	}
	if err := do(d); err != nil {
		g.Say(logName, "%s: %s: %v", d.Name(), what, err)
	}
}

// query is the question to one service. There is never a second one while one
// hangs.
type query struct {
	name   string
	asked  bool
	answer chan error // holds one, so that nobody waits to give it
}

// ask asks every service that owes no answer.
func (g *Guard) ask(ctx context.Context) {
	for _, q := range g.queries {
		if q.asked {
			continue
		}
		q.asked = true
		go func() {
			ctx, cancel := context.WithTimeout(ctx, g.period()/2)
			defer cancel()
			q.answer <- g.Services.Ask(ctx, q.name)
		}()
	}
}

// answered reports whether the service has answered the last question.
func (q *query) answered() bool {
	select {
	case err := <-q.answer:
		q.asked = false
		return err == nil
	default:
		return false
	}
}
