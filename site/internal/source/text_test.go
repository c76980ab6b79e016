package source

import (
	"slices"
	"strings"
	"testing"
)

// everybodysLines are the lines of a text that are not blank for a reader who knows every end of a line that
// anybody has.
func everybodysLines(text string) (lines []string) {
	ends := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")
	for line := range strings.SplitSeq(ends.Replace(strings.TrimPrefix(text, "\ufeff")), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// checkText: a file that is text has the lines that everybody sees in it, and a place within it if it is
// none.
func checkText(t *testing.T, text string) {
	t.Helper()
	src := New("hosts", text)
	at, reason := src.NotText()
	if reason != "" {
		if at.OK() && (at.Off < 0 || at.End > len(src.Text) || at.Off >= at.End) {
			t.Errorf("%q: the place is %d to %d", text, at.Off, at.End)
		}
		return
	}
	var lines []string
	for n := range src.Starts {
		if line := strings.TrimSpace(src.Line(n + 1)); line != "" {
			lines = append(lines, line)
		}
	}
	if want := everybodysLines(text); !slices.Equal(lines, want) {
		t.Errorf("%q has the lines %q, and others see %q", text, lines, want)
	}
}

func textCases() []string {
	return []string{
		"", "a", "a\n", "a\r\nb\r\n", "a\rb", "a\r", "a\r\r\nb", "a\nb\rc\n", "a\u0085b", "a\u2028b\n", "a\u2029", "\ufeffa\n",
		"a\n\ufeffb", "\ufeff\ufeffa", "a\x00", "a\x00b\x00", "\x00a\x00b", "\xff\xfea\x00", "\xfe\xff\x00a", "\xff\xfe\x00\x00",
		"B\xfcro\n", "B\x85ro\n", "\v\f", "\x00",
	}
}

func TestText(t *testing.T) {
	refused := 0
	for _, text := range textCases() {
		checkText(t, text)
		if _, reason := New("hosts", text).NotText(); reason != "" {
			refused++
		}
	}
	if refused != 14 {
		t.Errorf("%d are refused", refused)
	}
}

func FuzzText(f *testing.F) {
	for _, text := range textCases() {
		f.Add(text)
	}
	f.Fuzz(checkText)
}

func TestCounts(t *testing.T) {
	e, w := Problem{File: "hosts", Message: "x"}, Problem{File: "hosts", Message: "y", Severity: Warning}
	for _, tt := range []struct {
		p    Problems
		want string
	}{
		{nil, ""}, {Problems{e}, "1 error"}, {Problems{w}, "1 warning"}, {Problems{e, e, w}, "2 errors, 1 warning"},
		{Problems{e, w, w}, "1 error, 2 warnings"}, {Problems{w, w}.Strict(), "2 errors"},
	} {
		if got := tt.p.Counts(); got != tt.want || tt.p.Failed() != strings.Contains(tt.want, "error") {
			t.Errorf("%v: %q, want %q", tt.p, got, tt.want)
		}
	}
	if got, want := (Problems{e, w}).Text(), "hosts: x\nhosts: warning: y\n1 error, 1 warning\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestErrorsFirst: warnings crowd no error out, and stand behind all.
func TestErrorsFirst(t *testing.T) {
	var r Reporter
	src := New("ethers", "a\nb\n")
	for range 2 * maxProblems {
		r.Warn(src.Span(0, 1), Span{}, "w")
	}
	if r.Count() != 0 || !r.Shown() {
		t.Errorf("warnings are counted as errors")
	}
	for range 2 * maxProblems {
		r.Against(src.Span(2, 3), src.Span(0, 1), "e")
	}
	p := r.Problems()
	if p.Count(Error) != maxProblems || p.Count(Warning) != maxProblems || p[maxProblems-1].Severity != Error {
		t.Errorf("there are %s", p.Counts())
	}
}
