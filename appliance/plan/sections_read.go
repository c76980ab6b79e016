package plan

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// printedParts reads what [site.Print] wrote: a line with the name of the box, then parts with a blank line
// and a heading before each. In a part there may be a table with a heading of its own, which is indented.
func printedParts(text string) []part {
	all := []part{{id: "name", title: "Name"}}
	blank := false
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		current := &all[len(all)-1]
		switch {
		case line == "":
		case blank && line[0] != ' ':
			all = append(all, part{id: idOf(line), title: line, ordered: strings.HasPrefix(line, "Firewall")})
		case blank:
			current.table = columnsOf(line)
		default:
			current.add(line)
		}
		blank = line == ""
	}
	return all
}

// idOf is a heading without numbers, in the singular: hosts come and go, and their section stays the same.
func idOf(heading string) string {
	words := strings.Fields(heading)
	for i, w := range words {
		switch {
		case strings.TrimFunc(w, unicode.IsDigit) == "":
			words[i] = ""
		case w == "hosts":
			words[i] = "host"
		case w == "boot":
			words[i] = "boots"
		}
	}
	return strings.Join(words, " ")
}

// add takes a line as it was printed.
func (p *part) add(printed string) {
	if p.table != nil {
		p.addRow(printed)
		return
	}
	cells := columnTexts(printed)
	// A row without its first cell is a further one of what the row before it is about.
	if n := len(p.lines); n > 0 && strings.HasPrefix(printed, "   ") {
		first, _, _ := strings.Cut(p.lines[n-1].text, "  ")
		cells = append([]string{first}, cells...)
	}
	if p.id == "Access" && cells[0] == "ssh" {
		return // keysPart has the keys
	}
	l := textLine(cells...)
	if n := len(cells) - 1; p.ordered && n > 0 && isPlace(cells[n]) {
		l.key = strings.Join(cells[:n], "  ") // where it stands in its file is no difference
	}
	p.lines = append(p.lines, l)
}

// isPlace reports whether text is a file and a line of it: "site.toml:31".
func isPlace(text string) bool {
	file, number, ok := strings.Cut(text, ":")
	return ok && file == "site.toml" && number != "" && strings.TrimFunc(number, unicode.IsDigit) == ""
}

// columnTexts splits a row at its columns, which are three blanks or more apart.
func columnTexts(row string) []string {
	cells := make([]string, 0, 5)
	for row = strings.Trim(row, " "); row != ""; row = strings.TrimLeft(row, " ") {
		end := strings.Index(row, "   ")
		if end < 0 {
			return append(cells, row)
		}
		cells = append(cells, row[:end])
		row = row[end:]
	}
	return cells
}

// A column is one of a table with a heading.
type column struct {
	name  string
	start int // in characters
}

// columnsOf reads the heading of a table.
func columnsOf(heading string) []column {
	var all []column
	rest, at := heading, 0
	for _, name := range columnTexts(heading) {
		i := strings.Index(rest, name)
		at += utf8.RuneCountInString(rest[:i])
		all = append(all, column{name, at})
		at += utf8.RuneCountInString(name)
		rest = rest[i+len(name):]
	}
	return all
}

// addRow takes a row of a table: a line for each cell, which says what it is. Facts that were the same for
// all, and are not any more, become a column; the others shall not differ for that.
func (p *part) addRow(printed string) {
	runes := []rune(printed)
	first := ""
	for i, c := range p.table {
		end := len(runes)
		if i+1 < len(p.table) {
			end = min(end, p.table[i+1].start)
		}
		text := strings.TrimSpace(string(runes[min(c.start, end):end]))
		switch {
		case i == 0:
			first = text
		case text != "":
			p.lines = append(p.lines, textLine(first, c.name, text))
		}
	}
}
