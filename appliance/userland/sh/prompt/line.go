// Package prompt is a line that a person types behind a prompt: what keys make of it, and what a terminal
// must be sent to show it. It is pure; which keys there are, and what is beside the line (history,
// completion), is left to the shell.
//
//	keys ──► Line: text, cursor ──► cells in rows ──► what differs from what is shown ──► terminal
//
// A character is one with what is combined with it: the cursor is never between them. It takes the columns
// that package screen says, two if it is wide. Control characters and what cannot be seen are shown as text,
// so nothing in a line acts on the terminal.
package prompt

import "unicode"

// MaxLength is how many code points a line may have; more are not taken.
const MaxLength = 4096

// A Line is a line that is edited. The zero Line is empty, on a terminal about which nothing is known.
type Line struct {
	Prompt string
	text   []rune
	pos    int // of the cursor in text
	shown  view
}

// String is the text.
func (l *Line) String() string { return string(l.text) }

// Pos is where the cursor is, in bytes of the text.
func (l *Line) Pos() int { return len(string(l.text[:l.pos])) }

// Set replaces the text, and puts the cursor behind the first pos bytes.
func (l *Line) Set(text string, pos int) {
	l.text, l.pos = []rune(text), len([]rune(text[:pos]))
}

// Type puts a character before the cursor.
func (l *Line) Type(r rune) {
	if len(l.text) >= MaxLength {
		return
	}
	l.text = append(l.text, 0)
	copy(l.text[l.pos+1:], l.text[l.pos:])
	l.text[l.pos] = r
	l.pos++
}

// combined reports whether the code point at i belongs to the one before.
func (l *Line) combined(i int) bool {
	return i > 0 && i < len(l.text) && unicode.In(l.text[i], unicode.Mn, unicode.Me)
}

// A Place is where the cursor can go to.
type Place int

// The places.
const (
	Start Place = iota
	End
	Left      // a character
	Right     // a character
	WordLeft  // the beginning of this word, or of the one before
	WordRight // the beginning of the next word
)

// at is where a place is.
func (l *Line) at(p Place) int {
	i := l.pos
	switch p {
	case Start:
		return 0
	case End:
		return len(l.text)
	case Left:
		for i = max(i-1, 0); l.combined(i); i-- {
		}
	case Right:
		for i = min(i+1, len(l.text)); l.combined(i); i++ {
		}
	case WordLeft:
		for i > 0 && l.text[i-1] == ' ' {
			i--
		}
		for i > 0 && l.text[i-1] != ' ' {
			i--
		}
	case WordRight:
		for i < len(l.text) && l.text[i] != ' ' {
			i++
		}
		for i < len(l.text) && l.text[i] == ' ' {
			i++
		}
	}
	return i
}

// Go moves the cursor.
func (l *Line) Go(p Place) { l.pos = l.at(p) }

// Delete deletes what is between the cursor and a place.
func (l *Line) Delete(p Place) {
	from, to := min(l.pos, l.at(p)), max(l.pos, l.at(p))
	l.text = append(l.text[:from], l.text[to:]...)
	l.pos = from
}

// Transpose exchanges the characters on both sides of the cursor, at the end the last two, and goes behind
// them.
func (l *Line) Transpose() {
	before := l.pos
	if l.pos == len(l.text) {
		l.Go(Left)
	}
	from, to := l.at(Left), l.at(Right)
	if from == l.pos {
		l.pos = before
		return
	}
	both := append(append([]rune(nil), l.text[l.pos:to]...), l.text[from:l.pos]...)
	copy(l.text[from:], both)
	l.pos = to
}
