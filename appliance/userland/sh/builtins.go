package sh

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
)

// Builtins that the call handler turns a command into: it has done the work.
func succeed() []string { return []string{"true"} }
func failed() []string  { return []string{"false"} }

// call is asked before every command, and returns what is to run instead. It is
// the interpreter's call handler, and has the builtins that the interpreter knows
// only by name.
func (s *session) call(ctx context.Context, args []string) ([]string, error) {
	hc := interp.HandlerCtx(ctx)
	if s.silent.Swap(false) {
		s.tty.echo(true)
	}
	if f, ok := hc.Stdout.(*os.File); ok && f != s.stdout && broken(f) {
		// The interpreter does not see that a write fails, and loops for ever.
		return []string{"exit", strconv.Itoa(exitSignal + int(unix.SIGPIPE))}, nil
	}
	if usage := ends()[args[0]]; usage != "" && len(args) > 1 && isOption(args[1]) {
		fmt.Fprintf(hc.Stderr, "usage: %s\n", usage)
		return failed(), nil
	}
	switch args[0] {
	case jobBeginsCall:
		s.jobs.add(1)
		return succeed(), nil
	case jobEndsCall:
		s.jobs.add(-1)
		return []string{"exit", strconv.Itoa(hc.LastExitStatus)}, nil
	case "exit", "logout":
		s.leave.Store(true)
		return slices.Concat([]string{"exit"}, args[1:]), nil
	case "exec":
		s.leave.Store(s.leave.Load() || len(args) > 1)
	case "read":
		return s.readSilently(hc, args), nil
	case "hash":
		return succeed(), nil
	case "kill":
		return s.kill(hc, args), nil
	case "umask":
		return umask(hc, args), nil
	case "history":
		return s.printHistory(hc), nil
	case "fg", "bg", "jobs", "suspend", "disown":
		fmt.Fprintf(hc.Stderr, "%s: there is no job control; ps shows what runs\n", args[0])
		return failed(), nil
	}
	return args, nil
}

// ends are the builtins that end the shell, by which whoever asks for help loses his session, with how they are called.
func ends() map[string]string {
	return map[string]string{"exit": "exit [STATUS]", "logout": "logout [STATUS]", "exec": "exec [COMMAND [ARGUMENT…]]"}
}

// isOption says whether a word is an option; a number below 0 is none.
func isOption(word string) bool {
	_, err := strconv.Atoi(word)
	return len(word) > 1 && word[0] == '-' && word != "--" && err != nil
}

// broken reports whether f is a pipe that nobody reads.
func broken(f *os.File) (yes bool) {
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	// An error means that f is closed, which the write will find.
	_ = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(fds, 0)
		yes = err == nil && n > 0 && fds[0].Revents&unix.POLLERR != 0
	})
	return yes
}

// readSilently does the -s of read itself: the interpreter's cannot be interrupted.
func (s *session) readSilently(hc interp.HandlerContext, args []string) []string {
	if f, ok := hc.Stdin.(*os.File); s.tty == nil || !ok || f != s.input.Load() {
		return args
	}
	out := args[:1:1]
	for i := 1; i < len(args); i++ {
		arg := args[i]
		if len(arg) < 2 || arg[0] != '-' || arg == "--" {
			return append(out, args[i:]...)
		}
		flags := strings.ReplaceAll(arg, "s", "")
		if flags != arg && !s.silent.Swap(true) {
			s.tty.echo(false)
		}
		if flags != "-" {
			out = append(out, flags)
		}
		if strings.HasSuffix(flags, "p") && i+1 < len(args) {
			i++
			out = append(out, args[i]) // the prompt
		}
	}
	return out
}

// kill runs the program kill, which knows processes and no jobs.
func (s *session) kill(hc interp.HandlerContext, args []string) []string {
	for _, arg := range args[1:] {
		number, isJob := strings.CutPrefix(strings.TrimPrefix(arg, "%"), "g")
		if _, err := strconv.Atoi(number); err == nil && (isJob || arg[0] == '%') {
			fmt.Fprintf(hc.Stderr, "kill: %s is no process: ps shows the processes of background jobs\n", arg)
			return failed()
		}
	}
	path, err := interp.LookPathDir(hc.Dir, hc.Env, "kill")
	if err != nil {
		fmt.Fprintf(hc.Stderr, "%s: kill: not found\n", s.name)
		return failed()
	}
	return slices.Concat([]string{path}, args[1:])
}

// umask prints or sets the mask of the shell and its programs.
func umask(hc interp.HandlerContext, args []string) []string {
	if len(args) == 1 {
		mask := unix.Umask(0o77)
		unix.Umask(mask)
		fmt.Fprintf(hc.Stdout, "%04o\n", mask)
		return succeed()
	}
	mask, err := strconv.ParseUint(args[1], 8, 9)
	if err != nil || len(args) > 2 {
		fmt.Fprintln(hc.Stderr, "usage: umask [OCTAL]")
		return failed()
	}
	unix.Umask(int(mask))
	return succeed()
}

// printHistory prints the lines that the arrow keys find, the oldest first.
func (s *session) printHistory(hc interp.HandlerContext) []string {
	if s.edit == nil {
		return succeed()
	}
	for i, line := range s.edit.history.lines {
		fmt.Fprintf(hc.Stdout, "%5d  %s\n", i+1, line)
	}
	return succeed()
}
