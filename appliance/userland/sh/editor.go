package sh

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/appliance/userland/sh/prompt"
)

// maxHistory is how many lines the arrow keys find.
const maxHistory = 500

// editor reads lines from a terminal.
type editor struct {
	tty      *terminal
	keys     *keys
	text     prompt.Line
	history  *history
	at       int    // of the line of the history that is edited; -1: a new one
	pending  string // the new one meanwhile
	columns  int    // of the window
	complete func(line string, pos int) (completion, bool)
}

// completion is what the Tab key makes of a line, or what it could make of it.
type completion struct {
	line    string
	pos     int // of the cursor, in bytes
	choices string
}

func newEditor(tty *terminal, complete func(string, int) (completion, bool)) *editor {
	e := &editor{tty: tty, history: &history{}, complete: complete}
	e.keys = &keys{in: tty.lines}
	return e
}

// write writes to the terminal, which makes a line feed a new line itself. A hang-up shows at the next read.
func (e *editor) write(p []byte) {
	_, _ = e.tty.lines.Write(bytes.ReplaceAll(p, []byte("\r\n"), []byte("\n")))
}

// draw shows the line, in a window whose size may have changed.
func (e *editor) draw() {
	e.columns, _ = e.tty.size()
	e.write(e.text.Draw(e.columns))
}

// line reads a line and returns it with its newline. It fails with errInterrupt at ^C and with io.EOF at ^D
// in an empty line, and when the terminal has hung up.
func (e *editor) line(text string) (string, error) {
	e.tty.raw() // and it stays so until a command runs: ^C and ^D are keys
	e.text = prompt.Line{Prompt: text}
	e.at = -1
	for {
		if len(e.keys.out) == 0 {
			e.draw()
		}
		key, err := e.key()
		if err == nil {
			var whole bool
			if whole, err = e.press(key); err == nil && !whole {
				continue
			}
		}
		e.text.Go(prompt.End) // what is written next is behind it, perhaps rows below
		e.draw()
		switch {
		case errors.Is(err, errInterrupt):
			e.write([]byte("^C\n"))
			return "", errInterrupt
		case err != nil:
			e.write([]byte("\n"))
			return "", io.EOF
		}
		e.write([]byte("\n"))
		line := e.text.String()
		e.history.Add(line)
		return line + "\n", nil
	}
}

// press does what a key means. It reports whether the line is whole.
func (e *editor) press(key string) (whole bool, err error) {
	switch key {
	case "\r", "\n":
		return true, nil
	case string(rune(ctrlD)):
		if e.text.String() == "" {
			return false, io.EOF
		}
		e.text.Delete(prompt.Right)
	case string(rune(ctrlR)):
		return false, e.search()
	case "\t":
		e.tab()
	case string(rune(ctrlL)):
		e.text.Forget()
		e.write([]byte("\x1b[H\x1b[J"))
	case "\x1b[A", string(rune(ctrlP)):
		e.recall(e.at + 1)
	case "\x1b[B", string(rune(ctrlN)):
		e.recall(e.at - 1)
	case string(rune(ctrlT)):
		e.text.Transpose()
	default:
		e.edit(key)
	}
	return false, nil
}

// edit is for keys that concern the line alone.
func (e *editor) edit(key string) {
	switch key {
	case "\x1b[D", string(rune(ctrlB)):
		e.text.Go(prompt.Left)
	case "\x1b[C", string(rune(ctrlF)):
		e.text.Go(prompt.Right)
	case string(rune(ctrlA)):
		e.text.Go(prompt.Start)
	case string(rune(ctrlE)):
		e.text.Go(prompt.End)
	case wordLeft:
		e.text.Go(prompt.WordLeft)
	case wordRight:
		e.text.Go(prompt.WordRight)
	case string(rune(del)), "\b":
		e.text.Delete(prompt.Left)
	case "\x1b[3~":
		e.text.Delete(prompt.Right)
	case string(rune(ctrlW)):
		e.text.Delete(prompt.WordLeft)
	case string(rune(ctrlU)):
		e.text.Delete(prompt.Start)
	case string(rune(ctrlK)):
		e.text.Delete(prompt.End)
	default:
		if key[0] >= ' ' { // other control characters and sequences mean nothing
			r, _ := utf8.DecodeRuneInString(key)
			e.text.Type(r)
		}
	}
}

// recall edits a line of the history; -1 is the new one.
func (e *editor) recall(at int) {
	if at < -1 || at >= e.history.Len() {
		return
	}
	if e.at == -1 {
		e.pending = e.text.String()
	}
	line := e.pending
	if e.at = at; at >= 0 {
		line = e.history.At(at)
	}
	e.text.Set(line, len(line))
}

// tab completes what is before the cursor.
func (e *editor) tab() {
	if e.tty.waiting() { // nobody types that fast: it is pasted
		e.text.Type('\t')
		return
	}
	c, ok := e.complete(e.text.String(), e.text.Pos())
	if !ok {
		return
	}
	if c.choices != "" {
		e.write(append(e.text.Leave(e.columns), c.choices...))
	}
	e.text.Set(c.line, c.pos)
}

// history holds the last lines, without empty ones and repetitions.
type history struct {
	lines []string // the oldest first
}

// Add is called for every line that was read.
func (h *history) Add(line string) {
	if line == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	if len(h.lines) == maxHistory {
		h.lines = h.lines[1:]
	}
	h.lines = append(h.lines, line)
}

// Len is the number of lines.
func (h *history) Len() int { return len(h.lines) }

// At returns a line; 0 is the latest.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }
