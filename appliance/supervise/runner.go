package supervise

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/children"
	"github.com/gatehouse-os/gatehouse/appliance/logs"
)

// keepWords is how many lines of a run's end are kept as its last words.
const keepWords = 20

// runner carries out for one unit what its machine decides.
type runner struct {
	unit    Unit
	starter Starter
	log     *logs.Log
	restart chan struct{} // holds at most one wish
	done    chan struct{} // closed when run has returned

	mu   sync.Mutex // of what status shows; only run's goroutine writes it
	m    machine
	pid  int
	exit string
	last []string

	// Of run's goroutine alone:
	proc    Process // nil: none
	ready   <-chan struct{}
	started time.Time
	began   uint64 // Seq of the log when proc was started
}

func newRunner(u Unit, start Starter, log *logs.Log) *runner {
	r := &runner{unit: u, starter: start, log: log, restart: make(chan struct{}, 1), done: make(chan struct{})}
	r.m = machine{state: Stopped, since: time.Now(), readyTime: u.ReadyTimeout}
	if r.m.readyTime == 0 {
		r.m.readyTime = defaultReadyTime
	}
	if u.Refused != "" {
		r.m.state = Failed
		r.exit = "not started: " + u.Refused
	}
	return r
}

// run is the unit's life, until ctx ends and its process with it.
func (r *runner) run(ctx context.Context) {
	defer close(r.done)
	if r.m.state == Failed {
		r.log.Event(r.unit.Name, "%s", r.exit)
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	stop := ctx.Done()
	r.happened(evStart)
	for stop != nil || r.m.state != Stopped {
		var exited <-chan struct{}
		if r.proc != nil {
			exited = r.proc.Exited()
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
		case <-r.ready:
			r.becameReady()
		case <-exited:
			r.ended(r.proc.Exit())
		case <-timer.C:
			r.happened(evTick)
		}
	}
}

// happened tells the machine and does what it says.
func (r *runner) happened(e event) {
	r.do(r.decide(e))
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
	case doTerm:
		if r.m.next == Backoff {
			r.log.Event(r.unit.Name, "not ready after %v, stopping it", r.m.readyTime)
		}
		r.proc.Terminate()
	case doKill:
		r.log.Event(r.unit.Name, "still there %v after SIGTERM, killing it", killAfter)
		r.proc.Kill()
	}
}

func (r *runner) start() {
	r.began, r.started = r.log.Seq(), time.Now()
	proc, err := r.starter.Start(r.unit, r.log.Output(r.unit.Name))
	if err != nil {
		r.ended(children.Exit{Code: -1, Err: err})
		return
	}
	r.proc, r.ready = proc, proc.Ready()
	r.mu.Lock()
	r.pid = proc.PID()
	r.mu.Unlock()
}

// becameReady is called once per process.
func (r *runner) becameReady() {
	r.ready = nil
	r.happened(evReady)
	r.log.Event(r.unit.Name, "ready %v after its start, pid %d", time.Since(r.started).Round(time.Millisecond), r.pid)
}

// ended keeps what is to be known of a run that is over, then goes on.
func (r *runner) ended(exit children.Exit) {
	words := lastWords(r.log.After(r.unit.Name, r.began))
	r.proc, r.ready = nil, nil
	r.mu.Lock()
	r.pid, r.exit, r.last = 0, exit.String(), words
	r.mu.Unlock()
	next := r.decide(evExited)
	if r.m.state == Backoff {
		r.log.Event(r.unit.Name, "%v; next start in %v", exit, time.Until(r.m.due).Round(time.Millisecond))
	} else {
		r.log.Event(r.unit.Name, "stopped, %v", exit)
	}
	r.do(next)
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
		Name: r.unit.Name, State: r.m.state, PID: r.pid, Since: now.Sub(r.m.since),
		Restarts: r.m.restarts, LastExit: r.exit, LastWords: r.last,
	}
	if r.m.state == Backoff {
		s.Retry = max(0, r.m.due.Sub(now))
	}
	return s
}
