package sh

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// maxJobs bounds the jobs that have ended and that nobody has asked for.
const maxJobs = 1000

// A job is a pipeline or a subshell that was started.
//
//	running --^Z, SIGSTOP--> stopped --fg, bg, SIGCONT--> running --> done
//
// When it is done it stays until its end is told, to a person by a notice, to a script by wait.
type job struct {
	number   int // in the table, from 1; 0: not there
	text     string
	pgid     int // of its first process; with job control its group
	group    bool
	pipefail bool
	procs    []*proc
	told     state // what was said last
	waited   bool  // for by number: it is there only to be asked again
	foreign  bool  // of the shell that this one is a subshell of: to be listed
	modes    *unix.Termios
}

type proc struct {
	pid    int
	state  state
	status unix.WaitStatus
}

type state int

const (
	running state = iota
	stopped
	done
)

func (j *job) add(pid int) {
	if j.pgid == 0 {
		j.pgid = pid
	}
	j.procs = append(j.procs, &proc{pid: pid})
}

func (j *job) state() state {
	if len(j.procs) == 0 {
		return done
	}
	least := done
	for _, p := range j.procs {
		least = min(least, p.state)
	}
	return least
}

// status is the exit status: that of the last process, with pipefail that of the last which failed.
func (j *job) status() int {
	if len(j.procs) == 0 {
		return exitNotFound
	}
	for _, p := range slices.Backward(j.procs) {
		if code := statusOf(p.status); code != 0 || !j.pipefail {
			return code
		}
	}
	return 0
}

// last is how the last process is.
func (j *job) last() unix.WaitStatus { return j.procs[len(j.procs)-1].status }

func statusOf(status unix.WaitStatus) int {
	switch {
	case status.Signaled():
		return exitSignal + int(status.Signal())
	case status.Stopped():
		return exitSignal + int(status.StopSignal())
	}
	return status.ExitStatus()
}

// jobs are those in the background and those that are stopped. A hang-up reads it too.
type jobs struct {
	mu   sync.Mutex
	list []*job // the current one is last
}

func (t *jobs) add(j *job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = slices.DeleteFunc(t.list, func(o *job) bool { return o == j || o.waited || o.foreign })
	for n := 1; j.number == 0; n++ {
		if !slices.ContainsFunc(t.list, func(o *job) bool { return o.number == n }) {
			j.number = n
		}
	}
	t.list = append(t.list, j)
	if len(t.list) > maxJobs {
		if i := slices.IndexFunc(t.list, func(o *job) bool { return o.state() == done }); i >= 0 {
			t.list = slices.Delete(t.list, i, i+1)
		}
	}
}

func (t *jobs) remove(j *job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = slices.DeleteFunc(t.list, func(o *job) bool { return o == j })
}

// current is the job of fg and bg without a word, and the one behind it.
func (t *jobs) current() (current, previous *job) {
	order := slices.DeleteFunc(slices.Clone(t.list), func(j *job) bool { return j.waited })
	slices.SortStableFunc(order, func(a, b *job) int {
		return oneIf(a.state() == stopped) - oneIf(b.state() == stopped)
	})
	if n := len(order); n > 0 {
		current = order[n-1]
		if n > 1 {
			previous = order[n-2]
		}
	}
	return current, previous
}

