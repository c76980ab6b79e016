package sh

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// signals are those that the process has got. Another goroutine counts them; what is to be done about one,
// the shell does between two commands.
type signals struct {
	traps   map[string]string // what to do, by the name; "" is to ignore it
	caught  chan os.Signal
	wake    chan struct{} // says that something has come
	poll    [2]int        // and so does this pipe, for who waits for a file too
	pending [65]atomic.Bool
	any     atomic.Bool
	owned   [65]atomic.Bool // there is a trap for it
	fixed   [65]bool        // it is ignored, and no trap changes that
	hung    atomic.Bool     // the process is about to end
	marks   atomic.Bool     // a marker is counted as one, and does nothing else
	marked  chan struct{}   // one was
	current atomic.Int32    // process group in the foreground: what a person means who presses ^C
}

func newSignals() signals {
	return signals{traps: map[string]string{}, wake: make(chan struct{}, 1), poll: [2]int{-1, -1},
		marked: make(chan struct{}, 1)}
}

// taken are the signals that Go would do something else about than what a process does that has no idea of
// them.
func taken() []unix.Signal {
	return []unix.Signal{
		unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM, unix.SIGPIPE, unix.SIGVTALRM, unix.SIGPROF,
		unix.SIGXCPU, unix.SIGXFSZ, unix.SIGIO, unix.SIGPWR, unix.SIGSTKFLT, unix.SIGABRT,
	}
}

// defaultSignals gives signals their default actions, for a shell that talks with nobody.
func (s *shell) defaultSignals() {
	// Of the last three Go's action is the same, but a moment late: the next command would begin.
	for _, sig := range append(taken(), unix.SIGINT, unix.SIGHUP, unix.SIGTERM) {
		if s.ignores(sig) || ignored(sig) {
			s.program.Ignore(sig)
		} else {
			s.byDefault(sig)
		}
	}
}

// ignored reports whether a signal is, as the process was started.
func ignored(sig unix.Signal) bool {
	var action [4]uint64
	_, _, err := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), 0, uintptr(unsafe.Pointer(&action)), 8,
		0, 0)
	return err == 0 && action[0] == 1 // SIG_IGN
}

// byDefault gives a signal its default action: the kernel's, not that of Go.
func (s *shell) byDefault(sig unix.Signal) {
	s.unmark(sig)
	s.program.Ignore(sig) // for Go to forget its own action
	var action [4]uint64
	// It fails for no signal that can be caught.
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, 8, 0,
		0)
}

// ignore ignores a signal, whatever traps there will be.
func (s *shell) ignore(sig unix.Signal) {
	s.unmark(sig)
	s.program.Ignore(sig)
	s.fixed[sig] = true
}

