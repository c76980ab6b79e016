package files

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// timeoutWatch is the letter of --watch, by which timeout calls itself:
//
//	timeout ── starts and waits ──► timeout --watch=PID    opens PID, starts the next, ends
//	   │                                  │
//	   │ becomes the program              └─────────────► timeout --watch=fd    has no parent but init
//	   ▼                                                      │ waits for the program's end, or sends it the signal
//	program ◄─────────────────────────────────────────────────┘
//
// So the program is the process that was started, with its signals, its terminal and its status, and has no
// child that it does not know.
const timeoutWatch = 1

// watchFD is the program, as a descriptor of the watcher.
const watchFD = 3

// A limit is how long a program may run.
type limit struct {
	signal       syscall.Signal
	after, later time.Duration // until the signal; from there until KILL, 0: never
}

func timeout(c *command.Call) {
	l, err := limitOf(c)
	if err != nil {
		c.Fail(err)
		return
	}
	if watch, given := c.Value(timeoutWatch); given {
		if err := l.watch(c, watch); err != nil {
			c.Fail(err)
		}
		return
	}
	if len(c.Args) < 2 {
		c.Misused("expected seconds and a program")
		return
	}
	p, err := os.StartProcess("/proc/self/exe", l.args(c, strconv.Itoa(os.Getpid())),
		&os.ProcAttr{Files: make([]*os.File, watchFD)})
	if err == nil {
		var state *os.ProcessState
		if state, err = p.Wait(); err == nil && !state.Success() {
			err = errors.New("cannot watch over the program")
		}
	}
	if err != nil {
		c.Fail(err)
		return
	}
	c.Args = c.Args[1:]
	become(c, os.Environ())
}

// args are those of a timeout that watches.
func (l limit) args(c *command.Call, watch string) []string {
	return []string{c.Name, "--watch=" + watch, "-s", strconv.Itoa(int(l.signal)), "-k", seconds(l.later),
		seconds(l.after)}
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 9, 64) }

// limitOf reads the options and the first operand.
func limitOf(c *command.Call) (l limit, err error) {
	text, given := c.Value('s')
	if !given {
		text = "TERM"
	}
	if l.signal = signalNumber(text); l.signal == 0 && text != "0" {
		return l, fmt.Errorf("unknown signal %q", text)
	}
	if text, given := c.Value('k'); given {
		if l.later, err = duration(text); err != nil {
			return l, err
		}
	}
	if len(c.Args) > 0 {
		l.after, err = duration(c.Args[0])
	}
	return l, err
}

// watch is what the two do that timeout starts.
func (l limit) watch(c *command.Call, what string) error {
	if what == "fd" {
		l.wait()
		return nil
	}
	pid, err := strconv.Atoi(what)
	if err != nil || pid != os.Getppid() {
		return fmt.Errorf("--watch=%s: expected by timeout itself only", what)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	program := os.NewFile(uintptr(fd), "program")
	_, err = os.StartProcess("/proc/self/exe", l.args(c, "fd"), &os.ProcAttr{
		Files: []*os.File{nil, nil, nil, program}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	return err
}

func (l limit) wait() {
	if endsIn(l.after) {
		return
	}
	_ = unix.PidfdSendSignal(watchFD, l.signal, nil, 0) // it may have ended
	if l.later > 0 && !endsIn(l.later) {
		_ = unix.PidfdSendSignal(watchFD, unix.SIGKILL, nil, 0)
	}
}

// endsIn waits for the program, and reports whether it has ended.
func endsIn(d time.Duration) bool {
	end := time.Now().Add(d)
	for {
		left := min(time.Until(end), time.Hour) // poll(2) counts milliseconds in 32 bits
		n, err := unix.Poll([]unix.PollFd{{Fd: watchFD, Events: unix.POLLIN}},
			max(0, int(left.Milliseconds())))
		switch {
		case n > 0, err != nil && err != unix.EINTR:
			return true
		case time.Until(end) <= 0:
			return false
		}
	}
}

// signalNumber is that of a name, with or without SIG, or a number.
func signalNumber(text string) syscall.Signal {
	if n, err := strconv.ParseUint(text, 10, 7); err == nil && n <= 64 {
		return syscall.Signal(n)
	}
	name := strings.ToUpper(text)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	return unix.SignalNum(name)
}
