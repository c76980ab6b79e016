package pattern

import (
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pat, s string
		want   bool
	}{
		{"", "", true},
		{"*", "", true},
		{"a*b*c", "aXbYbc", true},
		{"a*b*c", "aXbYb", false},
		{"?", "ü", true},
		{"?", "", false},
		{"[a-c]", "b", true},
		{"[!a-c]", "b", false},
		{"[]a]", "]", true},
		{"[a", "[a", true},
		{`\*`, "*", true},
		{`\*`, "x", false},
		{`a\`, `a\`, true},
		{"[[:digit:]x]", "7", true},
		{"[a-]", "-", true},
		{`[\]]`, "]", true},
		{strings.Repeat("*a", 100) + "b", strings.Repeat("a", 5000), false},
	} {
		if got := Match(tt.pat, tt.s); got != tt.want {
			t.Errorf("Match(%q, %q) = %v", tt.pat, tt.s, got)
		}
	}
}

// TestPrefixOfLong is a matter of time: a try of each prefix would take that of the square of the length.
func TestPrefixOfLong(t *testing.T) {
	long := strings.Repeat("ab", 1<<19)
	for pat, want := range map[string]int{"*/": -1, "*a*b*": len(long), "*a": len(long) - 1, "[ab]*/*b": -1} {
		if got := Prefix(pat, long, true); got != want {
			t.Errorf("Prefix(%q, …): %d, expected %d", pat, got, want)
		}
	}
}

// FuzzPrefix compares with trying all prefixes.
func FuzzPrefix(f *testing.F) {
	for _, seed := range [][2]string{
		{"*/", "/usr/lib/x"}, {"a*b", "aabab"}, {"**", "ab"}, {"", "a"}, {"*[!a]", "aba"}, {"?*é", "aéé"}, {"*", ""}, {`\*`, `\*x`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pat, s string) {
		if len(s) > 1000 || len(pat) > 100 {
			return
		}
		least, most := -1, -1
		for end := range s + "x" { // at characters
			if end <= len(s) && Match(pat, s[:end]) {
				most = end
				if least < 0 {
					least = end
				}
			}
		}
		if a, b := Prefix(pat, s, false), Prefix(pat, s, true); a != least || b != most {
			t.Errorf("Prefix(%q, %q): %d and %d, expected %d and %d", pat, s, a, b, least, most)
		}
	})
}

// FuzzQuote checks that a quoted text matches itself, and every match is as long as it says.
func FuzzQuote(f *testing.F) {
	for _, seed := range []string{"a*b", "[x]", `\`, "ü\xff", "[!a-z]-"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, pat, s string) {
		Match(pat, s)
		if q := Quote(s); !Match(q, s) || Meta(q) || Unquote(q) != s {
			t.Errorf("%q is quoted as %q", s, q)
		}
		if !Meta(pat) && Match(pat, s) != (Unquote(pat) == s) {
			t.Errorf("%q has no meta, but matches %q: %v", pat, s, Match(pat, s))
		}
	})
}
