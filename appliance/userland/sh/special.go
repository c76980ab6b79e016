package sh

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"
)

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func eval(s *shell, args []string) int {
	if len(args) > 1 && args[1] == "--" {
		args = args[1:]
	}
	list, err := parse(strings.Join(args[1:], " "))
	if err != nil {
		s.complain(err, s.lineno-1)
		panic(leave{status: exitUsage})
	}
	defer s.inThisLine()()
	return s.statements(list, false)
}

// inThisLine has text that is parsed apart count lines from that of the command that runs, until the result
// is called.
func (s *shell) inThisLine() (end func()) {
	above := s.above
	s.above = s.lineno - 1
	return func() { s.above = above }
}

// dot runs a file in this shell.
func dot(s *shell, args []string) int {
	if len(args) > 1 && args[1] == "--" {
		args = args[1:]
	}
	if len(args) == 1 {
		panic(leave{status: exitUsage})
	}
	name := args[1]
	if !strings.Contains(name, "/") {
		if name = s.look(args[1], s.value("PATH"), func(string) bool { return true }); name == "" {
			s.abandon(exitUsage, "%s: not found", args[1])
		}
	}
	fd, err := openFile(s.actual(name), unix.O_RDONLY, 0)
	if err != nil {
		s.abandon(exitUsage, "can't open '%s': %v", name, err)
	}
	defer unix.Close(fd)
	if len(args) > 2 {
		params := s.params
		s.params = args[2:]
		defer func() { s.params = params }()
	}
	s.speaker = name // the builtin's end makes it what it was
	return s.include(fd)
}

// include runs the commands of a file, each before the next is read.
func (s *shell) include(fd int) int {
	s.calls++
	loops, tested := s.loops, s.tested
	s.tested = 0 // set -e looks at what is in the file, whoever asks for the status of it
	defer func() { s.calls, s.loops, s.tested = s.calls-1, loops, tested }()
	s.status = 0
	above := s.above
	next := fromFile(fd)
	f := &feed{
		aliases: s.aliases,
		line: func(bool) (string, error) {
			if s.jump.kind != noJump {
				return "", errJump
			}
			return next()
		},
		run: func(batch []*syntax.Stmt, lines int) {
			s.above = lines
			s.statements(batch, false)
		},
	}
	f.all()
	s.above = above
	if s.jump.kind == returning {
		s.jump = jump{}
	}
	if f.err != nil && !errors.Is(f.err, errJump) {
		s.complain(f.err, 0)
		panic(leave{status: exitUsage})
	}
	return s.status
}

// errJump ends the reading of a file that a jump leaves.
var errJump = errors.New("left")

func execute(s *shell, args []string) int {
	if len(args) > 1 && args[1] == "--" {
		args = args[1:]
	}
	if len(args) == 1 {
		return 0
	}
	program, status, err := s.find(args[1])
	if err != nil {
		s.say("%s: %v", args[1], err)
		panic(leave{status: status, exit: !s.interactive()})
	}
	if s.interactive() {
		s.giveBack()
	}
	return s.become(program, args[1:])
}

// isOption says whether a word is an option; a number below 0 is none.
func isOption(word string) bool {
	_, err := strconv.Atoi(word)
	return len(word) > 1 && word[0] == '-' && word != "--" && err != nil
}

func exit(s *shell, args []string) int {
	status := s.status
	if s.trapping > 0 {
		status = s.trapping - 1
	}
	if len(args) > 1 && args[1] == "--" {
		args = args[1:]
	}
	if len(args) > 1 {
		n, err := strconv.Atoi(args[1])
		if err != nil || n < 0 {
			return s.misused("exit", "Illegal number: %s", args[1])
		}
		status = n & 0xff
	}
	if s.holds() {
		return exitFailure
	}
	panic(leave{status: status, exit: true})
}

// holds says once that there are stopped jobs, which a shell's end would end.
func (s *shell) holds() bool {
	if !s.interactive() || s.warned == s.lines || s.warned == s.lines-1 && s.warned > 0 {
		return false
	}
	for _, j := range s.jobs.list {
		if j.state() == stopped {
			s.print("You have stopped jobs.\n")
			s.warned = s.lines
			return true
		}
	}
	return false
}

func returns(s *shell, args []string) int {
	status := s.status
	if s.trapping > 0 {
		status = s.trapping - 1
	}
	if len(args) > 1 {
		n, err := strconv.Atoi(args[1])
		if err != nil || n < 0 {
			return s.misused(args[0], "Illegal number: %s", args[1])
		}
		status = n & 0xff
	}
	if s.exited && s.calls == 0 { // from the trap of the shell's end
		status = s.trapping - 1
	}
	s.jump = jump{kind: returning}
	s.status = status
	return status
}

func breakLoop(s *shell, args []string) int {
	n := 1
	if len(args) > 1 {
		var err error
		if n, err = strconv.Atoi(args[1]); err != nil || n < 1 {
			return s.misused(args[0], "Illegal number: %s", args[1])
		}
	}
	if s.loops == 0 {
		return 0
	}
	s.jump = jump{kind: breaking, loops: min(n, s.loops)}
	if args[0] == "continue" {
		s.jump.kind = continuing
	}
	return 0
}

func shift(s *shell, args []string) int {
	n := 1
	if len(args) > 1 {
		var err error
		if n, err = strconv.Atoi(args[1]); err != nil || n < 0 {
			return s.misused("shift", "Illegal number: %s", args[1])
		}
	}
	if n > len(s.params) {
		return exitFailure
	}
	s.params = s.params[n:]
	return 0
}

