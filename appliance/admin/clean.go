package admin

import (
	"bytes"
	"io"
	"unicode"
	"unicode/utf8"
)

// cleaner keeps what clients call themselves, and whatever else came from outside,
// from acting on a terminal: only printable characters and ends of lines pass.
type cleaner struct{ w io.Writer }

// clean returns a writer for text that has words of strangers in it.
func clean(w io.Writer) io.Writer { return cleaner{w} }

// Write implements io.Writer.
func (c cleaner) Write(p []byte) (int, error) {
	safe := bytes.Map(func(r rune) rune {
		if r == '\n' || r != utf8.RuneError && unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, p)
	if _, err := c.w.Write(safe); err != nil {
		return 0, err
	}
	return len(p), nil
}
