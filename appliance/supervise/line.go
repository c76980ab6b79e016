package supervise

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLine is how many bytes of a log line are kept; the rest is cut off and "…" put there.
const MaxLine = 1024

// clean makes a line safe to show on a terminal and in a table. Services log
// what strangers send them; an escape sequence, a line break or a change of
// the writing direction in it must not forge other lines or control the reader's
// terminal. What is not printable becomes a Go escape (\x1b, \u202e); a tab
// becomes four spaces.
func clean(raw []byte) string {
	var b strings.Builder
	raw = bytes.TrimSuffix(raw, []byte("\r"))
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		piece := string(raw[:size])
		switch {
		case r == '\t':
			piece = "    "
		case r == utf8.RuneError && size == 1:
			piece = fmt.Sprintf(`\x%02x`, raw[0])
		case !unicode.IsPrint(r) && r < 0x80:
			piece = fmt.Sprintf(`\x%02x`, r)
		case !unicode.IsPrint(r):
			piece = fmt.Sprintf(`\u%04x`, r)
		}
		if b.Len()+len(piece) > MaxLine {
			b.WriteString("…")
			break
		}
		b.WriteString(piece)
		raw = raw[size:]
	}
	return b.String()
}

// splitter is an io.Writer that hands on whole lines, each cut after MaxLine
// bytes, in a buffer of that size whatever comes.
type splitter struct {
	emit func(line []byte) // the slice is valid during the call
	buf  []byte
}

// Write never fails.
func (s *splitter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, rest, found := bytes.Cut(p, []byte("\n"))
		s.add(line)
		if !found {
			return n, nil
		}
		s.flush()
		p = rest
	}
}

func (s *splitter) add(part []byte) {
	// One byte more than clean keeps, so that clean sees that it must cut.
	room := MaxLine + 1 - len(s.buf)
	s.buf = append(s.buf, part[:min(room, len(part))]...)
}

// flush ends a line. Empty lines are not worth a place in the log.
func (s *splitter) flush() {
	if len(s.buf) > 0 {
		s.emit(s.buf)
	}
	s.buf = s.buf[:0]
}
