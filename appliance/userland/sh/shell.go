// Package shell is /bin/sh of the appliance: the language is that of bash as far
// as mvdan.cc/sh speaks it, the line editor that of golang.org/x/term.
//
// It guarantees that a terminal is raw only while a line is edited and gets its
// modes back whatever a command leaves behind; that it never asks the terminal
// anything, so that a dumb serial line is as good as any; and that neither a
// syntax error, nor a command that is interrupted or killed, nor one that hangs
// in the shell itself ends an interactive shell.
//
// It has no job control: ^Z, fg and bg do nothing, $! is good for wait only. A
// background job of an interactive shell does not see ^C and reads /dev/null.
// What the interpreter lacks is lacking here: traps other than EXIT and ERR,
// file descriptors above 2, ulimit.
package sh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"
)

// Exit statuses that POSIX gives a meaning (XCU 2.8.2).
const (
	exitUsage      = 2
	exitCannotExec = 126
	exitNotFound   = 127
	exitSignal     = 128 // and the number of the signal
)

// profile is what an interactive shell reads first, if it is there.
const profile = "/etc/profile"

// defaultPath is PATH when the environment has none.
const defaultPath = "/bin:/sbin:/usr/bin:/usr/sbin"

// Interactive reports whether a shell called with args (args[0] is its name) is to
// talk with a person: no command, no file, and a terminal on both sides.
func Interactive(args []string, stdin, stderr *os.File) bool {
	o, err := parseOptions(args)
	return err == nil && o.interactive && term.IsTerminal(int(stdin.Fd())) && term.IsTerminal(int(stderr.Fd()))
}

// Run is the program sh; args[0] is its name, the result its exit status (128+n
// for signal n). The end of ctx ends the shell as a hang-up does: what it runs in
// the foreground or background gets SIGHUP, and the result is 129. Only a script that
// comes from a silent standard input is not ended.
//
// For an interactive shell, the caller sends SIGINT and SIGQUIT to interrupts (with
// a buffer of one), so that they end a command and not the shell, cancels ctx at
// SIGHUP and SIGTERM, and ignores SIGTSTP. For any other, interrupts may be nil and
// all signals have their default actions: then ^C ends a script with its commands.
func Run(ctx context.Context, args []string, interrupts <-chan os.Signal, stdin, stdout, stderr *os.File) int {
	return run(ctx, profile, args, interrupts, stdin, stdout, stderr)
}

func run(ctx context.Context, profile string, args []string, interrupts <-chan os.Signal, stdin, stdout, stderr *os.File) int {
	o, err := parseOptions(args)
	if err != nil {
		fmt.Fprintf(stderr, "sh: %v\nusage: sh [-eux] [-c COMMAND [NAME] | FILE | -s] [ARGUMENT…]\n", err)
		return exitUsage
	}
	s := &session{
		ctx: ctx, options: o, profile: profile, interrupts: interrupts,
		stdin: stdin, stdout: stdout, stderr: stderr, leaving: make(chan struct{}),
	}
	if err := s.open(Interactive(args, stdin, stderr)); err != nil {
		fmt.Fprintf(stderr, "sh: %v\n", err)
		return 1
	}
	defer s.close()
	switch {
	case s.tty != nil:
		return s.interact()
	case o.hasCommand:
		return s.read(lines(strings.NewReader(o.command)))
	case o.file != "":
		f, err := os.Open(o.file)
		if err != nil {
			fmt.Fprintf(stderr, "sh: %v\n", err)
			return exitNotFound
		}
		defer f.Close()
		return s.read(lines(f))
	default:
		return s.read(unbuffered(stdin))
	}
}

// options is a command line.
type options struct {
	hasCommand  bool
	command     string
	file        string // empty: standard input
	name        string // $0
	params      []string
	set         []string // options of the set builtin
	interactive bool     // if there is a terminal
}

// parseOptions reads a command line as POSIX sh does.
func parseOptions(args []string) (options, error) {
	o := options{name: strings.TrimPrefix(filepath.Base(args[0]), "-")}
	script := false // -s
	args = args[1:]
	for len(args) > 0 && len(args[0]) > 1 && (args[0][0] == '-' || args[0][0] == '+') {
		word := args[0]
		args = args[1:]
		if word == "--" {
			break
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
			case strings.ContainsRune("aefnux", letter):
				o.set = append(o.set, flag)
			default:
				return o, fmt.Errorf("unknown option %s", flag)
			}
		}
	}
	return o.operands(args, script)
}

// operands takes what follows the options.
func (o options) operands(args []string, script bool) (options, error) {
	switch {
	case o.hasCommand && len(args) == 0:
		return o, errors.New("option -c needs a command")
	case o.hasCommand:
		o.command, args = args[0], args[1:]
		if len(args) > 0 {
			o.name, args = args[0], args[1:]
		}
	case !script && len(args) > 0:
		o.file, o.name, args = args[0], args[0], args[1:]
	default:
		o.interactive = true
	}
	o.params = args
	return o, nil
}

// lines returns a function that reads line after line, and ends with the last
// error.
func lines(r io.Reader) func() (string, error) { return scan(r, 4096) }

// unbuffered is like lines, but reads no byte more than the line: the commands of
// a script read what follows them (XCU sh, "STDIN").
func unbuffered(r io.Reader) func() (string, error) { return scan(r, 1) }

// scan reads lines with a buffer of size bytes.
func scan(r io.Reader, size int) func() (string, error) {
	buf := make([]byte, size)
	var rest []byte
	return func() (string, error) {
		var line strings.Builder
		for {
			for i, c := range rest {
				if c == '\n' {
					line.Write(rest[:i+1])
					rest = rest[i+1:]
					return line.String(), nil
				}
			}
			line.Write(rest)
			n, err := r.Read(buf)
			rest = buf[:n]
			if n == 0 && err != nil {
				return line.String(), err
			}
		}
	}
}
