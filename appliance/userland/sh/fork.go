package sh

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"
)

// subshellOption begins the command line of a subshell; behind it is the number of the file that tells it what it is.
const subshellOption = "--subshell"

// fork starts a process that runs a piece of a script as this one would, and ends.
func (s *shell) fork(text string, how start, background bool) (int, error) {
	fd, err := memory("subshell", s.image(text, background))
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if how.files == nil {
		how.files = s.fds
	}
	how.files = maps.Clone(how.files)
	number := 10
	for n := range how.files {
		number = max(number, n+1)
	}
	how.files[number] = fd
	return s.spawn(ourselves, []string{"sh", subshellOption, strconv.Itoa(number)}, how)
}

// image is what a subshell knows: a list of strings.
func (s *shell) image(text string, background bool) []byte {
	var b strings.Builder
	put := func(values ...string) {
		for _, v := range values {
			b.WriteString(strconv.Itoa(len(v)))
			b.WriteByte(':')
			b.WriteString(v)
		}
	}
	put(text, strconv.FormatBool(background && !s.flags['m']), s.name, s.dir)
	for _, n := range []int{s.pid, s.status, s.lastJob, s.getopts, s.loops, s.calls, s.tested, int(oneIf(s.pipefail))} {
		put(strconv.Itoa(n))
	}
	put(s.letters(), strconv.Itoa(len(s.params)))
	put(s.params...)
	put(strconv.Itoa(len(s.vars)))
	for name, v := range s.vars {
		put(name, v.value, fmt.Sprint(oneIf(v.set)+2*oneIf(v.export)+4*oneIf(v.readonly)))
	}
	put(strconv.Itoa(len(s.functions)))
	for name, f := range s.functions {
		put(name, f.text)
	}
	for _, m := range []map[string]string{s.aliases, s.traps} {
		put(strconv.Itoa(len(m)))
		for name, v := range m {
			put(name, v)
		}
	}
	put(strconv.Itoa(len(s.jobs.list)))
	for _, j := range s.jobs.list {
		put(strconv.Itoa(j.number), j.text, strconv.Itoa(j.pgid), strconv.Itoa(int(j.state())))
	}
	return []byte(b.String())
}

// reader reads an image.
type reader struct {
	rest string
	err  error
}

func (r *reader) string() string {
	size, rest, ok := strings.Cut(r.rest, ":")
	n, err := strconv.Atoi(size)
	if !ok || err != nil || n < 0 || n > len(rest) {
		r.err, r.rest = errors.New("expected what a shell has written"), ""
		return ""
	}
	r.rest = rest[n:]
	return rest[:n]
}

func (r *reader) int() int {
	n, err := strconv.Atoi(r.string())
	if err != nil && r.err == nil {
		r.err = err
	}
	return n
}

func (r *reader) strings(n int) []string {
	var all []string
	for range n {
		if r.err != nil {
			break
		}
		all = append(all, r.string())
	}
	return all
}

// subshell is the process that fork starts.
func (s *shell) subshell(number string) int {
	text, background, err := s.restore(number)
	if err != nil {
		fmt.Fprintf(os.Stderr, "sh: %s %s: %v\n", subshellOption, number, err)
		return exitUsage
	}
	s.inside = true
	s.defaultSignals()
	s.resetTraps()
	if background {
		s.ignore(unix.SIGINT)
		s.ignore(unix.SIGQUIT)
		if fd, err := openFile(os.DevNull, unix.O_RDONLY, 0); err == nil {
			s.put(0, fd)
		}
	}
	list, err := parse(text)
	if err != nil {
		s.say("%v", err)
		return exitUsage
	}
	s.run(list, true)
	return s.end()
}

