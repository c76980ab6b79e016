package pager

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/screen"
)

// Limits of a text.
const (
	MaxText = 64 << 20 // bytes; what comes after is not shown
	maxLine = 32 << 10 // bytes; a longer one is shown as several
)

// A text is lines, as they come.
type text struct {
	data   []byte
	starts []int // of lines
	cut    bool  // there was more than is kept
}

// add takes more text.
func (t *text) add(p []byte) {
	if room := MaxText - len(t.data); len(p) > room {
		p, t.cut = p[:room], true
	}
	for len(p) > 0 {
		start := len(t.data)
		if n := len(t.starts); n > 0 && (start == 0 || t.data[start-1] != '\n') {
			start = t.starts[n-1] // the last line goes on
		}
		if room := start + maxLine - len(t.data); start == len(t.data) || room <= 0 {
			t.starts = append(t.starts, len(t.data))
			start = len(t.data)
		}
		n := bytes.IndexByte(p, '\n') + 1
		if n == 0 {
			n = len(p)
		}
		n = min(n, start+maxLine-len(t.data))
		t.data, p = append(t.data, p[:n]...), p[n:]
	}
}

func (t *text) count() int { return len(t.starts) }

// line is one without its newline.
func (t *text) line(i int) []byte {
	end := len(t.data)
	if i+1 < len(t.starts) {
		end = t.starts[i+1]
	}
	return bytes.TrimSuffix(t.data[t.starts[i]:end], []byte("\n"))
}

// cells is a line as it is seen; colours are looked for with color only, and are nothing else than that.
func cells(line []byte, color bool) []screen.Cell {
	var out []screen.Cell
	var style screen.Style
	for s := string(line); s != ""; {
		if color && s[0] == 0x1b {
			if parameters, rest, ok := rendition(s); ok {
				style, s = restyle(style, parameters), rest
				continue
			}
		}
		var size int
		out, size = screen.Append(out, s, style, screen.TabStop)
		s = s[size:]
	}
	return out
}

// maxParameters is how long those of one sequence may be, and of all that have effect together.
const maxParameters = 48

// rendition is the parameters of the sequence that s begins with, if it is Select Graphic Rendition.
func rendition(s string) (parameters, rest string, ok bool) {
	if !strings.HasPrefix(s, "\x1b[") {
		return "", s, false
	}
	for i := 2; i < min(len(s), maxParameters); i++ {
		switch c := s[i]; {
		case c == 'm':
			return s[2:i], s[i+1:], true
		case (c < '0' || c > '9') && c != ';' && c != ':':
			return "", s, false
		}
	}
	return "", s, false
}

func restyle(style screen.Style, parameters string) screen.Style {
	if parameters == "" || strings.Trim(parameters, "0") == "" {
		return ""
	}
	if style == "" || strings.HasPrefix(parameters, "0;") || len(style)+len(parameters) > maxParameters {
		return screen.Style(parameters)
	}
	return style + ";" + screen.Style(parameters)
}

// highlight shows matches in reverse, and reports whether there is one.
func highlight(line []screen.Cell, re *regexp.Regexp, show bool) bool {
	var seen strings.Builder
	at := make([]int, 0, len(line)) // where in seen cells begin
	for _, c := range line {
		at = append(at, seen.Len())
		seen.WriteString(c.Text)
	}
	matches := re.FindAllStringIndex(seen.String(), -1)
	if !show {
		return len(matches) > 0
	}
	for _, m := range matches {
		from, _ := slices.BinarySearch(at, m[0])
		for i := from; i < len(line) && at[i] < m[1]; i++ {
			if line[i].Style == "" {
				line[i].Style = screen.Reverse
			} else {
				line[i].Style += ";" + screen.Reverse
			}
		}
	}
	return len(matches) > 0
}

// wrap is a line in rows.
func wrap(line []screen.Cell, columns int) [][]screen.Cell {
	rows := [][]screen.Cell{}
	for len(line) > columns {
		n := columns
		if line[n].Text == "" && n > 1 {
			n-- // a wide character is not cut
		}
		rows = append(rows, line[:n])
		line = line[n:]
	}
	return append(rows, line)
}
