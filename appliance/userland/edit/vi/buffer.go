package vi

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// Limits of a text.
const (
	MaxText = 8 << 20  // bytes: what is edited is held in memory, and moved at each key
	maxUndo = 64 << 20 // bytes of what was there before; the oldest is forgotten
)

// ErrTooLarge is why a text does not grow.
var ErrTooLarge = errors.New("text is too large: at most 8 MB")

// A buffer is a text that ends with a newline, what was changed in it, and places in it that stay at their
// characters.
type buffer struct {
	text  []byte
	marks [27]int // -1: not set; the last is where the cursor was before a jump
	units []unit  // what can be undone
	open  unit    // of the command that runs
	kept  int     // bytes of units
	blank bool    // the file was there, and empty: it has no line
	saved int     // length of units when the file had this text; -1: it is no longer among them
}

// A unit is what one u takes back.
type unit []change

// A change took old from a place, where new is now.
type change struct {
	at       int
	old, new []byte
}

func newBuffer(text []byte) buffer {
	b := buffer{text: bytes.Clone(text), blank: text != nil && len(text) == 0}
	for i := range b.marks {
		b.marks[i] = -1
	}
	if n := len(b.text); n == 0 || b.text[n-1] != '\n' {
		b.text = append(b.text, '\n')
	}
	return b
}

// modified reports whether the text is another than that of the file.
func (b *buffer) modified() bool { return len(b.open) > 0 || b.saved != len(b.units) }

// commit ends a unit.
func (b *buffer) commit() {
	if len(b.open) == 0 {
		return
	}
	if b.saved > len(b.units) {
		b.saved = -1
	}
	for _, c := range b.open {
		b.kept += c.size()
	}
	b.units, b.open = append(b.units, b.open), nil
	for b.kept > maxUndo && len(b.units) > 1 {
		for _, c := range b.units[0] {
			b.kept -= c.size()
		}
		b.units[0] = nil
		b.units = b.units[1:]
		b.saved = max(b.saved-1, -1)
	}
}

func (c change) size() int { return len(c.old) + len(c.new) + 64 }

// replace puts text in place of n bytes. The text's last newline stays, or comes again.
func (b *buffer) replace(at, n int, with []byte) error {
	if len(b.text)-n+len(with) > MaxText && len(with) > n {
		return ErrTooLarge
	}
	with = bytes.Clone(with)
	if at+n == len(b.text) && (len(with) == 0 && (at == 0 || b.text[at-1] != '\n') ||
		len(with) > 0 && with[len(with)-1] != '\n') {
		with = append(with, '\n')
	}
	c := change{at, bytes.Clone(b.text[at : at+n]), with}
	if last := len(b.open) - 1; last >= 0 && n == 0 && b.open[last].at+len(b.open[last].new) == at {
		b.open[last].new = append(b.open[last].new, with...) // as it is typed
	} else {
		b.open = append(b.open, c)
	}
	b.apply(at, n, with)
	return nil
}

func (b *buffer) apply(at, n int, with []byte) {
	if grown := len(with) - n; grown > 0 {
		b.text = append(b.text, with[:grown]...)
		copy(b.text[at+len(with):], b.text[at+n:])
	} else {
		copy(b.text[at+len(with):], b.text[at+n:])
		b.text = b.text[:len(b.text)+grown]
	}
	copy(b.text[at:], with)
	for i, m := range b.marks {
		switch {
		case m >= at+n:
			b.marks[i] += len(with) - n
		case m > at:
			b.marks[i] = at
		}
		b.marks[i] = min(b.marks[i], len(b.text)-1)
	}
}

// undo takes back a unit, and returns where it began.
func (b *buffer) undo() (at int, ok bool) {
	b.commit()
	if len(b.units) == 0 {
		return 0, false
	}
	last := b.units[len(b.units)-1]
	b.units = b.units[:len(b.units)-1]
	for i := len(last) - 1; i >= 0; i-- {
		c := last[i]
		b.kept -= c.size()
		b.apply(c.at, len(c.new), c.old)
		at = c.at
	}
	return b.begin(min(at, len(b.text)-1), at), true
}

// begin is at, if a character begins there, else the next before that does.
func (b *buffer) begin(limit, at int) int {
	for at = min(at, limit); at > 0 && !utf8.RuneStart(b.text[at]); at-- {
	}
	return at
}

// Places in the text: a place is where a character begins, and less than the length.

func (b *buffer) last() int { return len(b.text) - 1 }

// at is the character at a place; 0: there is none.
func (b *buffer) at(p int) rune {
	if p < 0 || p >= len(b.text) {
		return 0
	}
	r, _ := utf8.DecodeRune(b.text[p:])
	return r
}

// next is the place after one: of the end it is the length.
func (b *buffer) next(p int) int {
	if p >= len(b.text) {
		return len(b.text)
	}
	_, size := utf8.DecodeRune(b.text[p:])
	return p + size
}

// prev is the place before one: of the beginning it is -1.
func (b *buffer) prev(p int) int {
	if p <= 0 {
		return -1
	}
	_, size := utf8.DecodeLastRune(b.text[:p])
	return p - size
}

// step is next or prev.
func (b *buffer) step(p, dir int) int {
	if dir > 0 {
		return b.next(p)
	}
	return b.prev(p)
}

func (b *buffer) lineStart(p int) int { return bytes.LastIndexByte(b.text[:p], '\n') + 1 }

// lineEnd is the newline of the line.
func (b *buffer) lineEnd(p int) int {
	if i := bytes.IndexByte(b.text[min(p, len(b.text)):], '\n'); i >= 0 {
		return p + i
	}
	return b.last()
}

// lineLast is the last character of the line before its newline; of an empty line it is that.
func (b *buffer) lineLast(p int) int {
	end := b.lineEnd(p)
	if end > b.lineStart(end) {
		return b.prev(end)
	}
	return end
}

// nextLine is where the line after this begins.
func (b *buffer) nextLine(p int) (start int, ok bool) {
	if end := b.lineEnd(p); end < b.last() {
		return end + 1, true
	}
	return p, false
}

func (b *buffer) prevLine(p int) (start int, ok bool) {
	if start = b.lineStart(p); start > 0 {
		return b.lineStart(start - 1), true
	}
	return p, false
}

// number is that of the line that p is in, from 1.
func (b *buffer) number(p int) int { return bytes.Count(b.text[:p], []byte("\n")) + 1 }

func (b *buffer) lines() int { return bytes.Count(b.text, []byte("\n")) }

// line is where a line begins; beyond the last it is the last.
func (b *buffer) line(n int) int {
	p := 0
	for ; n > 1; n-- {
		next, ok := b.nextLine(p)
		if !ok {
			break
		}
		p = next
	}
	return b.lineStart(p)
}
