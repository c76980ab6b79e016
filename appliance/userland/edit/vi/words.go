package vi

import (
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
)

// Kinds of characters. What is not ASCII is a letter.

func isSpace(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' }

func isWord(r rune) bool {
	return r >= utf8.RuneSelf || r == '_' || r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z'
}

func isPunct(r rune) bool { return r > ' ' && r < 0x7f && !isWord(r) }

func isBlank(r rune) bool { return r == ' ' || r == '\t' }

// moveWords are the moves w W b B e E, each n times.
func (e *Editor) moveWords(k key.Key, n int) {
	for ; n > 0; n-- {
		was := e.dot
		switch k {
		case 'w':
			e.nextWord()
		case 'b':
			e.wordEnd(-1, 1)
		case 'e':
			e.wordEnd(1, 2)
		default:
			e.bigWord(k)
		}
		if e.dot == was {
			return
		}
	}
}

// skip goes on while the characters it comes to are such, but over no more than lines-1 newlines.
func (e *Editor) skip(dir, lines int, here bool, such func(rune) bool) {
	for {
		c := e.at(e.dot)
		if !here {
			c = e.at(e.step(e.dot, dir))
		}
		if !such(c) {
			return
		}
		if c == '\n' {
			if lines--; lines < 1 {
				return
			}
		}
		next := e.step(e.dot, dir)
		if next < 0 || next > e.last() {
			return
		}
		e.dot = next
	}
}

func (e *Editor) nextWord() {
	switch c := e.at(e.dot); {
	case isWord(c):
		e.skip(1, 1, false, isWord)
	case isPunct(c):
		e.skip(1, 1, false, isPunct)
	}
	if e.dot < e.last() {
		e.dot = e.next(e.dot)
	}
	if isSpace(e.at(e.dot)) {
		e.skip(1, 2, true, isSpace)
	}
}

// wordEnd is e, and b backwards.
func (e *Editor) wordEnd(dir, lines int) {
	next := e.step(e.dot, dir)
	if next < 0 || next > e.last() {
		return
	}
	if e.dot = next; isSpace(e.at(e.dot)) {
		e.skip(dir, lines, true, isSpace)
	}
	switch c := e.at(e.dot); {
	case isWord(c):
		e.skip(dir, 1, false, isWord)
	case isPunct(c):
		e.skip(dir, 1, false, isPunct)
	}
}

// bigWord is W, B or E: words between blanks.
func (e *Editor) bigWord(k key.Key) {
	dir := 1
	if k == 'B' {
		dir = -1
	}
	text := func(r rune) bool { return !isSpace(r) && r != 0 || r == '\n' }
	if k == 'W' || isSpace(e.at(e.step(e.dot, dir))) {
		e.skip(dir, 1, true, text)
		e.skip(dir, 2, true, isSpace)
	}
	if k != 'W' {
		e.skip(dir, 1, false, text)
	}
}

// indentOf is how many bytes of blanks a line begins with.
func (e *Editor) indentOf(start int) int {
	n := 0
	for strings.IndexByte(" \t", e.text[start+n]) >= 0 {
		n++
	}
	return n
}
