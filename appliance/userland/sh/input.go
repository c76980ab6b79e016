package sh

import (
	"errors"
	"io"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"
)

// errInterrupt is what reading a line fails with at ^C.
var errInterrupt = errors.New("interrupted")

// source runs the commands of one input until its end or its first syntax error; next is nil for the person
// at the terminal.
func (s *shell) source(next func() (string, error)) {
	in := &input{shell: s, next: next}
	f := &feed{line: in.line, asks: s.interactive(), aliases: s.aliases}
	f.run = func(batch []*syntax.Stmt, above int) {
		s.above = above
		s.run(batch, in.over && s.oneCommand)
	}
	if s.oneCommand { // whose lines ash counts from 0
		f.lines, f.above = -1, -1
	}
	f.all()
	switch {
	case s.finished:
	case f.err == nil:
		s.finished = next == nil // ^D
	case errors.Is(f.err, errInterrupt):
		s.status = exitSignal + int(unix.SIGINT)
	default:
		s.complain(f.err, 0)
		s.status = exitUsage
	}
}

// lastTraps runs the traps of signals that came with the last command.
func (s *shell) lastTraps() {
	defer s.landed()
	s.between()
}

// input is where lines come from.
type input struct {
	*shell
	next func() (string, error)
	over bool // it has ended
}

// line returns the next line with its newline.
func (in *input) line(unfinished bool) (line string, err error) {
	switch {
	case in.finished:
		return "", io.EOF
	case in.next != nil:
		line, err = in.next()
	case unfinished:
		line, err = in.edit.line("> ")
	default:
		line, err = in.edit.line(in.prompt())
	}
	in.over = err != nil
	if in.flags['v'] && line != "" {
		in.verbose(line)
	}
	return line, err
}

func (s *shell) verbose(line string) {
	if fd, ok := s.fds[2]; ok {
		_, _ = writeAll(fd, []byte(line))
	}
}

// run runs the commands of a line. A defect of the shell must not take a console away.
func (s *shell) run(list []*syntax.Stmt, last bool) {
	if len(list) == 0 || s.finished {
		return
	}
	if s.interactive() {
		s.begin()
		defer s.settle()
	}
	defer s.landed()
	s.statements(list, last)
	if s.jump.kind == returning { // a return outside of everything
		s.finished = !s.interactive()
	}
	s.jump = jump{}
}

// landed catches what has left commands at once.
func (s *shell) landed() {
	p := recover()
	if p == nil {
		return
	}
	s.jump, s.loops, s.tested, s.calls, s.depth = jump{}, 0, 0, 0, 0
	for len(s.hidden) > 0 {
		s.reveal()
	}
	l, ok := p.(leave)
	if !ok {
		s.say("defect in the shell: %v\n%s", p, debug.Stack())
		l = leave{status: exitUsage}
	}
	s.status, s.output = l.status, nil
	if l.interrupt && s.interactive() {
		s.print("\n") // the tty has echoed ^C; the prompt belongs on a new line
	}
	s.finished = l.exit || !s.interactive()
}

// printed is a piece of a script as text again.
func printed(node syntax.Node) string {
	var b strings.Builder
	// It fails only if the text cannot be written.
	_ = syntax.NewPrinter().Print(&b, node)
	return b.String()
}

// oneLine is a piece of a script for a list of jobs. A here-document has lines of its own there too.
func oneLine(node syntax.Node) string {
	var b strings.Builder
	_ = syntax.NewPrinter(syntax.SingleLine(true)).Print(&b, node) // as printed
	return strings.TrimSuffix(b.String(), "\n")
}

// fromText returns a function that reads line after line of a text.
func fromText(text string) func() (string, error) {
	return func() (string, error) {
		if text == "" {
			return "", io.EOF
		}
		line, rest, found := strings.Cut(text, "\n")
		text = rest
		if found {
			line += "\n"
		}
		return line, nil
	}
}

// fromFile reads lines of a file that only the shell reads.
func fromFile(fd int) func() (string, error) { return scan(func() int { return fd }, 4096) }

// fromInput reads lines of standard input, but no byte more than the line: the commands of a script read what
// follows them (XCU sh, "STDIN").
func (s *shell) fromInput() func() (string, error) {
	return scan(func() int {
		if fd, ok := s.fds[0]; ok {
			return fd
		}
		return -1
	}, 1)
}

// scan reads lines with a buffer of size bytes.
func scan(fd func() int, size int) func() (string, error) {
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
			n, err := readSome(fd(), buf)
			rest = buf[:max(n, 0)]
			if n <= 0 {
				if err == nil {
					err = io.EOF
				}
				return line.String(), err
			}
		}
	}
}
