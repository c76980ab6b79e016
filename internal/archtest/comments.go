package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// packageComments reports packages without a package comment.
func packageComments(t *tree) []Offence {
	commented, first := map[string]bool{}, map[string]*goFile{}
	for _, f := range t.product() {
		if first[f.dir] == nil {
			first[f.dir] = f
		}
		commented[f.dir] = commented[f.dir] || strings.TrimSpace(f.ast.Doc.Text()) != ""
	}
	var bad []Offence
	for dir, f := range first {
		if !commented[dir] {
			bad = append(bad, Offence{f.path, t.line(f.ast.Package), "package comment",
				"say in a comment what package " + f.ast.Name.Name + " guarantees and what it leaves to others"})
		}
	}
	return bad
}

// exportedComments reports exported identifiers without a comment. A comment on
// a group of constants, variables or types is one for all of them.
func exportedComments(t *tree) []Offence {
	var bad []Offence
	for _, f := range t.product() {
		if f.isMain() {
			continue
		}
		report := func(id *ast.Ident) {
			bad = append(bad, Offence{f.path, t.line(id.Pos()), "comment", "say in a comment what " + id.Name + " is: units, errors, source"})
		}
		for _, decl := range f.ast.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc.Text() == "" && exportedReceiver(d) && !explained(d) {
					report(d.Name)
				}
			case *ast.GenDecl:
				uncommented(d, report)
			}
		}
	}
	return bad
}

// explained reports whether d is a method that the language itself explains: of
// error, its wrapping, or fmt.Stringer.
func explained(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"Error", "Unwrap", "String"}, d.Name.Name)
}

// exportedReceiver reports whether d is a function, or a method of a type that
// others can name.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr: // a type parameter
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// uncommented reports the exported names of a declaration that have no comment.
func uncommented(d *ast.GenDecl, report func(*ast.Ident)) {
	if d.Tok == token.IMPORT || d.Doc.Text() != "" {
		return
	}
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc.Text() == "" && s.Comment.Text() == "" {
				report(s.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() && s.Doc.Text() == "" && s.Comment.Text() == "" {
					report(name)
				}
			}
		}
	}
}
