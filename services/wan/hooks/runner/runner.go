// Package runner runs the site's programs for events of the way out, as services/wan/hooks has it: one event
// after the other, and for each one program after the other, so that there is one of them at a time.
//
//	Put ─► hooks.Queue ─► Run: for each program ─► a process ─ Become ─► the program ─► Ended
//	                                                  └─ what it writes ─► log
//
// It is for process 1: what starts programs must be root, and a service of the appliance may start none
// (appliance/privdrop refuses it execve). A program gets what the event says and nothing else: no variable,
// descriptor or directory of its parent's; it is nobody, without capabilities, and can gain none by any file
// (no_new_privs, an empty bounding set); it is the first process of a PID namespace, so that with it ends all
// that it has started, wherever that went. It is killed when its time is up. Of what it writes, so many lines
// are logged, and when it writes on and on its output is closed. What each process may use has limits, which
// Become sets: a process has them to itself, unlike a thread, so that process 1 cannot set them for another.
//
// Put never waits. An event of which nobody needs to know any more, since later ones say more, is left out.
package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/children"
	"github.com/gatehouse-os/gatehouse/services/wan/hooks"
)

const (
	// Nobody is the user and group of programs.
	Nobody = 65534
	// Timeout is how long a program may run.
	Timeout = 30 * time.Second
	// path is where programs that the program starts are looked for.
	path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
)

// Options say how programs are run.
type Options struct {
	// Through is the path of a program and its arguments, from the first on, that calls Become with those
	// that follow.
	Through []string
	// UID and GID are what programs run as; 0: Nobody. They are never root.
	UID, GID int
	Timeout  time.Duration // of each run; 0: Timeout
	// Children starts them, and collects their ends.
	Children *children.Children
	Log      *slog.Logger
	// Ended is called after each run, with nil if the program has ended by itself and well; nil: nobody is.
	// It is not called when the run ended with Run.
	Ended func(program string, event hooks.Name, err error)
}

// A Runner runs programs. Its methods may be called by several goroutines.
type Runner struct {
	o    Options
	wake chan struct{} // has something in it when the queue does

	mu       sync.Mutex
	programs []string
	queue    hooks.Queue
}

// New returns a Runner without programs and events.
func New(o Options) *Runner {
	for _, id := range []*int{&o.UID, &o.GID} {
		if *id <= 0 {
			*id = Nobody
		}
	}
	if o.Timeout <= 0 {
		o.Timeout = Timeout
	}
	if o.Ended == nil {
		o.Ended = func(string, hooks.Name, error) {}
	}
	return &Runner{o: o, wake: make(chan struct{}, 1)}
}

// Set has programs run from the next event on, in this order: absolute paths of what Nobody can execute.
func (r *Runner) Set(programs []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.programs = slices.Clone(programs)
}

// Put has the programs run for an event, when they have run for those before. Without programs it does
// nothing.
func (r *Runner) Put(e hooks.Event) {
	r.mu.Lock()
	left := 0
	if len(r.programs) > 0 {
		left = r.queue.Put(e)
	}
	r.mu.Unlock()
	if left > 0 {
		r.o.Log.Info("hooks are slow: they are not told of what later events say as well",
			"event", e.Name, "left_out", left)
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// next takes out the next event, and who is to be told of it.
func (r *Runner) next() (e hooks.Event, programs []string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok = r.queue.Next()
	return e, r.programs, ok
}

// Run runs programs until ctx ends, and kills the one that runs then.
func (r *Runner) Run(ctx context.Context) {
	for ctx.Err() == nil {
		e, programs, ok := r.next()
		for _, p := range programs {
			if ok && ctx.Err() == nil {
				r.run(ctx, p, e)
			}
		}
		if ok {
			continue
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
		}
	}
}

// run runs a program for one event.
func (r *Runner) run(ctx context.Context, program string, e hooks.Event) {
	log := r.o.Log.With("hook", filepath.Base(program), "event", e.Name)
	began := time.Now()
	child, written, err := r.start(program, e)
	if err != nil {
		log.Error("cannot be started", "err", err)
		r.o.Ended(program, e.Name, fmt.Errorf("it cannot be started: %w", err))
		return
	}
	logged := make(chan struct{})
	go func() { defer close(logged); logOutput(log, written) }()
	limit, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	var killed error
	select {
	case <-child.Done():
	case <-limit.Done():
		// With the first process of its namespace the kernel kills all others.
		_ = child.Signal(syscall.SIGKILL, false)
		<-child.Done()
		killed = limit.Err()
	}
	<-logged
	took := time.Since(began).Round(time.Millisecond)
	switch exit := child.Exit(); {
	case errors.Is(killed, context.DeadlineExceeded):
		log.Error("was killed: its time was up", "after", r.o.Timeout)
		err = fmt.Errorf("it was killed after %v", r.o.Timeout)
	case killed != nil:
		log.Info("was killed: the appliance stops")
		return
	case exit.Code != 0 || exit.Signal != 0:
		log.Error("has failed", "end", exit, "took", took)
		err = errors.New(exit.String())
	default:
		log.Info("has run", "took", took)
	}
	r.o.Ended(program, e.Name, err)
}

// start starts the program. written is what it writes, to be closed by the caller.
func (r *Runner) start(program string, e hooks.Event) (_ *children.Child, written *os.File, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, err
	}
	defer null.Close()
	written, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer w.Close()
	attr := &os.ProcAttr{
		Dir: "/", Env: append([]string{path}, hooks.Environ(e)...), Files: []*os.File{null, w, w},
		Sys: &syscall.SysProcAttr{
			Setsid: true, Cloneflags: syscall.CLONE_NEWPID,
			Credential: &syscall.Credential{Uid: uint32(r.o.UID), Gid: uint32(r.o.GID)},
		},
	}
	var child *children.Child
	err = onThreadWithoutRights(func() (err error) {
		// Go opens all like this; what this process was started with may not be.
		if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
			return os.NewSyscallError("close_range", err)
		}
		argv := append(slices.Clone(r.o.Through[1:]), program, string(e.Name))
		child, err = r.o.Children.Start(r.o.Through[0], argv, attr)
		return err
	})
	if err != nil {
		written.Close()
		return nil, nil, err
	}
	return child, written, nil
}

// onThreadWithoutRights runs f on a thread from which no process can be started that gains
// rights, and which ends with it: a process has these limits of the thread that starts it.
func onThreadWithoutRights(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocks: nothing else is to run on it
		err := giveUpRights()
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

func giveUpRights() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("no_new_privs", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return os.NewSyscallError("ambient capabilities", err)
	}
	for c := uintptr(0); c < 64; c++ {
		switch err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); {
		case err == unix.EINVAL && c > 0: // the kernel has no more
			return nil
		case err != nil:
			return fmt.Errorf("bounding set, capability %d: %w", c, err)
		}
	}
	return nil
}
