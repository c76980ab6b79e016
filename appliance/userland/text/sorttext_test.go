package text

import (
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// Lines are the same whatever reads bring, and wherever blocks end.
func TestSortText(t *testing.T) {
	line := strings.Repeat("x", 1000) + "\n"
	long := strings.Repeat("y", 3*sortBlock+17) + "\n"
	for _, tt := range []struct {
		name  string
		files []string
	}{
		{"nothing", nil},
		{"an empty file", []string{""}},
		{"empty lines", []string{"\n\n"}},
		{"files without a last end", []string{"a\nb", "", "c"}},
		{"several blocks", []string{strings.Repeat(line, 2*sortBlock/len(line))}},
		{"a line of a block", []string{strings.Repeat("x", sortBlock-1) + "\nb\n"}},
		{"a line of a block without its end", []string{strings.Repeat("x", sortBlock), "b"}},
		{"a long line between others", []string{"a\n" + long + "b\n" + long, line}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := sortText{end: '\n', available: func() int64 { return math.MaxInt64 }}
			var want []string
			for _, file := range tt.files {
				if err := text.read(iotest.HalfReader(strings.NewReader(file))); err != nil {
					t.Fatal(err)
				}
				for one := range strings.Lines(file) {
					want = append(want, strings.TrimSuffix(one, "\n"))
				}
			}
			lines, err := text.lines(func(line []byte) uint64 { return uint64(len(line)) })
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range lines {
				one := string(text.text(l, 0))
				if got = append(got, one); string(text.text(l, 1)) != one+"\n" || l.head != uint64(len(one)) {
					t.Errorf("a line of %d bytes is without its end, or has the head %d", len(one), l.head)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d lines, want %d: the first differ, or others", len(got), len(want))
			}
		})
	}
}

// What the machine has no memory for is an error while it is read.
func TestSortTextMemory(t *testing.T) {
	text := sortText{end: '\n', available: func() int64 { return sortReserve + 5*sortBlock }}
	err := text.read(strings.NewReader(strings.Repeat("0123456\n", sortBlock)))
	if err == nil || !strings.Contains(err.Error(), "not enough memory: ") {
		t.Errorf("8 MB of lines where 5 are free: %v", err)
	}
}

// Heads are in the order of what they are of.
func TestSortHeads(t *testing.T) {
	for _, tt := range []struct {
		kind  byte
		parts []string // each before the next, or "=" the same
	}{
		{'n', []string{"-inf", "-1e300", "-2", "-1.5", "-0", "=", "0", "=", "", "=", "x", "1e-300", ".5", "1", "10", "=", " 1e1x", "inf", "nan"}},
		{'g', []string{"x", "=", "", "nan", "-inf", "-1", "-0", "=", "0", "1", "inf"}},
		{'M', []string{"none", "JAN", "feb", "December"}},
		{0, []string{"", "a", "aa", "ab", "b", "\xff"}},
	} {
		f := sortFlags{kind: tt.kind}
		for i := 1; i < len(tt.parts); i++ {
			before, same := tt.parts[i-1], false
			if tt.parts[i] == "=" {
				same = true
				i++
			}
			a, b := f.head([]byte(before)), f.head([]byte(tt.parts[i]))
			if a > b || same != (a == b) {
				t.Errorf("-%c: heads of %q and %q are %#x and %#x", tt.kind, before, tt.parts[i], a, b)
			}
		}
	}
}
