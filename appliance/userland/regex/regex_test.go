package regex

import (
	"errors"
	"slices"
	"testing"
)

// FuzzMatchers: the library and the matcher of our own find the same; no pattern is a panic.
func FuzzMatchers(f *testing.F) {
	for _, s := range []string{"a*b", "^a|b$", "(a|ab)(c|bcd)*", "x{2,3}", "[[:alpha:]]+", "[]a-]", `\(a\)\1`, `\<a\>`, `a\|b`, `\{`, "[a", "a**", `\w\W\b\B`} {
		f.Add(s, "abcabxxx-\xe9 ab", 0)
		f.Add(s, "", Extended|Loose)
		f.Add(s, "AB ab", Extended|IgnoreCase)
	}
	f.Fuzz(func(t *testing.T, pattern, text string, flags int) {
		if len(pattern) > 40 || len(text) > 60 {
			return
		}
		re, err := Compile(pattern, flags&15)
		if err != nil || re.lib == nil {
			return
		}
		p := parser{text: pattern, flags: flags & 15}
		root, err := p.parse()
		if err != nil {
			t.Fatal(err)
		}
		own := &matcher{root: root, groups: p.groups, lines: flags&Lines != 0}
		want, err := own.all([]byte(text), -1)
		if errors.Is(err, ErrTooHard) {
			return
		}
		got, _ := re.All([]byte(text), -1)
		if !slices.EqualFunc(got, want, func(a, b []int) bool { return a[0] == b[0] && a[1] == b[1] }) {
			t.Errorf("%q on %q: the library finds %v, our matcher %v", pattern, text, got, want)
		}
	})
}

func TestTooHard(t *testing.T) {
	re, err := Compile(`^\(\(a*\)*\)*\1b$`, 0)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := re.Match([]byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac")); !errors.Is(err, ErrTooHard) {
		t.Errorf("found: %v, %v", found, err)
	}
}

func TestQuote(t *testing.T) {
	const text = `a.c[1]*^$\+?{}()|` + "\xff"
	re, err := Compile(Quote(text), 0)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := re.All([]byte("x"+text+"y"), -1); err != nil || len(all) != 1 || all[0][0] != 1 || all[0][1] != 1+len(text) {
		t.Errorf("%v, %v", all, err)
	}
}
