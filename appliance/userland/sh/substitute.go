package sh

import (
	"io"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"
)

// substitute runs a command and returns what it has printed, without the newlines at the end (XCU 2.6.3).
func (s *shell) substitute(c *syntax.CmdSubst) string {
	if len(c.Stmts) == 0 {
		s.substatus = 0
		return ""
	}
	out, ok := s.within(c.Stmts)
	if !ok {
		out = s.captured(c.Stmts)
	}
	return strings.TrimRight(strings.ReplaceAll(out, "\x00", ""), "\n")
}

// captured is the output of a subshell.
func (s *shell) captured(list []*syntax.Stmt) string {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		s.abandon(exitUsage, "pipe: %v", err)
	}
	j, err := s.startCaptured(list, p[1])
	unix.Close(p[1])
	if err != nil {
		unix.Close(p[0])
		s.abandon(exitUsage, "%v", err)
	}
	out := s.all(p[0])
	unix.Close(p[0])
	s.substatus = s.foreground(j)
	return out
}

// startCaptured starts commands with another standard output: a pipeline as it is, others in a subshell.
func (s *shell) startCaptured(list []*syntax.Stmt, output int) (*job, error) {
	before, errexit := s.fds, s.flags['e']
	s.put(1, output)
	s.flags['e'] = false // ash and bash have set -e end at $( ), dash has not
	defer func() { s.fds, s.flags['e'] = before, errexit }()
	if len(list) == 1 && len(list[0].Redirs) == 0 && !list[0].Negated && !list[0].Background {
		if b, ok := list[0].Cmd.(*syntax.BinaryCmd); ok && (b.Op == syntax.Pipe || b.Op == syntax.PipeAll) {
			return s.startPipeline(b), nil
		}
	}
	j := &job{text: "$(…)"}
	var pid int
	var err error
	if len(list) == 1 {
		pid, err = s.stage(list[0], s.startIn(j))
	} else {
		pid, err = s.fork(list, s.startIn(j), false)
	}
	if err == nil {
		s.launched(j, pid)
	}
	return j, err
}

// all reads a pipe to its end.
func (s *shell) all(fd int) string {
	var b strings.Builder
	buf := make([]byte, 32<<10)
	for {
		n, err := readSome(fd, buf)
		if n <= 0 || err != nil {
			return b.String()
		}
		b.Write(buf[:n])
	}
}

// within runs what only prints without another process: echo and its like, $(<FILE).
func (s *shell) within(list []*syntax.Stmt) (out string, ok bool) {
	if len(list) != 1 || list[0].Negated || list[0].Background || len(s.aliases) > 0 {
		return "", false
	}
	st := list[0]
	c, isCall := st.Cmd.(*syntax.CallExpr)
	if !isCall || len(st.Redirs) > 0 || len(c.Assigns) > 0 || len(c.Args) == 0 ||
		slices.ContainsFunc(c.Args[1:], active) {
		return "", false
	}
	name := c.Args[0].Lit()
	if _, isFunction := s.functions[name]; isFunction ||
		(s.program.Utilities[name] == nil || name == "kill") && name != "pwd" && name != "jobs" &&
			(name != "trap" || len(c.Args) > 1) {
		return "", false
	}
	fd, err := memory("output", nil)
	if err != nil {
		return "", false
	}
	before, status := s.fds, s.status
	s.put(1, fd)
	func() {
		defer func() {
			p := recover()
			if l, isLeave := p.(leave); isLeave {
				s.status = l.status
			} else if p != nil {
				panic(p)
			}
		}()
		s.status = s.simple(c, nil, false)
	}()
	s.substatus = s.status
	s.fds, s.status = before, status // $? is that of a whole command
	defer unix.Close(fd)
	if _, err := unix.Seek(fd, 0, io.SeekStart); err != nil {
		return "", false
	}
	return s.all(fd), true
}
