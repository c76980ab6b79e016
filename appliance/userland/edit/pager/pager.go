// Package pager shows a text in pages, as less(1): a pure engine. Text comes in pieces, keys make of one
// state another, and a frame of the screen shows it. Escape sequences in the text are shown as what they are,
// ^[, and with Color those of colours (and no others) are taken for them. At most MaxText bytes are kept.
package pager

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
	"github.com/gatehouse-os/gatehouse/appliance/userland/screen"
)

// Options are how a text is shown.
type Options struct {
	Numbers    bool // lines have theirs
	Chop       bool // long lines are cut, and not wrapped
	Color      bool
	IgnoreCase bool
	Status     bool // the last line says where one is
	NoTildes   bool // nothing marks what is behind the end
	QuitAtEnd  bool
}

// A Request is what a pager wants done.
type Request int

// Requests.
const (
	None Request = iota
	Quit
	Next // the next file
	Prev // the one before
	Redraw
	Suspend
	Follow // what is added to the file is wanted, until a key comes: Following says so
)

// A Pager is the state.
type Pager struct {
	Options
	Name      string
	text      text
	ended     bool
	Following bool
	line, row int // of the text, which the screen begins with
	left      int // columns that are to the left of it
	rows      int
	columns   int
	count     int
	wait      key.Key // the command whose character is to come
	input     *input
	pattern   *regexp.Regexp
	forward   bool
	toEnd     bool // G, while text still comes
	message   string
	marks     map[key.Key]int
}

// An input is a line that is typed at the bottom.
type input struct {
	prompt string
	text   string
}

// maxCount is how high a count counts, and maxInput how long a line may be.
const (
	maxCount = 1 << 30
	maxInput = 256
)

// New is a pager with no text yet.
func New(name string, rows, columns int, o Options) *Pager {
	p := &Pager{Options: o, Name: name, forward: true, marks: map[key.Key]int{}, message: name}
	p.Resize(rows, columns)
	return p
}

// Resize says how large the screen is.
func (p *Pager) Resize(rows, columns int) {
	p.rows, p.columns, p.row = max(rows, 2), max(columns, 1), 0
	p.settle()
}

// Feed takes more text.
func (p *Pager) Feed(b []byte) {
	p.text.add(b)
	if p.Following || p.toEnd {
		p.goEnd()
	}
}

// End says that there is no more text.
func (p *Pager) End() {
	p.ended = true
	if p.text.cut {
		p.message = fmt.Sprintf("only the first %d MB are shown", MaxText>>20)
	}
}

// Fits reports whether all of the text is on the first screen.
func (p *Pager) Fits() bool {
	if !p.ended || p.text.count() >= p.rows {
		return false
	}
	n := 0
	for i := range p.text.count() {
		n += p.height(i)
	}
	return n < p.rows
}

// Full reports whether there is text for the whole screen.
func (p *Pager) Full() bool { return p.ended || p.text.count() >= p.rows }

// Say shows a message until the next key.
func (p *Pager) Say(s string) { p.message = s }

// page is how many rows of text there are.
func (p *Pager) page() int { return p.rows - 1 }

// shown is the rows of a line.
func (p *Pager) shown(i int) [][]screen.Cell {
	line := cells(p.text.line(i), p.Color)
	if p.pattern != nil {
		highlight(line, p.pattern, true)
	}
	var number []screen.Cell
	if p.Numbers {
		number = screen.Text(fmt.Sprintf("%7d ", i+1), "")
		number = number[:min(len(number), p.columns-1)]
	}
	columns := p.columns - len(number)
	if p.Chop {
		return [][]screen.Cell{append(number, screen.Window(line, p.left, columns)...)}
	}
	rows := wrap(line, columns)
	blank := screen.Text(strings.Repeat(" ", len(number)), "")
	for j := range rows {
		rows[j] = append(number[:len(number):len(number)], rows[j]...)
		number = blank // the number is of the line, which goes on
	}
	return rows
}

