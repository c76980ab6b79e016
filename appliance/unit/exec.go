package unit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/children"
)

// A Spec is what to start.
type Spec struct {
	Name   string   // also in the log
	Args   []string // of the command, after its name
	Config []byte   // JSON
}

// A Starter starts the process of a unit. Its output goes to out, line by line or in any pieces, from one
// goroutine; the process closes out at its end.
type Starter interface {
	Start(s Spec, out io.WriteCloser) (Process, error)
}

// A Process is a running unit as init sees it.
type Process interface {
	PID() int
	// Answers has what the unit says to its Config, first of all to the one that it was started with.
	Answers() <-chan Answer
	// Reload gives it another Config, to which it answers.
	Reload(config []byte) error
	Exited() <-chan struct{} // closed when it has ended and all its output is out
	Exit() children.Exit     // after Exited
	Terminate()              // SIGTERM to the process
	Kill()                   // SIGKILL to it and its process group
}

// Exec starts units as processes of Program by the protocol; argv is "gatehouse" and the Args. Each has a
// session of its own: the console's Ctrl-C is not for it.
type Exec struct {
	Children *children.Children
	Program  string   // path
	Env      []string // the whole environment
}

// drainTime is how long the output of a dead unit is waited for that its own children hold open.
const drainTime = 500 * time.Millisecond

type process struct {
	child   *children.Child
	config  *os.File
	answers chan Answer
	exited  chan struct{}
}

// Start starts a unit. The files it needs are made first, and closed here whatever happens, but for its
// Config.
func (x Exec) Start(s Spec, out io.WriteCloser) (_ Process, err error) {
	config, err := configFile(s)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			config.Close()
		}
	}()
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer outW.Close()
	answerR, answerW, err := os.Pipe()
	if err != nil {
		outR.Close()
		return nil, err
	}
	defer answerW.Close()

	child, err := x.Children.Start(x.Program, append([]string{"gatehouse"}, s.Args...), &os.ProcAttr{
		Dir: "/", Env: x.Env,
		Files: []*os.File{config, outW, outW, answerW},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, errors.Join(err, outR.Close(), answerR.Close())
	}
	p := &process{child: child, config: config, answers: make(chan Answer), exited: make(chan struct{})}
	go p.watchAnswers(answerR)
	go p.watchOutput(outR, out)
	return p, nil
}

// configFile is the Config as a file in memory: unlike a pipe it needs nobody who writes while the unit
// reads, and can be read again.
func configFile(s Spec) (*os.File, error) {
	name := "config of " + s.Name
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.WriteAt(s.Config, 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Reload writes the Config in its place. The unit does not read it before it gets the signal.
func (p *process) Reload(config []byte) error {
	if err := p.config.Truncate(0); err != nil {
		return err
	}
	if _, err := p.config.WriteAt(config, 0); err != nil {
		return err
	}
	return p.child.Signal(syscall.SIGHUP, false)
}

// watchAnswers ends when the unit has closed the pipe or says what is no answer, at its death at the latest.
func (p *process) watchAnswers(r *os.File) {
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
	lines := bufio.NewReaderSize(r, maxWord)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		a, err := parseAnswer(line)
		if err != nil {
			return // who does not keep the protocol is never ready
		}
		select {
		case p.answers <- a:
		case <-p.exited:
			return
		}
	}
}

// watchOutput copies the output and, after the process's end, what is left of
// it, so that its last words are complete when Exited says so.
func (p *process) watchOutput(r *os.File, out io.WriteCloser) {
	defer close(p.exited)
	defer p.config.Close()
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

func (p *process) PID() int                { return p.child.PID }
func (p *process) Answers() <-chan Answer  { return p.answers }
func (p *process) Exited() <-chan struct{} { return p.exited }
func (p *process) Exit() children.Exit     { return p.child.Exit() }
func (p *process) Terminate()              { p.child.Signal(syscall.SIGTERM, false) }
func (p *process) Kill()                   { p.child.Signal(syscall.SIGKILL, true) }
