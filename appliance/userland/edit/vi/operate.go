package vi

import (
	"bytes"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
)

// A span is what an operator is for: the text from one place to another.
type span struct {
	from, to int  // to is not part of it
	whole    bool // whole lines
	part     bool // of one line: it begins at no newline
}

// operate is d, c, y, < or > with a move.
func (e *Editor) operate(k, c key.Key) {
	operator := e.pending.operator
	e.pending.operator = 0
	from := e.dot
	s, ok := e.span(operator, k, c)
	if !ok {
		e.dot = from
		e.fail()
		return
	}
	switch operator {
	case '<', '>':
		e.shift(s, operator == '>')
		return
	case 'y':
		e.dot = s.from
	}
	if s.whole {
		s.from, s.to = e.lineStart(s.from), min(e.lineEnd(s.to)+1, len(e.text))
	} else if s.part && e.text[s.from] == '\n' {
		s.to = s.from
	}
	if s.to > s.from {
		e.yank(s.from, s.to, s.whole)
	}
	switch {
	case operator == 'd':
		e.remove(s)
	case operator == 'c' && s.whole:
		if e.change(s.from, s.to-1, nil) {
			e.dot, e.mode = s.from, Insert
		}
	case operator == 'c':
		e.remove(s)
		e.mode = Insert
	}
}

func (e *Editor) remove(s span) {
	e.change(s.from, s.to, nil)
	if e.dot = min(s.from, e.last()); s.whole {
		e.lineBegin()
	}
}

// span makes the move k, and says what it went over. Of whole lines, to is in the last.
func (e *Editor) span(operator, k, c key.Key) (s span, ok bool) {
	from := e.dot
	if k == operator {
		if n := e.count(); n > 1 && !e.moveVertical(n-1, e.nextLine, false) {
			return s, false
		}
		return span{from: from, to: e.dot, whole: true}, true
	}
	known, ok := e.move(k, c)
	newline := e.at(e.dot) == '\n' && e.dot > e.lineStart(e.dot) && (k == 'l' || k == ' ' || k == key.Right)
	e.offEnd()
	switch {
	case !known || !ok && (e.dot == from || among(k, "jk+-'G")):
		return s, false
	case among(k, "GHL+-gjk'\r\n") || k == key.Up || k == key.Down:
		return span{from: min(from, e.dot), to: max(from, e.dot), whole: true}, true
	case among(k, "l ") || k == key.Right:
		if newline || e.dot == from {
			e.dot = e.next(e.dot) // the last character of the line with it
		}
		return span{from: from, to: e.dot, part: true}, true
	case among(k, "wW"):
		return e.wordSpan(operator, k, from), true
	case e.dot == from || !among(k, "^%$0bBeEfFtThnN/?|{};,\b\x7f") && k > 0:
		return s, false
	case among(k, "{}"):
		return e.paragraphSpan(min(from, e.dot), max(from, e.dot)), true
	}
	s = span{from: min(from, e.dot), to: max(from, e.dot), part: !among(k, "nN/?")}
	if among(k, "$%eEft;,") && !(among(k, ";,") && e.dot < from) || k == key.End {
		s.to = e.next(s.to)
	}
	return s, true
}

// wordSpan leaves out the blanks that w has gone over at an end of line, and with c all of them.
func (e *Editor) wordSpan(operator, k key.Key, from int) span {
	atEnd := e.dot >= e.lineLast(e.last()) || e.dot == e.last()
	if e.dot > from && (!atEnd || k == 'w' && isPunct(e.at(e.dot))) {
		e.dot = e.prev(e.dot)
	}
	end := e.dot
	for e.dot > from && isSpace(e.at(e.dot)) {
		newline := e.at(e.dot) == '\n'
		if e.dot = e.prev(e.dot); newline {
			end = e.dot
		}
	}
	if operator != 'c' && e.dot != end && e.at(e.dot) != '\n' {
		e.dot = end
	}
	return span{from: from, to: e.next(e.dot)}
}

func (e *Editor) paragraphSpan(from, to int) span {
	atEnd := to >= e.lineLast(e.last())
	s := span{from: from, to: to, whole: from == e.lineStart(from) && (e.text[to] == '\n' || atEnd)}
	if !atEnd {
		s.to = e.prev(s.to)
		if s.to > from && from != e.lineStart(from) {
			s.to = e.prev(s.to)
		}
	}
	if !s.whole {
		s.to = e.next(max(s.to, from))
	}
	return s
}

// shift moves lines by a tab.
func (e *Editor) shift(s span, right bool) {
	start, end := e.lineStart(s.from), min(e.lineEnd(s.to)+1, len(e.text))
	number := e.number(s.from)
	var out bytes.Buffer
	for line := range bytes.Lines(e.text[start:end]) {
		switch {
		case right && len(line) > 1:
			out.WriteByte('\t')
		case !right && line[0] == '\t':
			line = line[1:]
		case !right:
			for n := 0; n < e.options.tabStop && line[0] == ' '; n++ {
				line = line[1:]
			}
		}
		out.Write(line)
	}
	e.change(start, end, out.Bytes())
	e.dot = e.line(number)
	e.skipBlank()
}

// deleteChars is x.
func (e *Editor) deleteChars(n int) {
	to := e.dot
	for ; n > 0 && e.text[to] != '\n'; n-- {
		to = e.next(to)
	}
	e.cut(e.dot, to, false)
}

func (e *Editor) deleteBefore(n int) {
	to := e.dot
	for start := e.lineStart(to); n > 0 && e.dot > start; n-- {
		e.dot = e.prev(e.dot)
	}
	e.cut(e.dot, to, false)
}

// cut takes text away, into the register.
func (e *Editor) cut(from, to int, whole bool) {
	if to > from {
		e.yank(from, to, whole)
		e.change(from, to, nil)
	}
}

// join is J: the line after this one is joined to it, with a blank for what it begins with.
func (e *Editor) join() {
	from := e.lineEnd(e.dot)
	end := from
	var out []byte
	at := from
	for n := e.count(); n > 0 && end < e.last(); n-- {
		to := end + 1
		for to < e.last() && isBlank(rune(e.text[to])) {
			to++
		}
		at = from + len(out) + 1
		end = e.lineEnd(to)
		out = append(append(out, ' '), e.text[to:end]...)
	}
	if end > from && !e.change(from, end, out) {
		return
	}
	e.dot = at
}

// replaceChars is r.
func (e *Editor) replaceChars(c key.Key) {
	n, to := e.count(), e.dot
	for range n {
		if e.text[to] == '\n' {
			e.fail()
			return
		}
		to = e.next(to)
	}
	with := inserted(c)
	if with == "" {
		return
	}
	from := e.dot
	if e.change(from, to, []byte(strings.Repeat(with, n))) {
		if e.dot = from + n*len(with); e.dot > e.lineStart(e.dot) {
			e.dot = e.prev(e.dot)
		}
	}
}

// flipCase is ~.
func (e *Editor) flipCase() {
	from, to := e.dot, e.dot
	var out []byte
	for n := e.count(); n > 0 && e.text[to] != '\n'; n-- {
		r := e.at(to)
		next := e.next(to)
		if flipped := flip(r); flipped != r {
			out = append(out, string(flipped)...)
		} else {
			out = append(out, e.text[to:next]...)
		}
		to = next
	}
	if !bytes.Equal(out, e.text[from:to]) {
		if !e.change(from, to, out) {
			return
		}
	}
	e.dot = from + len(out)
}
