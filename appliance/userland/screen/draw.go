package screen

import (
	"bytes"
	"fmt"
)

// A Screen is a terminal as what was sent to it left it.
type Screen struct {
	shown Frame
	known bool // shown is what is on the terminal
}

// Forget makes the next frame be drawn as a whole.
func (s *Screen) Forget() { s.known = false }

// Draw returns what makes the terminal show f.
func (s *Screen) Draw(f Frame) []byte {
	var out bytes.Buffer
	if !s.known || s.shown.Rows != f.Rows || s.shown.Columns != f.Columns {
		out.WriteString("\x1b[m\x1b[H\x1b[J")
		s.shown, s.known = Frame{Rows: f.Rows, Columns: f.Columns}, true
	}
	for row := range f.Rows {
		drawLine(&out, row, f.Columns, line(s.shown, row), line(f, row))
	}
	fmt.Fprintf(&out, "\x1b[%d;%dH", f.Row+1, f.Column+1)
	s.shown = f
	return out.Bytes()
}

// line is a line without the blanks at its end.
func line(f Frame, row int) []Cell {
	if row >= len(f.Lines) {
		return nil
	}
	l := f.Lines[row]
	l = l[:min(len(l), f.Columns)]
	for len(l) > 0 && l[len(l)-1] == (Cell{Text: " "}) {
		l = l[:len(l)-1]
	}
	return l
}

// drawLine draws from the first cell that differs to the last that does.
func drawLine(out *bytes.Buffer, row, columns int, was, is []Cell) {
	from := 0
	for from < len(was) && from < len(is) && was[from] == is[from] {
		from++
	}
	if from == len(was) && from == len(is) {
		return
	}
	for from > 0 && (from < len(is) && is[from].Text == "" || from < len(was) && was[from].Text == "") {
		from-- // the middle of a wide character
	}
	to := len(is)
	if len(was) == len(is) {
		for to > from+1 && was[to-1] == is[to-1] && is[to-1].Text != "" {
			to--
		}
		for to < len(is) && is[to].Text == "" {
			to++
		}
	}
	fmt.Fprintf(out, "\x1b[%d;%dH", row+1, from+1)
	var style Style
	for _, c := range is[from:to] {
		if c.Style != style {
			out.WriteString("\x1b[m")
			if style = c.Style; style != "" {
				fmt.Fprintf(out, "\x1b[%sm", style)
			}
		}
		out.WriteString(c.Text)
	}
	if style != "" {
		out.WriteString("\x1b[m")
	}
	// A line that was filled to its last column leaves the cursor on it, where this would erase.
	if len(was) > len(is) && to == len(is) && len(is) < columns {
		out.WriteString("\x1b[K")
	}
}
