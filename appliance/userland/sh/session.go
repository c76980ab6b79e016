package sh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// errInterrupt is what reading a line fails with at ^C.
var errInterrupt = errors.New("interrupted")

// session is one running shell. It belongs to the goroutine of Run; what the
// interpreter's goroutines share is atomic or has its own lock.
type session struct {
	options
	ctx                   context.Context
	profile               string
	interrupts            <-chan os.Signal
	stdin, stdout, stderr *os.File
	tty                   *terminal // nil unless interactive
	edit                  *editor   // nil unless interactive

	runner     *interp.Runner
	input      atomic.Pointer[os.File] // standard input of builtins; with a terminal not stdin
	foreground atomic.Int32            // programs that the shell waits for
	leave      atomic.Bool             // exit was called
	silent     atomic.Bool             // read -s has switched the echo off
	reopened   bool                    // input is new, and the interpreter does not have it yet
	jobs       jobs
	leaving    chan struct{} // closed when the shell lets its background programs go

	status int  // $?
	exited bool // the EXIT trap has run
	done   bool // nothing more is read
}

// open prepares the interpreter and, when interactive, the terminal.
func (s *session) open(interactive bool) error {
	s.input.Store(s.stdin)
	if interactive {
		tty, err := openTerminal(s.stdin)
		if err != nil {
			return err
		}
		s.tty, s.edit = tty, newEditor(tty, s.complete)
		s.input.Store(tty.reopen())
	}
	env := os.Environ()
	if os.Getenv("PATH") == "" {
		env = append(env, "PATH="+defaultPath)
	}
	settings := []interp.RunnerOption{
		interp.Env(expand.ListEnviron(append(env, nameVariable+"="+s.name)...)),
		interp.StdIO(s.input.Load(), s.stdout, s.stderr),
		interp.Interactive(interactive),
		interp.Params(slices.Concat(s.set, []string{"--"}, s.params)...),
		interp.CallHandler(s.call),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.exec }),
	}
	if _, err := os.Getwd(); err != nil { // the directory is gone
		settings = append(settings, interp.Dir("/"))
	}
	var err error
	if s.runner, err = interp.New(settings...); err != nil {
		s.close()
	}
	return err
}

// close gives the terminal back.
func (s *session) close() {
	if s.tty != nil {
		s.tty.close()
	}
}

// interact talks with a person until exit, the end of the input or of ctx.
func (s *session) interact() int {
	if _, err := os.Stat(s.profile); err == nil {
		s.source(lines(strings.NewReader(". " + s.profile)))
	}
	for !s.done {
		s.source(nil)
	}
	return s.end()
}

// read runs a script.
func (s *session) read(next func() (string, error)) int {
	s.source(next)
	return s.end()
}

// source runs the commands of one input until its end or its first syntax error;
// next is nil for the person at the terminal.
func (s *session) source(next func() (string, error)) {
	in := &input{session: s, parser: syntax.NewParser(), next: next}
	for stmt, err := range in.parser.StmtsSeq(in) {
		switch {
		case err == nil:
			in.batch = append(in.batch, stmt)
		case in.err == nil:
			in.err = err
		}
	}
	switch {
	case s.done:
	case in.err == nil:
		s.run(in.batch)
		s.done = s.done || next == nil // ^D
	case errors.Is(in.err, errInterrupt):
		s.setStatus(exitSignal + 2)
	default:
		s.complain(in.err)
		s.setStatus(exitUsage)
	}
}

// input feeds the parser with lines and runs every complete one before it reads
// the next.
type input struct {
	*session
	parser *syntax.Parser
	next   func() (string, error)
	batch  []*syntax.Stmt // complete, and not yet run
	rest   string         // of the line that is being parsed
	err    error
}

// Read is called by the parser when it needs more; an unfinished command then
// waits for its next line. Returning io.EOF ends the parser.
func (in *input) Read(p []byte) (int, error) {
	if in.rest == "" {
		unfinished := in.parser.Incomplete()
		if !unfinished {
			in.run(in.batch)
			in.batch = nil
		}
		line, err := in.line(unfinished)
		if line == "" && err != nil {
			return 0, err
		}
		in.rest = line
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// complain says what is wrong with a script or line.
func (s *session) complain(err error) {
	where := ""
	if perr, ok := errors.AsType[syntax.ParseError](err); ok {
		if s.tty == nil {
			where = fmt.Sprintf("line %d: ", perr.Pos.Line())
		}
		err = errors.New(perr.Text)
	}
	fmt.Fprintf(s.stderr, "%s: %ssyntax error: %v\n", s.name, where, err)
}

// setStatus makes code the $? of the next command.
func (s *session) setStatus(code int) {
	s.status = code
	// The error is the status again.
	_ = s.runner.Run(s.ctx, parsed(fmt.Sprintf("(exit %d)", code)))
}

// parsed returns a command of the shell's own.
func parsed(command string) *syntax.Stmt {
	file, err := syntax.NewParser().Parse(strings.NewReader(command), "")
	if err != nil {
		return &syntax.Stmt{} // does nothing
	}
	return file.Stmts[0]
}

// end runs the EXIT trap, unless exit has, lets the background jobs go, and
// returns the exit status.
func (s *session) end() int {
	if s.ctx.Err() == nil && !s.exited {
		s.done = false
		s.run([]*syntax.Stmt{parsed("exit")})
	}
	close(s.leaving)
	s.awaitJobs()
	if s.ctx.Err() != nil {
		return exitSignal + 1
	}
	return s.status
}
