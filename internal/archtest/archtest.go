// Package archtest keeps the rules of the house: which way imports point, what
// only package main may do, what must have a comment, how long a function may be,
// which module is there for which reason, which test proves which promise.
//
// Check reads every file of a source tree as text or syntax, without building
// anything, and reports every offence with what to do instead. It sees what is
// written, not what it means: a function that is called through a variable is not
// followed. CheckClosures asks the go command what the packages reach that claim to
// be pure.
//
// Imports are a closed world: docs/imports.md has a row for each package, and what it
// does not name is forbidden. The other rules have their tables here, with a reason
// on every line; whoever needs an exception writes it there with the reason.
package archtest

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
)

// Offence is one place that breaks a rule.
type Offence struct {
	File string // slash-separated, from the root of the tree
	Line int    // from 1; 0 when the whole file is meant
	Rule string
	Want string // what to do instead
}

// String returns "file:line: rule: what to do instead".
func (o Offence) String() string {
	if o.Line == 0 {
		return fmt.Sprintf("%s: %s: %s", o.File, o.Rule, o.Want)
	}
	return fmt.Sprintf("%s:%d: %s: %s", o.File, o.Line, o.Rule, o.Want)
}

// Check returns every offence in the source tree of the module in fsys, in order
// of their places. It fails when a file cannot be read or a Go file not be parsed.
func Check(fsys fs.FS) ([]Offence, error) {
	t, err := load(fsys)
	if err != nil {
		return nil, err
	}
	var all []Offence
	for _, rule := range []func(*tree) []Offence{
		importTable, importDirection, testPackages,
		pureImports, clocks,
		packageComments, exportedComments,
		mainOnly, initFunctions, packageState,
		dependencyReasons, directModules, replacements,
		fileLength, functionLength, lineWidth,
		skippedTests, formatting, generatedCode, buildMachine, promises,
	} {
		all = append(all, rule(t)...)
	}
	return inOrder(all), nil
}

// inOrder sorts offences by their places, each of them once.
func inOrder(all []Offence) []Offence {
	slices.SortFunc(all, func(a, b Offence) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Want, b.Want))
	})
	return slices.Compact(all)
}
