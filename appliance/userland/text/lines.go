package text

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// eachLine calls f with each line of r without its end; whole: it had one. The line is f's until the next.
func eachLine(r io.Reader, end byte, f func(line []byte, whole bool) error) error {
	lines := command.NewLines(r, end)
	for {
		line, whole, err := lines.Next()
		if err != nil {
			return endIsFine(err)
		}
		if err := f(line, whole); err != nil {
			return err
		}
	}
}

// readAll is io.ReadAll, in memory of a file's size from the beginning: what grows is there twice, and boxes
// are small.
func readAll(r io.Reader) ([]byte, error) {
	var text bytes.Buffer
	if _, size, ok := isRegular(r); ok && size < math.MaxInt32 {
		text.Grow(int(size) + bytes.MinRead)
	}
	_, err := text.ReadFrom(r)
	return text.Bytes(), err
}

// endIsFine is err unless it is the end of a file.
func endIsFine(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// eachPiece calls f with what each read of r brings, and writes out what f has written before the next: r may
// be a pipe.
func eachPiece(c *command.Call, r io.Reader, f func(piece []byte) error) error {
	chunk := make([]byte, chunkSize)
	for {
		n, err := r.Read(chunk)
		if n > 0 {
			if err := errors.Join(f(chunk[:n]), c.Stdout.Flush()); err != nil {
				return err
			}
		}
		if err != nil {
			return endIsFine(err)
		}
	}
}

// isBlank, isSpace and isPrint are those of C, for ASCII alone.
func isBlank(b byte) bool { return b == ' ' || b == '\t' }
func isSpace(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }
func isPrint(b byte) bool { return b >= ' ' && b <= '~' }
func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// skipField is s without blanks, and what follows them up to the next.
func skipField(s []byte) []byte {
	s = bytes.TrimLeft(s, spaces)
	if i := bytes.IndexAny(s, spaces); i >= 0 {
		return s[i:]
	}
	return nil
}

// spaces are what isSpace is true for.
const spaces = " \t\n\v\f\r"

// isUnicode reports whether the environment says that text is UTF-8. It is bytes else.
func isUnicode() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := os.Getenv(name); value != "" {
			value = strings.ToLower(value)
			return strings.HasSuffix(value, ".utf-8") || strings.HasSuffix(value, ".utf8")
		}
	}
	return false
}

// isInside reports whether a byte is one of a rune, but the first.
func isInside(b byte) bool { return b&0xc0 == 0x80 }
