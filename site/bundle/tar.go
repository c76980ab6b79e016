package bundle

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// maxEntries bounds directories and the like, which a site may have beside its files.
	maxEntries = 4 * MaxFiles

	// MaxPacked bounds an archive, not compressed: the files, a header or two and up to a block of padding
	// for each, and what tar fills its last record with.
	MaxPacked = MaxBytes + 1<<20
)

// OpenTar reads a site from an archive as `tar c` makes it of the site's directory, plain or compressed by
// gzip. It reads r to its end. Directories are passed over, and so is the Meta of a bundle that was unpacked
// there: it is about other contents. What else lies in the directory is in the result; see Read.
func OpenTar(r io.Reader) (Bundle, error) {
	a, err := readArchive(r)
	if err != nil {
		return Bundle{}, err
	}
	if len(a.files) == 0 {
		return Bundle{}, errors.New("the archive has no files; expected those of a site, site.toml and others")
	}
	return Bundle{Files: a.files}, nil
}

// archive is what was read of one.
type archive struct {
	files  map[string][]byte
	meta   []byte
	metaAt int // which entry meta is, from 1; 0: none
	total  int64
}

func readArchive(r io.Reader) (*archive, error) {
	plain, err := decompressed(r)
	if err != nil {
		return nil, err
	}
	in := &stream{r: plain, left: MaxPacked}
	a := &archive{files: map[string][]byte{}}
	t := tar.NewReader(in)
	for n := 1; ; n++ {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, in.explain(fmt.Sprintf("entry %d cannot be read", n), err)
		}
		if n > maxEntries {
			return nil, fmt.Errorf("the archive has more than %d entries; expected one site's", maxEntries)
		}
		if err := a.add(n, h, t, in); err != nil {
			return nil, err
		}
	}
	if err := in.finish(); err != nil {
		return nil, err
	}
	return a, check(a.files)
}

// decompressed returns what r has, without gzip (RFC 1952) around it.
func decompressed(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("the archive cannot be decompressed: %w", err)
	}
	return z, nil
}

// add reads entry n.
func (a *archive) add(n int, h *tar.Header, content io.Reader, in *stream) error {
	switch h.Typeflag {
	case tar.TypeDir, tar.TypeXGlobalHeader: // git archive begins with the latter
		return nil
	case tar.TypeReg:
	default:
		return fmt.Errorf("entry %.300q is %s; expected plain files", h.Name, kind(h.Typeflag))
	}
	name := strings.TrimPrefix(h.Name, "./")
	limit := MaxBytes - a.total
	if name == MetaName {
		limit = maxMeta
	}
	switch _, twice := a.files[name]; {
	case notName(name) != "":
		return fmt.Errorf("entry %.300q %s", h.Name, notName(name))
	case twice || name == MetaName && a.metaAt > 0:
		return fmt.Errorf("entry %q is there a second time; expected it once", name)
	case name == MetaName && h.Size > limit:
		return fmt.Errorf("entry %s has %d bytes; expected at most %d", name, h.Size, maxMeta)
	case h.Size > limit:
		return tooLarge(name)
	case name != MetaName && len(a.files) == MaxFiles:
		return fmt.Errorf("entry %q is the %dth file; expected at most %d, those of the site alone",
			name, MaxFiles+1, MaxFiles)
	}
	data, err := io.ReadAll(content)
	if err != nil {
		return in.explain(fmt.Sprintf("entry %q cannot be read", name), err)
	}
	if name == MetaName {
		a.meta, a.metaAt = data, n
		return nil
	}
	a.files[name], a.total = data, a.total+h.Size
	return nil
}

// kind names what is no plain file.
func kind(flag byte) string {
	switch flag {
	case tar.TypeSymlink:
		return "a symbolic link"
	case tar.TypeLink:
		return "a hard link"
	case tar.TypeChar, tar.TypeBlock:
		return "a device"
	case tar.TypeFifo:
		return "a named pipe"
	}
	return fmt.Sprintf("of the type %q", flag)
}

// stream is an archive on its way in. archive/tar takes the end of the data for that of the archive, wherever
// it comes between two entries; a connection that broke there must not pass for a site with fewer files.
type stream struct {
	r     io.Reader
	left  int64
	ended bool
}

var errTooLong = fmt.Errorf("the archive has more than %d MiB, not compressed; expected the files of one site",
	MaxPacked>>20)

func (s *stream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, errTooLong
	}
	n, err := s.r.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	s.ended = s.ended || n == 0 && err == io.EOF
	return n, err
}

// explain returns the error of archive/tar in words for the person who made the archive.
func (s *stream) explain(what string, err error) error {
	switch {
	case errors.Is(err, errTooLong):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: the archive ends within it", what)
	case errors.Is(err, tar.ErrHeader):
		return fmt.Errorf("%s: this is no tar archive; expected one as tar c makes it", what)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// finish reads what follows the mark at the end of an archive, two blocks of zeros: more zeros, to the end.
func (s *stream) finish() error {
	if s.ended {
		return errors.New("the archive ends without the mark of its end; expected all of it")
	}
	var block [4096]byte
	for {
		n, err := s.Read(block[:])
		if len(bytes.Trim(block[:n], "\x00")) > 0 {
			return errors.New("something follows the end of the archive; expected nothing")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return s.explain("the end of the archive cannot be read", err)
		}
	}
}
