// Package emulator is a terminal for tests: what programs send makes a screen, which is a text. It knows what
// the programs of this wing and busybox's send, and keeps a list of what it does not know, which ought to be
// empty.
package emulator

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// A Screen is one of cells.
type Screen struct {
	Rows, Columns int
	Row, Column   int
	Unknown       []string // sequences that are not known
	cells         [][]string
	pending       []byte
	wrap          bool // the last column was written
}

// New is an empty screen.
func New(rows, columns int) *Screen {
	s := &Screen{Rows: rows, Columns: columns}
	for range rows {
		s.cells = append(s.cells, make([]string, columns))
	}
	return s
}

// Write takes what a program sends.
func (s *Screen) Write(p []byte) (int, error) {
	s.pending = append(s.pending, p...)
	for len(s.pending) > 0 {
		n := s.first(s.pending)
		if n == 0 {
			break
		}
		s.pending = s.pending[n:]
	}
	return len(p), nil
}

// first takes the first thing of b, and returns its length; 0: it is not complete.
func (s *Screen) first(b []byte) int {
	switch c := b[0]; {
	case c == 0x1b:
		return s.escape(b)
	case c == '\r':
		s.Column, s.wrap = 0, false
	case c == '\n':
		s.newline()
	case c == '\b':
		s.Column, s.wrap = max(s.Column-1, 0), false
	case c == 7:
	case c < ' ' || c == 0x7f:
		s.Unknown = append(s.Unknown, strconv.Quote(string(rune(c))))
	case !utf8.FullRune(b):
		return 0
	default:
		r, n := utf8.DecodeRune(b)
		s.put(r)
		return n
	}
	return 1
}

func (s *Screen) newline() {
	if s.wrap = false; s.Row < s.Rows-1 {
		s.Row++
		return
	}
	s.cells = append(s.cells[1:], make([]string, s.Columns))
}

func (s *Screen) put(r rune) {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		at := s.Column
		if !s.wrap {
			at = max(at-1, 0)
		}
		s.cells[s.Row][at] += string(r)
		return
	}
	n := 1
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		n = 2
	}
	if s.wrap || s.Column+n > s.Columns {
		s.Column = 0
		s.newline()
	}
	line := s.cells[s.Row]
	line[s.Column] = string(r)
	if n == 2 {
		line[s.Column+1] = "\x00"
	}
	if s.Column += n; s.Column >= s.Columns {
		s.Column, s.wrap = s.Columns-1, true
	}
}

// escape takes a sequence.
func (s *Screen) escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	if b[1] != '[' {
		s.Unknown = append(s.Unknown, strconv.Quote(string(b[:2])))
		return 2
	}
	for i := 2; i < len(b); i++ {
		if b[i] >= '@' && b[i] <= '~' {
			s.control(string(b[2:i]), b[i])
			return i + 1
		}
	}
	return 0
}

func (s *Screen) control(parameters string, final byte) {
	s.wrap = false
	var n [2]int
	for i, p := range strings.SplitN(parameters, ";", 2) {
		n[i], _ = strconv.Atoi(p)
	}
	switch what := parameters + string(final); {
	case final == 'H':
		s.Row = max(0, min(n[0], s.Rows)-1)
		s.Column = max(0, min(n[1], s.Columns)-1)
	case final >= 'A' && final <= 'D':
		s.step(final, max(1, n[0]))
	case what == "J" || what == "0J":
		clear(s.cells[s.Row][s.Column:])
		for _, line := range s.cells[s.Row+1:] {
			clear(line)
		}
	case what == "K" || what == "0K":
		clear(s.cells[s.Row][s.Column:])
	case final == 'm' && strings.Trim(parameters, "0123456789;") == "":
	case what == "?1049h" || what == "?1049l" || what == "6n":
	default:
		s.Unknown = append(s.Unknown, strconv.Quote("\x1b["+what))
	}
}

// step moves the cursor by n; it stops at the edges.
func (s *Screen) step(direction byte, n int) {
	switch direction {
	case 'A':
		s.Row = max(0, s.Row-n)
	case 'B':
		s.Row = min(s.Rows-1, s.Row+n)
	case 'C':
		s.Column = min(s.Columns-1, s.Column+n)
	case 'D':
		s.Column = max(0, s.Column-n)
	}
}

// Line is a row without the blanks at its end.
func (s *Screen) Line(row int) string {
	var b strings.Builder
	for _, c := range s.cells[row] {
		switch c {
		case "":
			b.WriteByte(' ')
		case "\x00":
		default:
			b.WriteString(c)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// String is all rows.
func (s *Screen) String() string {
	var b strings.Builder
	for row := range s.Rows {
		b.WriteString(s.Line(row) + "\n")
	}
	return b.String()
}
