package sh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/multicall"
)

// A builtin is a command of the shell itself. Of a special one (XCU 2.14) the variables before it stay, and
// an error ends a script.
type builtin struct {
	special bool
	usage   string // behind the name
	run     func(s *shell, args []string) int
}

// builtinOf is the builtin of a name. It is no map: that would be made at each start of the program.
func builtinOf(name string) (builtin, bool) {
	if b, ok := specialOf(name); ok {
		return b, true
	}
	switch name {
	case "alias":
		return builtin{usage: "[NAME[=VALUE]]...", run: alias}, true
	case "bg":
		return builtin{usage: "[%JOB]...", run: bg}, true
	case "cd", "chdir":
		return builtin{usage: "[-LP] [DIR | -]", run: cd}, true
	case "command":
		return builtin{usage: "[-pvV] COMMAND [ARGUMENT]...", run: runCommand}, true
	case "false":
		return builtin{run: func(*shell, []string) int { return exitFailure }}, true
	case "fg":
		return builtin{usage: "[%JOB]", run: fg}, true
	case "getopts":
		return builtin{usage: "LETTERS NAME [ARGUMENT]...", run: getopts}, true
	case "hash":
		return builtin{usage: "[-r] [NAME]...", run: hash}, true
	case "help":
		return builtin{usage: "[COMMAND]", run: help}, true
	case "history":
		return builtin{run: printHistory}, true
	case "jobs":
		return builtin{usage: "[-lp] [%JOB]...", run: listJobs}, true
	case "kill":
		return builtin{usage: "[-l] [-SIGNAL] PID|%JOB...", run: kill}, true
	case "let":
		return builtin{usage: "EXPRESSION...", run: let}, true
	case "pwd":
		return builtin{usage: "[-LP]", run: pwd}, true
	case "read":
		return builtin{usage: "[-rs] [-p PROMPT] [-n CHARACTERS] [-t SECONDS] [-u NUMBER] [NAME]...",
			run: read}, true
	case "true":
		return builtin{run: func(*shell, []string) int { return 0 }}, true
	case "type":
		return builtin{usage: "NAME...", run: typeOf}, true
	case "ulimit":
		return builtin{usage: "[-HS] [-a | -LETTER] [LIMIT]", run: ulimit}, true
	case "umask":
		return builtin{usage: "[-S] [MODE]", run: umask}, true
	case "unalias":
		return builtin{usage: "-a | NAME...", run: unalias}, true
	case "wait":
		return builtin{usage: "[PID|%JOB]...", run: wait}, true
	}
	return builtin{}, false
}

func specialOf(name string) (builtin, bool) {
	b := builtin{special: true}
	switch name {
	case ":":
		b.run = func(*shell, []string) int { return 0 }
	case ".", "source":
		b.usage, b.run = "FILE [ARGUMENT]...", dot
	case "break", "continue":
		b.usage, b.run = "[LOOPS]", breakLoop
	case "eval":
		b.usage, b.run = "[WORD]...", eval
	case "exec":
		b.usage, b.run = "[COMMAND [ARGUMENT…]]", execute
	case "exit", "logout":
		b.usage, b.run = "[STATUS]", exit
	case "export", "readonly":
		b.usage, b.run = "[-p] [NAME[=VALUE]]...", export
	case "local":
		b.usage, b.run = "[NAME[=VALUE]]...", local
	case "return":
		b.usage, b.run = "[STATUS]", returns
	case "set":
		b.usage, b.run = "[-+aefuxvCmn] [-+o OPTION] [ARGUMENT]...", set
	case "shift":
		b.usage, b.run = "[N]", shift
	case "times":
		b.run = times
	case "trap":
		b.usage, b.run = "[ACTION] [SIGNAL]...", trap
	case "unset":
		b.usage, b.run = "[-fv] NAME...", unset
	default:
		return b, false
	}
	return b, true
}

// builtinNames are all of them, sorted.
func builtinNames() []string {
	return strings.Fields(`. : alias bg break cd chdir command continue eval exec exit export false fg getopts hash help
history jobs kill let local logout pwd read readonly return set shift source times trap true type ulimit umask unalias
unset wait`)
}

// builtin runs one. What it prints is written at its end, and that it could not be is an error.
func (s *shell) builtin(b builtin, args []string) int {
	if len(args) == 2 && args[1] == "--help" && b.usage != "" {
		s.printf("usage: %s %s\n", args[0], b.usage)
		return s.flushed(0)
	}
	// who asks for help does not lose his session
	if s.interactive() && ends(args[0]) && len(args) > 1 && isOption(args[1]) {
		s.say("usage: %s %s", args[0], b.usage)
		return exitUsage
	}
	speaker := s.speaker
	s.speaker = args[0]
	defer func() { s.speaker = speaker }()
	return s.flushed(b.run(s, args))
}

// ends reports whether a builtin ends the shell.
func ends(name string) bool { return name == "exit" || name == "logout" || name == "exec" }

