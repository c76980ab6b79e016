package sh

import (
	"bytes"
	"errors"
	"io"

	"golang.org/x/term"
)

// maxHistory is how many lines the arrow keys find.
const maxHistory = 500

// editor reads lines from a terminal.
type editor struct {
	tty      *terminal
	keys     *keys
	term     *term.Terminal
	history  *history
	prompt   string
	columns  int    // of the window
	typed    string // before ^R
	row      int    // of the cursor then, from that of the prompt
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
	e.keys = &keys{in: tty.lines, resize: e.resize}
	e.renew()
	return e
}

// renew starts with an empty line; a Terminal does not after ^C and ^D.
func (e *editor) renew() {
	e.term = term.NewTerminal(e, "")
	e.term.History = e.history
	e.term.AutoCompleteCallback = e.tab
}

// Read is for the Terminal.
func (e *editor) Read(p []byte) (int, error) { return e.keys.Read(p) }

// Write is for the Terminal. The tty makes a line feed a new line itself.
func (e *editor) Write(p []byte) (int, error) {
	_, err := e.tty.lines.Write(bytes.ReplaceAll(p, []byte("\r\n"), []byte("\n")))
	return len(p), err
}

// resize follows the size of the window. It fails only when the terminal does.
func (e *editor) resize() {
	columns, rows := e.tty.size()
	e.columns = columns
	_ = e.term.SetSize(columns, rows)
}

// line reads a line and returns it with its newline. It fails with errInterrupt at ^C and with io.EOF at ^D
// in an empty line, and when the terminal has hung up.
func (e *editor) line(prompt string) (string, error) {
	e.tty.raw() // and it stays so until a command runs: ^C and ^D are keys
	e.resize()
	e.prompt = prompt
	e.term.SetPrompt(prompt)
	line, err := e.term.ReadLine()
	for errors.Is(err, errSearch) {
		if err = e.search(prompt); err == nil {
			line, err = e.term.ReadLine()
		}
	}
	switch {
	case err == nil || errors.Is(err, term.ErrPasteIndicator):
		return line + "\n", nil
	case errors.Is(err, errInterrupt):
		e.toEnd()
		_, _ = io.WriteString(e, "^C\r\n") // the next prompt fails as well
		e.renew()
		return "", errInterrupt
	}
	_, _ = io.WriteString(e, "\r\n")
	e.renew()
	return "", io.EOF
}

// toEnd moves the cursor to the end of the line, which may be rows below, so that what is written next is
// behind it.
func (e *editor) toEnd() {
	e.keys.out, e.keys.interrupts = []byte{ctrlE}, true
	_, _ = e.term.ReadLine() // it ends as it did before
}

// tab is called for every key that the Terminal has no meaning for.
func (e *editor) tab(line string, pos int, key rune) (string, int, bool) {
	if key == ctrlR {
		e.typed, e.keys.searches = line, true
		e.row = (displayed(e.prompt) + displayed(line[:pos])) / e.columns
		return "", 0, false
	}
	if key != '\t' {
		return "", 0, false
	}
	if e.tty.waiting() { // nobody types that fast: it is pasted
		return line[:pos] + "\t" + line[pos:], pos + 1, true
	}
	c, ok := e.complete(line, pos)
	if !ok {
		return "", 0, false
	}
	if c.choices != "" {
		_, _ = e.term.Write([]byte(c.choices)) // a hang-up shows at the next read
	}
	return c.line, c.pos, true
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
