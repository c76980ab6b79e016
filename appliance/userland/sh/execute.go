package sh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// patience is how long a command that was interrupted may hang in the shell
// itself, say in wait or while it opens a named pipe.
const patience = time.Second

// line returns the next line with its newline. At the end of the session it
// fails with io.EOF.
func (in *input) line(unfinished bool) (string, error) {
	if in.done || in.ctx.Err() != nil {
		in.done = true
		return "", io.EOF
	}
	if in.next != nil {
		return in.next()
	}
	prompt := "> "
	if !unfinished {
		prompt = in.prompt()
	}
	return in.edit.line(in.ctx, prompt)
}

// lineKey is the key of a context's value: the function that ends the line.
type lineKey struct{}

// run runs the statements of a line to their end, or to an interrupt. Only then is
// the line's context cancelled: jobs that it has begun go on in it.
func (s *session) run(stmts []*syntax.Stmt) {
	if len(stmts) == 0 || s.done {
		return
	}
	detach(stmts)
	ctx, cancel := context.WithCancel(s.ctx)
	ctx = context.WithValue(ctx, lineKey{}, cancel)
	s.leave.Store(false)
	var spare *interp.Runner
	if s.tty != nil {
		s.drain()
		s.tty.cooked()
		defer s.tty.settle()
		spare = s.runner.Subshell()
	}
	result := make(chan outcome, 1)
	runner := s.runner
	go func() { result <- s.interpret(ctx, runner, stmts) }()
	out, ok := s.await(ctx, cancel, result)
	if !ok && spare != nil {
		s.runner = spare // from before the command that hangs
	}
	s.conclude(out, ctx.Err() != nil)
}

// conclude draws the consequences of how a line ended.
func (s *session) conclude(out outcome, interrupted bool) {
	if s.reopened {
		s.reopened = false
		// It fails only for other types of files.
		_ = interp.StdIO(s.input.Load(), s.stdout, s.stderr)(s.runner)
	}
	s.status = out.status
	// Errors that end a script, as set -u finds them, do not end a dialogue.
	s.exited = out.exited && (s.tty == nil || s.leave.Load())
	s.done = s.exited || s.ctx.Err() != nil
	if interrupted && !s.done {
		// The tty has echoed ^C; the prompt belongs on a new line.
		fmt.Fprintln(s.stderr)
		s.setStatus(exitSignal + 2)
	}
}

// outcome is how a line ended.
type outcome struct {
	status int
	exited bool // the shell is to end
}

// interpret runs statements one by one. A defect of the interpreter must not take
// a console away.
func (s *session) interpret(ctx context.Context, r *interp.Runner, stmts []*syntax.Stmt) (out outcome) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(s.stderr, "%s: defect in the interpreter: %v\n%s", s.name, p, debug.Stack())
			out = outcome{status: exitUsage, exited: s.tty == nil}
		}
	}()
	for _, stmt := range stmts {
		err := r.Run(ctx, stmt)
		status, known := errors.AsType[interp.ExitStatus](err)
		out.status = int(status)
		if err != nil && !known {
			out.status = 1
			if ctx.Err() == nil {
				fmt.Fprintf(s.stderr, "%s: %v\n", s.name, err)
			}
		}
		if out.exited = r.Exited(); out.exited {
			break
		}
	}
	return out
}

// await waits for the end of a line. An interrupt ends it as soon as the programs
// in the foreground have ended: they got it from the terminal too, and what they
// do about it is theirs. It returns false when a command does not end.
func (s *session) await(ctx context.Context, cancel func(), result <-chan outcome) (outcome, bool) {
	ended := s.ctx.Done()
	interrupted := false
	var late <-chan time.Time
	for {
		select {
		case out := <-result:
			if ctx.Err() != nil && !interrupted && s.tty != nil {
				s.late()
			}
			return out, true
		case <-s.interrupts:
			interrupted = true
			cancel()
		case <-ended:
			ended = nil
		case <-late:
			stuck := s.foreground.Load() == 0 || s.ctx.Err() != nil
			if stuck && (s.reopened || s.tty == nil) {
				return outcome{status: exitSignal + 2}, false
			}
			if stuck {
				s.reopen()
			}
			late = nil
		}
		if late == nil && ctx.Err() != nil {
			late = time.After(patience)
		}
	}
}

// drain forgets interrupts that were for an earlier line. No new one can come:
// the terminal is raw.
func (s *session) drain() {
	select {
	case <-s.interrupts:
	default:
	}
}

// late takes the shell's own SIGINT, when a program has died of it before the
// shell has seen it; the next line must not.
func (s *session) late() {
	select {
	case <-s.interrupts:
	case <-time.After(patience / 10):
	}
}

// reopen ends a builtin's reading of the terminal, which must not take what is
// meant for the next command.
func (s *session) reopen() {
	s.reopened = true
	if old := s.input.Swap(s.tty.reopen()); old != s.stdin {
		old.Close()
	}
}

// prompt is the name of the box, the directory and a # for root.
func (s *session) prompt() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "(none)"
	}
	name, _, _ = strings.Cut(name, ".")
	sign := "$"
	if os.Geteuid() == 0 {
		sign = "#"
	}
	return printable.String(name+":"+s.runner.Dir) + sign + " "
}

// jobs counts the background jobs that need the shell to go on.
type jobs struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n is 0; nil before anyone waits
}

func (j *jobs) add(n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.n += n
	if j.n == 0 && j.idle != nil {
		close(j.idle)
		j.idle = nil
	}
}

// none returns a channel that is closed when no job is left.
func (j *jobs) none() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	idle := make(chan struct{})
	if j.n == 0 {
		close(idle)
	} else {
		j.idle = idle
	}
	return idle
}

// awaitJobs waits until every program in the background has at least started,
// and in a script until the jobs that consist of more than one program are over:
// there is no process that would carry them on. A person does not wait for them.
func (s *session) awaitJobs() {
	var late <-chan time.Time
	if s.tty != nil || s.ctx.Err() != nil {
		late = time.After(patience)
	}
	select {
	case <-s.jobs.none():
	case <-s.ctx.Done():
	case <-late:
	}
}
