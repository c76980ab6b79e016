package vi

import (
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
)

// maxLine is how long a line after : or / may be, in bytes.
const maxLine = 1024

// A lineInput is a line that is typed at the bottom of the screen.
type lineInput struct {
	prompt  byte // : / or ?
	text    []byte
	literal bool
}

// lineKey is a key of it.
func (e *Editor) lineKey(k key.Key) {
	l := e.input
	switch {
	case l.literal && k >= 0:
		l.literal = false
		e.lineType(k)
	case k == key.Enter || k == key.Ctrl('J'):
		e.input = nil
		e.lineDone(l.prompt, string(l.text))
	case k == key.Escape || k == key.Ctrl('C'):
		e.input = nil
		e.done()
	case k == key.Backspace || k == key.Rubout:
		if len(l.text) == 0 {
			e.input = nil
			e.done()
			return
		}
		_, size := utf8.DecodeLastRune(l.text)
		l.text = l.text[:len(l.text)-size]
	case k == key.Ctrl('U'):
		l.text = nil
	case k == key.Ctrl('V'):
		l.literal = true
	case k > 0:
		e.lineType(k)
	}
}

func (e *Editor) lineType(k key.Key) {
	if len(e.input.text) < maxLine {
		e.input.text = utf8.AppendRune(e.input.text, rune(k))
	}
}

// lineDone is a line that is complete.
func (e *Editor) lineDone(prompt byte, text string) {
	if prompt == ':' {
		e.pending = pending{register: e.pending.register}
		e.colon(text)
		e.done()
		return
	}
	if !e.setPattern(text) {
		e.done()
		return
	}
	e.forward = prompt == '/'
	e.execute(key.Key(prompt), 0)
}
