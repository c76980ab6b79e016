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
