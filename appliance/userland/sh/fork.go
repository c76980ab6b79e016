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

// subshellOption begins the command line of a subshell; behind it is the number of the file that tells it
// what it is.
const subshellOption = "--subshell"

// fork starts a process that runs a piece of a script as this one would, and ends.
func (s *shell) fork(list []*syntax.Stmt, how start, background bool) (int, error) {
	if how.files == nil {
		how.files = s.fds
	}
	fd, err := memory("subshell", s.image(list, background, how.files))
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	how.files = maps.Clone(how.files)
	number := 10
	for n := range how.files {
		number = max(number, n+1)
	}
	how.files[number] = fd
	return s.spawn(ourselves, []string{"sh", subshellOption, strconv.Itoa(number)}, how)
}

// image is what a subshell knows that has files: a list of strings.
func (s *shell) image(list []*syntax.Stmt, background bool, files map[int]int) []byte {
	b := &writer{}
	b.put(printedList(list), s.linesOf(list, s.above), strconv.FormatBool(background && !s.flags['m']),
		s.name, s.dir, s.function, s.speaker)
	for _, n := range []int{
		s.pid, s.status, s.lastJob, s.getopts, s.loops, s.calls, s.tested, s.depth, s.trapping,
		oneIf(s.pipefail), oneIf(s.oneCommand),
	} {
		b.put(strconv.Itoa(n))
	}
	options := s.letters()
	for _, letter := range []byte("EVhT") { // which $- does not show
		if s.flags[letter] {
			options += string(letter)
		}
	}
	var fixed strings.Builder
	for _, is := range s.fixed {
		fixed.WriteByte("-x"[oneIf(is)])
	}
	b.put(options, fixed.String(), strconv.Itoa(len(s.params)))
	b.put(s.params...)
	b.put(strconv.Itoa(len(files)))
	for n := range files {
		b.put(strconv.Itoa(n))
	}
	s.putNames(b)
	b.put(strconv.Itoa(len(s.jobs.list)))
	for _, j := range s.jobs.list {
		b.put(strconv.Itoa(j.number), j.text, strconv.Itoa(j.pgid), strconv.Itoa(int(j.state())))
	}
	return []byte(b.String())
}

// putNames writes what has names.
func (s *shell) putNames(b *writer) {
	b.put(strconv.Itoa(len(s.vars)))
	for name, v := range s.vars {
		b.put(name, v.value, fmt.Sprint(oneIf(v.set)+2*oneIf(v.export)+4*oneIf(v.readonly)))
	}
	b.put(strconv.Itoa(len(s.functions)))
	for name, f := range s.functions {
		b.put(name, f.text, f.lines)
	}
	b.put(strconv.Itoa(len(s.hidden)))
	if n := len(s.hidden); n > 0 { // the innermost function: its locals
		names := slices.Collect(maps.Keys(s.hidden[n-1]))
		b.put(strconv.Itoa(len(names)))
		b.put(names...)
	}
	for _, m := range []map[string]string{s.aliases, s.traps} {
		b.put(strconv.Itoa(len(m)))
		for name, v := range m {
			b.put(name, v)
		}
	}
}

// writer writes an image.
type writer struct{ strings.Builder }

func (w *writer) put(values ...string) {
	for _, v := range values {
		w.WriteString(strconv.Itoa(len(v)))
		w.WriteByte(':')
		w.WriteString(v)
	}
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
	text, lines, background, err := s.restore(number)
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
	s.setLines(list, lines)
	s.run(list, true)
	return s.end()
}

// imageOf reads the file that is handed over as a number.
func imageOf(number string) (fd int, data []byte, err error) {
	fd, err = strconv.Atoi(number)
	if err != nil {
		return -1, nil, err
	}
	f := os.NewFile(uintptr(fd), "image")
	if f == nil {
		return -1, nil, unix.EBADF
	}
	defer f.Close()
	data, err = io.ReadAll(f)
	return fd, data, err
}

