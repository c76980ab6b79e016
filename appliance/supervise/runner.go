package supervise

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/children"
	"github.com/gatehouse-os/gatehouse/appliance/logs"
	"github.com/gatehouse-os/gatehouse/appliance/unit"
)

// keepWords is how many lines of a run's end are kept as its last words.
const keepWords = 20

// runner carries out for one unit what its machine decides.
type runner struct {
	name    string
	starter unit.Starter
	log     *logs.Log
	ctx     context.Context
	stop    context.CancelFunc
	restart chan struct{} // holds at most one wish
	changes chan change
	done    chan struct{} // closed when run has returned

	wanted Unit // as set last; of the supervisor, under its lock

	mu   sync.Mutex // of what status shows; only run's goroutine writes it
	m    machine
	pid  int
	exit string
	last []string

	// Of run's goroutine alone:
	unit    Unit
	settled chan<- error // gets what becomes of the unit as it is now; nil: nobody waits
	no      string       // why the process refuses its Config
	proc    unit.Process // nil: none
	started time.Time
	began   uint64 // Seq of the log when proc was started
}

// change is another Unit of the same name, and who waits for it to be ready.
type change struct {
	unit    Unit
	settled chan<- error
}

func newRunner(u Unit, start unit.Starter, log *logs.Log) *runner {
	r := &runner{name: u.Name, starter: start, log: log, wanted: u, unit: u,
		restart: make(chan struct{}, 1), changes: make(chan change, 1), done: make(chan struct{})}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.m = machine{state: Stopped, since: time.Now(), readyTime: readyTime(u)}
	return r
}

func readyTime(u Unit) time.Duration {
	if u.ReadyTimeout == 0 {
		return defaultReadyTime
	}
	return u.ReadyTimeout
}

// change makes u the unit. The caller has waited for what became of the one before it, or gives it up.
func (r *runner) change(u Unit, settled chan<- error) {
	r.wanted = u
	select {
	case <-r.changes: // one that was given up
	default:
	}
	r.changes <- change{u, settled}
}

