package cli

import (
	"bytes"
	"io"
	"strings"
)

// paragraphs is a writer of lines with empty ones between them.
type paragraphs struct {
	w     io.Writer
	held  int  // empty lines that are not yet written
	begun bool // the present line has text
}

// Paragraphs returns a writer to which an empty line is the beginning of another paragraph: behind the last
// there is none.
func Paragraphs(w io.Writer) io.Writer { return &paragraphs{w: w} }

// Write implements io.Writer.
func (p *paragraphs) Write(text []byte) (int, error) {
	body := bytes.TrimRight(text, "\n")
	ends := len(text) - len(body)
	var out []byte
	if len(body) > 0 {
		out = append(out, strings.Repeat("\n", p.held)...)
		out, p.held, p.begun = append(out, body...), 0, true
	}
	if p.begun && ends > 0 {
		out, p.begun = append(out, '\n'), false
		ends--
	}
	p.held += ends
	if _, err := p.w.Write(out); err != nil {
		return 0, err
	}
	return len(text), nil
}
