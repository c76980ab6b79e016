package archtest

import (
	"fmt"
	"strings"

	"golang.org/x/mod/modfile"
)

// reasonsFile says in a table why each direct module is there.
const reasonsFile = "docs/dependencies.md"

// reason is one row of the table.
type reason struct {
	line int
	why  string
}

// Headings of reasonsFile: along begins the modules that others bring, and commands what is no table of
// modules.
const (
	headingAlong    = "## Along with these"
	headingCommands = "## Parsers of others"
)

// reasons reads the rows "| `module` | … | why |" of the tables, apart those of modules
// that others bring, and reports rows that say nothing or repeat another.
func reasons(t *tree) (rows, along map[string]reason, bad []Offence) {
	rows, along = map[string]reason{}, map[string]reason{}
	n, heading := 0, ""
	for line := range strings.Lines(t.texts[reasonsFile]) {
		if n++; strings.HasPrefix(line, "## ") {
			heading = line
		}
		if strings.HasPrefix(heading, headingCommands) {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		module := strings.TrimSpace(cells[0])
		if !strings.HasPrefix(line, "| `") || len(cells) < 2 {
			continue
		}
		module = strings.Trim(module, "`")
		row := reason{n, strings.TrimSpace(cells[len(cells)-1])}
		if row.why == "" {
			bad = append(bad, Offence{reasonsFile, n, "reason", "say why " + module + " is needed"})
		}
		_, again := rows[module]
		if _, too := along[module]; again || too {
			bad = append(bad, Offence{reasonsFile, n, "reason", "one row for " + module + " is enough"})
		}
		if strings.HasPrefix(heading, headingAlong) {
			along[module] = row
		} else {
			rows[module] = row
		}
	}
	return rows, along, bad
}

// imported returns the modules that the project's own files import, each with one
// of the files.
func imported(t *tree) map[string]string {
	modules := map[string]string{}
	for _, f := range t.files {
		for _, spec := range f.ast.Imports {
			if m := moduleOf(t.module, t.importPath(spec)); m != "" && modules[m] == "" {
				modules[m] = f.path
			}
		}
	}
	return modules
}

// needed returns the modules that the project itself asks for, each with a place
// that does: by an import, or as a tool.
func needed(t *tree) map[string]string {
	modules := imported(t)
	for _, tool := range t.module.Tool {
		if m := moduleOf(t.module, tool.Path); m != "" && modules[m] == "" {
			modules[m] = "go.mod as a tool"
		}
	}
	return modules
}

// moduleOf returns the required module that a package belongs to.
func moduleOf(mod *modfile.File, pkg string) string {
	longest := ""
	for _, r := range mod.Require {
		p := r.Mod.Path
		if (pkg == p || strings.HasPrefix(pkg, p+"/")) && len(p) > len(longest) {
			longest = p
		}
	}
	return longest
}

// dependencyReasons compares the tables with the modules that are needed, both
// ways. Which of those that others bring are linked, image/userland compares.
func dependencyReasons(t *tree) []Offence {
	rows, along, bad := reasons(t)
	direct := needed(t)
	for module, place := range direct {
		if _, ok := rows[module]; !ok {
			bad = append(bad, Offence{"go.mod", requireLine(t, module), "reason",
				fmt.Sprintf("say in %s why %s needs %s", reasonsFile, place, module)})
		}
	}
	for module, row := range rows {
		if direct[module] == "" {
			bad = append(bad, Offence{reasonsFile, row.line, "reason", "nothing imports " + module + ": remove the row, and the module by go mod tidy"})
		}
	}
	for module, row := range along {
		if direct[module] != "" || requireLine(t, module) == 0 {
			bad = append(bad, Offence{reasonsFile, row.line, "reason", module + " does not come along with another: move or remove the row"})
		}
	}
	return bad
}

// requireLine returns the line of go.mod that requires a module.
func requireLine(t *tree, module string) int {
	for _, r := range t.module.Require {
		if r.Mod.Path == module {
			return r.Syntax.Start.Line
		}
	}
	return 0
}

// directModules reports lines of go.mod whose "// indirect" is wrong, either way.
// To the go command, a module that only tools come from is indirect.
func directModules(t *tree) []Offence {
	byImport, all := imported(t), needed(t)
	var bad []Offence
	for _, r := range t.module.Require {
		p := r.Mod.Path
		if r.Indirect && byImport[p] != "" || !r.Indirect && all[p] == "" {
			bad = append(bad, Offence{"go.mod", r.Syntax.Start.Line, "indirect",
				"the comment of " + p + " is not true: run go mod tidy"})
		}
	}
	return bad
}

// replacements reports replaced modules: whoever builds the project as a
// dependency would get others.
func replacements(t *tree) []Offence {
	var bad []Offence
	for _, r := range t.module.Replace {
		bad = append(bad, Offence{"go.mod", r.Syntax.Start.Line, "replace", "require a version of " + r.Old.Path + " that can be used as it is"})
	}
	return bad
}