// run is the unit's life, until it is stopped and its process with it. settled gets what becomes of its first
// start.
func (r *runner) run(settled chan<- error) {
	defer close(r.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	stop := r.ctx.Done()
	r.settled = settled
	r.happened(evStart)
	for stop != nil || r.m.state != Stopped {
		var answers <-chan unit.Answer
		var exited <-chan struct{}
		if r.proc != nil {
			answers, exited = r.proc.Answers(), r.proc.Exited()
		}
		timer.Stop()
		if !r.m.due.IsZero() {
			timer.Reset(time.Until(r.m.due))
		}
		select {
		case <-stop:
			stop = nil
			r.happened(evStop)
		case <-r.restart:
			if stop != nil {
				r.happened(evStart)
			}
		case c := <-r.changes:
			r.become(c, stop != nil)
		case a := <-answers:
			r.answered(a)
		case <-exited:
			r.ended(r.proc.Exit())
		case <-timer.C:
			if r.m.state == Starting || r.m.state == Reloading {
				r.log.Event(r.name, "not ready after %v, stopping it", r.m.readyTime)
			}
			r.happened(evTick)
		}
	}
}

// become makes another unit of the same name of this one.
func (r *runner) become(c change, alive bool) {
	if r.settled != nil {
		r.settled <- errors.New("something else was asked for meanwhile")
	}
	r.unit, r.settled, r.no = c.unit, c.settled, ""
	r.mu.Lock()
	r.m.readyTime = readyTime(c.unit)
	r.mu.Unlock()
	switch {
	case !alive:
	case c.unit.Reloads:
		r.happened(evReload)
	default:
		r.happened(evStart)
	}
}

// settle tells who waits what has become of the unit, once that is known.
func (r *runner) settle() {
	if r.settled == nil {
		return
	}
	var err error
	switch r.m.state {
	case Ready:
		if r.no != "" {
			err = fmt.Errorf("%s refuses its new configuration: %s", r.name, r.no)
		}
	case Backoff, Stopped:
		words := r.exit
		if n := len(r.last); n > 0 {
			words += ", " + r.last[n-1]
		}
		err = fmt.Errorf("%s does not serve: %s", r.name, words)
	default:
		return
	}
	r.settled <- err
	r.settled = nil
}

// happened tells the machine and does what it says.
func (r *runner) happened(e event) {
	r.do(r.decide(e))
	r.settle()
}

func (r *runner) decide(e event) action {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.m.step(time.Now(), e)
}

func (r *runner) do(a action) {
	switch a {
	case doStart:
		r.start()
	case doReload:
		r.log.Event(r.name, "takes another configuration")
		r.started = time.Now()
		if err := r.proc.Reload(r.unit.Config); err != nil {
			r.answered(unit.Answer{Refused: err.Error()})
		}
	case doTerm:
		r.proc.Terminate()
	case doKill:
		r.log.Event(r.name, "still there %v after SIGTERM, killing it", killAfter)
		r.proc.Kill()
	}
}

func (r *runner) start() {
	r.began, r.started = r.log.Seq(), time.Now()
	spec := unit.Spec{Name: r.name, Args: r.unit.Args, Config: r.unit.Config}
	proc, err := r.starter.Start(spec, r.log.Output(r.name))
	if err != nil {
		r.ended(children.Exit{Code: -1, Err: err})
		return
	}
	r.proc = proc
	r.mu.Lock()
	r.pid = proc.PID()
	r.mu.Unlock()
}

// answered is called with each answer of a process to its Config.
func (r *runner) answered(a unit.Answer) {
	waited := r.m.state == Starting || r.m.state == Reloading
	r.no = a.Refused
	switch {
	case a.Refused != "":
		r.log.Event(r.name, "refuses its configuration: %s", a.Refused)
		r.happened(evRefused)
		return
	case r.m.state == Starting:
		took := time.Since(r.started).Round(time.Millisecond)
		r.log.Event(r.name, "ready %v after its start, pid %d", took, r.pid)
	case waited:
		r.log.Event(r.name, "serves by it, after %v", time.Since(r.started).Round(time.Millisecond))
	}
	r.happened(evReady)
}

// ended keeps what is to be known of a run that is over, then goes on.
func (r *runner) ended(exit children.Exit) {
	words := lastWords(r.log.After(r.name, r.began))
	r.proc = nil
	r.mu.Lock()
	r.pid, r.exit, r.last = 0, exit.String(), words
	r.mu.Unlock()
	next := r.decide(evExited)
	if r.m.state == Backoff {
		r.log.Event(r.name, "%v; next start in %v", exit, time.Until(r.m.due).Round(time.Millisecond))
	} else {
		r.log.Event(r.name, "stopped, %v", exit)
	}
	r.do(next)
	r.settle()
}

// lastWords are the unit's own last lines. Of a Go program that panicked they
// begin with the panic: what matters stands there, not at the end of the trace.
func lastWords(lines []logs.Line) []string {
	var words []string
	from := -1
	for _, l := range lines {
		if l.Event {
			continue
		}
		if strings.HasPrefix(l.Text, "panic: ") || strings.HasPrefix(l.Text, "fatal error: ") {
			from = len(words)
		}
		words = append(words, l.Text)
	}
	if from < 0 {
		from = max(0, len(words)-keepWords)
	}
	return words[from:min(len(words), from+keepWords)]
}

func (r *runner) status(now time.Time) Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Status{
		Name: r.name, State: r.m.state, PID: r.pid, Since: now.Sub(r.m.since),
		Restarts: r.m.restarts, LastExit: r.exit, LastWords: r.last,
	}
	if r.m.state == Backoff {
		s.Retry = max(0, r.m.due.Sub(now))
	}
	return s
}
