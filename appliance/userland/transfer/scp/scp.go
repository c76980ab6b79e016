// Package scp is both ends of the old scp, of which a client of ssh starts the far one as "scp -t" to send
// files and as "scp -f" to get them (rcp's protocol; scp -O of OpenSSH, dropbear's, PuTTY's pscp -scp). They
// are the same, but that a person sits at one.
//
//	-t  sink    ◄── T times │ C mode size name, data, 0 │ D mode 0 name … E      each answered: 0, or 1 and a line
//	-f  source  ──► the same; what is answered with 1 is left out
//
// A file that comes is uploaded as package upload has it: it is there when all of it came. A name with a
// slash, "." and ".." are refused. Bounded are lines. It leaves to others: patterns in names, which are the
// shell's.
package scp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Options are those of both ends.
type Options struct {
	Recursive bool // -r: directories too
	Times     bool // -p: times and modes as they are at the other end
	Directory bool // -d: the target must be a directory

	Near
}

// Near is for the end where the person is. What is nil is not done.
type Near struct {
	Report func(line string)                       // a complaint of either end
	Wanted func(name string) bool                  // whether a file or directory of that name was asked for
	Meter  func(name string, size int64) io.Writer // gets what passes of a file
}

// maxLine bounds a line of the protocol, in bytes. The longest name has 255.
const maxLine = 4096

// answers of both ends.
const (
	answerOK    = 0
	answerError = 1 // a line; it goes on
	answerFatal = 2 // a line; it does not
)

// errOver is the end of the other side, or a word of it that it gives up.
var errOver = errors.New("the other end has ended")

// An end is one of the two that talk.
type end struct {
	Options
	in     *bufio.Reader
	out    *bufio.Writer
	failed bool
}

func newEnd(o Options, in io.Reader, out io.Writer) *end {
	return &end{Options: o, in: bufio.NewReaderSize(in, 64<<10), out: bufio.NewWriterSize(out, 64<<10)}
}

// ok answers that it may go on.
func (e *end) ok() error {
	_ = e.out.WriteByte(answerOK) // Flush says it too
	return e.out.Flush()
}

// complain tells the other end what has failed, and goes on. Its terminal is safe from names.
func (e *end) complain(what string, err error) error {
	e.failed = true
	text := what
	if err != nil {
		text = fmt.Sprintf("%s: %s", what, command.Message(reason(err)))
	}
	e.report(text)
	_, _ = fmt.Fprintf(e.out, "%cscp: %s\n", answerError, printable.Cut(text, maxLine/2))
	return e.out.Flush()
}

// line reads one of the protocol, without its end.
func (e *end) line() (string, error) {
	var b strings.Builder
	for {
		c, err := e.in.ReadByte()
		switch {
		case err != nil:
			return "", errOver
		case c == '\n':
			return b.String(), nil
		case b.Len() == maxLine:
			return "", errors.New("a line is too long")
		}
		b.WriteByte(c)
	}
}

// answered reads what the other end answers. It is not good with an error line, and over with a fatal one.
func (e *end) answered() (good bool, err error) {
	if err := e.out.Flush(); err != nil {
		return false, err
	}
	c, err := e.in.ReadByte()
	if err != nil {
		return false, errOver
	}
	switch c {
	case answerOK:
		return true, nil
	case answerError, answerFatal:
		return false, e.told(c)
	}
	return false, fmt.Errorf("an answer of %d: expected 0, 1 or 2", c)
}

// report tells the person, if he is at this end.
func (e *end) report(line string) {
	if e.Report != nil {
		e.Report(printable.Cut(line, maxLine/2))
	}
}

// metered is a file that is looked at while it passes.
func (e *end) metered(data io.Reader, name string, size int64) io.Reader {
	if e.Meter == nil {
		return data
	}
	return io.TeeReader(data, e.Meter(name, size))
}

// told notes a line of complaint; where the person is at the other end, that has shown it already.
func (e *end) told(kind byte) error {
	e.failed = true
	line, err := e.line()
	if err != nil {
		return err
	}
	e.report(strings.TrimPrefix(line, "scp: "))
	if kind == answerFatal {
		return errOver
	}
	return nil
}

// finish is the end of all: what stays to be said, and whether all is well.
func (e *end) finish(err error) bool {
	if err != nil && !errors.Is(err, errOver) {
		text := command.Message(err)
		e.report(text)
		_, _ = fmt.Fprintf(e.out, "%cscp: %s\n", answerFatal, printable.Cut(text, maxLine/2))
	}
	return e.out.Flush() == nil && err == nil && !e.failed
}