// find is the job that a word means: %1, %%, %+, %-, %name, %?part, or the number of a process.
func (t *jobs) find(word string) (*job, error) {
	what, isJob := strings.CutPrefix(word, "%")
	if !isJob {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return nil, ashError("Illegal number: " + word)
		}
		for _, j := range t.list {
			if !j.foreign && slices.ContainsFunc(j.procs, func(p *proc) bool { return p.pid == pid }) {
				return j, nil
			}
		}
		return nil, fmt.Errorf("%s: no child of this shell", word)
	}
	current, previous := t.current()
	var found []*job
	for _, j := range t.list {
		part, anywhere := strings.CutPrefix(what, "?")
		switch {
		case j.foreign, j.waited && strconv.Itoa(j.number) != what:
		case what == "" || what == "%" || what == "+":
			if j == current {
				found = append(found, j)
			}
		case what == "-":
			if j == previous {
				found = append(found, j)
			}
		case strconv.Itoa(j.number) == what, anywhere && strings.Contains(j.text, part),
			!anywhere && strings.HasPrefix(j.text, what):
			found = append(found, j)
		}
	}
	switch len(found) {
	case 0:
		if current == nil && (what == "" || what == "%" || what == "+") {
			return nil, ashError("No current job")
		}
		return nil, fmt.Errorf("%s: no such job", word)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%s: ambiguous", word)
}

// wait waits for a change of a process. block: until there is one.
func (p *proc) wait(flags int) {
	var status unix.WaitStatus
	for p.state != done {
		pid, err := unix.Wait4(p.pid, &status, flags, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil: // somebody else has taken it
			p.state = done
			return
		case pid == 0:
			return
		}
		switch {
		case status.Stopped():
			p.state, p.status = stopped, status
		case status.Continued():
			p.state = running
			continue
		default:
			p.state, p.status = done, status
		}
		return
	}
}

// reap looks how all jobs are.
func (s *shell) reap() {
	for _, j := range s.jobs.list {
		if j.foreign {
			continue
		}
		for _, p := range j.procs {
			p.wait(unix.WNOHANG | unix.WUNTRACED | unix.WCONTINUED)
		}
	}
}

// launched adds a process to a job of the foreground.
func (s *shell) launched(j *job, pid int) {
	j.add(pid)
	if j.group = s.flags['m']; j.group {
		s.current.Store(int32(j.pgid))
		s.handOn(j)
	}
}

// handOn sends a job what a person has pressed before it had the terminal: it is meant for it.
func (s *shell) handOn(j *job) {
	for _, sig := range pressed() {
		if s.interactive() && s.pending[sig].Load() {
			_ = unix.Kill(-j.pgid, sig) // it may have ended
		}
	}
}

// foreground waits for a job until it ends or stops, and returns its status.
func (s *shell) foreground(j *job) int {
	flags := 0
	if j.group {
		if s.current.Swap(int32(j.pgid)) != int32(j.pgid) {
			s.handOn(j)
		}
		flags = unix.WUNTRACED
	}
	for _, p := range j.procs {
		p.wait(flags)
	}
	if len(s.traps) > 0 {
		s.gather()
	}
	if !j.group {
		return s.after(j)
	}
	s.current.Store(0)
	if s.tty != nil {
		s.takeBack()
	}
	if j.state() == stopped {
		s.stopped(j)
	}
	return s.after(j)
}

// stopped keeps a job that stops in the foreground.
func (s *shell) stopped(j *job) {
	if s.tty != nil {
		j.modes = s.tty.current()
		s.tty.restore()
	}
	s.jobs.add(j)
	j.told = stopped
	s.print("\n%s", s.line(j, false))
	if s.interactive() {
		panic(leave{status: j.status()})
	}
}

// after tells what must be told of a job that has ended.
func (s *shell) after(j *job) int {
	if j.state() != done || len(j.procs) == 0 {
		return j.status()
	}
	s.jobs.remove(j)
	if s.interactive() && slices.ContainsFunc(j.procs, func(p *proc) bool {
		return p.status.Signaled() && p.status.Signal() == unix.SIGINT
	}) {
		s.pending[unix.SIGINT].Store(false)
		panic(leave{status: exitSignal + int(unix.SIGINT), interrupt: true})
	}
	status := j.last()
	if !status.Signaled() {
		return j.status()
	}
	if sig := status.Signal(); sig != unix.SIGINT && sig != unix.SIGPIPE {
		s.print("%s\n", words(sig))
	}
	return j.status()
}

// words are those of a signal, of strsignal(3).
func words(sig unix.Signal) string {
	text := sig.String()
	return strings.ToUpper(text[:1]) + text[1:]
}

