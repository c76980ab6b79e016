package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// Width is that of a terminal that nobody has made wider, in columns.
const Width = 80

// gap is between two columns.
const gap = 3

// Table writes rows in columns, and an empty line after them.
func Table(w io.Writer, rows [][]string) {
	Rows(w, rows)
	fmt.Fprintln(w)
}

// Rows writes rows in columns.
func Rows(w io.Writer, rows [][]string) error {
	var text bytes.Buffer
	t := tabwriter.NewWriter(&text, 0, 0, gap, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	t.Flush()
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// Screen writes rows in columns that fit the width of a screen: the last cell of a row goes on below
// itself. An empty line follows, unless there are no rows.
func Screen(w io.Writer, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		last := len(row) - 1
		var begin strings.Builder
		for i, cell := range row[:last] {
			begin.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+gap))
		}
		indent := utf8.RuneCountInString(begin.String())
		for i, line := range Fold(row[last], Width-indent) {
			if i > 0 {
				begin.WriteString(strings.Repeat(" ", indent))
			}
			begin.WriteString(line)
			fmt.Fprintln(w, strings.TrimRight(begin.String(), " "))
			begin.Reset()
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(w)
	}
}

// Fold breaks text between words into lines of at most width characters, but for words that are longer. There
// is at least one line.
func Fold(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}

// Problems writes what is wrong, each with a mark, in lines that fit the width of a screen.
func Problems(w io.Writer, all []string) error {
	for _, p := range all {
		begin := "! "
		for part := range strings.SplitSeq(p, "\n") {
			for _, line := range Fold(part, Width-len(begin)) {
				if _, err := fmt.Fprintln(w, begin+line); err != nil {
					return err
				}
				begin = "  "
			}
		}
	}
	return nil
}
