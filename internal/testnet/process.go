package testnet

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Need fails the test if a program is missing, and says which Debian package has it.
// It returns the program's path.
func Need(t testing.TB, program, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		// Not everybody's PATH has the directories of the administrator.
		for _, dir := range []string{"/usr/sbin/", "/sbin/"} {
			if p, err := exec.LookPath(dir + program); err == nil {
				return p
			}
		}
		t.Fatalf("%s is missing: apt-get install %s", program, debianPackage)
	}
	return path
}

// commandTime bounds Run.
const commandTime = time.Minute

// Run runs a program in the namespace and returns what it wrote, standard error
// included. It fails the test if the program fails, or runs for over a minute.
func (n *Namespace) Run(program string, args ...string) string {
	n.t.Helper()
	out, err := n.Try(program, args...)
	if err != nil {
		n.t.Fatalf("%s: %s %s: %v\n%s", n.name, program, strings.Join(args, " "), err, out)
	}
	return out
}

// Try is like Run, and returns the error of a program that fails.
func (n *Namespace) Try(program string, args ...string) (output string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := n.Do(cmd.Start); err != nil {
		return "", err
	}
	err = cmd.Wait()
	return out.String(), err
}

// A Process is a program that runs until it is stopped, or its test ends.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error

	mu  sync.Mutex
	out bytes.Buffer
}

// Start starts cmd in the namespace as the leader of a process group of its own.
// When the test ends the group is killed, and if the test failed its output is
// logged. The output of cmd must not be set.
func (n *Namespace) Start(cmd *exec.Cmd) *Process {
	n.t.Helper()
	p := &Process{cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = (*lockedOutput)(p), (*lockedOutput)(p)
	cmd.WaitDelay = time.Second
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	n.must("start "+cmd.Path, n.Do(cmd.Start))
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	n.t.Cleanup(func() {
		p.signalGroup(syscall.SIGKILL)
		<-p.done
		if n.t.Failed() {
			n.t.Logf("%s in %s wrote:\n%s", cmd.Path, n.name, p.Output())
		}
	})
	return p
}

// lockedOutput is a Process as a place to write to.
type lockedOutput Process

// Write implements io.Writer.
func (o *lockedOutput) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.out.Write(b)
}

// Output returns what the process has written so far.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// Signal sends a signal to the process alone.
func (p *Process) Signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// signalGroup sends a signal to the process and its children.
func (p *Process) signalGroup(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }

// Wait waits until the process has ended and returns its error, or that of ctx.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Eventually waits until f returns true, asking ten times a second, and fails the
// test if that takes longer than limit. what completes "waited in vain until".
func Eventually(t testing.TB, limit time.Duration, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !f(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s in vain until %s", limit, what)
		}
	}
}
