package logs

import (
	"strings"
	"testing"
)

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
		s.Close()
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
