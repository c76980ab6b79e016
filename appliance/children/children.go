// Package children starts the processes of a process and collects the end of every child that it has: those
// it started, and the orphans that the kernel hands to PID 1.
//
// No end is lost or taken for another's, and no signal hits a process that got the number of a dead one. In
// the process that uses it nothing else may start or wait for processes (os/exec would find its child's end
// gone). When to start again what has ended is left to others.
package children

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Children are those of this process.
//
// There is one place that waits, and it holds a lock while it does. A child is
// entered under the same lock that covers its start, so that its end cannot be
// taken for an orphan's however early it comes; and a signal is sent under it
// too, so that it cannot hit another process that got the number of a dead one.
type Children struct {
	mu      sync.Mutex
	running map[int]*Child
}

// Child is one process that Children started.
type Child struct {
	PID  int
	all  *Children
	done chan struct{}
	exit Exit // after done
}

// Exit is how a process ended.
type Exit struct {
	Code   int            // exit status; -1: none
	Signal syscall.Signal // that killed it; 0: none
	Err    error          // it could not be started at all
}

// String is the end in the words of a shell.
func (e Exit) String() string {
	switch {
	case e.Err != nil:
		return "cannot start: " + e.Err.Error()
	case e.Signal != 0:
		return fmt.Sprintf("killed by signal %d (%v)", int(e.Signal), e.Signal)
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// New makes an empty one. Run must run beside it.
func New() *Children { return &Children{running: map[int]*Child{}} }

// Start starts the program path with argv, as os.StartProcess does.
func (c *Children) Start(path string, argv []string, attr *os.ProcAttr) (*Child, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := os.StartProcess(path, argv, attr)
	if err != nil {
		return nil, err
	}
	child := &Child{PID: p.Pid, all: c, done: make(chan struct{})}
	c.running[p.Pid] = child
	p.Release() // the descriptor; Children waits by number
	return child, nil
}

// Run collects ends whenever sigchld gets something, until ctx ends. The
// channel is for SIGCHLD by signal.Notify and needs a capacity of 1: after one
// signal everything that has ended is collected, so that more would say nothing new.
func (c *Children) Run(ctx context.Context, sigchld <-chan os.Signal) {
	for {
		c.reap()
		select {
		case <-sigchld:
		case <-ctx.Done():
			return
		}
	}
}

// reap collects every child that has ended.
func (c *Children) reap() {
	for c.reapOne() {
	}
}

func (c *Children) reapOne() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	var status unix.WaitStatus
	pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
	switch {
	case errors.Is(err, unix.EINTR):
		return true
	case err != nil || pid <= 0: // ECHILD, or all others live
		return false
	case !status.Exited() && !status.Signaled():
		return true
	}
	child := c.running[pid]
	if child == nil {
		return true // an orphan: nobody wants to know
	}
	delete(c.running, pid)
	child.exit = Exit{Code: status.ExitStatus()}
	if status.Signaled() {
		child.exit.Signal = status.Signal()
	}
	close(child.done)
	return true
}

// Done is closed when the process has ended and is collected.
func (c *Child) Done() <-chan struct{} { return c.done }

// Exit is how the process ended; valid after Done.
func (c *Child) Exit() Exit { return c.exit }

// Signal sends sig to the process, and with group to its process group. After
// the process's end it does nothing.
func (c *Child) Signal(sig syscall.Signal, group bool) error {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if c.all.running[c.PID] != c {
		return nil
	}
	if group {
		return syscall.Kill(-c.PID, sig)
	}
	return syscall.Kill(c.PID, sig)
}
