// Package command is what all commands of the userland have in common: how they are asked for help, how they
// read options, where they read from and write to, and how they end. A command does what busybox's of its
// name does, or it is not there; busybox's help and error texts are not taken over, its exit statuses and its
// streams are.
//
//	func Commands() map[string]command.Command { return map[string]command.Command{"tac": {Usage: "[FILE]...", Run: tac}} }
//
// What a command writes is buffered, and that it could not be written ends it with an error: no command may
// say that all is well while its output is lost.
package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/gatehouse-os/gatehouse/appliance/multicall"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
)

// A Command is one of the userland.
type Command struct {
	Usage string // what may be behind its name: "[-nr] [-k KEY] [FILE]..."; "\n": or
	// "\t-k KEY\twhat it does\n" for each option, and other lines, for --help; "": the usage says it all
	Help    string
	Letters string          // its options as for getopt(3); "+" first: operands end them
	Long    map[string]byte // long names of them
	Raw     bool            // it reads its arguments itself: Args has them all
	NoHelp  bool            // --help is an argument like another, as of test
	// CannotOpen has Open say "can't open 'FILE': No such file or directory", and not "FILE: No such ..."
	CannotOpen bool
	Trouble    int // exit status of a wrong call and of what fails; 0: 1, as of most
	Run        func(*Call)
}

// A Call is a command that runs.
type Call struct {
	context.Context
	Name    string
	Options []getopt.Option // in the order in which they were given
	Args    []string        // operands
	Stdin   io.Reader
	Stdout  *Writer
	Stderr  io.Writer

	command *Command
	status  int
}

// Main is the command for a table of a program.
func (c Command) Main() multicall.Command {
	return func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
		call := &Call{Context: ctx, Name: multicall.Name(args[0]), Stdin: stdin, Stdout: newWriter(stdout),
			Stderr: stderr, command: &c}
		call.run(args[1:])
		if err := call.Stdout.Flush(); err != nil {
			call.Fail(fmt.Errorf("write error: %w", reason(err)))
		}
		return call.status
	}
}

func (c *Call) run(args []string) {
	if len(args) == 1 && args[0] == "--help" && !c.command.NoHelp {
		fmt.Fprint(c.Stdout, usage(c.Name, c.command.Usage)+layout(c.command.Help))
		return
	}
	c.Args = args
	if !c.command.Raw {
		var err error
		if c.Options, c.Args, err = getopt.ParseLong(args, c.command.Letters, c.command.Long); err != nil {
			c.Misused("%v", err)
			return
		}
	}
	c.command.Run(c)
}

// ignoring is the key of what a program ignores signals by.
type ignoring struct{}

// WithIgnore is for a program whose commands may have their process ignore signals, by f: signal.Ignore.
func WithIgnore(ctx context.Context, f func(...os.Signal)) context.Context {
	return context.WithValue(ctx, ignoring{}, f)
}

// Ignore has the process ignore signals, and what it becomes.
func (c *Call) Ignore(signals ...os.Signal) error {
	f, ok := c.Context.Value(ignoring{}).(func(...os.Signal))
	if !ok {
		return errors.New("this program ignores no signals")
	}
	f(signals...)
	return nil
}

// Has reports whether an option was given.
func (c *Call) Has(letter byte) bool {
	_, ok := c.Value(letter)
	return ok
}

// Value is that of an option, of the last if it was given more than once.
func (c *Call) Value(letter byte) (value string, given bool) {
	for _, o := range c.Options {
		if o.Letter == letter {
			value, given = o.Value, true
		}
	}
	return value, given
}

// trouble is the status of what fails.
func (c *Call) trouble() int {
	if c.command.Trouble == 0 {
		return 1
	}
	return c.command.Trouble
}

// Fail says what has failed. The command may go on; it ends with the status of trouble.
func (c *Call) Fail(err error) {
	c.Warn(err)
	c.status = c.trouble()
}

// Warn says what has failed, behind what has been written, and leaves the status.
func (c *Call) Warn(err error) {
	_ = c.Stdout.Flush() // its error stays, and ends the command
	fmt.Fprintf(c.Stderr, "%s: %s\n", c.Name, Message(err))
}

