package vi

import (
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
)

// enter begins to insert.
func (e *Editor) enter(k key.Key) {
	e.mode = Insert
	switch k {
	case 'I':
		e.lineBegin()
	case 'A':
		e.dot = e.lineEnd(e.dot)
	case 'a':
		if e.text[e.dot] != '\n' {
			e.dot = e.next(e.dot)
		}
	case 'R':
		e.mode = Replace
	case 's':
		e.deleteChars(e.count())
	case 'S':
		e.pending.operator = 'c'
		e.operate('c', 0)
	case 'C':
		e.cut(e.dot, e.lineEnd(e.dot), false)
	case 'o':
		e.dot = e.lineEnd(e.dot)
		e.insertText("\n" + e.newIndent(e.dot))
	case 'O':
		e.dot = e.lineStart(e.dot)
		start, indent := e.dot, e.newIndent(e.dot)
		e.insertText(indent + "\n")
		e.dot = start + len(indent)
	}
}

// newIndent is what a new line after that of p begins with.
func (e *Editor) newIndent(p int) string {
	if !e.options.autoIndent {
		return ""
	}
	start := e.lineStart(p)
	return string(e.text[start : start+e.indentOf(start)])
}

// insertText inserts before the cursor.
func (e *Editor) insertText(s string) {
	if e.change(e.dot, e.dot, []byte(s)) {
		e.dot += len(s)
	}
}

// inserted is the text of a key; "": it has none.
func inserted(k key.Key) string {
	switch {
	case k < 0 || k == key.Escape || k == 0:
		return ""
	case k == key.Enter:
		return "\n"
	}
	return string(rune(k))
}

// insertKey is a key while text is typed.
func (e *Editor) insertKey(k key.Key) {
	if e.literal {
		e.literal = false
		if k > 0 {
			e.insertText(string(rune(k)))
		}
		return
	}
	switch k {
	case key.Escape, key.Ctrl('C'):
		e.endInsert()
	case key.Ctrl('V'):
		e.literal = true
	case key.Backspace, key.Rubout:
		e.rubOut()
	case key.Ctrl('D'):
		e.lessIndent()
	case key.Up, key.Down, key.Left, key.Right, key.Home, key.End, key.PageUp, key.PageDown:
		e.commit()
		e.pending.count = 0
		e.move(k, 0)
	case key.Delete:
		if e.dot < e.last() {
			e.change(e.dot, e.next(e.dot), nil)
		}
	case key.Insert:
		e.mode = Insert + Replace - e.mode
	default:
		e.typed(k)
	}
}

// endInsert goes back to commands, and the cursor on what was typed last.
func (e *Editor) endInsert() {
	e.mode = Command
	start := e.lineStart(e.dot)
	indent := e.indentOf(start)
	if e.options.autoIndent && indent > 0 && e.text[start+indent] == '\n' && e.dot == start+indent {
		e.change(start, start+indent, nil) // nothing was typed behind it
		e.dot = start
	} else if e.dot > start {
		e.dot = e.prev(e.dot)
	}
	e.stopRecording()
	e.commit()
}

// typed is a character.
func (e *Editor) typed(k key.Key) {
	s := inserted(k)
	switch {
	case s == "\n":
		s += e.newIndent(e.dot)
	case s == "\t" && e.options.expandTab:
		tab := e.options.tabStop
		s = strings.Repeat(" ", tab-e.columnOf(e.dot)%tab)
	}
	if s == "" {
		return
	}
	if e.mode == Replace {
		if e.text[e.dot] == '\n' {
			e.mode = Insert
		} else if e.change(e.dot, e.next(e.dot), []byte(s)) {
			e.dot += len(s)
			return
		}
	}
	e.insertText(s)
}

// rubOut takes the character before the cursor away; while replacing it only goes back.
func (e *Editor) rubOut() {
	if e.dot == 0 {
		return
	}
	before := e.prev(e.dot)
	if e.mode == Insert {
		e.change(before, e.dot, nil)
	}
	e.dot = before
}

// lessIndent takes a tab off what the line begins with.
func (e *Editor) lessIndent() {
	start := e.lineStart(e.dot)
	first := start + e.indentOf(start)
	column := e.columnOf(first)
	if column == 0 {
		return
	}
	keep := e.placeAt(start, (column-1)/e.options.tabStop*e.options.tabStop)
	if keep < first && e.change(keep, first, nil) {
		e.dot = max(e.dot-(first-keep), keep)
	}
}
