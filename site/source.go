package site

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"
)

// source is the text of one file of a site.
type source struct {
	name   string
	text   string
	starts []int // offset of each line
}

func newSource(name, text string) *source {
	s := &source{name: name, text: text, starts: []int{0}}
	for i := 0; i < len(text); i++ {
		if text[i] == '\n' {
			s.starts = append(s.starts, i+1)
		}
	}
	return s
}

// line returns line n, counted from 1, without its end.
func (s *source) line(n int) string {
	end := len(s.text)
	if n < len(s.starts) {
		end = s.starts[n] - 1
	}
	return s.text[s.starts[n-1]:end]
}

// position returns the line and the column of a byte, both counted from 1.
func (s *source) position(offset int) (line, col int) {
	line = sort.SearchInts(s.starts, offset+1)
	return line, offset - s.starts[line-1] + 1
}

// span is the place of something in a file, its bytes from off to end. The zero
// span is no place: the thing is not there.
type span struct {
	src      *source
	off, end int
}

func (s span) ok() bool { return s.src != nil }

// place returns the short form "hosts:12".
func (s span) place() string {
	line, _ := s.src.position(s.off)
	return fmt.Sprintf("%s:%d", s.src.name, line)
}

// read returns the text of a file of at most limit bytes, nil if there is no such
// file. The message is "" or says what is wrong with the file as a whole.
func read(fsys fs.FS, name string, limit int64) (src *source, message string) {
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ""
	}
	if err != nil {
		return nil, "cannot be read: " + err.Error()
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, "cannot be read: " + err.Error()
	}
	if int64(len(data)) > limit {
		return nil, fmt.Sprintf("is too large; expected at most %d KiB", limit>>10)
	}
	return newSource(name, string(data)), ""
}
