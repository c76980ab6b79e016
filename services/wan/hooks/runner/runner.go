// Package runner runs the site's program for events of the way out, one run at a time, in
// their order, as services/wan/hooks has it.
//
// It is for process 1: what starts the program must be root, and a service of the appliance
// may start none (appliance/privdrop refuses it execve). The program gets what the event says
// and nothing else: no variable, descriptor or directory of its parent's; it is nobody,
// without capabilities, and can gain none by any file (no_new_privs, an empty bounding set);
// it is the first process of a PID namespace, so that with it ends all that it has started,
// wherever that went. It is killed when its time is up. Of what it writes, so many lines are
// logged, and when it writes on and on its output is closed.
//
// Put never waits. An event of which nobody needs to know any more, since later ones say more,
// is left out. What the program does is left to the site: memory and processor time are not
// bounded but by the time that it has.
package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"runtime"
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

// Options say what is run.
type Options struct {
	// Program is the absolute path of the program, which Nobody must be able to execute.
	Program string
	// UID and GID are what it runs as; 0: Nobody. It is never root.
	UID, GID int
	Timeout  time.Duration // 0: Timeout
	// Children starts it, and collects its end.
	Children *children.Children
	Log      *slog.Logger
}

// A Runner runs one program. Put may be called by several goroutines, and while Run runs.
type Runner struct {
	o    Options
	wake chan struct{} // has something in it when the queue does

	mu    sync.Mutex
	queue hooks.Queue
}

// New returns a Runner without events.
func New(o Options) *Runner {
	for _, id := range []*int{&o.UID, &o.GID} {
		if *id <= 0 {
			*id = Nobody
		}
	}
	if o.Timeout <= 0 {
		o.Timeout = Timeout
	}
	return &Runner{o: o, wake: make(chan struct{}, 1)}
}

// Put has the program run for an event, when it has run for those before.
func (r *Runner) Put(e hooks.Event) {
	r.mu.Lock()
	left := r.queue.Put(e)
	r.mu.Unlock()
	if left > 0 {
		r.o.Log.Info("the program of the site is slow: it is not told of what later events say as well",
			"event", e.Name, "left_out", left)
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Runner) next() (hooks.Event, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queue.Next()
}

// Run runs the program until ctx ends, and kills it then.
func (r *Runner) Run(ctx context.Context) {
	for ctx.Err() == nil {
		e, ok := r.next()
		if ok {
			r.run(ctx, e)
			continue
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
		}
	}
}

// run runs the program for one event.
func (r *Runner) run(ctx context.Context, e hooks.Event) {
	log := r.o.Log.With("event", e.Name)
	began := time.Now()
	child, written, err := r.start(e)
	if err != nil {
		log.Error("the program of the site cannot be started", "program", r.o.Program, "err", err)
		return
	}
	logged := make(chan struct{})
	go func() { defer close(logged); logOutput(log, written) }()
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	var killed error
	select {
	case <-child.Done():
	case <-ctx.Done():
		// With the first process of its namespace the kernel kills all others.
		_ = child.Signal(syscall.SIGKILL, false)
		<-child.Done()
		killed = ctx.Err()
	}
	<-logged
	took := time.Since(began).Round(time.Millisecond)
	switch exit := child.Exit(); {
	case errors.Is(killed, context.DeadlineExceeded):
		log.Error("the program of the site was killed: its time was up", "after", r.o.Timeout)
	case killed != nil:
		log.Info("the program of the site was killed: the appliance stops")
	case exit.Code != 0 || exit.Signal != 0:
		log.Error("the program of the site has failed", "end", exit, "took", took)
	default:
		log.Info("the program of the site has run", "took", took)
	}
}

// start starts the program. written is what it writes, to be closed by the caller.
func (r *Runner) start(e hooks.Event) (_ *children.Child, written *os.File, err error) {
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
		child, err = r.o.Children.Start(r.o.Program, []string{r.o.Program, string(e.Name)}, attr)
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
