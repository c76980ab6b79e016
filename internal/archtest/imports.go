package archtest

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// roomsFile says in tables what each package may import. It is a closed world: a
// package without a row is an offence, and so is a row, or a word of one, without a
// package.
const roomsFile = "docs/imports.md"

// room is one row "| `package` … | `import` … or nothing | why |".
type room struct {
	line  int
	pure  bool     // under a heading "## Pure rooms …"
	clock bool     // under the heading "## Pure rooms with a clock"
	names []string // the packages, as patterns of matches
	may   []string // what they may import beside the standard library, as patterns
	why   string
}

// rooms reads the rows of all tables, and reports those that say too little.
func rooms(t *tree) ([]room, []Offence) {
	var rows []room
	var bad []Offence
	n, under := 0, ""
	for line := range strings.Lines(t.texts[roomsFile]) {
		n++
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			under = strings.TrimSpace(heading)
		}
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || strings.TrimSpace(cells[2]) == "" {
			bad = append(bad, badRow(n, "a row has three cells: packages, what they may import, why"))
			continue
		}
		r := room{
			line: n, pure: strings.HasPrefix(under, "Pure rooms"), clock: under == "Pure rooms with a clock",
			names: patterns(cells[0]), may: patterns(cells[1]), why: strings.TrimSpace(cells[2]),
		}
		if nothing := strings.TrimSpace(cells[1]) == "nothing"; nothing != (len(r.may) == 0) {
			bad = append(bad, badRow(n, "say which packages they may import, or the word nothing"))
		}
		rows = append(rows, r)
	}
	return rows, bad
}

// badRow is an offence of a row.
func badRow(line int, want string) Offence { return Offence{roomsFile, line, "room", want} }

// badImport is an offence of an import.
func badImport(t *tree, f *goFile, spec *ast.ImportSpec, want string) Offence {
	return Offence{f.path, t.line(spec.Pos()), "import of " + t.importPath(spec), want}
}

// patterns returns the words between backquotes in a cell. Those of the project
// get their "./": the first element of any other has a dot.
func patterns(cell string) []string {
	var found []string
	for i, word := range strings.Split(cell, "`") {
		switch first, _, _ := strings.Cut(word, "/"); {
		case i%2 == 0:
		case strings.Contains(first, "."):
			found = append(found, word)
		default:
			found = append(found, "./"+word)
		}
	}
	return found
}

// roomOf returns the first row that is about a package of the project, nil if none
// is.
func roomOf(rows []room, pkg string) *room {
	for i := range rows {
		if matches(pkg, rows[i].names) {
			return &rows[i]
		}
	}
	return nil
}

// packages returns the first file of each package of the project, one that is no
// test if there is one, by "./" and its directory.
func (t *tree) packages() map[string]*goFile {
	first := map[string]*goFile{}
	for _, f := range append(t.product(), t.files...) {
		if first["./"+f.dir] == nil {
			first["./"+f.dir] = f
		}
	}
	return first
}

// importTable compares the tables with the tree, both ways: each package has one
// row, and each name of a row is that of a package.
func importTable(t *tree) []Offence {
	rows, bad := rooms(t)
	packages := t.packages()
	for pkg, f := range packages {
		name := strings.TrimPrefix(pkg, "./")
		r := roomOf(rows, pkg)
		if r == nil {
			want := fmt.Sprintf("give %s a row in %s: what it may import, and why", name, roomsFile)
			bad = append(bad, Offence{f.path, 0, "room", want})
		}
		for _, other := range rows {
			if matches(pkg, other.names) && other.line != r.line {
				want := fmt.Sprintf("%s has a row already, at line %d", name, r.line)
				bad = append(bad, badRow(other.line, want))
			}
		}
	}
	for _, r := range rows {
		for _, name := range r.names {
			used := func(pkg string) bool { return matches(pkg, []string{name}) }
			if !slices.ContainsFunc(slices.Collect(maps.Keys(packages)), used) {
				name = strings.TrimPrefix(name, "./")
				bad = append(bad, badRow(r.line, "no package is "+name+": take it out"))
			}
		}
	}
	return bad
}

// importDirection reports imports that the row of a package does not allow, and
// what a row allows to no purpose. Tests may reach across.
func importDirection(t *tree) []Offence {
	rows, _ := rooms(t)
	var bad []Offence
	used := map[int][]string{} // imports of packages, by the line of their row
	for _, f := range t.product() {
		r := roomOf(rows, "./"+f.dir)
		if r == nil {
			continue // importTable has said it
		}
		for _, spec := range f.ast.Imports {
			to := t.importPath(spec)
			if isStandard(to) {
				continue
			}
			used[r.line] = append(used[r.line], to)
			if why := r.forbids(rows, to); why != "" {
				bad = append(bad, badImport(t, f, spec, why))
			}
		}
	}
	for _, r := range rows {
		for _, allowed := range r.may {
			needs := func(pkg string) bool { return matches(pkg, []string{allowed}) }
			if !slices.ContainsFunc(used[r.line], needs) {
				name := strings.TrimPrefix(allowed, "./")
				bad = append(bad, badRow(r.line, "nothing here imports "+name+": take it out"))
			}
		}
	}
	return bad
}

// forbids returns why a package of the room must not import to, empty if it may.
func (r *room) forbids(rows []room, to string) string {
	other := roomOf(rows, to)
	switch {
	case !matches(to, r.may):
		return fmt.Sprintf("line %d of %s does not allow it: %s", r.line, roomsFile, r.why)
	case r.pure && other != nil && !other.pure:
		return "a pure room imports only pure rooms: let an edge package or main hand over what it needs"
	}
	return ""
}

// isStandard reports whether an import path is one of the standard library.
func isStandard(pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	return !strings.Contains(first, ".")
}

// testPackages reports doubles and test harnesses, whose names end in "test" or
// that lie below such a package, in what is built.
func testPackages(t *tree) []Offence {
	var bad []Offence
	for _, f := range t.product() {
		if isTestPackage(f.dir) || strings.HasPrefix(f.dir, "bench/") {
			continue
		}
		for _, spec := range f.ast.Imports {
			if to := t.importPath(spec); strings.HasPrefix(to, "./") && isTestPackage(to) {
				bad = append(bad, badImport(t, f, spec, "only tests import a test package"))
			}
		}
	}
	return bad
}

// isTestPackage reports whether the directory is that of a test package.
func isTestPackage(dir string) bool {
	for element := range strings.SplitSeq(dir, "/") {
		if strings.HasSuffix(element, "test") || element == "testnet" {
			return true
		}
	}
	return false
}
