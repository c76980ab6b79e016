package vi

import (
	"fmt"

	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
	"github.com/gatehouse-os/gatehouse/appliance/userland/screen"
)

// columnAfter is the column after the character at p, which begins in one.
func (e *Editor) columnAfter(p, column int) int {
	if c := e.text[p]; c == '\t' {
		return column + e.options.tabStop - column%e.options.tabStop
	} else if c >= ' ' && c < 0x7f || c == '\n' {
		return column + 1
	}
	cells, _ := screen.Append(nil, string(e.text[p:e.next(p)]), "", e.options.tabStop)
	return column + len(cells)
}

// columnOf is the column where a character begins.
func (e *Editor) columnOf(p int) int {
	column := 0
	for at := e.lineStart(p); at < p; at = e.next(at) {
		column = e.columnAfter(at, column)
	}
	return column
}

// screenEnd is where the last line on the screen begins.
func (e *Editor) screenEnd() int {
	p := e.top
	for range e.rows - 2 {
		next, ok := e.nextLine(p)
		if !ok {
			break
		}
		p = next
	}
	return p
}

// sync moves the screen to where the cursor is: by a little, or so that it is in the middle.
func (e *Editor) sync() {
	e.top = e.lineStart(min(e.top, e.last()))
	line, end := e.lineStart(e.dot), e.screenEnd()
	half := (e.rows - 1) / 2
	switch {
	case line < e.top:
		if e.number(e.top)-e.number(line) <= half {
			e.top = line
		} else {
			e.top = e.linesBefore(line, half)
		}
	case line > end:
		if by := e.number(line) - e.number(end); by <= half {
			e.top = e.linesBefore(line, e.rows-2)
		} else {
			e.top = e.linesBefore(line, half)
		}
	}
	column, after := e.columnOf(e.dot), e.columnAfter(e.dot, e.columnOf(e.dot))
	if after > e.left+e.columns {
		e.left = after - e.columns
	}
	e.left = min(e.left, column)
}

func (e *Editor) linesBefore(p, n int) int {
	for ; n > 0; n-- {
		p, _ = e.prevLine(p)
	}
	return p
}

// scroll moves the screen by lines; the cursor stays on it.
func (e *Editor) scroll(by int) {
	e.sync()
	from := e.dot
	for ; by > 0; by-- {
		e.top, _ = e.nextLine(e.top)
	}
	for ; by < 0; by++ {
		e.top, _ = e.prevLine(e.top)
	}
	e.top = e.lineStart(e.top)
	e.dot = max(e.dot, e.top)
	if end := e.screenEnd(); e.dot > e.lineEnd(end) {
		e.dot = end
	}
	if e.dot != from {
		e.skipBlank()
	}
}

// moveOnScreen is H, L and M.
func (e *Editor) moveOnScreen(k key.Key, n int) {
	e.sync()
	n = min(n, e.rows-1)
	switch k {
	case 'H':
		e.dot = e.top
		for ; n > 1; n-- {
			e.dot, _ = e.nextLine(e.dot)
		}
	case 'L':
		e.dot = e.linesBefore(e.screenEnd(), n-1)
	case 'M':
		e.dot = e.top
		for range (e.rows - 1) / 2 {
			e.dot, _ = e.nextLine(e.dot)
		}
	}
	e.lineBegin()
}

// placeLine is z: the line becomes the first of the screen, or with . the middle, with - the last.
func (e *Editor) placeLine(c key.Key) {
	n := map[key.Key]int{'.': (e.rows - 2) / 2, '-': e.rows - 2}[c]
	e.top = e.linesBefore(e.lineStart(e.dot), n)
}

// Frame is what is seen.
func (e *Editor) Frame() screen.Frame {
	e.sync()
	f := screen.Frame{Rows: e.rows, Columns: e.columns}
	p, more := e.top, true
	for row := range e.rows - 1 {
		if !more {
			f.Lines = append(f.Lines, screen.Text("~", ""))
			continue
		}
		end := e.lineEnd(p)
		if start := e.lineStart(e.dot); start == p {
			f.Row, f.Column = row, e.columnOf(e.dot)-e.left
		}
		f.Lines = append(f.Lines, e.lineCells(p, end))
		p, more = e.nextLine(p)
	}
	bottom := e.bottom()
	if e.input != nil {
		f.Row, f.Column = e.rows-1, len(bottom)
		if over := len(bottom) - e.columns + 1; over > 0 {
			bottom, f.Column = screen.Window(bottom, over, e.columns), e.columns-1
		}
	}
	f.Lines = append(f.Lines, screen.Window(bottom, 0, e.columns))
	f.Column = max(0, min(f.Column, e.columns-1))
	return f
}

// lineCells is the part of a line that is on the screen.
func (e *Editor) lineCells(p, end int) []screen.Cell {
	var cells []screen.Cell
	for p < end && len(cells) < e.left+e.columns+1 {
		// No character has more bytes than this; a string of the whole line would be copied for each.
		var size int
		cells, size = screen.Append(cells, string(e.text[p:min(end, p+8)]), "", e.options.tabStop)
		p += size
	}
	return screen.Window(cells, e.left, e.columns)
}

// bottom is the last line of the screen.
func (e *Editor) bottom() []screen.Cell {
	switch {
	case e.input != nil:
		return screen.Text(string(e.input.prompt)+string(e.input.text), "")
	case e.message.bold:
		return screen.Text(e.message.text, screen.Reverse)
	case e.message.text != "":
		return screen.Text(e.message.text, "")
	}
	name, flags := e.Name, ""
	if name == "" {
		name = "No file"
	}
	if e.ReadOnly {
		flags += " [Readonly]"
	}
	if e.Modified() {
		flags += " [Modified]"
	}
	at, n := e.number(e.dot), e.lines()
	return screen.Text(fmt.Sprintf("%c %s%s %d/%d %d%%", "-IR"[e.mode], name, flags, at, n, 100*at/n), "")
}
