package vi

import (
	"bytes"
	"unicode"
)

// A register is a text that was deleted or yanked.
type register struct {
	text  []byte
	whole bool // lines
}

// yank keeps text in the register of the command.
func (e *Editor) yank(from, to int, whole bool) {
	e.registers[e.pending.register] = register{bytes.Clone(e.text[from:to]), whole}
}

// put is p, and P before the cursor.
func (e *Editor) put(before bool) {
	r := e.registers[e.pending.register]
	if len(r.text) == 0 {
		e.complain("Nothing in the register")
		e.fail()
		return
	}
	n := e.count()
	if n*len(r.text) > MaxText {
		e.complain("%v", ErrTooLarge)
		e.fail()
		return
	}
	at, on := e.dot, 0
	switch {
	case r.whole && before:
		at = e.lineStart(at)
	case r.whole:
		at = e.lineEnd(at) + 1
	case !before && e.text[at] != '\n':
		at = e.next(at)
	}
	text := bytes.Repeat(r.text, n)
	if !r.whole && bytes.IndexByte(text, '\n') < 0 {
		on = len(text) - 1
	}
	if e.change(at, at, text) {
		e.dot = e.begin(e.last(), at+on)
		e.skipBlank()
	}
}

func flip(r rune) rune {
	if unicode.IsLower(r) {
		return unicode.ToUpper(r)
	}
	return unicode.ToLower(r)
}
