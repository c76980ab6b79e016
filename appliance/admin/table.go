package admin

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// screenWidth is that of a terminal that nobody has made wider, in columns.
const screenWidth = 80

// columnGap is between two columns.
const columnGap = 3

// printTable writes rows in columns, and an empty line after them.
func printTable(w io.Writer, rows [][]string) {
	printRows(w, rows)
	fmt.Fprintln(w)
}

// printRows writes rows in columns.
func printRows(w io.Writer, rows [][]string) error {
	var text bytes.Buffer
	t := tabwriter.NewWriter(&text, 0, 0, columnGap, ' ', 0)
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

// printScreen writes rows in columns that fit the width of a screen: the last cell of a row goes on below
// itself. An empty line follows, unless there are no rows.
func printScreen(w io.Writer, rows [][]string) {
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
			begin.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+columnGap))
		}
		indent := utf8.RuneCountInString(begin.String())
		for i, line := range fold(row[last], screenWidth-indent) {
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

// fold breaks text between words into lines of at most width characters, but for words that are longer. There
// is at least one line.
func fold(text string, width int) []string {
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
