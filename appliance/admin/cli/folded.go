package cli

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"
)

// folded is a writer of lines for a screen.
type folded struct {
	w       io.Writer
	columns int
}

// Folded returns a writer for a screen of so many columns: what has more goes on in a line below, between
// words, under the last cell of a table or two columns further than the line began. Words that are longer are
// left as they are. Each write is taken for whole lines but the last.
func Folded(w io.Writer, columns int) io.Writer { return folded{w, columns} }

// Write implements io.Writer.
func (f folded) Write(p []byte) (int, error) {
	var out bytes.Buffer
	for line := range strings.Lines(string(p)) {
		text, end := strings.CutSuffix(line, "\n")
		out.WriteString(f.fold(text))
		if end {
			out.WriteByte('\n')
		}
	}
	if _, err := f.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// fold breaks a line.
func (f folded) fold(line string) string {
	if utf8.RuneCountInString(line) <= f.columns {
		return line
	}
	head := f.head(line)
	indent := utf8.RuneCountInString(head)
	if strings.TrimSpace(head) == "" {
		indent += 2
	}
	indent = min(indent, f.columns/2)
	var out strings.Builder
	out.WriteString(head)
	used := utf8.RuneCountInString(head)
	for i, word := range strings.Fields(line[len(head):]) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case used+1+n > f.columns:
			out.WriteString("\n" + strings.Repeat(" ", indent))
			used = indent
		default:
			out.WriteByte(' ')
			used++
		}
		out.WriteString(word)
		used += n
	}
	return out.String()
}

// head is what comes before the last cell of a table that begins in the left three quarters of the screen: up
// to there it is kept as it is.
func (f folded) head(line string) string {
	begin := len(line) - len(strings.TrimLeft(line, " "))
	for i := begin; i+2 < len(line) && utf8.RuneCountInString(line[:i]) < f.columns*3/4; i++ {
		if line[i] == ' ' && line[i+1] == ' ' && line[i+2] != ' ' {
			begin = i + 2
		}
	}
	return line[:begin]
}