// catch has signals counted.
func (s *shell) catch(list ...os.Signal) {
	if s.caught == nil {
		// Without a pipe, who waits for a file too waits for it alone.
		if err := unix.Pipe2(s.poll[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			s.poll = [2]int{-1, -1}
		}
		s.caught = make(chan os.Signal, 64)
		go s.count()
		if !s.ignores(marker) && !ignored(marker) && s.traps[name(marker)] == "" {
			s.program.Notify(s.caught, marker)
			s.marks.Store(true)
		}
	}
	s.program.Notify(s.caught, list...)
}

func (s *shell) count() {
	for sig := range s.caught {
		n, _ := sig.(unix.Signal)
		if n == marker && s.marks.Load() {
			select {
			case s.marked <- struct{}{}:
			default:
			}
			continue
		}
		if n == unix.SIGHUP || n == unix.SIGTERM {
			s.hangUp(n)
		}
		s.pending[n].Store(true)
		s.any.Store(true)
		if group := s.current.Load(); group > 0 && slices.Contains(pressed(), n) {
			_ = unix.Kill(-int(group), n) // it may have ended
		}
		select {
		case s.wake <- struct{}{}:
		default:
		}
		_, _ = unix.Write(s.poll[1], []byte{0}) // a full pipe wakes as well
	}
}

// pressed are the signals of ^C, ^\ and ^Z.
func pressed() []unix.Signal { return []unix.Signal{unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP} }

// interrupted takes a ^C.
func (s *shell) interrupted() bool {
	return s.interactive() && s.traps["INT"] == "" && s.pending[unix.SIGINT].Swap(false)
}

// between is called between two commands, for signals.
func (s *shell) between() {
	if !s.any.Swap(false) {
		return
	}
	if s.interrupted() {
		panic(leave{status: exitSignal + int(unix.SIGINT), interrupt: true})
	}
	for n := range s.pending {
		if !s.pending[n].Load() {
			continue
		}
		s.pending[n].Store(false)
		if action := s.traps[name(unix.Signal(n))]; action != "" {
			s.act(action)
		}
	}
}

// trapped is the first signal that came and has a trap, 0 if none has.
func (s *shell) trapped() unix.Signal {
	for n := range s.pending {
		if s.pending[n].Load() && s.traps[name(unix.Signal(n))] != "" {
			s.any.Store(true)
			return unix.Signal(n)
		}
	}
	return 0
}

// marker is a signal that nothing on this box sends. Kernel and runtime hand on signals that wait by their
// numbers, and this has a high one.
const marker = unix.SIGPWR

// gather waits until the signals are counted that have come by now: the kernel has delivered them, the
// runtime hands them on later, after milliseconds if the machine is busy. So the shell sends itself a marker
// behind them. Who has a trap for that himself waits a moment.
func (s *shell) gather() {
	switch {
	case s.caught == nil:
	case !s.marks.Load():
		time.Sleep(200 * time.Microsecond)
	case unix.Kill(unix.Getpid(), marker) == nil:
		select {
		case <-s.marked:
		case <-time.After(time.Second): // never, but nobody shall wait for ever
		}
	}
}

// unmark has marker be a signal as all others.
func (s *shell) unmark(sig unix.Signal) {
	if sig == marker {
		s.marks.Store(false)
	}
}

// act runs the commands of a trap. $? is behind it what it was before.
func (s *shell) act(action string) {
	status, trapping := s.status, s.trapping
	s.trapping = status + 1
	defer func() { s.trapping = trapping }()
	defer s.inThisLine()()
	list, err := parse(action)
	if err != nil {
		s.complain(err, s.lineno-1)
		return
	}
	s.statements(list, false)
	if s.jump.kind != returning {
		s.status = status
	}
}

// exitTrap runs the trap of the shell's end.
func (s *shell) exitTrap() {
	action := s.traps["EXIT"]
	if action == "" || s.exited {
		return
	}
	delete(s.traps, "EXIT")
	s.exited, s.finished = true, false
	before := s.status
	list, err := parse(action)
	if err != nil {
		s.complain(err, s.lineno-1)
		return
	}
	s.trapping = before + 1
	defer s.inThisLine()()
	s.run(list, false)
	if !s.finished {
		s.status = before
	}
}

// resetTraps forgets the traps of the shell that a subshell is of: only what is ignored stays so (XCU 2.12).
func (s *shell) resetTraps() {
	for n, action := range s.traps {
		if action != "" {
			delete(s.traps, n)
		} else if sig := byName(n); sig > 0 {
			s.program.Ignore(sig)
		}
	}
}

// trap sets what is done at a signal; "-" is the default.
func (s *shell) trap(n, action string) {
	sig := byName(n)
	s.unmark(sig)
	s.owned[sig].Store(action != "-")
	switch {
	case action == "-":
		delete(s.traps, n)
		if sig > 0 && !s.fixed[sig] {
			s.withoutTrap(sig)
		}
		return
	case sig == 0 || s.fixed[sig]:
	case action == "":
		s.program.Ignore(sig)
	default:
		s.catch(sig)
	}
	s.traps[n] = action
}

func (s *shell) withoutTrap(sig unix.Signal) {
	for _, own := range handled() {
		if own == sig && s.interactive() {
			s.catch(sig)
			return
		}
	}
	s.byDefault(sig)
}

// handled are the signals that an interactive shell takes.
func handled() []os.Signal {
	return []os.Signal{unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGHUP, unix.SIGTSTP, unix.SIGCHLD}
}

// name is that of a signal without SIG; EXIT is 0.
func name(sig unix.Signal) string {
	if sig == 0 {
		return "EXIT"
	}
	if n := strings.TrimPrefix(unix.SignalName(sig), "SIG"); n != "" {
		return n
	}
	return strconv.Itoa(int(sig))
}

// byName is the signal of a name, 0 for EXIT.
func byName(n string) unix.Signal {
	if number, err := strconv.Atoi(n); err == nil {
		return unix.Signal(number)
	}
	return unix.SignalNum("SIG" + n)
}

// signalOf reads the name or number of a signal.
func signalOf(word string) (string, bool) {
	if n, err := strconv.Atoi(word); err == nil {
		return name(unix.Signal(n)), n >= 0 && n <= 64
	}
	n := strings.TrimPrefix(strings.ToUpper(word), "SIG")
	return n, n == "EXIT" || unix.SignalNum("SIG"+n) != 0
}

// awaitFile waits until a descriptor can be read. It reports false at the end of the time (below 0: there is
// none), and for a signal that somebody waits for.
func (s *shell) awaitFile(fd int, milliseconds int) bool {
	list := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(s.poll[0]), Events: unix.POLLIN}}
	if _, err := unix.Poll(list, milliseconds); err != nil {
		return false
	}
	if list[1].Revents != 0 {
		var buf [64]byte
		_, _ = unix.Read(s.poll[0], buf[:]) // it only woke us
	}
	return list[0].Revents != 0
}
