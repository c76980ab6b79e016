package source

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Severity says what comes of a problem.
type Severity uint8

// The severities.
const (
	Error   Severity = iota // there is no site
	Warning                 // there is one, which is likely not what was meant
)

// Problem is one thing that is wrong with a site.
type Problem struct {
	// Severity is Error unless the site is one all the same.
	Severity Severity
	// File is the name of the file within the site.
	File string
	// Line and Col count from 1, Col in bytes. Both are 0 when the problem is the
	// file as a whole: it is missing, too large, or lacks something.
	Line, Col int
	// Message says what is wrong and what was expected.
	Message string
	// Other is the place of what the problem contradicts, "hosts:12", or "".
	Other string
	// Excerpt is the line with a mark under the place, two lines of text without
	// an end of line, "" when Line is 0.
	Excerpt string
}

// String returns the problem as it is shown to a person: place, "warning" if it is one, message, the
// other place in parentheses, and the excerpt on lines of its own.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Col)
	}
	b.WriteString(": ")
	if p.Severity == Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Message)
	if p.Other != "" {
		b.WriteString(" (" + p.Other + ")")
	}
	if p.Excerpt != "" {
		b.WriteString("\n" + p.Excerpt)
	}
	return b.String()
}

// Problems is everything that is wrong with a site: errors first, then warnings, each in the order of the
// files (site.toml, hosts, ethers, authorized_keys, others) and of their lines. Load returns it as its error.
type Problems []Problem

// Count returns how many there are of a severity.
func (p Problems) Count(of Severity) (n int) {
	for _, problem := range p {
		if problem.Severity == of {
			n++
		}
	}
	return n
}

// Failed reports whether there is an error among them, so that there is no site.
func (p Problems) Failed() bool { return p.Count(Error) > 0 }

// Errors returns the errors among them.
func (p Problems) Errors() Problems { return p[:p.Count(Error)] }

// Strict returns them with warnings as errors.
func (p Problems) Strict() Problems {
	all := slices.Clone(p)
	for i := range all {
		all[i].Severity = Error
	}
	return all
}

// Counts says how many there are: "2 errors, 1 warning"; "" if there is none.
func (p Problems) Counts() string {
	var parts []string
	for _, of := range []struct {
		n    int
		what string
	}{{p.Count(Error), "error"}, {p.Count(Warning), "warning"}} {
		if of.n > 1 {
			of.what += "s"
		}
		if of.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", of.n, of.what))
		}
	}
	return strings.Join(parts, ", ")
}

// Text is what a person is shown who asked for the site: Error, and the counts on a line of their own.
func (p Problems) Text() string {
	if len(p) == 0 {
		return ""
	}
	return p.Error() + "\n" + p.Counts() + "\n"
}

// shownProblems is how many problems Error shows; who has more than that made one
// mistake many times.
const shownProblems = 100

// Error returns the problems as text, one after the other; of very many it shows
// the first hundred and says how many there are besides.
func (p Problems) Error() string {
	shown := p[:min(len(p), shownProblems)]
	lines := make([]string, 0, len(shown)+1)
	for _, problem := range shown {
		lines = append(lines, problem.String())
	}
	if more := len(p) - len(shown); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// excerptWidth is how much of a long line is shown, in characters, so that it fits on a terminal of 80
// columns: an RSA key has 700 of them.
const excerptWidth = 71

// excerpt shows the line of a place with marks under it.
func excerpt(at Span) string {
	number, col := at.File.Position(at.Off)
	line := at.File.Line(number)
	end := min(len(line), col-1+at.End-at.Off)
	before, marked, after := lastOf(line[:col-1]), firstOf(line[col-1:end]), firstOf(line[end:])

	if len(before)+len(marked)+len(after) > excerptWidth && len(before) > excerptWidth/2 {
		before = append([]rune("…"), before[len(before)-excerptWidth/4:]...)
	}
	rest := excerptWidth - len(before)
	if len(marked) > rest {
		marked, after = append(marked[:rest:rest], '…'), nil
	} else if len(marked)+len(after) > rest {
		after = append(after[:rest-len(marked):rest-len(marked)], '…')
	}
	text := strings.TrimRightFunc(string(before)+string(marked)+string(after), unicode.IsSpace)
	return fmt.Sprintf("%5d | %s\n      | %s%s", number, text, blank(before),
		strings.Repeat("^", max(1, len(marked))))
}

// enough is how many bytes of a line have more characters than are shown of it, however long it is.
const enough = (excerptWidth + 1) * utf8.UTFMax

// firstOf are the first characters of s, all that can be shown of it and more.
func firstOf(s string) []rune { return []rune(Printable(s[:min(len(s), enough)])) }

// lastOf are the last ones.
func lastOf(s string) []rune {
	begin := max(0, len(s)-enough)
	for begin > 0 && begin < len(s) && !utf8.RuneStart(s[begin]) {
		begin++
	}
	return []rune(Printable(s[begin:]))
}

// blank replaces every character by a space and leaves tabs, so that what follows
// stands under what followed.
func blank(text []rune) string {
	return strings.Map(func(c rune) rune {
		if c == '\t' {
			return c
		}
		return ' '
	}, string(text))
}

// Printable replaces what a terminal would act on.
func Printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '\t' || c != utf8.RuneError && unicode.IsPrint(c) {
			return c
		}
		return '·'
	}, s)
}
