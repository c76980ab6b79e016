package source

import (
	"slices"
	"strings"
	"testing"
)

// wordsModel is the reading rule of the C library in the most obvious form.
func wordsModel(text string) [][]string {
	var lines [][]string
	for line := range strings.SplitSeq(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(" \t\v\f\r", c) })
		if len(fields) > 0 {
			lines = append(lines, fields)
		}
	}
	return lines
}

func checkWords(t *testing.T, text string) {
	t.Helper()
	src := New("hosts", text)
	var got [][]string
	for _, line := range Words(src) {
		var plain []string
		for _, w := range line {
			if text[w.At.Off:w.At.End] != w.Text {
				t.Errorf("%q: the place of %q has %q", text, w.Text, text[w.At.Off:w.At.End])
			}
			plain = append(plain, w.Text)
		}
		got = append(got, plain)
	}
	if want := wordsModel(text); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("words(%q) = %q, want %q", text, got, want)
	}
}

func TestWords(t *testing.T) {
	for _, text := range []string{
		"", "\n", "#", "a", "a b", " a\tb ", "a#b c", "a #b\nc", "# a\n\n b\v\fc\r\n", "a\n#b", "\r\n", "a\x00b c\xff",
	} {
		checkWords(t, text)
	}
}

func FuzzWords(f *testing.F) {
	f.Add("192.168.32.11\tweb1 www # comment\r\n")
	f.Fuzz(checkWords)
}
