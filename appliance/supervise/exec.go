package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/children"
)

// Starter starts the process of a unit. Its output goes to out, line by line or
// in any pieces, from one goroutine; the process closes out at its end.
type Starter interface {
	Start(u Unit, out io.WriteCloser) (Process, error)
}

// Process is a running unit.
type Process interface {
	PID() int
	Ready() <-chan struct{}  // closed when the unit says that it serves
	Exited() <-chan struct{} // closed when it has ended and all its output is out
	Exit() children.Exit     // after Exited
	Terminate()              // SIGTERM to the process
	Kill()                   // SIGKILL to it and its process group
}

// Exec starts units as processes of Program by the unit protocol: argv is
// "gatehouse" and the unit's Args; standard input is its Config, then end of
// file; standard output and error are log lines; descriptor 3 is a pipe into
// which it writes "READY\n" when it serves. Each has a session of its own.
type Exec struct {
	Children *children.Children
	Program  string   // path
	Env      []string // the whole environment
}

const (
	readyWord = "READY\n"
	drainTime = 500 * time.Millisecond // for output that a dead unit's own children hold open
)

type execProcess struct {
	child  *children.Child
	ready  chan struct{}
	exited chan struct{}
}

// Start starts u. The files it needs are made first, and closed here whatever happens.
func (x Exec) Start(u Unit, out io.WriteCloser) (Process, error) {
	config, err := configFile(u)
	if err != nil {
		return nil, err
	}
	defer config.Close()
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer outW.Close()
	readyR, readyW, err := os.Pipe()
	if err != nil {
		outR.Close()
		return nil, err
	}
	defer readyW.Close()

	child, err := x.Children.Start(x.Program, append([]string{"gatehouse"}, u.Args...), &os.ProcAttr{
		Dir: "/", Env: x.Env,
		Files: []*os.File{config, outW, outW, readyW},
		Sys:   &syscall.SysProcAttr{Setsid: true}, // the console's Ctrl-C is not for it
	})
	if err != nil {
		return nil, errors.Join(err, outR.Close(), readyR.Close())
	}
	p := &execProcess{child: child, ready: make(chan struct{}), exited: make(chan struct{})}
	go p.watchReady(readyR)
	go p.watchOutput(outR, out)
	return p, nil
}

// configFile is the config as a file in memory: unlike a pipe it needs nobody
// who writes while the unit reads.
func configFile(u Unit) (*os.File, error) {
	fd, err := unix.MemfdCreate("config of "+u.Name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "config of "+u.Name)
	if _, err := f.Write(u.Config); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// watchReady ends when the unit has said something or closed the pipe, at its
// death at the latest.
func (p *execProcess) watchReady(r *os.File) {
	defer r.Close()
	stop := make(chan struct{})
	defer close(stop)
	go func() { // a child of the unit may hold the other end for longer
		select {
		case <-p.child.Done():
			r.SetReadDeadline(time.Now())
		case <-stop:
		}
	}()
	word := make([]byte, len(readyWord))
	if _, err := io.ReadFull(r, word); err == nil && bytes.Equal(word, []byte(readyWord)) {
		close(p.ready)
	}
}

// watchOutput copies the output and, after the process's end, what is left of
// it, so that its last words are complete when Exited says so.
func (p *execProcess) watchOutput(r *os.File, out io.WriteCloser) {
	defer close(p.exited)
	defer out.Close()
	defer r.Close()
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		io.Copy(out, r)
	}()
	<-p.child.Done()
	r.SetReadDeadline(time.Now().Add(drainTime))
	<-copied
}

func (p *execProcess) PID() int                { return p.child.PID }
func (p *execProcess) Ready() <-chan struct{}  { return p.ready }
func (p *execProcess) Exited() <-chan struct{} { return p.exited }
func (p *execProcess) Exit() children.Exit     { return p.child.Exit() }
func (p *execProcess) Terminate()              { p.child.Signal(syscall.SIGTERM, false) }
func (p *execProcess) Kill()                   { p.child.Signal(syscall.SIGKILL, true) }
