package text

import (
	"fmt"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Letters of options that comm and join have by a long name alone.
const (
	mergeCheck   = 1
	mergeNoCheck = 2
	commTotal    = 3
	commBetween  = 4
	joinHeader   = 5
)

// A merger reads two sorted files side by side. That one is not sorted is an error: at once if it is asked
// for, else as soon as it matters, which it does where lines are without a partner, and then once for each
// file.
type merger struct {
	c        *command.Call
	compare  func(a, b []byte) int // of keys
	key      func(file int, line []byte) []byte
	end      byte
	always   bool
	never    bool
	unpaired bool // a line was without a partner
	fatal    bool // it is over
	files    [2]sortedFile
}

type sortedFile struct {
	name  string
	lines *command.Lines
	close io.Closer
	line  []byte // the present one; whole: there is one
	whole bool
	told  bool
}

// open opens the two operands, of which one may be standard input.
func (m *merger) open() bool {
	if len(m.c.Args) != 2 {
		m.c.Misused("expected two files")
		return false
	}
	if m.c.Args[0] == "-" && m.c.Args[1] == "-" {
		m.c.Misused("standard input can be one of the files only")
		return false
	}
	m.always, m.never = m.c.Has(mergeCheck), m.c.Has(mergeNoCheck)
	for i, name := range m.c.Args {
		r, err := m.c.Open(name)
		if err != nil {
			m.c.Fail(err)
			m.close()
			return false
		}
		m.files[i] = sortedFile{name: name, close: r, lines: command.NewLines(r, m.end)}
	}
	return true
}

func (m *merger) close() {
	for _, f := range m.files {
		if f.close != nil {
			f.close.Close()
		}
	}
}

// advance reads the next line of a file, 0 or 1, and looks whether it may follow the one before.
func (m *merger) advance(i int) {
	f := &m.files[i]
	before, had := f.line, f.whole
	line, _, err := f.lines.Next()
	if err != nil {
		if endIsFine(err) != nil {
			m.c.Fail(command.Named(f.name, err))
			m.fatal = true
		}
		f.line, f.whole = nil, false
		return
	}
	f.line, f.whole = f.lines.Take(line), true
	if had && !m.never && (m.always || m.unpaired) && !f.told &&
		m.compare(m.key(i, before), m.key(i, f.line)) > 0 {
		m.c.Fail(fmt.Errorf("%s is not sorted: %q comes after %q", f.name, f.line, before))
		f.told = true
		m.fatal = m.fatal || m.always
	}
}
