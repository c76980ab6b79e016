package printable

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestString(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"lease 192.168.32.11 for web1", "lease 192.168.32.11 for web1"},
		{"Grüße, 東京 ✓ \ufffd", "Grüße, 東京 ✓ \ufffd"},
		{"\tgoroutine 1", "    goroutine 1"},
		{"name \x1b[2J\x1b]0;owned\x07", `name \x1b[2J\x1b]0;owned\x07`},
		{"a\rb\x00c\x7fd", `a\x0db\x00c\x7fd`},
		{"one\ntwo\r", `one\x0atwo\x0d`},
		{"bad \xff\xfe utf-8 \xc3", `bad \xff\xfe utf-8 \xc3`},
		{"right to left \u202egnp.exe, C1 \u009b31m", `right to left \u202egnp.exe, C1 \u009b31m`},
		{"line \u2028 sep", `line \u2028 sep`},
		{"tag \U000e0041", `tag \U000e0041`},
	} {
		if got := String(c.in); got != c.want {
			t.Errorf("String(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestCut(t *testing.T) {
	const limit = 1024
	for _, c := range []struct{ in, want string }{
		{"short \x1b", `short \x1b`},
		{strings.Repeat("x", limit), strings.Repeat("x", limit)},
		{strings.Repeat("x", limit+1), strings.Repeat("x", limit) + "…"},
		{strings.Repeat("\x00", limit), strings.Repeat(`\x00`, limit/4) + "…"},
		{strings.Repeat("x", limit-1) + "ü", strings.Repeat("x", limit-1) + "…"},
	} {
		if got := Cut(c.in, limit); got != c.want {
			t.Errorf("Cut(%.60q) = %.60q (%d), want %.60q (%d)", c.in, got, len(got), c.want, len(c.want))
		}
	}
}

func TestWriter(t *testing.T) {
	var out strings.Builder
	w := Writer(&out)
	for _, s := range []string{"one\n\ntwo \x1b[2J\r\n", "thr", "", "ee\u202e\n"} {
		if n, err := io.WriteString(w, s); n != len(s) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if want := "one\n\ntwo \\x1b[2J\\x0d\nthree\\u202e\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	full := errors.New("full")
	r, broken := io.Pipe()
	r.CloseWithError(full)
	if n, err := Writer(broken).Write([]byte("x")); n != 0 || err != full {
		t.Errorf("into a broken writer: %d, %v", n, err)
	}
}

// TestOutput: what a terminal could act on is gone, and JSON says to programs what it said.
func TestOutput(t *testing.T) {
	var out strings.Builder
	text := "one\n\ttwo \x1b[2J\r\n\xff \u009b31m \u202e \x7f \U000e0041 Grüße\n"
	if n, err := io.WriteString(Output(&out), text); n != len(text) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	want := "one\n\ttwo \\u001b[2J\\u000d\n\\xff \\u009b31m \\u202e \\u007f \\udb40\\udc41 Grüße\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	said := []string{"\x1b[2J\x00\x7f\u009b\u202e\u2028\U000e0041\t\n\"\\ü", "東京"}
	out.Reset()
	if err := json.NewEncoder(Output(&out)).Encode(said); err != nil {
		t.Fatal(err)
	}
	var heard []string
	if err := json.Unmarshal([]byte(out.String()), &heard); err != nil || !slices.Equal(heard, said) {
		t.Errorf("%s was heard as %q, %v", out.String(), heard, err)
	}
	full := errors.New("full")
	r, broken := io.Pipe()
	r.CloseWithError(full)
	if n, err := Output(broken).Write([]byte("x")); n != 0 || err != full {
		t.Errorf("into a broken writer: %d, %v", n, err)
	}
}

func Fuzz(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b[31mred\x1b[0m", "\xff\n\t\r", "\u202e\u0085",
		strings.Repeat("ü\x00", 60)} {
		f.Add(s, 40)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = max(0, limit)
		got, cut := String(s), Cut(s, limit)
		odd := func(r rune) bool { return !unicode.IsPrint(r) }
		if !utf8.ValidString(got) || strings.ContainsFunc(got, odd) {
			t.Fatalf("String(%q) = %q", s, got)
		}
		if again := String(got); again != got {
			t.Fatalf("twice: %q, then %q", got, again)
		}
		begun, isCut := strings.CutSuffix(cut, "…")
		if len(got) <= limit && cut != got ||
			len(got) > limit && (!isCut || len(begun) > limit || !strings.HasPrefix(got, begun)) {
			t.Fatalf("Cut(%q, %d) = %q of %q", s, limit, cut, got)
		}
		var out strings.Builder
		Writer(&out).Write([]byte(s))
		flat := func(s string) string { return strings.ReplaceAll(s, `\x0a`, "\n") }
		if flat(out.String()) != flat(got) {
			t.Fatalf("Writer writes %q, want %q", out.String(), got)
		}
	})
}
