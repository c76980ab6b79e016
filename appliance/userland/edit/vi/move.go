package vi

import (
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
)

// find is the last search for a character in a line.
type find struct {
	command, char key.Key
}

// move moves the cursor, which may come to stand on a newline. known: k is a move; ok: it could be made.
func (e *Editor) move(k, c key.Key) (known, ok bool) {
	n := e.count()
	switch k {
	case 'h', key.Left, key.Backspace, key.Rubout:
		for ; n > 0 && e.dot > e.lineStart(e.dot); n-- {
			e.dot = e.prev(e.dot)
		}
	case 'l', ' ', key.Right:
		for ; n > 0 && e.at(e.dot) != '\n'; n-- {
			e.dot = e.next(e.dot)
		}
	case '0', key.Home:
		e.dot = e.lineStart(e.dot)
	case '^':
		e.lineBegin()
	case '$', key.End:
		for e.dot = e.lineEnd(e.dot); n > 1 && e.dot < e.last(); n-- {
			e.dot = e.lineEnd(e.dot + 1)
		}
		e.column, e.keep = far, true
	case '|':
		e.dot = e.placeAt(e.dot, e.pending.count-1)
	case 'w', 'W', 'b', 'B', 'e', 'E':
		e.moveWords(k, n)
	case 'f', 'F', 't', 'T':
		e.find = find{k, c}
		return true, e.findChar(k, n)
	case ';':
		return true, e.findChar(e.find.command, n)
	case ',':
		return true, e.findChar(e.find.command^0x20, n)
	case '%':
		return true, e.matchPair()
	case '{', '}':
		for ; n > 0; n-- {
			e.moveParagraph(k == '}')
		}
	case 'n', 'N', '/', '?':
		return true, e.searchAgain(n, e.forward == (k != 'N'))
	default:
		return e.moveLines(k, c, n)
	}
	return true, true
}

// moveLines are the moves between lines.
func (e *Editor) moveLines(k, c key.Key, n int) (known, ok bool) {
	half, page := max((e.rows-2)/2, 1), max(e.rows-2, 1)
	switch k {
	case 'j', key.Down, key.Ctrl('J'), '+', key.Enter:
		return true, e.moveVertical(n, e.nextLine, k == '+' || k == key.Enter)
	case 'k', key.Up, '-':
		return true, e.moveVertical(n, e.prevLine, k == '-')
	case 'G', 'g':
		if k == 'g' && c != 'g' {
			return true, e.fail()
		}
		from := e.dot
		if e.dot = e.last(); e.pending.count > 0 || k == 'g' {
			e.dot = e.line(n)
		}
		e.lineBegin()
		e.jumped(from)
	case 'H', 'L', 'M':
		e.moveOnScreen(k, n)
	case '\'':
		return true, e.moveToMark(c)
	case key.Ctrl('F'), key.PageDown:
		e.scroll(page)
	case key.Ctrl('B'), key.PageUp:
		e.scroll(-page)
	case key.Ctrl('D'):
		e.scroll(half)
	case key.Ctrl('U'):
		e.scroll(-half)
	case key.Ctrl('E'):
		e.scroll(1)
	case key.Ctrl('Y'):
		e.scroll(-1)
	default:
		return false, false
	}
	return true, true
}

// lineBegin goes to the first character of the line that is no blank.
func (e *Editor) lineBegin() {
	e.dot = e.lineStart(e.dot)
	e.skipBlank()
}

func (e *Editor) skipBlank() {
	for isSpace(e.at(e.dot)) && e.at(e.dot) != '\n' && e.dot < e.last() {
		e.dot++
	}
}

// moveVertical goes n lines on, or not at all.
func (e *Editor) moveVertical(n int, line func(int) (int, bool), begin bool) bool {
	p := e.dot
	for ; n > 0; n-- {
		next, ok := line(p)
		if !ok {
			return e.fail()
		}
		p = next
	}
	if e.dot = p; begin {
		e.lineBegin()
		return true
	}
	e.dot, e.keep = e.placeAt(p, e.column), true
	return true
}

// placeAt is the character of a line that is in a column, or its newline.
func (e *Editor) placeAt(p, column int) int {
	p = e.lineStart(p)
	for at := 0; e.text[p] != '\n'; p = e.next(p) {
		if at = e.columnAfter(p, at); at > column {
			break
		}
	}
	return p
}

// findChar looks for a character in the line.
func (e *Editor) findChar(command key.Key, n int) bool {
	if e.find.char == 0 {
		return e.fail()
	}
	dir := 1
	if command == 'F' || command == 'T' {
		dir = -1
	}
	p := e.dot
	for ; n > 0; n-- {
		for {
			p = e.step(p, dir)
			if p < 0 || p >= e.last() || e.text[p] == '\n' {
				return e.fail()
			}
			if e.at(p) == rune(e.find.char) {
				break
			}
		}
	}
	if command == 't' || command == 'T' {
		p = e.step(p, -dir)
	}
	e.dot = p
	return true
}

const pairs = "()[]{}"

// matchPair goes to the other of the first bracket of the line's rest.
func (e *Editor) matchPair() bool {
	p := e.dot
	for ; strings.IndexByte(pairs, e.text[p]) < 0; p++ {
		if e.text[p] == '\n' {
			return e.fail()
		}
	}
	own := e.text[p]
	i := strings.IndexByte(pairs, own)
	other, dir := pairs[i^1], 1-2*(i&1)
	for level := 1; ; {
		if p += dir; p < 0 || p > e.last() {
			return e.fail()
		}
		switch e.text[p] {
		case own:
			level++
		case other:
			if level--; level == 0 {
				from := e.dot
				e.dot = p
				e.jumped(from)
				return true
			}
		}
	}
}

// moveParagraph goes to the next empty line behind text, or to the end of the text.
func (e *Editor) moveParagraph(forward bool) {
	empty := func(p int) bool { return e.text[e.lineStart(p)] == '\n' }
	from, p, seen := e.dot, e.lineStart(e.dot), false
	for {
		seen = seen || !empty(p)
		line := e.prevLine
		if forward {
			line = e.nextLine
		}
		next, ok := line(p)
		if !ok {
			break
		}
		if p = next; seen && empty(p) {
			e.dot = p
			e.jumped(from)
			return
		}
	}
	if e.dot = 0; forward {
		e.dot = e.last()
	}
	e.jumped(from)
}

// jumped keeps where the cursor was before a jump.
func (e *Editor) jumped(from int) { e.marks[unnamed] = from }

// moveToMark goes to the line of a mark, 'a, or to the one before the last jump.
func (e *Editor) moveToMark(c key.Key) bool {
	i := markIndex(c)
	if c == '\'' {
		i = unnamed
	}
	if i < 0 || e.marks[i] < 0 {
		return e.fail()
	}
	from := e.dot
	e.dot = e.marks[i]
	e.lineBegin()
	e.jumped(from)
	return true
}
