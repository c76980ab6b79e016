package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// promisesFile says in tables which test proves which promise of the documentation. A row
//
//	| [promise](page.md#heading) | `TestX/subtest` `TestY` in `package` | what they do | figure, or `bench/x` |
//
// is true of the tree: page and heading, each test in its package, and each bench are there.
const promisesFile = "docs/promises.md"

var (
	pageLink  = regexp.MustCompile(`\]\(([^)#]*)#?([^)]*)\)`)
	quoted    = regexp.MustCompile("`([^`]+)`")
	tableRule = regexp.MustCompile(`^\|[-|: ]+\|$`)
)

// promises compares the rows with the tree. Whether a test proves what stands beside it, who writes the row
// has to see.
func promises(t *tree) []Offence {
	text, ok := t.texts[promisesFile]
	if !ok {
		return nil
	}
	var bad []Offence
	if readme, ok := t.texts["README.md"]; ok && !strings.Contains(readme, "("+promisesFile+")") {
		bad = append(bad, Offence{"README.md", 0, "promise", "link to " + promisesFile})
	}
	has := t.tests()
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| promise |") ||
			tableRule.MatchString(line) {
			continue
		}
		for _, want := range t.promise(line, has) {
			bad = append(bad, Offence{promisesFile, n, "promise", want})
		}
	}
	return bad
}

// promise says what is wrong with a row.
func (t *tree) promise(row string, has map[string]*testsOf) (wants []string) {
	cells := strings.Split(strings.Trim(row, "|"), "|")
	if len(cells) != 4 {
		return []string{"a row has four cells: promise, test, what it does, figure"}
	}
	wants = append(t.pages(cells[0]), provenBy(cells[1], has)...)
	if strings.TrimSpace(cells[2]) == "" {
		wants = append(wants, "say what the test does")
	}
	for _, word := range quoted.FindAllStringSubmatch(cells[3], -1) {
		if strings.HasPrefix(word[1], "bench/") && t.packages()["./"+word[1]] == nil {
			wants = append(wants, "no package is "+word[1])
		}
	}
	return wants
}

// pages says what is wrong with the links of a cell to the pages that promise.
func (t *tree) pages(cell string) (wants []string) {
	links := pageLink.FindAllStringSubmatch(cell, -1)
	if len(links) == 0 {
		return []string{"link to the page that promises it"}
	}
	for _, link := range links {
		name := path.Join(path.Dir(promisesFile), link[1])
		text, ok := t.texts[name]
		switch {
		case !ok:
			wants = append(wants, "there is no page "+name)
		case link[2] != "" && !hasHeading(text, link[2]):
			wants = append(wants, fmt.Sprintf("%s has no heading #%s", name, link[2]))
		}
	}
	return wants
}

// hasHeading reports whether a page has a heading with that anchor, which is made as forges make it.
func hasHeading(text, anchor string) bool {
	for line := range strings.Lines(text) {
		words := strings.TrimLeft(line, "#")
		if len(words) == len(line) {
			continue
		}
		made := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(words))
		if made == anchor {
			return true
		}
	}
	return false
}

// provenBy says what is wrong with the tests of a cell: names, and behind them their package, as often as
// there are packages.
func provenBy(cell string, has map[string]*testsOf) (wants []string) {
	const form = "name tests, and behind them their package: `TestX` in `path`"
	var names []string
	words := quoted.FindAllStringSubmatch(cell, -1)
	for _, word := range words {
		if isTestName(word[1]) {
			names = append(names, word[1])
			continue
		}
		if len(names) == 0 {
			wants = append(wants, form)
		}
		for _, name := range names {
			if !has[word[1]].have(name) {
				wants = append(wants, fmt.Sprintf("%s has no test %s", word[1], name))
			}
		}
		names = nil
	}
	if len(names) > 0 || len(words) == 0 {
		wants = append(wants, form)
	}
	return wants
}

func isTestName(name string) bool {
	return strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz")
}

// testsOf are the tests of a package, and all that its test files say in quotes: what subtests are called is
// among it.
type testsOf struct{ names, says map[string]bool }

// tests returns the tests of each package, by its directory.
func (t *tree) tests() map[string]*testsOf {
	all := map[string]*testsOf{}
	for _, f := range t.files {
		if !f.test {
			continue
		}
		if all[f.dir] == nil {
			all[f.dir] = &testsOf{map[string]bool{}, map[string]bool{}}
		}
		of := all[f.dir]
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && isTestName(n.Name.Name) {
					of.names[n.Name.Name] = true
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
					of.says[text] = true
				}
			}
			return true
		})
	}
	return all
}

// have reports whether there is a test, or a subtest behind a slash.
func (o *testsOf) have(name string) bool {
	name, sub, isSub := strings.Cut(name, "/")
	return o != nil && o.names[name] && (!isSub || o.says[sub])
}