// Misused says what is wrong with how the command was called, and how it is. It does nothing then.
func (c *Call) Misused(format string, args ...any) {
	fmt.Fprintf(c.Stderr, "%s: %s\n%s", c.Name, fmt.Sprintf(format, args...), usage(c.Name, c.command.Usage))
	c.status = c.trouble()
}

// Exit sets the status that the command ends with, where that is an answer: 1 of grep, of cmp, of test.
func (c *Call) Exit(status int) { c.status = status }

// Status is what the command would end with now.
func (c *Call) Status() int { return c.status }

// Open opens a file for reading; "-" is standard input. Its error names it, as busybox's command of the name
// does: some say that they cannot open it, others only its name.
func (c *Call) Open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(c.Stdin), nil
	}
	f, err := os.Open(name)
	switch {
	case err == nil:
		return f, nil
	case c.command.CannotOpen:
		return nil, Cannot("open", name, err)
	}
	return nil, Named(name, err)
}

// Each reads the operands one after the other, standard input if there are none. What cannot be read, or f
// does not like, is said and makes the status one of trouble; the next is read all the same.
func (c *Call) Each(f func(name string, r io.Reader) error) {
	names := c.Args
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		r, err := c.Open(name)
		if err == nil {
			err = Named(name, errors.Join(f(name, r), r.Close()))
		}
		if c.Stdout.Err() != nil {
			return // whoever flushes says so
		}
		if err != nil {
			c.Fail(err)
		}
	}
}

// Named is an error about a file, as commands print it: "passwd: No such file or directory".
func Named(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, reason(err))
}

// Cannot is an error of what could not be done with a file: "can't create 'a/b': No such file or directory".
func Cannot(do, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("can't %s '%s': %w", do, name, reason(err))
}

// Invalid is an error about an argument that is not what it should be: "invalid number '12x'".
func Invalid(what, text string) error { return fmt.Errorf("invalid %s '%s'", what, text) }

// reason takes from an error what the name of its file and call are repeated in.
func reason(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// A Writer is standard output. An error stays.
type Writer struct {
	to    io.Writer
	b     *bufio.Writer // from the first byte on: many commands print nothing
	file  bool
	lines bool // each line is written at once: a person reads along
	err   error
}

func newWriter(w io.Writer) *Writer {
	f, ok := w.(*os.File)
	return &Writer{to: w, file: ok, lines: ok && isTerminal(f)}
}

// isTerminal needs no package of a network, nor one more system call than there must be.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}

// Write writes into the buffer; its error is the first there was.
func (w *Writer) Write(p []byte) (int, error) {
	if w.begin() != nil {
		return 0, w.err
	}
	n, err := w.b.Write(p)
	if len(p) > 0 {
		err = w.wrote(p[len(p)-1], err)
	}
	return n, err
}

// begin has a buffer there.
func (w *Writer) begin() error {
	if w.b == nil && w.err == nil {
		size := 4 << 10 // within another command, of which there are many
		if w.file {
			size = 32 << 10
		}
		w.b = bufio.NewWriterSize(w.to, size)
	}
	return w.err
}

// wrote is behind each write, of which it is told the last byte.
func (w *Writer) wrote(last byte, err error) error {
	if err == nil && w.lines && last == '\n' {
		err = w.b.Flush()
	}
	w.err = err
	return err
}

// WriteString is Write.
func (w *Writer) WriteString(s string) (int, error) {
	if w.begin() != nil {
		return 0, w.err
	}
	n, err := w.b.WriteString(s)
	if s != "" {
		err = w.wrote(s[len(s)-1], err)
	}
	return n, err
}

// WriteByte is Write of one.
func (w *Writer) WriteByte(b byte) error {
	if err := w.begin(); err != nil {
		return err
	}
	return w.wrote(b, w.b.WriteByte(b))
}

// Lines has each line written at once, whoever reads: a command that runs for long is read along, through a
// pipe too.
func (w *Writer) Lines() { w.lines = true }

// Flush writes what is not yet written: before a command waits for what others do.
func (w *Writer) Flush() error {
	if w.err == nil && w.b != nil {
		w.err = w.b.Flush()
	}
	return w.err
}

// Underlying is what w writes to, for a process that shall write there itself. Flush goes before.
func (w *Writer) Underlying() io.Writer { return w.to }

// Err is why something could not be written.
func (w *Writer) Err() error { return w.err }
