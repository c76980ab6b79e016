package source

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("abcdefghi ", 30)
	tests := []struct {
		name, text string
		off, end   int
		want       string
	}{
		{"within", "one two three\n", 4, 7, "    1 | one two three\n      |     ^^^"},
		{"second line", "one\ntwo", 4, 7, "    2 | two\n      | ^^^"},
		{"nothing to mark", "one", 3, 3, "    1 | one\n      |    ^"},
		{"empty file", "", 0, 0, "    1 |\n      | ^"},
		{"tabs", "\tone\ttwo", 5, 8, "    1 | \tone\ttwo\n      | \t   \t^^^"},
		{"several lines", "one [\n two", 4, 10, "    1 | one [\n      |     ^"},
		{"terminal escapes", "\x1b[2J\xff x", 6, 7, "    1 | ·[2J· x\n      |       ^"},
		{"letters of several bytes", "ä ö", 3, 5, "    1 | ä ö\n      |   ^"},
		{"end of line", "one\r\n", 3, 5, "    1 | one·\n      |    ^"},
		{
			"long, at the start", long, 0, 9,
			"    1 | " + long[:excerptWidth] + "…\n      | ^^^^^^^^^",
		},
		{
			"long, at the end", long, 290, 299,
			"    1 | …defghi abcdefghi abcdefghi\n      |                   ^^^^^^^^^",
		},
		{
			"long mark", long, 0, 299,
			"    1 | " + long[:excerptWidth] + "…\n      | " + strings.Repeat("^", excerptWidth+1),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := excerpt(Span{New("hosts", tt.text), tt.off, tt.end})
			if diff := cmp.Diff(trimRight(tt.want), trimRight(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func trimRight(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// TestPositions compares the positions of a text with counting through it.
func TestPositions(t *testing.T) {
	const text = "\none\n\ntwo three\nlast"
	src := New("hosts", text)
	line, col := 1, 1
	for off := range len(text) + 1 {
		if l, c := src.Position(off); l != line || c != col {
			t.Errorf("offset %d is at %d:%d, want %d:%d", off, l, c, line, col)
		}
		if off < len(text) && text[off] == '\n' {
			line, col = line+1, 1
		} else {
			col++
		}
	}
	for i, want := range strings.Split(text, "\n") {
		if got := src.Line(i + 1); got != want {
			t.Errorf("line %d is %q, want %q", i+1, got, want)
		}
	}
}

func TestProblemString(t *testing.T) {
	p := Problem{File: "hosts", Line: 3, Col: 5, Message: "this is wrong", Other: "ethers:2", Excerpt: "    3 | x"}
	const want = "hosts:3:5: this is wrong (ethers:2)\n    3 | x"
	if got := fmt.Sprint(p); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p = Problem{File: "hosts", Message: "is not there"}
	if got := fmt.Sprint(p); got != "hosts: is not there" {
		t.Errorf("got %q", got)
	}
}
