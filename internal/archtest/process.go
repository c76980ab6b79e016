package archtest

import (
	"go/ast"
	"slices"
)

// ofMain are the functions and variables by which a program deals with its
// process: only package main uses them, so that everything else can be a test's
// subject and part of any other program.
func ofMain() map[string][]string {
	return map[string][]string{
		"os":        {"Exit", "Args"},
		"log":       {"Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln"},
		"os/signal": {"Notify", "NotifyContext", "Ignore", "Reset", "Stop"},
	}
}

// flagTypes is what package flag has beside the flags of the whole process.
func flagTypes() []string {
	return []string{"NewFlagSet", "FlagSet", "Flag", "Value", "Getter", "ErrorHandling", "ContinueOnError",
		"ErrHelp", "UnquoteUsage"}
}

// mainOnly reports the use, outside package main, of what belongs to it.
func mainOnly(t *tree) []Offence {
	var bad []Offence
	for _, f := range t.product() {
		if f.isMain() {
			continue
		}
		t.selections(f, func(sel *ast.SelectorExpr, pkg string) {
			name := sel.Sel.Name
			if slices.Contains(ofMain()[pkg], name) || pkg == "flag" && !slices.Contains(flagTypes(), name) {
				bad = append(bad, Offence{f.path, t.line(sel.Pos()), pkg + "." + name,
					"only package main deals with its process: take it as an argument, return an error or a status"})
			}
		})
	}
	return bad
}

// initFunctions reports functions that run before main: every applet of the
// binary would run them.
func initFunctions(t *tree) []Offence {
	var bad []Offence
	for _, f := range t.files {
		for _, decl := range f.ast.Decls {
			if d, ok := decl.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "init" {
				bad = append(bad, Offence{f.path, t.line(d.Pos()), "func init", "call a function from main, or from a test"})
			}
		}
	}
	return bad
}

// skippedTests reports tests that may not run: a missing peer or privilege is a
// failure with a clear message.
func skippedTests(t *tree) []Offence {
	var bad []Offence
	for _, f := range t.files {
		names := t.importNames(f)
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			id, _ := sel.X.(*ast.Ident)
			short := id != nil && names[id.Name] == "testing" && sel.Sel.Name == "Short"
			// A test's value has any name; nothing else of the project skips so.
			skip := id != nil && names[id.Name] == "" && slices.Contains([]string{"Skip", "Skipf", "SkipNow"},
				sel.Sel.Name) && f.test
			if short || skip {
				bad = append(bad, Offence{f.path, t.line(sel.Pos()), sel.Sel.Name, "no test is skipped: fail with the name of what is missing"})
			}
			return true
		})
	}
	return bad
}
