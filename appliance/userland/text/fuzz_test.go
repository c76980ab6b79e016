package text

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"
)

// most is a disk that is soon full.
type most struct{ left int }

// Write implements io.Writer.
func (m *most) Write(p []byte) (int, error) {
	if m.left -= len(p); m.left < 0 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

// FuzzPrograms: what users write for hexdump -e, sort -k, cut -f and tr is read or refused, and ends.
func FuzzPrograms(f *testing.F) {
	for _, s := range []string{`16/1 "%02x " "\n"`, `"%07_Ax\n"`, `1/8 "%-9.3e|"`, `"%5.2s"`, "2.3nr,4.5b", "1,3-5,7-", `a-z\n[:digit:][=x=]`, "-1.5e3"} {
		f.Add(s, []byte("The quick\n brown\tfox 12\x00\xff\n"))
	}
	f.Fuzz(func(t *testing.T, program string, text []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, args := range [][]string{
			{"sort", "-k", program}, {"sort", "-n"}, {"sort", "-V"}, {"cut", "-f", program}, {"cut", "-F1", "-d", program}, {"tr", program, "x"},
			{"tr", "-cs", "a", program}, {"od", "-t", program}, {"paste", "-sd", program}, {"xxd", "-r"}, {"xxd", "-rp"}, {"hexdump", "-e", program}, {"base64", "-d"},
			{"printf", program, "12", "x"}, {"printf", "%b", program}, {"join", "-o", program, "-", "/dev/null"}, {"join", "-a1", "-t", program, "-", "/dev/null"},
		} {
			var complaints bytes.Buffer
			if status := run(ctx, args, bytes.NewReader(text), &most{1 << 20}, &complaints); status != 0 && complaints.Len() == 0 {
				t.Errorf("%q: status %d, and no reason", args, status)
			}
		}
	})
}
