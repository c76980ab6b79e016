package archtest

import (
	"go/ast"
	"go/format"
	"regexp"
	"strings"
)

// formatting reports Go files that gofmt would change, at the first line of them.
func formatting(t *tree) []Offence {
	var bad []Offence
	for _, f := range t.files {
		formatted, err := format.Source([]byte(f.src))
		if err == nil && string(formatted) == f.src {
			continue
		}
		line := 1
		for i := 0; i < len(f.src) && i < len(formatted) && f.src[i] == formatted[i]; i++ {
			if f.src[i] == '\n' {
				line++
			}
		}
		bad = append(bad, Offence{f.path, line, "format", "run gofmt -w " + f.path})
	}
	return bad
}

// generatedCode reports Go files that a program wrote: they are made when they
// are needed, so that nobody edits or forgets to renew them.
func generatedCode(t *tree) []Offence {
	var bad []Offence
	for _, f := range t.files {
		if ast.IsGenerated(f.ast) {
			bad = append(bad, Offence{f.path, 0, "generated", "generate it into build/ when it is needed, and do not commit it"})
		}
	}
	return bad
}

// buildMachine reports absolute paths that exist only where something was built.
func buildMachine(t *tree) []Offence {
	// Put together here, so that this file is not reported.
	paths := regexp.MustCompile(`(?:^|[^\w.~-])/(?:wo` + `rk|ro` + `ot/go|tm` + `p/gh[\w-]*)(?:$|[^\w.-])`)
	var bad []Offence
	for name, text := range t.texts {
		n := 0
		for line := range strings.Lines(text) {
			n++
			if found := paths.FindString(strings.TrimRight(line, "\n")); found != "" {
				bad = append(bad, Offence{name, n, "path", "name no directory of a machine that builds"})
			}
		}
	}
	return bad
}