// printf prints.
func (s *shell) printf(format string, args ...any) { s.output = fmt.Appendf(s.output, format, args...) }

func (s *shell) flushed(status int) int {
	if len(s.output) == 0 {
		return status
	}
	data := s.output
	s.output = nil
	fd, ok := s.fds[1]
	err := error(unix.EBADF)
	if ok {
		_, err = writeAll(fd, data)
	}
	if err != nil {
		s.say("write error: %v", err)
		return max(status, exitFailure)
	}
	return status
}

// file is one of the shell's files for a utility.
type file struct{ fd int }

// Write writes all of it.
func (f file) Write(p []byte) (int, error) {
	if f.fd < 0 {
		return 0, unix.EBADF
	}
	return writeAll(f.fd, p)
}

// utility runs a command of the userland in the shell's process.
func (s *shell) utility(run multicall.Command, args []string) int {
	files := [3]file{}
	for n := range files {
		fd, ok := s.fds[n]
		if !ok {
			fd = -1
		}
		files[n] = file{fd}
	}
	if args[0] == "test" || args[0] == "[" {
		args = s.testedFiles(args)
	}
	complaints := &renamed{file: files[2], from: args[0] + ": "}
	return run(context.Background(), args, eof{}, files[1], complaints)
}

// renamed is where a utility complains: as of the shell, whose builtin it is.
type renamed struct {
	file
	from string
}

func (r *renamed) Write(p []byte) (int, error) {
	rest, ok := bytes.CutPrefix(p, []byte(r.from))
	if !ok {
		return r.file.Write(p)
	}
	if _, err := r.file.Write(append([]byte("sh: "), rest...)); err != nil {
		return 0, err
	}
	return len(p), nil
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// misused says what is wrong with how a builtin is called. If it is a special one, that ends a script.
func (s *shell) misused(name, format string, args ...any) int {
	b, _ := builtinOf(name)
	s.say(format, args...)
	if b.special {
		panic(leave{status: exitUsage})
	}
	return exitUsage
}

// letters takes options of single letters; those in valued take a word.
func letters(args []string, known, valued string) (found map[byte]string, rest []string, err error) {
	found = map[byte]string{}
	args = args[1:]
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		word := args[0][1:]
		args = args[1:]
		if word == "-" {
			break
		}
		for i := 0; i < len(word); i++ {
			c := word[i]
			switch {
			case strings.IndexByte(known, c) >= 0:
				found[c] = string(c)
			case strings.IndexByte(valued, c) < 0:
				return nil, nil, fmt.Errorf("illegal option -%c", c)
			case i+1 < len(word):
				found[c] = word[i+1:]
				i = len(word)
			case len(args) == 0:
				return nil, nil, fmt.Errorf("no arg for -%c option", c)
			default:
				found[c], args = args[0], args[1:]
			}
		}
	}
	return found, args, nil
}

func cd(s *shell, args []string) int {
	options, rest, err := letters(args, "LP", "")
	if err != nil {
		return s.misused(args[0], "%v", err)
	}
	dir, said := s.value("HOME"), false
	if len(rest) > 0 {
		dir = rest[0]
	}
	if len(rest) > 0 && dir == "-" {
		dir, said = s.value("OLDPWD"), true
	}
	if dir == "" {
		dir = "."
	}
	tries := []string{dir}
	if path := s.value("CDPATH"); path != "" && !strings.HasPrefix(dir, "/") && dir != "." && dir != ".." &&
		!strings.HasPrefix(dir, "./") && !strings.HasPrefix(dir, "../") {
		tries = nil
		for prefix := range strings.SplitSeq(path, ":") {
			tries = append(tries, joined(prefix, dir))
		}
		tries = append(tries, dir)
	}
	for i, try := range tries {
		if err = s.change(try, options['P'] != ""); err == nil {
			if said || len(tries) > 1 && i < len(tries)-1 && try != dir {
				s.printf("%s\n", s.value("PWD"))
			}
			return 0
		}
	}
	s.say("can't cd to %s: %v", dir, err)
	return exitUsage
}

// joined is a path in a directory, which may be empty.
func joined(dir, name string) string {
	if dir == "" {
		return name
	}
	return strings.TrimSuffix(dir, "/") + "/" + name
}

// change changes the directory. The path without links goes by what they lead to, the other (logical) by
// their names.
func (s *shell) change(dir string, physical bool) error {
	where := dir
	if !physical {
		where = logical(s.dir, dir)
	}
	old := s.dir
	if err := unix.Chdir(where); err != nil {
		if physical || unix.Chdir(dir) != nil {
			return err
		}
		physical = true
	}
	if physical {
		var err error
		if where, err = unix.Getwd(); err != nil {
			where = logical(s.dir, dir)
		}
	}
	s.dir = where
	err := errors.Join(s.set("OLDPWD", old), s.set("PWD", where))
	for _, name := range []string{"OLDPWD", "PWD"} {
		s.vars[name].export = true
	}
	return err
}

