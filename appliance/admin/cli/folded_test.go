package cli

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFolded(t *testing.T) {
	for in, want := range map[string]string{
		"":                                    "",
		"short\n":                             "short\n",
		"exactly thirty columns of text":      "exactly thirty columns of text",
		"one two three four five six seven\n": "one two three four five six\n  seven\n",
		"  begins with two, and goes on from there\n": "  begins with two, and goes on\n    from there\n",
		"name   value   the last cell is long\n":      "name   value   the last cell\n               is long\n",
		"a\nname  é é é é é é é é é é é é é é\nb":     "a\nname  é é é é é é é é é é é é\n      é é\nb",
		strings.Repeat("x", 40) + "\n":                strings.Repeat("x", 40) + "\n",
		"iqn " + strings.Repeat("x", 40) + " y\n":     "iqn\n  " + strings.Repeat("x", 40) + "\n  y\n",
	} {
		var out strings.Builder
		n, err := Folded(&out, 30).Write([]byte(in))
		if out.String() != want || n != len(in) || err != nil {
			t.Errorf("%q: %d, %v\n%s\nwant\n%s", in, n, err, out.String(), want)
		}
	}
}

// FuzzFolded: no word is lost or made.
func FuzzFolded(f *testing.F) {
	f.Add("a  b   c d e f g", 3)
	f.Fuzz(func(t *testing.T, line string, columns int) {
		if columns < 2 || columns > 1000 || !utf8.ValidString(line) || strings.Contains(line, "\n") {
			return
		}
		var out strings.Builder
		if _, err := Folded(&out, columns).Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Fields(out.String()), strings.Fields(line); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%q became %q", want, got)
		}
	})
}
