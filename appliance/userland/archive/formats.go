package archive

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	packer "github.com/gatehouse-os/gatehouse/appliance/userland/archive/bzip2"
)

// A format is a way to make a stream smaller.
type format struct {
	name   string
	suffix string // of files
	magic  string // what it begins with
	unpack func(*bufio.Reader) (io.Reader, error)
	pack   func(w io.Writer, level int) (io.WriteCloser, error) // nil: it is only read
}

func gzipFormat() format {
	return format{"gzip", "gz", "\x1f\x8b", newGunzip, func(w io.Writer, level int) (io.WriteCloser, error) {
		if level == 0 {
			level = gzip.DefaultCompression
		}
		return gzip.NewWriterLevel(w, level)
	}}
}

func bzip2Format() format {
	return format{"bzip2", "bz2", "BZh", newBunzip2, func(w io.Writer, level int) (io.WriteCloser, error) {
		if level == 0 {
			level = packer.Best
		}
		return packer.NewWriter(w, level)
	}}
}

func xzFormat() format {
	return format{name: "xz", suffix: "xz", magic: "\xfd7zXZ\x00", unpack: newUnxz}
}

// errShort is for what ends where an archive or a file of a format should begin.
var errShort = errors.New("short read")

// recognize is the format that a stream begins as; nil: none.
func recognize(r *bufio.Reader) *format {
	for _, f := range []format{gzipFormat(), bzip2Format(), xzFormat()} {
		if f.begins(r) {
			return &f
		}
	}
	return nil
}

func (f format) begins(r *bufio.Reader) bool {
	begin, _ := r.Peek(len(f.magic)) // what is shorter is not of this format
	return string(begin) == f.magic
}

// open reads what a stream of the format holds.
func (f format) open(r *bufio.Reader) (io.Reader, error) {
	if !f.begins(r) {
		if _, err := r.Peek(1); err != nil && err != io.EOF {
			return nil, err
		} else if err == io.EOF {
			return nil, errShort
		}
		return nil, fmt.Errorf("no %s file", f.name)
	}
	return f.unpack(r)
}

// gunzip reads one member after the other. What follows the last, and is none, is no part of the file.
type gunzip struct {
	from *bufio.Reader
	z    *gzip.Reader
}

func newGunzip(r *bufio.Reader) (io.Reader, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, whole(err)
	}
	z.Multistream(false)
	return &gunzip{r, z}, nil
}

// Read implements io.Reader.
func (g *gunzip) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	if err == io.EOF && n > 0 {
		return n, nil // it says so again
	}
	if err != io.EOF {
		return n, whole(err)
	}
	if !gzipFormat().begins(g.from) {
		return 0, io.EOF
	}
	if err := g.z.Reset(g.from); err != nil {
		return 0, whole(err)
	}
	g.z.Multistream(false)
	return 0, nil
}

// whole: an end within a member is none.
func whole(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("cut off")
	}
	return err
}

type bunzip2 struct{ z io.Reader }

func newBunzip2(r *bufio.Reader) (io.Reader, error) { return bunzip2{bzip2.NewReader(r)}, nil }

// Read implements io.Reader.
func (b bunzip2) Read(p []byte) (int, error) {
	n, err := b.z.Read(p)
	var broken bzip2.StructuralError
	if errors.As(err, &broken) && strings.Contains(err.Error(), "continuation file") {
		err = io.EOF // what follows the file is no part of it
	}
	return n, whole(err)
}
