package source

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Problem is one thing that is wrong with a site.
type Problem struct {
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

// String returns the problem as it is shown to a person: place, message, the
// other place in parentheses, and the excerpt on lines of its own.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Col)
	}
	b.WriteString(": " + p.Message)
	if p.Other != "" {
		b.WriteString(" (" + p.Other + ")")
	}
	if p.Excerpt != "" {
		b.WriteString("\n" + p.Excerpt)
	}
	return b.String()
}

// Problems is everything that is wrong with a site, in the order of the files
// (site.toml, hosts, ethers, authorized_keys) and of their lines. Load returns it
// as its error.
type Problems []Problem

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

// Reporter collects problems while a site is read.
type Reporter struct {
	list []located
}

type located struct {
	Problem
	at   Span
	rank int // of the file
}

// maxProblems bounds the memory that a wholly broken site can take.
const maxProblems = 1000

// At reports a problem at a place.
func (r *Reporter) At(at Span, format string, args ...any) {
	r.Against(at, Span{}, format, args...)
}

// Against reports that what stands at one place contradicts what stands at
// another.
func (r *Reporter) Against(at, other Span, format string, args ...any) {
	if len(r.list) >= maxProblems {
		return
	}
	p := located{at: at, rank: fileRank(at.File.name)}
	p.File = at.File.name
	p.Line, p.Col = at.File.Position(at.Off)
	p.Message = fmt.Sprintf(format, args...)
	if other.OK() {
		p.Other = other.Place()
	}
	r.list = append(r.list, p)
}

// Shown reports whether the next problem is likely one that a person will read, so that it is worth a search for
// what was meant.
func (r *Reporter) Shown() bool { return len(r.list) < shownProblems }

// Count returns how many problems there are so far.
func (r *Reporter) Count() int { return len(r.list) }

// AtFile reports a problem of a file as a whole.
func (r *Reporter) AtFile(name, format string, args ...any) {
	if len(r.list) < maxProblems {
		p := Problem{File: name, Message: fmt.Sprintf(format, args...)}
		r.list = append(r.list, located{Problem: p, rank: fileRank(name)})
	}
}

// Problems returns what was reported, in order; nil if nothing was.
func (r *Reporter) Problems() Problems {
	slices.SortStableFunc(r.list, func(a, b located) int {
		return cmp.Or(a.rank-b.rank, cmp.Compare(a.File, b.File), a.Line-b.Line, a.at.Off-b.at.Off)
	})
	var out Problems
	for _, p := range r.list {
		if p.at.OK() {
			p.Excerpt = excerpt(p.at)
		}
		out = append(out, p.Problem)
	}
	return out
}

// excerptWidth is how much of a long line is shown, in characters: an RSA key has
// 700 of them.
const excerptWidth = 100

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
	return fmt.Sprintf("%5d | %s\n      | %s%s", number, text, blank(before), strings.Repeat("^", max(1, len(marked))))
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