func set(s *shell, args []string) int {
	if len(args) == 1 {
		s.list("", func(v *variable) bool { return v.set })
		return 0
	}
	if err := s.setOptions(args[1:]); err != nil {
		return s.misused("set", "%v", err)
	}
	return 0
}

// setOptions sets options, and parameters if there are any.
func (s *shell) setOptions(args []string) error {
	for len(args) > 0 {
		word := args[0]
		on := strings.HasPrefix(word, "-")
		switch {
		case word == "--":
			s.params = args[1:]
			return nil
		case word == "-":
			s.flags['x'], s.flags['v'] = false, false
			if len(args) > 1 {
				s.params = args[1:]
			}
			return nil
		case word == "" || !on && word[0] != '+':
			s.params = args
			return nil
		}
		args = args[1:]
		for _, letter := range []byte(word[1:]) {
			switch {
			case letter == 'o' && len(args) == 0:
				s.printOptions(on)
			case letter == 'o':
				if err := s.setNamed(args[0], on); err != nil {
					return err
				}
				args = args[1:]
			case strings.IndexByte(optionLetters, letter) < 0:
				return errors.New("illegal option " + word[:1] + string(letter))
			default:
				s.flags[letter] = on
			}
		}
	}
	return nil
}

func (s *shell) setNamed(name string, on bool) error {
	letter, ok := optionNames()[name]
	switch {
	case !ok:
		return errors.New("illegal option -o " + name)
	case name == "pipefail":
		s.pipefail = on
	default:
		s.flags[letter] = on
	}
	return nil
}

func (s *shell) printOptions(table bool) {
	for _, name := range strings.Fields("errexit noglob ignoreeof monitor noexec xtrace verbose noclobber allexport notify nounset errtrace vi pipefail") {
		on := s.flags[optionNames()[name]]
		if name == "pipefail" {
			on = s.pipefail
		}
		switch {
		case table && on:
			s.printf("%-16son\n", name)
		case table:
			s.printf("%-16soff\n", name)
		case on:
			s.printf("set -o %s\n", name)
		default:
			s.printf("set +o %s\n", name)
		}
	}
}

func export(s *shell, args []string) int {
	name := args[0]
	options, rest, err := letters(args, "pn", "")
	if err != nil {
		return s.misused(name, "%v", err)
	}
	if len(rest) == 0 {
		s.list(name+" ", func(v *variable) bool {
			return name == "export" && v.export || name == "readonly" && v.readonly
		})
		return 0
	}
	for _, arg := range rest {
		n, value, sets := strings.Cut(arg, "=")
		if !syntax.ValidName(n) {
			s.abandon(exitUsage, "%s: bad variable name", n)
		}
		if sets {
			s.mustSet(n, value)
		}
		v := s.vars[n]
		if v == nil {
			v = &variable{}
			s.vars[n] = v
		}
		v.export = (v.export || name == "export") && options['n'] == ""
		v.readonly = v.readonly || name == "readonly"
	}
	return 0
}

func local(s *shell, args []string) int {
	if len(s.hidden) == 0 {
		s.abandon(exitUsage, "not in a function")
	}
	for _, arg := range args[1:] {
		n, value, sets := strings.Cut(arg, "=")
		if !syntax.ValidName(n) && n != "-" {
			s.abandon(exitUsage, "%s: bad variable name", n)
		}
		s.local(n)
		if sets {
			s.mustSet(n, value)
		}
	}
	return 0
}

func unset(s *shell, args []string) int {
	options, rest, err := letters(args, "fv", "")
	if err != nil {
		return s.misused("unset", "%v", err)
	}
	for _, name := range rest {
		if options['f'] != "" {
			delete(s.functions, name)
			continue
		}
		if !syntax.ValidName(name) {
			s.abandon(exitUsage, "%s: bad variable name", name)
		}
		if _, there := s.vars[name]; !there && options['v'] == "" {
			delete(s.functions, name)
		}
		if err := s.unset(name); err != nil {
			s.abandon(exitUsage, "%v", err)
		}
	}
	return 0
}

func times(s *shell, _ []string) int {
	for _, pair := range [][2]int{{unix.RUSAGE_SELF, unix.RUSAGE_SELF},
		{unix.RUSAGE_CHILDREN, unix.RUSAGE_CHILDREN}} {
		var usage unix.Rusage
		if err := unix.Getrusage(pair[0], &usage); err != nil {
			s.say("%v", err)
			return exitFailure
		}
		for i, t := range []unix.Timeval{usage.Utime, usage.Stime} {
			s.printf("%dm%.3fs%s", t.Sec/60, float64(t.Sec%60)+float64(t.Usec)/1e6, []string{" ", "\n"}[i])
		}
	}
	return 0
}

func trap(s *shell, args []string) int {
	if len(args) > 1 && args[1] == "--" {
		args = args[1:]
	}
	args = args[1:]
	if len(args) == 0 {
		for _, n := range s.trapNames() {
			s.printf("trap -- %s %s\n", quoted(s.traps[n]), n)
		}
		return 0
	}
	action := "-"
	if _, err := strconv.ParseUint(args[0], 10, 31); len(args) > 1 && err != nil {
		action, args = args[0], args[1:]
	}
	status := 0
	for _, word := range args {
		n, ok := signalOf(word)
		if !ok {
			s.say("%s: invalid signal specification", word)
			status = exitFailure
			continue
		}
		s.trap(n, action)
	}
	return status
}

// trapNames are the signals that have one, by number.
func (s *shell) trapNames() []string {
	list := sortedKeys(s.traps)
	slices.SortStableFunc(list, func(a, b string) int { return int(byName(a)) - int(byName(b)) })
	return list
}