// restore reads the image.
func (s *shell) restore(number string) (text string, background bool, err error) {
	fd, err := strconv.Atoi(number)
	if err != nil {
		return "", false, err
	}
	f := os.NewFile(uintptr(fd), "image")
	if f == nil {
		return "", false, unix.EBADF
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return "", false, err
	}
	f.Close()
	delete(s.fds, fd)
	r := &reader{rest: string(data)}
	text, background, s.name, s.dir = r.string(), r.string() == "true", r.string(), r.string()
	pipefail := 0
	for _, n := range []*int{&s.pid, &s.status, &s.lastJob, &s.getopts, &s.loops, &s.calls, &s.tested, &pipefail} {
		*n = r.int()
	}
	s.pipefail = pipefail != 0
	for _, letter := range []byte(r.string()) {
		s.flags[letter] = letter != 'i' && letter != 'm'
	}
	s.params = r.strings(r.int())
	clear(s.vars)
	for fields := range slices.Chunk(r.strings(3*r.int()), 3) {
		what, err := strconv.Atoi(fields[2])
		r.err = errors.Join(r.err, err)
		s.vars[fields[0]] = &variable{value: fields[1], set: what&1 != 0, export: what&2 != 0, readonly: what&4 != 0}
	}
	for fields := range slices.Chunk(r.strings(2*r.int()), 2) {
		s.functions[fields[0]] = &function{text: fields[1]}
	}
	for _, m := range []map[string]string{s.aliases, s.traps} {
		for fields := range slices.Chunk(r.strings(2*r.int()), 2) {
			m[fields[0]] = fields[1]
		}
	}
	for range r.int() {
		if r.err != nil {
			break
		}
		j := &job{foreign: true, number: r.int(), text: r.string(), pgid: r.int()}
		j.procs = []*proc{{pid: j.pgid, state: state(r.int())}}
		s.jobs.list = append(s.jobs.list, j)
	}
	return text, background, r.err
}

// foregroundFork runs a subshell and waits for it.
func (s *shell) foregroundFork(list []*syntax.Stmt) int {
	text := printedList(list)
	j := &job{text: "(" + text + ")"}
	pid, err := s.fork(text, s.startIn(j), false)
	if err != nil {
		s.abandon(exitUsage, "%v", err)
	}
	s.launched(j, pid)
	return s.foreground(j)
}

// printedList is a list of commands as text.
func printedList(list []*syntax.Stmt) string {
	return strings.TrimSuffix(printed(&syntax.File{Stmts: list}), "\n")
}

// background starts a command and does not wait for it (XCU 2.9.3.1).
func (s *shell) background(st *syntax.Stmt) int {
	body := *st
	body.Background, body.Disown, body.Semicolon, body.Comments = false, false, syntax.Pos{}, nil
	j := &job{text: printedList([]*syntax.Stmt{&body})}
	s.reap()
	pid, err := s.forkIgnoring(j.text)
	if err != nil {
		s.say("%v", err)
		return exitUsage
	}
	j.add(pid)
	j.group = s.flags['m']
	s.lastJob = pid
	s.jobs.add(j)
	if s.interactive() {
		s.print("[%d] %d\n", j.number, pid)
	}
	return 0
}

// forkIgnoring starts a job of the background. Without job control it does not see ^C, from its very beginning.
func (s *shell) forkIgnoring(text string) (int, error) {
	if s.flags['m'] {
		return s.fork(text, start{group: true}, true)
	}
	list := []unix.Signal{unix.SIGINT, unix.SIGQUIT}
	for _, sig := range list {
		s.program.Ignore(sig)
	}
	defer func() {
		for _, sig := range list {
			action, trapped := s.traps[name(sig)]
			if !trapped {
				action = "-"
			}
			s.trap(name(sig), action)
		}
	}()
	return s.fork(text, start{}, true)
}

// pipeline runs commands whose outputs are the inputs of the next.
func (s *shell) pipeline(c *syntax.BinaryCmd) int {
	j := &job{text: printed(c), pipefail: s.pipefail}
	stages := flat(nil, &syntax.Stmt{Cmd: c})
	input := -1
	for i, st := range stages {
		files := maps.Clone(s.fds)
		next, output := -1, -1
		if input >= 0 {
			files[0] = input
		}
		if i < len(stages)-1 {
			var p [2]int
			if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
				s.abandon(exitUsage, "pipe: %v", err)
			}
			next, output = p[0], p[1]
			files[1] = output
			if st.all {
				files[2] = output
			}
		}
		how := s.startIn(j)
		how.files = files
		pid, err := s.stage(st.Stmt, how)
		for _, fd := range []int{input, output} {
			if fd >= 0 {
				unix.Close(fd)
			}
		}
		input = next
		if err != nil {
			s.say("%v", err)
			continue
		}
		s.launched(j, pid)
	}
	return s.foreground(j)
}

