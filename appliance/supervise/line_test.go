package supervise

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"lease 192.168.32.11 for web1", "lease 192.168.32.11 for web1"},
		{"Grüße, 東京 ✓", "Grüße, 東京 ✓"},
		{"\tgoroutine 1", "    goroutine 1"},
		{"windows line\r", "windows line"},
		{"name \x1b[2J\x1b]0;owned\x07", `name \x1b[2J\x1b]0;owned\x07`},
		{"a\rb\x00c\x7fd", `a\x0db\x00c\x7fd`},
		{"one\ntwo", `one\x0atwo`},
		{"bad \xff\xfe utf-8 \xc3", `bad \xff\xfe utf-8 \xc3`},
		{"right to left \u202egnp.exe, C1 \u009b31m, line \u2028 sep", `right to left \u202egnp.exe, C1 \u009b31m, line \u2028 sep`},
		{"tag \U000e0041", `tag \ue0041`},
		{strings.Repeat("x", MaxLine), strings.Repeat("x", MaxLine)},
		{strings.Repeat("x", MaxLine+1), strings.Repeat("x", MaxLine) + "…"},
		{strings.Repeat("\x00", MaxLine), strings.Repeat(`\x00`, MaxLine/4) + "…"},
		{strings.Repeat("x", MaxLine-1) + "ü", strings.Repeat("x", MaxLine-1) + "…"},
	} {
		if got := clean([]byte(c.in)); got != c.want {
			t.Errorf("clean(%.60q) = %.60q (%d), want %.60q (%d)", c.in, got, len(got), c.want, len(c.want))
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b[31mred\x1b[0m", "\xff\n\t\r", "\u202e\u0085", strings.Repeat("ü\x00", 600)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := clean(raw)
		if len(got) > MaxLine+len("…") {
			t.Fatalf("%d bytes", len(got))
		}
		if !utf8.ValidString(got) {
			t.Fatalf("%q is no UTF-8", got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q in %q", r, got)
			}
		}
		if again := clean([]byte(got)); again != got && len(got) <= MaxLine {
			t.Fatalf("clean twice: %q, then %q", got, again)
		}
	})
}

// However the output is cut into writes, the lines are those of strings.Split
// (but for what is too long, and empty ones).
func FuzzSplitter(f *testing.F) {
	f.Add("one\ntwo\n\nthree", uint8(3))
	f.Add(strings.Repeat("x", 5000)+"\nshort\n", uint8(200))
	f.Fuzz(func(t *testing.T, text string, piece uint8) {
		var got []string
		s := splitter{emit: func(line []byte) { got = append(got, string(line)) }}
		for rest := text; rest != ""; {
			n := min(len(rest), int(piece)+1)
			if wrote, err := s.Write([]byte(rest[:n])); wrote != n || err != nil {
				t.Fatalf("Write = %d, %v", wrote, err)
			}
			rest = rest[n:]
		}
		s.flush()
		var want []string
		for _, line := range strings.Split(text, "\n") {
			if line != "" {
				want = append(want, line[:min(len(line), MaxLine+1)])
			}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got %.200q\nwant %.200q", got, want)
		}
		if cap(s.buf) > 4*MaxLine {
			t.Errorf("buffer of %d bytes", cap(s.buf))
		}
	})
}