// restore reads the image.
func (s *shell) restore(number string) (text, lines string, background bool, err error) {
	fd, data, err := imageOf(number)
	if err != nil {
		return "", "", false, err
	}
	delete(s.fds, fd)
	r := &reader{rest: string(data)}
	text, lines, background = r.string(), r.string(), r.string() == "true"
	s.name, s.dir, s.function, s.speaker = r.string(), r.string(), r.string(), r.string()
	pipefail, oneCommand := 0, 0
	for _, n := range []*int{
		&s.pid, &s.status, &s.lastJob, &s.getopts, &s.loops, &s.calls, &s.tested, &s.depth, &s.trapping,
		&pipefail, &oneCommand,
	} {
		*n = r.int()
	}
	s.pipefail, s.oneCommand = pipefail != 0, oneCommand != 0
	for _, letter := range []byte(r.string()) {
		s.flags[letter] = letter != 'i' && letter != 'm'
		s.typed = s.typed || letter == 'i'
	}
	for n, is := range []byte(r.string()) {
		s.fixed[n%len(s.fixed)] = is == 'x'
	}
	s.params = r.strings(r.int())
	clear(s.fds) // what the runtime has opened in the place of a closed one is not the script's
	for _, word := range r.strings(r.int()) {
		n, err := strconv.Atoi(word)
		r.err = errors.Join(r.err, err)
		s.fds[n] = n
		unix.CloseOnExec(n)
	}
	s.restoreNames(r)
	for range r.int() {
		if r.err != nil {
			break
		}
		j := &job{foreign: true, number: r.int(), text: r.string(), pgid: r.int()}
		j.procs = []*proc{{pid: j.pgid, state: state(r.int())}}
		s.jobs.list = append(s.jobs.list, j)
	}
	return text, lines, background, r.err
}

// restoreNames reads what has names.
func (s *shell) restoreNames(r *reader) {
	clear(s.vars)
	for fields := range slices.Chunk(r.strings(3*r.int()), 3) {
		what, err := strconv.Atoi(fields[2])
		r.err = errors.Join(r.err, err)
		s.vars[fields[0]] = &variable{value: fields[1], set: what&1 != 0, export: what&2 != 0,
			readonly: what&4 != 0}
	}
	for fields := range slices.Chunk(r.strings(3*r.int()), 3) {
		s.functions[fields[0]] = &function{text: fields[1], lines: fields[2]}
	}
	if r.int() > 0 { // nothing comes back at the end of the function: the process ends before
		locals := map[string]*variable{}
		for _, name := range r.strings(r.int()) {
			locals[name] = s.vars[name]
		}
		s.hidden = []map[string]*variable{locals}
	}
	for _, m := range []map[string]string{s.aliases, s.traps} {
		for fields := range slices.Chunk(r.strings(2*r.int()), 2) {
			m[fields[0]] = fields[1]
		}
	}
}

// becomesSubshell makes of a process with nothing to do behind a subshell that subshell: $! is its number,
// then, and there is nobody else who keeps its files open. It reports false if there is something to do, as a
// trap.
func (s *shell) becomesSubshell() bool {
	if s.hasTraps() || s.interactive() {
		return false
	}
	s.inside = true
	for _, j := range s.jobs.list {
		j.foreign = true
	}
	return true
}

// foregroundFork runs a subshell and waits for it.
func (s *shell) foregroundFork(list []*syntax.Stmt) int {
	j := &job{text: oneLine(&syntax.Subshell{Stmts: list})}
	pid, err := s.fork(list, s.startIn(j), false)
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
	j := &job{text: oneLine(&body)}
	s.reap()
	pid, err := s.forkIgnoring([]*syntax.Stmt{&body})
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

// forkIgnoring starts a job of the background. Without job control it does not see ^C, from its very
// beginning.
func (s *shell) forkIgnoring(list []*syntax.Stmt) (int, error) {
	if s.flags['m'] {
		return s.fork(list, start{group: true}, true)
	}
	ignored := []unix.Signal{unix.SIGINT, unix.SIGQUIT}
	for _, sig := range ignored {
		s.program.Ignore(sig)
	}
	defer func() {
		for _, sig := range ignored {
			action, trapped := s.traps[name(sig)]
			if !trapped {
				action = "-"
			}
			s.trap(name(sig), action)
		}
	}()
	return s.fork(list, start{}, true)
}
