// Package sh is /bin/sh of the appliance, with busybox's ash as its peer: the language of POSIX with what ash
// has beside it. Scripts are parsed by mvdan.cc/sh; the line that a person types is in package prompt.
//
// A subshell is another process, as with every shell: what stands in ( ), between | and behind & has a number
// of its own, its own directory, mask, limits and files, can be signalled, stopped and waited for. Go cannot
// fork; such a process is this program again, told by a file in memory what the shell knew (fork.go). What
// prints without changing anything, as $(echo …), needs none.
//
// It guarantees that a terminal is raw only while a line is edited and gets its modes back whatever a command
// leaves behind; that it never asks the terminal anything, so that a dumb serial line is as good as any; and
// that neither a syntax error, nor a command that is interrupted, stopped or killed, ends an interactive
// shell. A builtin that could not write what it should have written ends with an error.
package sh

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/gatehouse-os/gatehouse/appliance/multicall"
	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Exit statuses that POSIX gives a meaning (XCU 2.8.2).
const (
	exitFailure    = 1
	exitUsage      = 2
	exitCannotExec = 126
	exitNotFound   = 127
	exitSignal     = 128 // and the number of the signal
)

// profile is what an interactive shell reads first, if it is there.
const profile = "/etc/profile"

// defaultPath is PATH when the environment has none.
const defaultPath = "/bin:/sbin:/usr/bin:/usr/sbin"

// IsUtility reports whether a command of the userland prints or answers without reading or changing anything,
// so that the shell can run it in its own process, as others have it for a builtin.
func IsUtility(name string) bool {
	switch name {
	case "[", "echo", "kill", "printf", "test":
		return true
	}
	return false
}

// A Program is the shell. Utilities are commands that are run in the shell's own process: those that print,
// as echo and printf, or answer, as test. They must not change the process, nor read standard input.
type Program struct {
	Utilities map[string]multicall.Command
	Profile   string // read by interactive shells; "": /etc/profile

	// The process, which belongs to its main: signal.Notify, signal.Ignore, os.Exit.
	Notify func(chan<- os.Signal, ...os.Signal)
	Ignore func(...os.Signal)
	Exit   func(status int)
}

const usage = "usage: sh [-eux] [-o OPTION] [-c COMMAND [NAME] | FILE | -s] [ARGUMENT…]\n"

// interactive reports whether a shell of these options talks with a person: no command, no file, and a
// terminal on both sides.
func (o options) talks(stdin, stderr *os.File) bool {
	return o.interactive && term.IsTerminal(int(stdin.Fd())) && term.IsTerminal(int(stderr.Fd()))
}

// Run is the program sh; args[0] is its name, the result its exit status (128+n for signal n). It is for a
// process that does nothing else: it takes signals, changes the directory and the mask, and waits for all
// children.
func (p Program) Run(args []string) int {
	s := newShell(p)
	if len(args) > 2 && args[1] == subshellOption {
		return s.subshell(args[2])
	}
	s.entry()
	if len(args) > 1 && args[1] == "--help" {
		fmt.Print(usage)
		return 0
	}
	o, err := parseOptions(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n%s", called(args[0]), err, usage)
		return exitUsage
	}
	s.name, s.speaker, s.params = o.name, o.speaker, o.params
	s.environment(os.Environ())
	if err := s.setOptions(o.set); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", called(args[0]), err)
		return exitUsage
	}
	switch {
	case o.talks(os.Stdin, os.Stderr):
		return s.interact()
	case o.hasCommand:
		s.defaultSignals()
		s.oneCommand, s.flags['c'] = true, true
		return s.script(fromText(o.command))
	case o.file != "":
		s.defaultSignals()
		return s.scriptFile(o.file)
	}
	s.defaultSignals()
	s.flags['s'] = true
	return s.script(s.fromInput())
}

// scriptFile runs a file.
func (s *shell) scriptFile(name string) int {
	fd, err := openFile(name, unix.O_RDONLY, 0)
	if err == nil {
		var stat unix.Stat_t
		if err = unix.Fstat(fd, &stat); err == nil && stat.Mode&unix.S_IFMT == unix.S_IFDIR {
			err = unix.EISDIR
		}
	}
	switch {
	case err != nil:
		fmt.Fprintf(os.Stderr, "sh: can't open '%s': %s\n", name, command.Message(err))
		if errors.Is(err, unix.ENOENT) {
			return exitNotFound
		}
		return exitUsage
	}
	defer unix.Close(fd)
	return s.script(fromFile(fd))
}

// interact talks with a person until exit, or the end of the input.
func (s *shell) interact() int {
	if err := s.console(); err != nil {
		fmt.Fprintf(os.Stderr, "sh: %v\n", err)
		return exitFailure
	}
	defer s.giveBack()
	if _, err := os.Stat(s.program.Profile); err == nil {
		s.source(fromText(". " + s.program.Profile))
	}
	for !s.finished {
		s.source(nil)
	}
	if s.hung.Load() {
		select {} // hangUp ends the process
	}
	return s.end()
}

// script runs a script to its end.
func (s *shell) script(next func() (string, error)) int {
	s.source(next)
	return s.end()
}

// end runs the EXIT trap, and returns the exit status.
func (s *shell) end() int {
	s.lastTraps()
	s.exitTrap()
	return s.status
}

// options is a command line.
type options struct {
	hasCommand  bool
	command     string
	file        string // empty: standard input
	name        string // $0
	speaker     string // "": nobody but that
	params      []string
	set         []string // options of the set builtin
	interactive bool     // if there is a terminal
}

// called is the name by which the shell was called; a login shell's begins with -.
func called(name string) string { return strings.TrimPrefix(name, "-") }

// parseOptions reads a command line as POSIX sh does.
func parseOptions(args []string) (options, error) {
	o := options{name: called(args[0])}
	script := false // -s
	args = args[1:]
	for len(args) > 0 && len(args[0]) > 1 && (args[0][0] == '-' || args[0][0] == '+') {
		word := args[0]
		args = args[1:]
		if word == "--" {
			break
		}
		if strings.HasPrefix(word, "--") {
			return o, ashError("illegal option " + word)
		}
		for _, letter := range word[1:] {
			flag := word[:1] + string(letter)
			switch {
			case flag == "-c":
				o.hasCommand = true
			case flag == "-s":
				script = true
			case flag == "-i", flag == "-l": // both go without saying
			case letter == 'o' && len(args) > 0:
				o.set, args = append(o.set, flag, args[0]), args[1:]
			case strings.ContainsRune(optionLetters, letter):
				o.set = append(o.set, flag)
			default:
				return o, ashError("illegal option " + flag)
			}
		}
	}
	return o.operands(args, script)
}

// operands takes what follows the options.
func (o options) operands(args []string, script bool) (options, error) {
	if len(args) > 0 && args[0] == "-" {
		args = args[1:]
	}
	switch {
	case o.hasCommand && len(args) == 0:
		return o, errors.New("-c requires an argument")
	case o.hasCommand:
		o.command, args = args[0], args[1:]
		if len(args) > 0 {
			o.name, o.speaker, args = args[0], args[0], args[1:]
		}
	case !script && len(args) > 0:
		o.file, o.name, o.speaker, args = args[0], args[0], args[0], args[1:]
	default:
		o.interactive = true
	}
	o.params = args
	return o, nil
}
