package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/logs"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/services/wan/hooks"
	"github.com/gatehouse-os/gatehouse/services/wan/hooks/runner"
	wanrun "github.com/gatehouse-os/gatehouse/services/wan/run"
)

const (
	// hooksName is what the log calls what hooks say, and what is said of them.
	hooksName = "hooks"
	// hookCommand has this program become a hook.
	hookCommand = "hook"
)

// siteHooks are the programs of the site for events of the way out.
type siteHooks struct {
	dir     string
	runner  *runner.Runner
	problem func(subject string, err error)

	mu   sync.Mutex
	all  []plan.Hook
	runs map[string]hooks.Run // the last of each
}

// newHooks makes those of the box, of which there are none yet. problem is told what is wrong with one.
func (p *process1) newHooks(problem func(subject string, err error)) *siteHooks {
	h := &siteHooks{dir: boot.HooksDir, problem: problem, runs: map[string]hooks.Run{}}
	h.runner = runner.New(runner.Options{
		Through:  []string{"/proc/self/exe", "gatehouse", hookCommand},
		Children: p.children, Log: slog.New(logHandler(logWriter{p.log, hooksName})), Ended: h.ended,
	})
	return h
}

// logWriter writes lines to the log as those of a service.
type logWriter struct {
	log     *logs.Log
	service string
}

func (w logWriter) Write(b []byte) (int, error) {
	w.log.Write(w.service, string(b))
	return len(b), nil
}

// become is the other end of Through: this process becomes a hook.
func become(argv []string, stderr io.Writer) int {
	fmt.Fprintln(stderr, runner.Become(argv))
	return 127 // as a shell that cannot start something
}

// set makes the hooks those of a plan: their files, in their place as a whole, and what runs from now on.
func (h *siteHooks) set(all []plan.Hook) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	// Services have groups of their own, and are not to read what secrets a hook has.
	errs := []error{os.MkdirAll(h.dir, 0o750), os.Chown(h.dir, 0, runner.Nobody), os.Chmod(h.dir, 0o750)}
	names, paths := []string{}, []string{}
	for _, hook := range all {
		path := filepath.Join(h.dir, hook.Name)
		names, paths = append(names, hook.Name), append(paths, path)
		if had, err := os.ReadFile(path); err != nil || !bytes.Equal(had, hook.Content) {
			errs = append(errs, statefile.Write(path, hook.Content, 0o755))
		}
	}
	h.runner.Set(paths)
	for _, was := range h.all { // what is said of another program says nothing of this one
		i := slices.Index(names, was.Name)
		if i < 0 || !bytes.Equal(all[i].Content, was.Content) {
			h.problem(subjectOf(was.Name), nil)
			delete(h.runs, was.Name)
		}
	}
	h.all = all
	entries, err := os.ReadDir(h.dir)
	errs = append(errs, err)
	for _, e := range entries {
		if !slices.Contains(names, e.Name()) {
			errs = append(errs, os.RemoveAll(filepath.Join(h.dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

func subjectOf(hook string) string { return "hook " + hook }

// ended keeps what went wrong with a hook as a problem, until it has run well.
func (h *siteHooks) ended(program string, event hooks.Name, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	name := filepath.Base(program)
	if !slices.ContainsFunc(h.all, func(is plan.Hook) bool { return is.Name == name }) {
		return // it is gone
	}
	last := hooks.Run{Hook: name, Event: event, Ended: boot.Uptime()}
	if err != nil {
		last.Problem = err.Error()
	}
	h.runs[name] = last
	if err != nil {
		err = fmt.Errorf("at %s, %w; gatehouse log %s says more", event, err, hooksName)
	}
	h.problem(subjectOf(name), err)
}

// answer answers the control method "hooks" with the last run of each, in their order.
func (h *siteHooks) answer(_ context.Context, _ json.RawMessage, send func(any) error) error {
	h.mu.Lock()
	all := []hooks.Run{}
	for _, hook := range h.all {
		last := h.runs[hook.Name]
		last.Hook = hook.Name
		all = append(all, last)
	}
	h.mu.Unlock()
	return send(all)
}

// told has the hooks run for an event.
func (h *siteHooks) told(n wanrun.News) {
	e := hooks.Event{Name: hooks.Name(n.Name), Interface: n.Link}
	if m := n.Message; m != nil {
		e.Message = &hooks.Message{
			IP: m.YIAddr, NextIP: m.SIAddr, RelayIP: m.GIAddr, BootFile: m.File, Server: m.SName,
		}
		for _, o := range m.Options {
			e.Message.Options = append(e.Message.Options, hooks.Option{Code: o.Code, Data: o.Data})
		}
	}
	h.runner.Put(e)
}

// run runs hooks until ctx ends.
func (h *siteHooks) run(ctx context.Context) { h.runner.Run(ctx) }
