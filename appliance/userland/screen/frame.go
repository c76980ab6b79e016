// Package screen draws on a terminal: what shall be seen is a Frame, a function of some state and a size, and
// what must be sent for it is the difference to the frame before. A frame consists of cells with visible text
// only, so nothing that a file holds is ever an escape sequence; the sequences that are sent are the few of a
// VT100 that every terminal knows.
package screen

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// A Style is how a cell looks: the parameters of Select Graphic Rendition (ECMA-48 8.3.117), "" as usual.
type Style string

// Reverse is black on white.
const Reverse Style = "7"

// A Cell is a place on the screen. The one after a wide character has no text.
type Cell struct {
	Text  string // one character, and what is combined with it
	Style Style
}

// A Frame is a whole screen.
type Frame struct {
	Rows, Columns int
	Lines         [][]Cell // at most Rows of at most Columns; the rest is empty
	Row, Column   int      // of the cursor, from 0
}

// TabStop is how far tabs reach.
const TabStop = 8

// maxCombined is how many bytes of marks are drawn with one character.
const maxCombined = 12

// width1 is how many columns a character takes, one that is shown as itself.
func width1(r rune) int {
	switch {
	case r < utf8.RuneSelf:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// Append appends the first character of s as it is seen: a tab as blanks, a control character as ^X, what is
// no UTF-8 or cannot be seen as a Go escape. The column of a tab counts from the start of cells. size is that
// of the character in bytes; s may not be empty.
func Append(cells []Cell, s string, style Style, tab int) (out []Cell, size int) {
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == '\t':
		for {
			if cells = append(cells, Cell{" ", style}); len(cells)%tab == 0 {
				return cells, size
			}
		}
	case r == utf8.RuneError && size == 1:
		return appendASCII(cells, fmt.Sprintf(`\x%02x`, s[0]), style), size
	case r < ' ' || r == 0x7f:
		return appendASCII(cells, "^"+string(r^0x40), style), size
	case r < utf8.RuneSelf:
		return append(cells, Cell{s[:1], style}), size
	case !unicode.IsPrint(r):
		return appendASCII(cells, fmt.Sprintf(`\u%04x`, r), style), size
	}
	switch width1(r) {
	case 0:
		if n := len(cells); n > 0 && cells[n-1].Text != "" && len(cells[n-1].Text) < maxCombined {
			cells[n-1].Text += s[:size]
		}
		return cells, size
	case 2:
		return append(cells, Cell{s[:size], style}, Cell{"", style}), size
	}
	return append(cells, Cell{s[:size], style}), size
}

func appendASCII(cells []Cell, s string, style Style) []Cell {
	for i := range len(s) {
		cells = append(cells, Cell{s[i : i+1], style})
	}
	return cells
}

// Text is a text as cells.
func Text(s string, style Style) []Cell {
	var cells []Cell
	for s != "" {
		var size int
		cells, size = Append(cells, s, style, TabStop)
		s = s[size:]
	}
	return cells
}

// Window is what of a line is seen from column from on, in n columns. Of a wide character that is cut, a
// blank is left.
func Window(line []Cell, from, n int) []Cell {
	from = min(from, len(line))
	part := append([]Cell(nil), line[from:min(len(line), from+n)]...)
	if len(part) == 0 {
		return part
	}
	if part[0].Text == "" {
		part[0].Text = " "
	}
	if last := from + len(part); last < len(line) && line[last].Text == "" {
		part[len(part)-1].Text = " "
	}
	return part
}

// String is what is seen, for people and tests, without blanks at the ends of lines.
func (f Frame) String() string {
	var b strings.Builder
	for _, line := range f.Lines {
		var l strings.Builder
		for _, c := range line {
			l.WriteString(c.Text)
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	return b.String()
}