func (p *Pager) height(i int) int {
	if p.Chop {
		return 1
	}
	return len(p.shown(i))
}

// settle keeps the screen in the text.
func (p *Pager) settle() {
	p.line = max(0, min(p.line, p.text.count()-1))
	if p.text.count() == 0 {
		p.row = 0
		return
	}
	p.row = max(0, min(p.row, p.height(p.line)-1))
}

// down goes n rows on, but the last row of the text stays at the bottom of the screen.
func (p *Pager) down(n int) {
	endLine, endRow := p.end()
	for ; n > 0 && (p.line < endLine || p.line == endLine && p.row < endRow); n-- {
		if p.row++; p.row >= p.height(p.line) {
			p.line, p.row = p.line+1, 0
		}
	}
}

func (p *Pager) up(n int) {
	for ; n > 0 && (p.line > 0 || p.row > 0); n-- {
		if p.row > 0 {
			p.row--
			continue
		}
		p.line--
		p.row = p.height(p.line) - 1
	}
}

// end is where the last page begins.
func (p *Pager) end() (line, row int) {
	left := p.page()
	for line = p.text.count() - 1; line >= 0; line-- {
		h := p.height(line)
		if h >= left {
			return line, h - left
		}
		left -= h
	}
	return 0, 0
}

func (p *Pager) goEnd() { p.line, p.row = p.end() }

// AtEnd reports whether the last row of the text is seen.
func (p *Pager) AtEnd() bool {
	line, row := p.end()
	return p.ended && (p.line > line || p.line == line && p.row >= row)
}

// Frame is what is seen.
func (p *Pager) Frame() screen.Frame {
	f := screen.Frame{Rows: p.rows, Columns: p.columns, Row: p.rows - 1}
	last := p.line
	for i, skip := p.line, p.row; len(f.Lines) < p.page() && i < p.text.count(); i, skip = i+1, 0 {
		rows := p.shown(i)
		rows = rows[min(skip, len(rows)):]
		f.Lines = append(f.Lines, rows[:min(len(rows), p.page()-len(f.Lines))]...)
		last = i
	}
	for len(f.Lines) < p.page() {
		tilde := "~"
		if p.NoTildes {
			tilde = ""
		}
		f.Lines = append(f.Lines, screen.Text(tilde, ""))
	}
	bottom := p.bottom(last)
	if len(bottom) > p.columns-1 {
		bottom = screen.Window(bottom, len(bottom)-p.columns+1, p.columns-1)
	}
	f.Lines, f.Column = append(f.Lines, bottom), len(bottom)
	return f
}

// bottom is the last line of the screen.
func (p *Pager) bottom(last int) []screen.Cell {
	switch {
	case p.input != nil:
		return screen.Text(p.input.prompt+p.input.text, "")
	case p.Following:
		return screen.Text("Waiting for data... (interrupt to abort)", screen.Reverse)
	case p.count > 0:
		return screen.Text(fmt.Sprintf(":%d", p.count), "")
	case p.message != "" && !p.Status:
		s := p.message
		if p.AtEnd() {
			s += " (END)"
		}
		return screen.Text(s, screen.Reverse)
	case p.Status:
		return screen.Text(p.where(last), screen.Reverse)
	case p.AtEnd():
		return screen.Text("(END)", screen.Reverse)
	}
	return screen.Text(":", "")
}

// where says what part of the text is seen.
func (p *Pager) where(last int) string {
	n := p.text.count()
	s := fmt.Sprintf("%s lines %d-%d/%d", p.Name, min(p.line+1, n), min(last+1, n), n)
	if n > 0 {
		s += fmt.Sprintf(" %d%%", 100*(last+1)/n)
	}
	if p.message != "" && p.message != p.Name {
		s = p.message
	}
	if p.AtEnd() {
		s += " (END)"
	}
	return s
}
