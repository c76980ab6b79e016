// Package source has the files of a site as text: the places of what is in them, and problems that are shown
// with their place. What the text means is for others to say.
package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"
)

// File is the text of one file of a site.
type File struct {
	Text   string
	Starts []int // offset of each line
	name   string
}

// New returns a file with a text.
func New(name, text string) *File {
	s := &File{name: name, Text: text, Starts: []int{0}}
	for i := 0; i < len(text); i++ {
		if text[i] == '\n' {
			s.Starts = append(s.Starts, i+1)
		}
	}
	return s
}

// Span returns the place of the bytes from off to end.
func (s *File) Span(off, end int) Span { return Span{s, off, end} }

// Line returns line n, counted from 1, without its end.
func (s *File) Line(n int) string {
	end := len(s.Text)
	if n < len(s.Starts) {
		end = s.Starts[n] - 1
	}
	return s.Text[s.Starts[n-1]:end]
}

// Position returns the line and the column of a byte, both counted from 1.
func (s *File) Position(offset int) (line, col int) {
	line = sort.SearchInts(s.Starts, offset+1)
	return line, offset - s.Starts[line-1] + 1
}

// Span is the place of something in a file, its bytes from off to end. The zero
// span is no place: the thing is not there.
type Span struct {
	File     *File
	Off, End int
}

// OK reports whether s is a place.
func (s Span) OK() bool { return s.File != nil }

// Place returns the short form "hosts:12".
func (s Span) Place() string {
	line, _ := s.File.Position(s.Off)
	return fmt.Sprintf("%s:%d", s.File.name, line)
}

// Read returns the text of a file of at most limit bytes, nil if there is no such
// file. The message is "" or says what is wrong with the file as a whole.
func Read(fsys fs.FS, name string, limit int64) (src *File, message string) {
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
	return New(name, string(data)), ""
}