// logical is a path without . and .., taken as words.
func logical(base, dir string) string {
	if !strings.HasPrefix(dir, "/") {
		dir = joined(base, dir)
	}
	var parts []string
	for part := range strings.SplitSeq(dir, "/") {
		switch {
		case part == "" || part == ".":
		case part != "..":
			parts = append(parts, part)
		case len(parts) > 0:
			parts = parts[:len(parts)-1]
		}
	}
	root := "/"
	if strings.HasPrefix(dir, "//") && !strings.HasPrefix(dir, "///") {
		root = "//" // which may be another place (XBD 4.13)
	}
	return root + strings.Join(parts, "/")
}

func pwd(s *shell, args []string) int {
	options, _, err := letters(args, "LP", "")
	if err != nil {
		return s.misused(args[0], "%v", err)
	}
	dir := s.dir
	if options['P'] != "" {
		if dir, err = unix.Getwd(); err != nil {
			s.say("%v", err)
			return exitFailure
		}
	}
	s.printf("%s\n", dir)
	return 0
}

func alias(s *shell, args []string) int {
	status := 0
	if len(args) == 1 {
		args = append(args, sortedKeys(s.aliases)...)
	}
	for _, arg := range args[1:] {
		name, value, sets := strings.Cut(arg, "=")
		switch old, there := s.aliases[name]; {
		case sets && name != "":
			s.aliases[name] = value
		case there:
			s.printf("%s=%s\n", name, quoted(old))
		default:
			s.print("alias: %s not found\n", arg)
			status = exitFailure
		}
	}
	return status
}

func unalias(s *shell, args []string) int {
	options, rest, err := letters(args, "a", "")
	if err != nil {
		return s.misused(args[0], "%v", err)
	}
	if options['a'] != "" {
		clear(s.aliases)
	}
	status := 0
	for _, name := range rest {
		if _, there := s.aliases[name]; !there {
			s.print("unalias: %s not found\n", name)
			status = exitFailure
		}
		delete(s.aliases, name)
	}
	return status
}

// hash does nothing: where a program is, is looked up each time.
func hash(s *shell, args []string) int {
	_, rest, err := letters(args, "r", "")
	if err != nil {
		return s.misused(args[0], "%v", err)
	}
	status := 0
	for _, name := range rest {
		if _, _, err := s.find(name); err != nil && !s.known(name) {
			s.say("%s: %v", name, err)
			status = exitFailure
		}
	}
	return status
}

func let(s *shell, args []string) int {
	if len(args) == 1 {
		return s.misused(args[0], "expression expected")
	}
	n := int64(0)
	for _, arg := range args[1:] {
		n = s.evaluate(arg)
	}
	return oneIf(n == 0)
}

func umask(s *shell, args []string) int {
	options, rest, err := letters(args, "S", "")
	if err != nil {
		return s.misused(args[0], "%v", err)
	}
	mask := unix.Umask(0o77)
	unix.Umask(mask)
	if len(rest) == 0 {
		if options['S'] != "" {
			s.printf("%s\n", symbolic(^mask))
		} else {
			s.printf("%04o\n", mask)
		}
		return 0
	}
	n, err := strconv.ParseUint(rest[0], 8, 32)
	mode := int(n)
	switch {
	case err == nil && n > 0o777:
		err = errors.New("expected at most 777")
	case err != nil:
		mode, err = changed(^mask&0o777, rest[0])
		mode = ^mode & 0o777
	}
	if err != nil {
		s.say("illegal mode: %s", rest[0])
		return exitUsage
	}
	unix.Umask(mode)
	return 0
}

// symbolic is a mode as umask -S prints it.
func symbolic(mode int) string {
	var parts []string
	for i, who := range "ugo" {
		text := string(who) + "="
		for bit, letter := range "rwx" {
			if mode>>(6-3*i)&(4>>bit) != 0 {
				text += string(letter)
			}
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ",")
}

// changed applies u=rwx,g-w to a mode.
func changed(mode int, text string) (int, error) {
	for clause := range strings.SplitSeq(text, ",") {
		at := strings.IndexAny(clause, "+-=")
		if at < 0 {
			return 0, errors.New("expected an octal mask, or a mode such as u=rwx,g-w")
		}
		who := strings.ReplaceAll(clause[:at], "a", "ugo")
		if who == "" {
			who = "ugo"
		}
		bits := 0
		for _, letter := range clause[at+1:] {
			i := strings.IndexRune("xwr", letter)
			if i < 0 {
				return 0, fmt.Errorf("%c: expected r, w or x", letter)
			}
			bits |= 1 << i
		}
		for _, letter := range who {
			i := strings.IndexRune("ogu", letter)
			if i < 0 {
				return 0, fmt.Errorf("%c: expected u, g, o or a", letter)
			}
			switch part := bits << (3 * i); clause[at] {
			case '+':
				mode |= part
			case '-':
				mode &^= part
			default:
				mode = mode&^(7<<(3*i)) | part
			}
		}
	}
	return mode, nil
}
