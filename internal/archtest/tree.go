package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/modfile"
)

// tree is a source tree, read once.
type tree struct {
	module *modfile.File // go.mod
	fset   *token.FileSet
	files  []*goFile         // in order of their paths
	texts  map[string]string // every file that is text, also the Go files
}

// goFile is one Go file that belongs to a package.
type goFile struct {
	path string
	dir  string // "." for the root
	test bool   // named _test.go
	src  string
	ast  *ast.File
}

// fixtures is where this package keeps files that break the rules on purpose.
const fixtures = "internal/archtest/testdata"

// load reads the tree in fsys: all of it but .git, the build directory, which is
// never committed, and the fixtures.
func load(fsys fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet(), texts: map[string]string{}}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (p == ".git" || p == "build" || p == fixtures):
			return fs.SkipDir
		case !d.Type().IsRegular() || p == ".git": // which is a file in a worktree of git's
			return nil
		}
		return t.add(fsys, p)
	})
	if err != nil {
		return nil, err
	}
	t.module, err = modfile.Parse("go.mod", []byte(t.texts["go.mod"]), nil)
	if err != nil {
		return nil, err
	}
	if t.module.Module == nil {
		return nil, fmt.Errorf("go.mod: no module")
	}
	return t, nil
}

// add reads one file.
func (t *tree) add(fsys fs.FS, p string) error {
	src, err := fs.ReadFile(fsys, p)
	if err != nil {
		return err
	}
	if !utf8.Valid(src) || strings.ContainsRune(string(src), 0) {
		return nil
	}
	t.texts[p] = string(src)
	if path.Ext(p) != ".go" || strings.Contains("/"+p, "/testdata/") {
		return nil
	}
	f, err := parser.ParseFile(t.fset, p, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.files = append(t.files, &goFile{p, path.Dir(p), strings.HasSuffix(p, "_test.go"), string(src), f})
	return nil
}

// product are the files that end up in a program: those that are no tests.
func (t *tree) product() []*goFile {
	var files []*goFile
	for _, f := range t.files {
		if !f.test {
			files = append(files, f)
		}
	}
	return files
}

// line returns the line of a position.
func (t *tree) line(p token.Pos) int { return t.fset.Position(p).Line }

// isMain reports whether f belongs to a program's main package.
func (f *goFile) isMain() bool { return f.ast.Name.Name == "main" }

// importPath returns what an import spec names; packages of the module itself
// start with "./".
func (t *tree) importPath(spec *ast.ImportSpec) string {
	p, _ := strconv.Unquote(spec.Path.Value) // the parser has checked it
	if rest, ok := strings.CutPrefix(p, t.module.Module.Mod.Path); ok && (rest == "" || rest[0] == '/') {
		return "." + rest
	}
	return p
}

// importNames returns the import paths of f by the names that they have in it.
func (t *tree) importNames(f *goFile) map[string]string {
	names := map[string]string{}
	for _, spec := range f.ast.Imports {
		p := t.importPath(spec)
		name := path.Base(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = p
	}
	return names
}

// selections calls visit for every selection pkg.Name from an imported package.
func (t *tree) selections(f *goFile, visit func(sel *ast.SelectorExpr, pkg string)) {
	names := t.importNames(f)
	ast.Inspect(f.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && names[id.Name] != "" {
			visit(sel, names[id.Name])
		}
		return true
	})
}

// matches reports whether an import path matches one of the patterns. In a
// pattern, * stands for one element and a last element ... for any number.
func matches(p string, patterns []string) bool {
	for _, pattern := range patterns {
		rest, open := strings.CutSuffix(pattern, "/...")
		elements, wanted := strings.Split(p, "/"), strings.Split(rest, "/")
		if open && len(elements) > len(wanted) {
			elements = elements[:len(wanted)]
		}
		if ok, err := path.Match(rest, strings.Join(elements, "/")); ok && err == nil {
			return true
		}
	}
	return false
}
