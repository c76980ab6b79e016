package admin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/appliance/watchdog"
)

// unexplained says of a process why it was not heard, in a few words.
func (a answers) unexplained(err error) string {
	switch {
	case errors.Is(err, a.silence):
		return fmt.Sprintf("within %v", a.within)
	case errors.Is(err, control.ErrNotRunning):
		return "and has no socket"
	}
	return "(" + plain(err.Error()) + ")"
}

// initProblem says that process 1 is silent, what is not known for that, and what comes of it.
func (a answers) initProblem() string {
	p := fmt.Sprintf("init does not answer %s: which services are to run is not known",
		a.unexplained(a.ofInit))
	var none []string
	for _, u := range a.units {
		if errors.Is(u.ping, control.ErrNotRunning) {
			none = append(none, u.service)
		}
	}
	if len(none) > 0 {
		p += "; these do not: " + strings.Join(none, ", ")
	}
	return p + ". If it hangs, a watchdog resets the box; without one, restart the machine"
}

// stateProblem says of a service that it does not serve, and for how long it has not answered for that.
func (st *Status) stateProblem(s supervise.Status) string {
	p := fmt.Sprintf("service %s is in state %s: %s", s.Name, s.State, why(s))
	if silence, ok := st.silence(s.Name); ok {
		p += "; it has not answered for " + cli.Span(silence.For)
	}
	return p
}

// unitProblems are what a service says that should answer, or that it says nothing.
func (st *Status) unitProblems(u unitAnswer, a answers) []string {
	var all []string
	switch {
	case u.ping != nil:
		return []string{st.silenceProblem(u, a)}
	case u.err != nil:
		return []string{fmt.Sprintf("service %s does not say how it is: %s", u.service, plain(u.err.Error()))}
	}
	for i, p := range u.problems {
		if i == maxProblems {
			return append(all, fmt.Sprintf("%s: and %d more", u.service, len(u.problems)-i))
		}
		all = append(all, u.service+": "+withNames(plain(p), a.hosts))
	}
	return all
}

// silenceProblem names a service that does not answer, for how long init has heard nothing of it, and what
// comes of that.
func (st *Status) silenceProblem(u unitAnswer, a answers) string {
	p, advice := fmt.Sprintf("service %s does not answer %s", u.service, a.unexplained(u.ping)),
		"; gatehouse log "+u.service
	silence, known := st.silence(u.service)
	switch {
	case a.ofInit != nil:
		return p + ", and init, which would start it again, neither"
	case !known:
		return p + ": if that lasts, it is started again" + advice
	}
	p = fmt.Sprintf("service %s has not answered for %s", u.service, cli.Span(silence.For))
	if !errors.Is(u.ping, a.silence) {
		p += " " + a.unexplained(u.ping)
	}
	if silence.Next > 0 {
		p += ": it is started again in " + cli.Span(silence.Next)
	}
	if silence.Tries > 0 {
		p += ", as it was " + times(silence.Tries)
	}
	return p + advice
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// silence is for how long init has heard nothing of a service, if it is more than a late answer.
func (st *Status) silence(service string) (watchdog.Silence, bool) {
	if st.Box.Watchdog == nil {
		return watchdog.Silence{}, false
	}
	all := st.Box.Watchdog.Silent
	i := slices.IndexFunc(all, func(s watchdog.Silence) bool { return s.Name == service })
	if i < 0 {
		return watchdog.Silence{}, false
	}
	return all[i], true
}

// mute reports whether a service should answer and does not.
func (st Status) mute(service string) bool {
	return slices.Contains(st.Heard, Heard{Service: service})
}
