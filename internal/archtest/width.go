package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
	"unicode/utf8"
)

const (
	maxWidth = 110 // columns
	tabWidth = 4   // columns
	closing  = 4   // columns behind a string, for what closes it
)

// lineWidth reports lines that a window beside another would fold. Wider may be what
// has its own form: a string, a drawing, the tables of a test.
func lineWidth(t *tree) []Offence {
	var bad []Offence
	for _, f := range t.files {
		strung := stringsBeyond(t, f)
		for i, line := range strings.Split(f.src, "\n") {
			if width(line) <= maxWidth || strung[i+1] {
				continue
			}
			if comment, is := strings.CutPrefix(strings.TrimSpace(line), "//"); is && drawn(comment) || !is &&
				f.test {
				continue
			}
			want := fmt.Sprintf("end lines by column %d, a tab being %d", maxWidth, tabWidth)
			bad = append(bad, Offence{f.path, i + 1, "width", want})
		}
	}
	return bad
}

// width is in columns.
func width(line string) int {
	return utf8.RuneCountInString(line) + (tabWidth-1)*strings.Count(line, "\t")
}

// drawn says that a comment stands as it is, where others are filled.
func drawn(comment string) bool {
	return strings.HasPrefix(comment, "  ") || strings.HasPrefix(comment, "\t") || strings.HasPrefix(comment, "go:")
}

// stringsBeyond are the lines in which a string reaches the last column, or nearly.
func stringsBeyond(t *tree, f *goFile) map[int]bool {
	lines, beyond := strings.Split(f.src, "\n"), map[int]bool{}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		s, ok := n.(*ast.BasicLit)
		if !ok || s.Kind != token.STRING {
			return true
		}
		end := t.fset.Position(s.End())
		for n := t.line(s.Pos()); n < end.Line; n++ {
			beyond[n] = true
		}
		if width(lines[end.Line-1][:end.Column-1]) >= maxWidth-closing {
			beyond[end.Line] = true
		}
		return true
	})
	return beyond
}
