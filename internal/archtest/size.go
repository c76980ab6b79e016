package archtest

import (
	"fmt"
	"go/ast"
	"strings"
)

const (
	maxFile         = 600 // lines
	maxFunction     = 60  // lines
	longFunction    = 40  // lines
	maxLongFunction = 5   // percent of all functions
)

// fileLength reports files that nobody reads whole.
func fileLength(t *tree) []Offence {
	var bad []Offence
	for _, f := range t.files {
		if n := strings.Count(f.src, "\n"); n > maxFile {
			want := fmt.Sprintf("%d lines: split the file by ideas, %d at most", n, maxFile)
			bad = append(bad, Offence{f.path, 0, "length", want})
		}
	}
	return bad
}

// functionLength reports functions that do not fit on a screen: all that are too
// long, and all long ones when there are too many of them. Tests have tables.
func functionLength(t *tree) []Offence {
	var tooLong, long []Offence
	all := 0
	for _, f := range t.product() {
		for _, decl := range f.ast.Decls {
			d, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			all++
			n := t.line(d.End()) - t.line(d.Pos()) + 1
			want := fmt.Sprintf("func %s has %d lines: split it, %d at most", d.Name.Name, n, maxFunction)
			o := Offence{f.path, t.line(d.Pos()), "length", want}
			switch {
			case n > maxFunction:
				tooLong = append(tooLong, o)
				long = append(long, o)
			case n > longFunction:
				o.Want = fmt.Sprintf("func %s has %d lines: split it, since more than %d%% of all functions "+
					"have more than %d", d.Name.Name, n, maxLongFunction, longFunction)
				long = append(long, o)
			}
		}
	}
	if len(long)*100 > all*maxLongFunction {
		return long
	}
	return tooLong
}