// print writes to standard error for a person.
func (s *shell) print(format string, args ...any) {
	if fd, ok := s.fds[2]; ok {
		_, _ = writeAll(fd, fmt.Appendf(nil, format, args...))
	}
}

// notices tells a person of the jobs that have ended or stopped.
func (s *shell) notices() {
	s.reap()
	for _, j := range slices.Clone(s.jobs.list) {
		now := j.state()
		if now != j.told && !j.waited {
			j.told = now
			if now != running {
				s.print("%s", s.line(j, false))
			}
		}
		if now == done {
			s.jobs.remove(j)
		}
	}
}

// line describes a job.
func (s *shell) line(j *job, pids bool) string {
	mark := " "
	switch current, previous := s.jobs.current(); j {
	case current:
		mark = "+"
	case previous:
		mark = "-"
	}
	head := fmt.Sprintf("[%d]%s  ", j.number, mark)
	if pids {
		head += fmt.Sprintf("%d ", j.pgid)
	}
	head += j.describe()
	return fmt.Sprintf("%-33s%s\n", head, strings.ReplaceAll(j.text, "\n", "; "))
}

// describe is what a job does.
func (j *job) describe() string {
	switch j.state() {
	case running:
		return "Running"
	case stopped:
		for _, p := range j.procs {
			if p.state == stopped {
				return stopWords(p.status.StopSignal())
			}
		}
	}
	status := j.last()
	if status.Signaled() {
		return words(status.Signal())
	}
	if code := status.ExitStatus(); code != 0 {
		return fmt.Sprintf("Done(%d)", code)
	}
	return "Done"
}

func stopWords(sig unix.Signal) string {
	switch sig {
	case unix.SIGSTOP:
		return "Stopped (signal)"
	case unix.SIGTTIN:
		return "Stopped (tty input)"
	case unix.SIGTTOU:
		return "Stopped (tty output)"
	}
	return "Stopped"
}

// hangUp ends an interactive shell whose terminal is gone, or that is asked to end: with what it runs. It is
// called by the goroutine of the signals, whatever the other does.
func (s *shell) hangUp(sig unix.Signal) {
	if !s.interactive() || s.owned[sig].Load() {
		return
	}
	s.hung.Store(true)
	s.jobs.mu.Lock()
	var groups []int
	for _, j := range s.jobs.list {
		groups = append(groups, j.pgid)
	}
	s.jobs.mu.Unlock()
	for _, group := range append(groups, int(s.current.Load())) {
		if group > 0 {
			_ = unix.Kill(-group, unix.SIGHUP) // it may have ended
			_ = unix.Kill(-group, unix.SIGCONT)
		}
	}
	s.tty.close()
	s.program.Exit(exitSignal + int(unix.SIGHUP))
}

// takeBack makes the shell's group that of the foreground again.
func (s *shell) takeBack() {
	s.program.Ignore(unix.SIGTTOU)
	// It fails when the terminal has hung up, as the next read finds.
	_ = unix.IoctlSetPointerInt(s.tty.fd(), unix.TIOCSPGRP, unix.Getpgrp())
	s.byDefault(unix.SIGTTOU)
}

// awaken continues a job, in the foreground if asked for.
func (s *shell) awaken(j *job, foreground bool) {
	for _, p := range j.procs {
		if p.state == stopped {
			p.state = running
		}
	}
	j.told = running
	if foreground && s.tty != nil && j.group {
		if j.modes != nil {
			s.tty.lend(*j.modes)
		}
		_ = unix.IoctlSetPointerInt(s.tty.fd(), unix.TIOCSPGRP, j.pgid) // as takeBack
	}
	if j.group {
		_ = unix.Kill(-j.pgid, unix.SIGCONT) // it may have ended
		return
	}
	for _, p := range j.procs {
		_ = unix.Kill(p.pid, unix.SIGCONT)
	}
}
