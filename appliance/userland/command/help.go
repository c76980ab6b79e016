package command

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// columns are those of the console, where each line of help is read: as many as a VGA screen and a serial
// line have.
const columns = 80

// widest is the widest word of an option that the text is beside of; that of a wider one is below it.
const widest = 22

// usage is how a command is called, folded between words; "\n" in how begins another way to call it.
//
//	usage: cp [-fv] SOURCE DEST
//	       cp [-fv] SOURCE...
//	           DIRECTORY
func usage(name, how string) string {
	var out strings.Builder
	lead := "usage: "
	for way := range strings.SplitSeq(how, "\n") {
		line := lead + name + " " + way
		out.WriteString(fold(words(line), len("usage: ")+4) + "\n")
		lead = strings.Repeat(" ", len(lead))
	}
	return out.String()
}

// layout is help as it is printed. A line "\tOPTION\tTEXT" becomes a row of two columns, of which the first
// is as wide as must be; one "\tTEXT" is indented; others begin where they begin. None is longer than a line
// of the console.
func layout(help string) string {
	width := 0
	for line := range strings.Lines(help) {
		if option, _, ok := row(line); ok && utf8.RuneCountInString(option) <= widest {
			width = max(width, utf8.RuneCountInString(option))
		}
	}
	var out strings.Builder
	for line := range strings.Lines(help) {
		option, text, ok := row(line)
		indent := width + 4
		switch {
		case !ok:
			text = strings.Replace(strings.TrimRight(line, "\n"), "\t", "  ", 1)
			indent = len(text) - len(strings.TrimLeft(text, " "))
		case utf8.RuneCountInString(option) > width:
			fmt.Fprintf(&out, "  %s\n", option)
			text = strings.Repeat(" ", indent) + text
		default:
			text = fmt.Sprintf("  %-*s  %s", width, option, text)
		}
		out.WriteString(fold(strings.SplitAfter(text, " "), indent) + "\n")
	}
	return out.String()
}

// row takes a line of two columns apart.
func row(line string) (option, text string, ok bool) {
	line, ok = strings.CutPrefix(strings.TrimRight(line, "\n"), "\t")
	if !ok {
		return "", "", false
	}
	return strings.Cut(line, "\t")
}

// words takes a usage line apart where it may be folded: not within brackets, and before a "|" rather than
// behind it.
func words(line string) []string {
	var all []string
	depth, begin := 0, 0
	for i := range len(line) {
		switch line[i] {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case ' ':
			if depth <= 0 && i > 0 && line[i-1] != '|' {
				all, begin = append(all, line[begin:i+1]), i+1
			}
		}
	}
	return append(all, line[begin:])
}

// fold puts words, with the blanks behind them, into lines of the console; all but the first have the indent.
func fold(words []string, indent int) string {
	var out strings.Builder
	line := ""
	for _, word := range words {
		if longer := strings.TrimRight(line+word, " "); utf8.RuneCountInString(longer) > columns &&
			len(line) > indent {
			out.WriteString(strings.TrimRight(line, " ") + "\n")
			line = strings.Repeat(" ", indent)
		}
		line += word
	}
	return out.String() + strings.TrimRight(line, " ")
}
