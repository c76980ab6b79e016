package source

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// TestFilesAreBounded: a file by itself, all of them together, and their number.
func TestFilesAreBounded(t *testing.T) {
	fsys := fstest.MapFS{"dir": {Mode: fs.ModeDir}, "pipe": {Mode: fs.ModeNamedPipe}}
	for i := range MaxFiles + 1 {
		fsys[fmt.Sprint(i)] = &fstest.MapFile{Data: []byte("x")}
	}
	large := &fstest.MapFile{Data: []byte(strings.Repeat("x", MaxBytes/2))}
	fsys["a"], fsys["b"] = large, large
	read := func(f *Files, name string, limit int64, want string) {
		t.Helper()
		src, message := f.Read(name, limit)
		if message != want || (src == nil) != (want != "") {
			t.Errorf("%s: %q, want %q", name, message, want)
		}
	}
	f := NewFiles(fsys)
	read(f, "dir", 1, "is no regular file; expected one")
	read(f, "pipe", 1, "is no regular file; expected one")
	read(f, "a", MaxBytes/2, "")
	read(f, "b", MaxBytes/2, "")
	read(f, "0", 1, "makes the site too large; expected at most 16 MiB in all its files")
	f = NewFiles(fsys)
	read(f, "a", 2048, "is too large; expected at most 2 KiB")
	for i := range MaxFiles - 1 {
		read(f, fmt.Sprint(i), 1, "")
	}
	read(f, "64", 1, "is one file too many; expected at most 64 in a site")
	if src, message := f.Read("absent", 1); src != nil || message != "" {
		t.Errorf("an absent file: %v, %q", src, message)
	}
}

// TestExcerptOfALongLine: of a line of any length no more is looked at than is shown.
func TestExcerptOfALongLine(t *testing.T) {
	line := strings.Repeat("ä", 1<<20)
	src := New("hosts", line)
	allocated := testing.AllocsPerRun(1, func() {
		if got := excerpt(src.Span(1<<20, 1<<20+8)); len(got) > 4*excerptWidth {
			t.Errorf("it has %d bytes", len(got))
		}
	})
	if allocated > 100 {
		t.Errorf("it takes %v allocations", allocated)
	}
}
