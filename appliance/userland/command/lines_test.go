package command

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// Lines of any length are what they were, also when the caller has kept them.
func TestLines(t *testing.T) {
	long := strings.Repeat("x", 3*linesBuffer+1)
	for _, text := range []string{"", "\n", "a", "a\nb\n", long, long + "\n", long + "\na\n" + long + "\n" + long[1:] + "\nb", long[:linesBuffer] + "\n\n"} {
		lines := NewLines(iotest.HalfReader(strings.NewReader(text)), '\n')
		var kept [][]byte
		last := true
		for {
			line, whole, err := lines.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || !last {
				t.Fatalf("behind %d lines: %v, or a line behind one without an end", len(kept), err)
			}
			kept, last = append(kept, lines.Take(line)), whole
		}
		var got strings.Builder
		for i, line := range kept {
			got.Write(line)
			if last || i+1 < len(kept) {
				got.WriteByte('\n')
			}
		}
		if got.String() != text {
			t.Errorf("%d bytes in %d lines, want %d", got.Len(), len(kept), len(text))
		}
	}
}
