// Package printable makes text of strangers safe to show: in a log, in a table, on a terminal.
//
// What comes out is valid UTF-8 of printable characters only, so that no escape sequence, line break or
// change of the writing direction forges other lines or acts on the reader's terminal. What is not printable
// becomes a Go escape (\x1b, \u202e), a tab four spaces. Printable text comes out as it is, also where it
// looks like an escape: what was meant cannot be had back. Whether a name is a permitted one is left to
// whoever gives names.
package printable

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// String returns s for a terminal, in one line.
func String(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	var b strings.Builder
	for s != "" {
		piece, size := first(s)
		b.WriteString(piece)
		s = s[size:]
	}
	return b.String()
}

// Cut returns s as String does, but of more than limit bytes only the first, at most limit, and "…".
func Cut(s string, limit int) string {
	var b strings.Builder
	for s != "" {
		piece, size := first(s)
		if b.Len()+len(piece) > limit {
			b.WriteString("…")
			break
		}
		b.WriteString(piece)
		s = s[size:]
	}
	return b.String()
}

// first is what stands for the first character of s, and how many bytes of s that has.
func first(s string) (piece string, size int) {
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == '\t':
		return "    ", size
	case r == utf8.RuneError && size == 1 || r < utf8.RuneSelf && !unicode.IsPrint(r):
		return fmt.Sprintf(`\x%02x`, s[0]), size
	case unicode.IsPrint(r):
		return s[:size], size
	case r > 0xffff:
		return fmt.Sprintf(`\U%08x`, r), size
	}
	return fmt.Sprintf(`\u%04x`, r), size
}

type writer struct{ w io.Writer }

// Writer returns a writer that writes to w as String does, but for ends of lines, which are kept. A character
// in two writes is escaped.
func Writer(w io.Writer) io.Writer { return writer{w} }

// Write implements io.Writer.
func (c writer) Write(p []byte) (int, error) {
	lines := strings.Split(string(p), "\n")
	for i, line := range lines {
		lines[i] = String(line)
	}
	if _, err := io.WriteString(c.w, strings.Join(lines, "\n")); err != nil {
		return 0, err
	}
	return len(p), nil
}

type output struct{ w io.Writer }

// Output returns a writer for all that a command says, text or JSON. Ends of lines and tabs are kept; what
// else is not printable becomes an escape of JSON (\u001b), so that JSON remains what it was to programs. It
// is the last look at what goes to a terminal, and knows no longer what was one line: whoever makes lines of
// text of strangers does so with String. A character in two writes is escaped.
func Output(w io.Writer) io.Writer { return output{w} }

// Write implements io.Writer.
func (c output) Write(p []byte) (int, error) {
	var b strings.Builder
	for s := string(p); s != ""; {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1: // no text, and so no JSON
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r == '\n' || r == '\t' || unicode.IsPrint(r):
			b.WriteString(s[:size])
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
		s = s[size:]
	}
	if _, err := io.WriteString(c.w, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}
