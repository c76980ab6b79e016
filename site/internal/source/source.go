// Package source has the files of a site as text: the places of what is in them, and problems that are shown
// with their place. What the text means is for others to say.
package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"
	"strings"
)

// File is the text of one file of a site.
type File struct {
	Text   string
	Starts []int // offset of each line
	name   string
}

// New returns a file with a text. A byte order mark before it, which says no more than that it is UTF-8, is
// no part of it.
func New(name, text string) *File {
	text = strings.TrimPrefix(text, byteOrderMark)
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

// The bounds of all files of a site together.
const (
	MaxFiles = 64
	MaxBytes = 16 << 20
)

// Files are the files of a site. Whoever reads them is told when they are too many or too large together.
type Files struct {
	fsys  fs.FS
	files int
	left  int64 // bytes
}

// NewFiles returns the files in fsys.
func NewFiles(fsys fs.FS) *Files { return &Files{fsys: fsys, left: MaxBytes} }

// Read returns the text of a regular file of at most limit bytes, nil if there is no such file. The message
// is "" or says what is wrong with the file as a whole.
func (f *Files) Read(name string, limit int64) (src *File, message string) {
	open, err := f.fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f.misnamed(name)
	}
	if err != nil {
		return nil, cannot(err)
	}
	defer open.Close()
	if is, err := open.Stat(); err != nil {
		return nil, cannot(err)
	} else if !is.Mode().IsRegular() {
		return nil, "is no regular file; expected one"
	}
	if f.files++; f.files > MaxFiles {
		return nil, fmt.Sprintf("is one file too many; expected at most %d in a site", MaxFiles)
	}
	data, err := io.ReadAll(io.LimitReader(open, min(limit, f.left)+1))
	size := int64(len(data))
	f.left -= size
	switch {
	case err != nil:
		return nil, cannot(err)
	case size > limit:
		return nil, fmt.Sprintf("is too large; expected at most %d KiB", limit>>10)
	case f.left < 0:
		f.left = 0
		return nil, fmt.Sprintf("makes the site too large; expected at most %d MiB in all its files",
			MaxBytes>>20)
	}
	return New(name, string(data)), ""
}

// misnamed says that a file which a site has by its name is there by another, as some editors save it and
// some systems copy it: nobody would notice that it is not read.
func (f *Files) misnamed(name string) string {
	if !IsFixed(name) {
		return ""
	}
	for _, other := range []string{name + ".txt", name + ".conf", strings.ToUpper(name[:1]) + name[1:],
		strings.ToUpper(name)} {
		if open, err := f.fsys.Open(other); err == nil {
			open.Close()
			return fmt.Sprintf("is not there, and %s is, which is not read; expected the name %s", other,
				name)
		}
	}
	return ""
}

// cannot says why a file cannot be read, without its name, which stands before it.
func cannot(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return "cannot be read: " + err.Error()
}
