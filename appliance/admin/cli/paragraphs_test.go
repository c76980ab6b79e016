package cli

import (
	"bytes"
	"testing"
)

func TestParagraphs(t *testing.T) {
	for _, tt := range []struct {
		writes []string
		want   string
	}{
		{nil, ""},
		{[]string{"a\n"}, "a\n"},
		{[]string{"a\n", "\n", "b\n", "\n"}, "a\n\nb\n"},
		{[]string{"a\n\nb\n\n"}, "a\n\nb\n"},
		{[]string{"a", "\n", "", "b", "\n\n", "\n", "c"}, "a\nb\n\n\nc"},
	} {
		var out bytes.Buffer
		w := Paragraphs(&out)
		for _, text := range tt.writes {
			if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
				t.Fatalf("%q: %d, %v", text, n, err)
			}
		}
		if out.String() != tt.want {
			t.Errorf("%q became %q, want %q", tt.writes, out.String(), tt.want)
		}
	}
}
