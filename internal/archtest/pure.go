package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
)

// outside is what of the standard library reaches out of a program: files, sockets,
// the kernel, chance, the log. No pure room imports it. What its imports do with
// these is their matter (fmt has os), within the limits of unreachable.
func outside() []string {
	return []string{
		"os/...", "io/ioutil", "syscall", "net", "net/http/...", "log/...", "crypto/rand", "math/rand/...",
	}
}

// pureImports reports pure packages that import what reaches out of a program.
func pureImports(t *tree) []Offence {
	var bad []Offence
	for _, f := range t.pure(anyPure) {
		for _, spec := range f.ast.Imports {
			if to := t.importPath(spec); matches(to, outside()) {
				bad = append(bad, badImport(t, f, spec, "a pure room is a function of its arguments: "+
					"let an edge package or main hand it what it needs"))
			}
		}
	}
	return bad
}

// anyPure and clockless say which rooms the method pure is to look at.
func anyPure(r *room) bool   { return r.pure }
func clockless(r *room) bool { return r.pure && !r.clock }

// pure are the files, of those rooms that are wanted, that end up in a program.
func (t *tree) pure(wanted func(*room) bool) []*goFile {
	rows, _ := rooms(t)
	var files []*goFile
	for _, f := range t.product() {
		if r := roomOf(rows, "./"+f.dir); r != nil && wanted(r) {
			files = append(files, f)
		}
	}
	return files
}

// waits are the names of package time that look at the clock or wait for it.
func waits() []string {
	return []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
}

// clocks reports pure packages that look at the clock or wait.
func clocks(t *tree) []Offence {
	var bad []Offence
	for _, f := range t.pure(clockless) {
		t.selections(f, func(sel *ast.SelectorExpr, pkg string) {
			if pkg == "time" && slices.Contains(waits(), sel.Sel.Name) {
				bad = append(bad, Offence{f.path, t.line(sel.Pos()), "time." + sel.Sel.Name,
					fmt.Sprintf("package %s is pure: take the time as an argument", path.Base(f.dir))})
			}
		})
	}
	return bad
}
