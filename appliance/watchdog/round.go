package watchdog

import (
	"errors"
	"io/fs"
	"time"
)

// logName is the guard's name in the log.
const logName = "watchdog"

// round judges the services by the answers to the last questions, and does what
// follows. It waits for nobody.
func (g *Guard) round() {
	var seen []sight
	for _, q := range g.queries {
		seen = append(seen, sight{name: q.name, up: g.Services.Up(q.name), answered: q.answered()})
	}
	v := g.judge.round(seen)
	for _, h := range v.restart {
		g.Say(h.name, "has not answered for %v: starting it again", time.Duration(h.rounds)*g.period())
		if err := g.Services.Restart(h.name); err != nil {
			g.Say(h.name, "%v", err)
		}
	}
	state := g.state()
	switch {
	case state == Waiting && v.armed:
		state = g.arm()
	case (state == Fed || state == Starving) && v.feed:
		state = g.feed(state)
	case state == Fed:
		state = g.starve()
	}
	g.show(state)
	g.note.keep()
}

// arm opens the watchdog. A machine without one is none the worse for it.
func (g *Guard) arm() State {
	d, err := g.Open()
	if errors.Is(err, fs.ErrNotExist) {
		g.Say(logName, "this machine has none")
		return Absent
	}
	if err != nil {
		g.Say(logName, "it cannot be used: %v", err)
		return Absent
	}
	g.mu.Lock()
	g.device, g.status.Device = d, d.Name()
	g.mu.Unlock()
	g.tell("timeout", func(d Device) error { return d.SetTimeout(g.Timeout) })
	g.Say(logName, "%s is armed: not fed for %v, it resets this box", d.Name(), g.Timeout)
	return Fed
}

func (g *Guard) feed(state State) State {
	if state == Starving {
		g.Say(logName, "all answer again: it is fed again")
		g.note.want = ""
	}
	err := g.device.Feed()
	if err != nil && !g.sick {
		g.Say(logName, "it takes no food: %v", err)
	}
	g.sick = err != nil
	return Fed
}

// starve is the end of feeding, unless the services think better of it in time.
func (g *Guard) starve() State {
	g.note.want = g.complaint()
	g.Say(logName, "%s: it is not fed any more, and resets this box within %v", g.note.want, g.Timeout)
	return Starving
}
