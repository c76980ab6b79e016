package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/appliance/watchdog"
)

// watchdogNote is where the watchdog says why it resets the box.
const (
	watchdogNote    = "/perm/watchdog"
	maxWatchdogNote = 1024
)

// newGuard returns what asks all services, and guards the essential ones that are started.
func (p *process1) newGuard() *watchdog.Guard {
	names, others := guarded()
	timeout, on, err := watchdog.ParseTimeout(p.report.Watchdog)
	p.box.Problem("watchdog", err)
	c := watchdog.Config{
		Names: names, Others: others, Services: watched{p.supervisor}, Timeout: timeout, Say: p.log.Event,
		Note: func(why string) error { return keepNote(watchdogNote, why) },
	}
	if on {
		c.Open = watchdog.Open
	}
	if c.LastReset, err = takeNote(watchdogNote); err != nil {
		p.box.Problem("watchdog's note", err)
	}
	return watchdog.New(c)
}

func (p *process1) setGuard(g *watchdog.Guard) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.guard = g
}

func (p *process1) guarding() *watchdog.Guard {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.guard
}

// guarded are the names of the services that must answer, and of the others.
func guarded() (essential, others []string) {
	for _, s := range roster.All() {
		if s.Essential {
			essential = append(essential, s.Name)
		} else {
			others = append(others, s.Name)
		}
	}
	return essential, others
}

// watched are the services as the guard sees them. What is reloading has a limit of its own in supervise.
type watched struct{ *supervise.Supervisor }

func (w watched) Up(name string) bool {
	return slices.ContainsFunc(w.Status(), func(s supervise.Status) bool {
		return s.Name == name && s.State == supervise.Ready
	})
}

func (w watched) Ask(ctx context.Context, name string) error {
	return control.Call(ctx, runDir, name, control.Ping, nil, nil)
}

// keepNote keeps why for the next boot, or nothing.
func keepNote(path, why string) error {
	if why != "" {
		return statefile.Write(path, []byte(why+"\n"), 0o644)
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// takeNote returns what the boot before has left, once.
func takeNote(path string) (string, error) {
	text, err := statefile.Read(path, maxWatchdogNote)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), errors.Join(err, os.Remove(path))
}

// guardedOS disarms the watchdog when the machine is not to start again. With a
// restart the kernel's driver does so, at the last moment.
type guardedOS struct {
	boot.OS
	init *process1
}

// Power ends the machine.
func (o guardedOS) Power(k boot.Kind) error {
	if g := o.init.guarding(); g != nil && k != boot.Reboot {
		g.Disarm()
	}
	return o.OS.Power(k)
}
