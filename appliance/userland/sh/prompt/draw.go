package prompt

import (
	"bytes"
	"fmt"

	"github.com/gatehouse-os/gatehouse/appliance/userland/screen"
)

// A view is a line as it is seen: rows, all but the last as wide as the terminal, and the cursor.
type view struct {
	columns     int
	rows        [][]screen.Cell
	row, column int
}

// view lays the line out.
func (l *Line) view(columns int) view {
	cells := append(make([]screen.Cell, 0, len(l.Prompt)+len(l.text)), screen.Text(l.Prompt, "")...)
	text, at, cursor := l.String(), l.Pos(), 0
	for done, size := 0, 0; done < len(text); done += size {
		if done == at {
			cursor = len(cells)
		}
		cells, size = screen.Append(cells, text[done:], "", screen.TabStop)
	}
	if at == len(text) {
		cursor = len(cells)
	}
	v := view{columns: columns, rows: [][]screen.Cell{nil}}
	for i, c := range cells {
		v.wrap(i+1 < len(cells) && cells[i+1].Text == "")
		if i == cursor {
			v.row, v.column = v.end()
		}
		last := &v.rows[len(v.rows)-1]
		if *last == nil {
			*last = make([]screen.Cell, 0, min(columns, len(cells)))
		}
		*last = append(*last, c)
	}
	v.wrap(false)
	if cursor == len(cells) {
		v.row, v.column = v.end()
	}
	return v
}

// end is the place behind the last cell.
func (v *view) end() (row, column int) {
	row = len(v.rows) - 1
	return row, len(v.rows[row])
}

// wrap begins a row if the last is full, or has no place for a wide character.
func (v *view) wrap(wide bool) {
	last := len(v.rows) - 1
	if wide && v.columns > 1 && len(v.rows[last]) == v.columns-1 {
		v.rows[last] = append(v.rows[last], screen.Cell{Text: " "})
	}
	if len(v.rows[last]) >= v.columns {
		v.rows = append(v.rows, nil)
	}
}

// Draw returns what makes the terminal show the line. Its cursor must be where the last Draw has left it, and
// in the first column of a row before the first.
func (l *Line) Draw(columns int) []byte {
	var out bytes.Buffer
	if l.shown.columns != columns {
		out.Write(l.Leave(columns))
	}
	was, is := l.shown, l.view(max(columns, 1))
	at := was
	if row, column, differ := difference(was.rows, is.rows); differ {
		at.move(&out, row, column)
		write(&out, is.rows, row, column)
		at.row, at.column = is.end()
		if len(was.rows) > len(is.rows) || len(was.rows) == len(is.rows) &&
			len(was.rows[at.row]) > at.column {
			out.WriteString("\x1b[J")
		}
	}
	at.move(&out, is.row, is.column)
	l.shown = is
	l.shown.columns = columns
	return out.Bytes()
}

// Leave returns what takes the line off the terminal, whose width is now columns: the cursor is where its
// prompt began. A terminal that has become narrower is taken for one that has wrapped its rows.
func (l *Line) Leave(columns int) []byte {
	var out bytes.Buffer
	if l.shown.rows != nil {
		up := l.shown.row
		if columns < l.shown.columns {
			up = l.shown.column / columns
			for _, row := range l.shown.rows[:l.shown.row] {
				up += (len(row) + columns - 1) / columns
			}
		}
		vertically(&out, -up)
		out.WriteString("\r\x1b[J")
	}
	l.shown = view{}
	return out.Bytes()
}

// Forget is for when the cursor is in the first column of an empty row, whatever was shown before.
func (l *Line) Forget() { l.shown = view{} }

// difference is the first place at which rows differ; it is not within a wide character.
func difference(was, is [][]screen.Cell) (row, column int, differ bool) {
	for row := range is {
		if row >= len(was) { // nothing is shown: a last row is never full, so it has become another before
			return row, 0, true
		}
		a, b := was[row], is[row]
		column := 0
		for column < len(a) && column < len(b) && a[column] == b[column] {
			column++
		}
		if column == len(a) && column == len(b) {
			continue
		}
		for column > 0 && (column < len(a) && a[column].Text == "" || column < len(b) && b[column].Text == "") {
			column--
		}
		return row, column, true
	}
	return 0, 0, false
}

// write writes rows from a place on, to the end.
func write(out *bytes.Buffer, rows [][]screen.Cell, row, column int) {
	for i, cells := range rows[row:] {
		if i > 0 {
			out.WriteString("\r\n") // a terminal does not leave a full row by itself
			column = 0
		}
		for _, c := range cells[column:] {
			out.WriteString(c.Text)
		}
	}
}

// move moves the cursor to a place that was written.
func (v *view) move(out *bytes.Buffer, row, column int) {
	vertically(out, row-v.row)
	switch by := column - v.column; {
	case by > 0:
		sequence(out, by, 'C')
	case column == 0 && by < 0:
		out.WriteByte('\r')
	case by < 0:
		sequence(out, -by, 'D')
	}
	v.row, v.column = row, column
}

// vertically moves the cursor down, by less than 0 up.
func vertically(out *bytes.Buffer, rows int) {
	switch {
	case rows > 0:
		sequence(out, rows, 'B')
	case rows < 0:
		sequence(out, -rows, 'A')
	}
}

// sequence is one of those that move the cursor by n (ECMA-48 8.3.18 to 8.3.22).
func sequence(out *bytes.Buffer, n int, final byte) {
	if n == 1 {
		fmt.Fprintf(out, "\x1b[%c", final)
		return
	}
	fmt.Fprintf(out, "\x1b[%d%c", n, final)
}
