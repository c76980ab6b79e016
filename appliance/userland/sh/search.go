package sh

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/appliance/userland/screen"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// A search goes backward through the history (^R).
type search struct {
	history *history
	text    string
	at      int // of the line that was found; -1: none
}

// find looks for a line that has the text, at and behind one.
func (f *search) find(from int) bool {
	for i := from; i < f.history.Len(); i++ {
		if strings.Contains(f.history.At(i), f.text) {
			f.at = i
			return true
		}
	}
	return false
}

// line is what was found.
func (f *search) line() string {
	if f.at < 0 {
		return ""
	}
	return f.history.At(f.at)
}

// key changes the search by a key. It reports false for one that ends it.
func (f *search) key(c string) bool {
	switch {
	case c == string(rune(ctrlR)):
		f.find(f.at + 1)
	case c == "\x7f" || c == "\b":
		_, size := utf8.DecodeLastRuneInString(f.text)
		f.text = f.text[:len(f.text)-size]
		f.at = -1
		if f.text != "" {
			f.find(0)
		}
	case c[0] >= ' ' && c[0] != 0x7f:
		f.text += c
		f.find(max(f.at, 0))
	default:
		return false
	}
	return true
}

// search has the keys until one ends it: Enter runs the line that was found, ^G and ^C give back the one that
// was typed, any other key edits what was found.
func (e *editor) search() error {
	f := &search{history: e.history, at: -1}
	e.write(e.text.Leave(e.columns))
	for {
		e.show(f)
		c, err := e.key()
		if err != nil && !errors.Is(err, errInterrupt) {
			return err
		}
		if err == nil && f.key(c) {
			continue
		}
		e.write([]byte("\r\x1b[K"))
		if err != nil || c == string(rune(ctrlG)) {
			return nil
		}
		if line := f.line(); line != "" {
			e.text.Set(line, len(line))
		}
		e.keys.out = []byte(c)
		return nil
	}
}

// show draws the search on one line.
func (e *editor) show(f *search) {
	text := printable.String("(search) " + f.text + ": " + f.line())
	for displayed(text) >= e.columns {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	e.write([]byte("\r\x1b[J" + text))
}

// key reads one key: a character, or a sequence.
func (e *editor) key() (string, error) {
	buf := make([]byte, 16)
	n, err := e.keys.Read(buf)
	for err == nil && !utf8.FullRune(buf[:n]) && n < utf8.UTFMax {
		var more int
		more, err = e.keys.Read(buf[n : n+1])
		n += more
	}
	return string(buf[:n]), err
}

// displayed is how many columns a text takes.
func displayed(text string) int { return len(screen.Text(text, "")) }