// piped is a command of a pipeline; all: its standard error goes with its output.
type piped struct {
	*syntax.Stmt
	all bool
}

// flat is a pipeline as a list.
func flat(list []piped, st *syntax.Stmt) []piped {
	b, ok := st.Cmd.(*syntax.BinaryCmd)
	if !ok || b.Op != syntax.Pipe && b.Op != syntax.PipeAll || st.Negated || len(st.Redirs) > 0 {
		return append(list, piped{Stmt: st})
	}
	list = flat(list, b.X)
	list[len(list)-1].all = b.Op == syntax.PipeAll
	return flat(list, b.Y)
}

// stage starts a command of a pipeline: the program itself, where there is nothing else to do.
func (s *shell) stage(st *syntax.Stmt, how start) (int, error) {
	if program, args := s.bare(st); program != "" {
		return s.spawn(program, args, how)
	}
	return s.fork(printedList([]*syntax.Stmt{st}), how, false)
}

// bare returns the program of a command that is nothing but a program with arguments: no function or builtin, no
// redirection, no value for its environment, and nothing in its words that could do anything.
func (s *shell) bare(st *syntax.Stmt) (program string, args []string) {
	c, ok := st.Cmd.(*syntax.CallExpr)
	if !ok || st.Negated || st.Background || len(st.Redirs) > 0 || len(c.Assigns) > 0 || len(s.aliases) > 0 ||
		s.flags['x'] || s.flags['u'] || slices.ContainsFunc(c.Args, active) {
		return "", nil
	}
	args = s.fields(c.Args)
	if len(args) == 0 || s.known(args[0]) {
		return "", nil
	}
	program, _, err := s.find(args[0])
	if err != nil {
		return "", nil // a process of its own says so, with the files of the command
	}
	return program, args
}

// known reports whether a name is that of a function or a builtin.
func (s *shell) known(name string) bool {
	_, isFunction := s.functions[name]
	_, isBuiltin := builtinOf(name)
	return isFunction || isBuiltin || s.program.Utilities[name] != nil
}

// active reports whether the expansion of a word may do more than read variables.
func active(w *syntax.Word) bool {
	does := false
	syntax.Walk(w, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst, *syntax.ArithmExp, *syntax.ProcSubst, *syntax.ExtGlob:
			does = true
		case *syntax.ParamExp:
			does = does || n.Exp != nil || n.Slice != nil || n.Repl != nil || n.Param == nil || n.Index != nil || n.Excl
		}
		return !does
	})
	return does
}

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
	j := &job{text: "$(…)"}
	how := s.startIn(j)
	how.files = maps.Clone(s.fds)
	how.files[1] = p[1]
	var pid int
	var err error
	if len(list) == 1 {
		pid, err = s.stage(list[0], how)
	} else {
		pid, err = s.fork(printedList(list), how, false)
	}
	unix.Close(p[1])
	if err != nil {
		unix.Close(p[0])
		s.abandon(exitUsage, "%v", err)
	}
	s.launched(j, pid)
	out := s.all(p[0])
	unix.Close(p[0])
	s.substatus = s.foreground(j)
	return out
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
	if !isCall || len(st.Redirs) > 0 || len(c.Assigns) > 0 || len(c.Args) == 0 || slices.ContainsFunc(c.Args[1:], active) {
		return "", false
	}
	name := c.Args[0].Lit()
	if _, isFunction := s.functions[name]; isFunction || (s.program.Utilities[name] == nil || name == "kill") && name != "pwd" && name != "jobs" && (name != "trap" || len(c.Args) > 1) {
		return "", false
	}
	fd, err := memory("output", nil)
	if err != nil {
		return "", false
	}
	before := s.fds
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
	s.fds = before
	defer unix.Close(fd)
	if _, err := unix.Seek(fd, 0, io.SeekStart); err != nil {
		return "", false
	}
	return s.all(fd), true
}
