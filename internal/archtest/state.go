package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// packageState reports variables of a package that hold state: those that
// anything assigns to, and those whose type is for state (channels, locks,
// atomics). Constants that Go cannot write as such (errors, expressions, tables)
// may be variables.
func packageState(t *tree) []Offence {
	vars := map[string]map[string]bool{} // by directory and name
	var bad []Offence
	for _, f := range t.product() {
		if vars[f.dir] == nil {
			vars[f.dir] = map[string]bool{}
		}
		for _, spec := range packageVars(f) {
			for _, name := range spec.Names {
				vars[f.dir][name.Name] = true
				if kind := statefulType(t, f, spec); kind != "" {
					what := fmt.Sprintf("%s is a %s", name.Name, kind)
					bad = append(bad, stateOffence(t, f, name.Pos(), what))
				}
			}
		}
	}
	for _, f := range t.product() {
		bad = append(bad, assignments(t, f, vars)...)
	}
	return bad
}

// stateOffence says that a package variable holds state.
func stateOffence(t *tree, f *goFile, at token.Pos, what string) Offence {
	return Offence{f.path, t.line(at), "package variable", what + ": keep state in a value that a caller makes"}
}

// packageVars returns the specs of the variables that f declares for its package.
func packageVars(f *goFile) []*ast.ValueSpec {
	var specs []*ast.ValueSpec
	for _, decl := range f.ast.Decls {
		if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.VAR {
			for _, s := range d.Specs {
				specs = append(specs, s.(*ast.ValueSpec))
			}
		}
	}
	return specs
}

// statefulType names what makes the type of a variable one for state, as far as
// its declaration shows it; empty for other types.
func statefulType(t *tree, f *goFile, spec *ast.ValueSpec) (kind string) {
	names := t.importNames(f)
	look := func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.FuncLit, *ast.FuncType:
			return false // what a function uses is its own
		case *ast.ChanType:
			kind = "channel"
		case *ast.SelectorExpr:
			if id, ok := x.X.(*ast.Ident); ok && strings.HasPrefix(names[id.Name], "sync") {
				kind = names[id.Name] + "." + x.Sel.Name
			}
		}
		return kind == ""
	}
	if spec.Type != nil {
		ast.Inspect(spec.Type, look)
	}
	for _, v := range spec.Values {
		ast.Inspect(v, look)
	}
	return kind
}

// assignments reports statements of f that change a variable of a package.
func assignments(t *tree, f *goFile, vars map[string]map[string]bool) []Offence {
	var bad []Offence
	imports := t.importNames(f)
	for _, decl := range f.ast.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		own := declaredIn(fn)
		changed := func(e ast.Expr) {
			base, member := root(e)
			switch {
			case base == nil || own[base.Name]:
			case strings.HasPrefix(imports[base.Name], "./") &&
				vars[strings.TrimPrefix(imports[base.Name], "./")][member]:
				bad = append(bad, stateOffence(t, f, e.Pos(), base.Name+"."+member+" is changed here"))
			case vars[f.dir][base.Name]:
				bad = append(bad, stateOffence(t, f, e.Pos(), base.Name+" is changed here"))
			}
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			for _, e := range targets(n) {
				changed(e)
			}
			return true
		})
	}
	return bad
}

// targets returns what a statement changes.
func targets(n ast.Node) []ast.Expr {
	switch s := n.(type) {
	case *ast.AssignStmt:
		if s.Tok != token.DEFINE {
			return s.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{s.X}
	case *ast.RangeStmt:
		if s.Tok == token.ASSIGN {
			return []ast.Expr{s.Key, s.Value}
		}
	case *ast.CallExpr:
		if id, ok := s.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") &&
			len(s.Args) > 0 {
			return s.Args[:1]
		}
	}
	return nil
}

// root returns the identifier that an expression starts with, and the first
// member that is selected from it.
func root(e ast.Expr) (base *ast.Ident, member string) {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x, member
		case *ast.SelectorExpr:
			e, member = x.X, x.Sel.Name
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil, ""
		}
	}
}

// declaredIn returns the names that a function declares anywhere in it; for the
// purpose here, they are its own everywhere in it.
func declaredIn(fn *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	fields := func(l *ast.FieldList) {
		if l == nil {
			return
		}
		for _, field := range l.List {
			for _, name := range field.Names {
				names[name.Name] = true
			}
		}
	}
	fields(fn.Recv)
	ast.Inspect(fn, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.FuncType:
			fields(x.Params)
			fields(x.Results)
		case *ast.ValueSpec:
			for _, name := range x.Names {
				names[name.Name] = true
			}
		case *ast.AssignStmt:
			defined(names, x.Tok, x.Lhs...)
		case *ast.RangeStmt:
			defined(names, x.Tok, x.Key, x.Value)
		}
		return true
	})
	return names
}

// defined adds the identifiers among targets to names when tok is ":=".
func defined(names map[string]bool, tok token.Token, targets ...ast.Expr) {
	for _, e := range targets {
		if id, ok := e.(*ast.Ident); ok && tok == token.DEFINE {
			names[id.Name] = true
		}
	}
}
