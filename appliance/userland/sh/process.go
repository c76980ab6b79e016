package sh

import (
	"bytes"
	"errors"
	"os"
	"path"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A start is how a process begins beside its program.
type start struct {
	files      map[int]int // nil: the shell's
	group      bool        // it is in a process group of job control: that of pgid, its own if that is 0
	pgid       int
	foreground bool // which gets the terminal
}

// external runs a program and waits for it. last: in place of the shell.
func (s *shell) external(args []string, last bool) int {
	program, status, err := s.find(args[0])
	if err != nil {
		s.say("%s: %v", args[0], err)
		return status
	}
	if last && !s.hasTraps() && !s.interactive() {
		return s.become(program, args)
	}
	j := &job{text: strings.Join(args, " ")}
	pid, err := s.spawn(program, args, s.startIn(j))
	if err != nil {
		status, why := notRun(err)
		s.say("%s: %v", args[0], why)
		return status
	}
	s.launched(j, pid)
	return s.foreground(j)
}

// hasTraps reports whether there is something to do at a signal or at the end.
func (s *shell) hasTraps() bool {
	for _, action := range s.traps {
		if action != "" {
			return true
		}
	}
	return false
}

// startIn is how the next process of a job in the foreground begins.
func (s *shell) startIn(j *job) start {
	return start{group: s.flags['m'], pgid: j.pgid, foreground: s.flags['m'] && s.tty != nil}
}

// find looks for a program, and says with which status its absence ends.
func (s *shell) find(name string) (string, int, error) {
	if strings.Contains(name, "/") {
		err := executable(name)
		if err != nil {
			status, why := notRun(err)
			return "", status, why
		}
		return name, 0, nil
	}
	if name == "" {
		return "", exitNotFound, unix.EACCES
	}
	if found := s.look(name, s.value("PATH"), func(p string) bool { return executable(p) == nil }); found != "" {
		return found, 0, nil
	}
	// One that must not be run is found too.
	if found := s.look(name, s.value("PATH"), isRegular); found != "" {
		return "", exitCannotExec, unix.EACCES
	}
	return "", exitNotFound, errors.New("not found")
}

// look goes through a path.
func (s *shell) look(name, list string, good func(string) bool) string {
	for dir := range strings.SplitSeq(list, ":") {
		candidate := path.Join(dir, name)
		if dir == "" || dir == "." {
			candidate = "./" + name
		}
		if name != "" && isRegular(candidate) && good(candidate) {
			return candidate
		}
	}
	return ""
}

func isRegular(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// executable says why a file is no program.
func executable(name string) error {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return errors.Unwrap(err)
	case info.IsDir():
		return unix.EACCES
	}
	return unix.Access(name, unix.X_OK)
}

// spawn starts a program. A file that the kernel does not know, a script without its "#!" line, is run by
// another shell (execvp(3)).
func (s *shell) spawn(program string, args []string, how start) (int, error) {
	files := how.files
	if files == nil {
		files = s.fds
	}
	attr := &syscall.ProcAttr{Env: s.exported(), Files: table(files),
		Sys: &syscall.SysProcAttr{Setpgid: how.group, Pgid: how.pgid}}
	if how.foreground {
		attr.Sys.Foreground, attr.Sys.Ctty = true, s.tty.fd()
	}
	defer s.startIgnoring()()
	pid, err := syscall.ForkExec(program, args, attr)
	if errors.Is(err, unix.ENOEXEC) && isText(program) {
		return syscall.ForkExec(ourselves, append([]string{"sh", program}, args[1:]...), attr)
	}
	return pid, err
}

// ourselves is the program that is the shell.
const ourselves = "/proc/self/exe"

// table is the files of a process by their numbers.
func table(files map[int]int) []uintptr {
	most := 2
	for n := range files {
		most = max(most, n)
	}
	list := make([]uintptr, most+1)
	for n := range list {
		list[n] = ^uintptr(0)
		if fd, ok := files[n]; ok {
			list[n] = uintptr(fd)
		}
	}
	return list
}

// isText reports whether the first line of a file is one, and not a program for another machine (XCU sh,
// "COMMAND FILE").
func isText(name string) bool {
	fd, err := openFile(name, unix.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	head := make([]byte, 256)
	n, _ := readSome(fd, head) // what cannot be read has no text
	line, _, _ := bytes.Cut(head[:max(n, 0)], []byte("\n"))
	return n > 0 && bytes.IndexByte(line, 0) < 0 && !bytes.HasPrefix(line, []byte("\x7fELF"))
}

// become is exec: the program takes the place of the shell. It returns only if it could not.
func (s *shell) become(program string, args []string) int {
	s.place()
	s.startIgnoring()
	err := syscall.Exec(program, args, s.exported())
	if errors.Is(err, unix.ENOEXEC) && isText(program) {
		err = syscall.Exec(ourselves, append([]string{"sh", program}, args[1:]...), s.exported())
	}
	status, why := notRun(err)
	_, _ = writeAll(2, []byte(s.complaint(s.lineno, "%s: %v", args[0], why)))
	s.program.Exit(status)
	return status
}

// notRun says why a program that is there does not run, and the status of that. What is not found is the one
// that its "#!" line names.
func notRun(err error) (status int, why error) {
	if why = because(err, "not found"); errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return exitNotFound, why
	}
	return exitCannotExec, why
}

// place gives the process the shell's files under their numbers. Go's own files may be lost by it: nothing
// but exec may follow.
func (s *shell) place() {
	high := 3 // above all of them; a limit of open files (ulimit -n) may be low
	for n := range s.fds {
		high = max(high, n+1)
	}
	moved := map[int]int{}
	for n, fd := range s.fds {
		to, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, high)
		if err == nil {
			moved[n] = to
		}
	}
	for n := range 3 {
		if _, ok := moved[n]; !ok {
			unix.Close(n)
		}
	}
	for n, fd := range moved {
		_ = unix.Dup2(fd, n) // a number above the limit is the program's loss
	}
}
