package supervise

import "time"

// State is where a unit is in its life.
type State string

// The states of a unit.
//
//	stopped  --start--> starting --READY--> ready
//	ready --reload--> reloading --READY, REFUSED--> ready
//	reloading --no answer in time--> stopping --exit--> starting
//	starting, ready, reloading --exit--> backoff --time--> starting
//	starting --no READY in time--> stopping --exit--> backoff
//	starting, ready, reloading --stop--> stopping --exit--> stopped
const (
	Starting  State = "starting"
	Ready     State = "ready"
	Reloading State = "reloading"
	Backoff   State = "backoff"
	Stopping  State = "stopping"
	Stopped   State = "stopped"
)

// Our own choices. A unit that dies once is back before a client has repeated
// its question; one that dies at once for ever costs a start every 30 s.
const (
	firstDelay       = 250 * time.Millisecond // after the first failure in a row; doubles with each
	longestDelay     = 30 * time.Second
	goodRun          = time.Minute     // ready for so long: the next failure is a first one again
	killAfter        = 5 * time.Second // from SIGTERM to SIGKILL
	defaultReadyTime = 30 * time.Second
)

// event is what happens to a unit, action what must be done about it.
type (
	event  int
	action int
)

const (
	evStart   event = iota // wanted: the first start, or a restart by hand
	evReload               // wanted: the process serves by another configuration
	evReady                // the process said READY
	evRefused              // the process said REFUSED
	evExited               // the process is gone, or could not be started
	evTick                 // the time machine.due has come
	evStop                 // wanted: the end
)

const (
	doNothing action = iota
	doStart
	doReload
	doTerm
	doKill
)

// machine is the life of one unit without its process and without a clock: it
// is told what happened and when, and tells what to do. After doStart comes
// evExited at some time, whatever happens in between.
type machine struct {
	readyTime time.Duration // limit from start to READY

	state    State
	since    time.Time // of state
	served   time.Time // when this process became ready; a reload does not change it
	due      time.Time // when evTick is wanted; zero: not
	failures int       // runs in a row that were no good run
	restarts int       // starts after the first
	started  bool      // at all
	next     State     // while stopping: Stopped, Backoff, or Starting for a restart
}

// step takes one event at time now. Events that mean nothing in a state (a
// timer that fired as the process died, READY of a process that is stopping)
// change nothing.
func (m *machine) step(now time.Time, e event) action {
	switch m.state {
	case Stopped, Backoff:
		return m.stepDown(now, e)
	case Stopping:
		return m.stepStopping(now, e)
	default: // Starting, Ready, Reloading
		return m.stepUp(now, e)
	}
}

// stepDown: there is no process.
func (m *machine) stepDown(now time.Time, e event) action {
	switch {
	case e == evStart || e == evReload:
		m.failures = 0 // someone has mended something, perhaps
		return m.start(now)
	case e == evTick && m.state == Backoff:
		return m.start(now)
	case e == evStop:
		m.enter(now, Stopped, 0)
	}
	return doNothing
}

// stepUp: there is a process, and it should be there.
func (m *machine) stepUp(now time.Time, e event) action {
	switch {
	case e == evReady && m.state == Starting:
		m.enter(now, Ready, 0)
		m.served = now
	case e == evReload && m.state == Ready:
		m.enter(now, Reloading, m.readyTime)
		return doReload
	case (e == evReady || e == evRefused) && m.state == Reloading:
		m.enter(now, Ready, 0)
		m.since = m.served
	case e == evExited:
		m.backOff(now)
	case e == evTick && m.state == Starting, e == evRefused && m.state == Starting:
		return m.stop(now, Backoff)
	case e == evStop:
		return m.stop(now, Stopped)
	case e == evStart, e == evReload, e == evTick && m.state == Reloading:
		return m.stop(now, Starting)
	}
	return doNothing
}

// stepStopping: there is a process, and it has been told to end.
func (m *machine) stepStopping(now time.Time, e event) action {
	switch e {
	case evTick:
		m.due = time.Time{} // SIGKILL cannot be ignored; once is enough
		return doKill
	case evStop:
		m.next = Stopped
	case evStart, evReload:
		m.next = Starting
	case evExited:
		switch m.next {
		case Starting:
			m.failures = 0
			return m.start(now)
		case Backoff:
			m.backOff(now)
		default:
			m.enter(now, Stopped, 0)
		}
	}
	return doNothing
}

func (m *machine) start(now time.Time) action {
	if m.started {
		m.restarts++
	}
	m.started = true
	m.enter(now, Starting, m.readyTime)
	return doStart
}

func (m *machine) stop(now time.Time, next State) action {
	m.next = next
	m.enter(now, Stopping, killAfter)
	return doTerm
}

func (m *machine) backOff(now time.Time) {
	if (m.state == Ready || m.state == Reloading) && now.Sub(m.served) >= goodRun {
		m.failures = 0
	}
	m.failures++
	m.enter(now, Backoff, delay(m.failures))
}

// enter changes the state; due after d, or never when d is 0.
func (m *machine) enter(now time.Time, s State, d time.Duration) {
	m.state, m.since, m.due = s, now, time.Time{}
	if d > 0 {
		m.due = now.Add(d)
	}
}

// delay is the pause after so many failures in a row (1 or more): 250 ms, 500
// ms, 1 s, …, 16 s, then 30 s.
func delay(failures int) time.Duration {
	d := firstDelay
	for range failures - 1 {
		if d *= 2; d >= longestDelay {
			return longestDelay
		}
	}
	return d
}
