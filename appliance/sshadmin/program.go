package sshadmin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// hangUpGrace is how long a program may take to end after SIGHUP.
const hangUpGrace = 2 * time.Second

// endOfFile is the character that a terminal takes for the end of input (VEOF,
// termios(3)).
const endOfFile = 0x04

// program is the process of a session, the leader of its own process group and
// session, and this side of its terminal or pipes.
type program struct {
	cmd *exec.Cmd

	tty            *os.File // the master; nil with pipes
	stdin          *os.File // nil with a terminal
	stdout, stderr *os.File // nil with a terminal

	mu     sync.Mutex
	reaped bool // the process id may belong to another
}

// startProgram starts argv with exactly the environment env, on a terminal when
// term is not nil.
func startProgram(argv, env []string, term *terminal) (*program, error) {
	p := &program{cmd: &exec.Cmd{
		Path: argv[0], Args: argv, Env: env, Dir: "/",
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}}
	if info, err := os.Stat("/root"); err == nil && info.IsDir() {
		p.cmd.Dir = "/root"
	}
	theirs, err := p.open(term)
	if err == nil {
		err = p.cmd.Start()
	}
	closeAll(theirs...)
	if err != nil {
		p.closeOurs()
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	standFirst(p.cmd.Process.Pid)
	return p, nil
}

// firstToGo is the oom_score_adj of what people start (proc(5)): it goes before any service when memory is
// out.
const firstToGo = "500"

// standFirst has a program and all that it will start be killed before others. It has only been started: the
// shell itself needs longer until it starts something.
func standFirst(pid int) {
	// Without proc nobody is killed in any order.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte(firstToGo), 0)
}

// open makes the terminal or the pipes, and returns the ends that only the
// program is to hold, also with an error.
func (p *program) open(term *terminal) (theirs []*os.File, err error) {
	if term == nil {
		return p.openPipes()
	}
	tty, slave, err := pty.Open()
	if err != nil {
		return nil, err
	}
	p.tty = tty
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, slave
	p.cmd.SysProcAttr.Setctty = true
	p.cmd.Env = append(p.cmd.Env, "SSH_TTY="+slave.Name())
	p.resize(term.size)
	p.control(assumeUTF8)
	return []*os.File{slave}, nil
}

// assumeUTF8 makes the terminal erase whole characters (IUTF8, termios(3)): the
// clients' terminals write UTF-8, and their modes are not looked at.
func assumeUTF8(fd int) {
	if t, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
		t.Iflag |= unix.IUTF8
		_ = unix.IoctlSetTermios(fd, unix.TCSETS, t) // a terminal without it is still one
	}
}

// openPipes makes three pipes.
func (p *program) openPipes() (theirs []*os.File, err error) {
	var in, out, diag *os.File
	var errIn, errOut, errDiag error
	in, p.stdin, errIn = os.Pipe()
	p.stdout, out, errOut = os.Pipe()
	p.stderr, diag, errDiag = os.Pipe()
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = in, out, diag
	return []*os.File{in, out, diag}, errors.Join(errIn, errOut, errDiag)
}

// talk carries data between the program and its client until the program has
// ended and all its output is delivered or cannot be, and returns how it ended.
func (p *program) talk(ch gossh.Channel) syscall.WaitStatus {
	var output sync.WaitGroup
	if p.tty != nil {
		go func() {
			// An error means that the client or the terminal is gone, which ends
			// the output as well.
			if _, err := io.Copy(p.tty, ch); err == nil {
				_, _ = p.tty.Write([]byte{endOfFile})
			}
		}()
		output.Go(func() { carry(ch, p.tty) })
	} else {
		go func() {
			_, _ = io.Copy(p.stdin, ch)
			p.stdin.Close()
		}()
		output.Go(func() { carry(ch, p.stdout) })
		output.Go(func() { carry(ch.Stderr(), p.stderr) })
	}
	status := p.wait()
	output.Wait()
	p.closeOurs()
	return status
}

// carry copies until the end of from. When the client takes no more, the
// reading end is closed, so that the program gets EPIPE instead of blocking.
func carry(to io.Writer, from *os.File) {
	_, err := io.Copy(to, from)
	// A terminal that no program holds open fails with EIO: that is its end.
	if err != nil && !errors.Is(err, unix.EIO) {
		from.Close()
	}
}

// wait waits for the end of the process and reaps it.
func (p *program) wait() syscall.WaitStatus {
	pid := p.cmd.Process.Pid
	for {
		// WNOWAIT leaves the process id taken until no signal can be on its way.
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaped = true
	// The error of Wait only repeats the status.
	_ = p.cmd.Wait()
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return status
}

// hangUp ends a program whose client is gone, as a modem that loses the line
// does: SIGHUP to its process group. A leader that has not ended within
// hangUpGrace is killed with its group. It returns when over is closed or the program
// was killed.
func (p *program) hangUp(over <-chan struct{}) {
	select {
	case <-over:
		return
	default:
	}
	p.signal(unix.SIGHUP)
	p.signal(unix.SIGCONT) // a stopped process would not see the first
	late := time.NewTimer(hangUpGrace)
	defer late.Stop()
	select {
	case <-over:
		return
	case <-late.C:
	}
	p.signal(unix.SIGKILL)
	p.closeOurs() // a program in the background may hold the other ends for ever
}

// signal sends a signal to the process group, unless the leader has ended.
func (p *program) signal(sig unix.Signal) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.reaped && unix.Kill(-p.cmd.Process.Pid, sig) == nil
}

// deliver sends the signal that RFC 4254 section 6.10 calls name: to what runs
// in the foreground of the terminal, or else to the process group.
func (p *program) deliver(name string) bool {
	sig := signalNumber(name)
	if sig == 0 {
		return false
	}
	if group := p.foreground(); group > 0 {
		return unix.Kill(-group, sig) == nil
	}
	return p.signal(sig)
}

// foreground returns the process group in the foreground of the terminal, 0 if
// there is none.
func (p *program) foreground() (group int) {
	p.control(func(fd int) { group, _ = unix.IoctlGetInt(fd, unix.TIOCGPGRP) })
	return group
}

// resize tells the terminal its new size; programs get SIGWINCH.
func (p *program) resize(size unix.Winsize) bool {
	err := error(unix.ENOTTY)
	p.control(func(fd int) { err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &size) })
	return err == nil
}

// control runs f on the terminal, if there is one that is open.
func (p *program) control(f func(fd int)) {
	if p.tty == nil {
		return
	}
	// Fd would make the file blocking, and Close could no longer end a Read.
	if raw, err := p.tty.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) })
	}
}

// closeOurs closes this side; again, it does nothing.
func (p *program) closeOurs() { closeAll(p.tty, p.stdin, p.stdout, p.stderr) }

// closeAll closes the files that are not nil. All of them are pipes and
// terminals, which have nothing to flush.
func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
