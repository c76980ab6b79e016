package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// read takes out what is in an archive, or says what that is.
func (t *tarrer) read(strip int) {
	stdin, _ := t.Stdin.(*os.File)
	f, err := t.archive(os.O_RDONLY, stdin)
	if err == nil {
		err = t.goThere()
	}
	if err != nil {
		t.Fail(err)
		return
	}
	from := io.Reader(f)
	if f == nil {
		from = t.Stdin
	}
	root := os.Geteuid() == 0
	x := &extractor{
		c: t.Call, strip: strip, parents: true, unlink: !t.Has('k') && !t.Has(optOverwrite),
		truncate: t.Has(optOverwrite), owners: root && !t.Has('o'), numeric: t.Has(optNumeric), modes: root &&
			!t.Has(optPlainModes), times: !t.Has('m'),
	}
	found, err := t.entries(x, from)
	x.finish(err == nil)
	if err != nil {
		t.Fail(err)
		return
	}
	for _, name := range t.names {
		if t.Stdout.Err() != nil {
			return
		}
		if !t.exclude.match(name) && !found[name] {
			t.Fail(fmt.Errorf("%s: not in the archive", t.text(name)))
			return
		}
	}
}

// entries goes through the archive. found are those of the names of the command line that something has
// matched.
func (t *tarrer) entries(x *extractor, from io.Reader) (found map[string]bool, err error) {
	r, err := t.input(from)
	if err != nil {
		return nil, err
	}
	count := &readCounter{r: r}
	archive := tar.NewReader(count)
	found = map[string]bool{}
	for {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, broken(err)
		}
		e, err := t.entry(h)
		if err == nil && e != nil {
			err = t.one(e, archive, x, found)
		}
		if err != nil || t.Stdout.Err() != nil {
			return nil, err
		}
	}
	if count.n%block != 0 {
		return nil, broken(io.ErrUnexpectedEOF)
	}
	_, err = io.Copy(io.Discard, r) // who writes it is to come to its end, and the sums are there
	return found, broken(err)
}

// A readCounter counts what is read.
type readCounter struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *readCounter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func broken(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the archive is cut off")
	case errors.Is(err, tar.ErrHeader):
		return errors.New("this is no archive, or it is damaged")
	}
	return err
}

func (t *tarrer) one(e *entry, from io.Reader, x *extractor, found map[string]bool) error {
	if t.exclude.below(plain(e.name)) || len(t.names) > 0 && !t.names.cover(e.name) {
		return nil
	}
	switch {
	case t.verbose > 1:
		t.long(e)
	case t.verbose > 0:
		t.name(e)
	}
	e.name = strings.TrimSuffix(e.name, "/")
	for _, pattern := range t.names {
		if !found[pattern] && (globs{pattern}).match(e.name) {
			found[pattern] = true
		}
	}
	switch {
	case t.Has('O'):
		_, err := io.Copy(t.Stdout, from)
		if t.Stdout.Err() != nil {
			return nil // whoever flushes says so
		}
		return broken(err)
	case t.Has('x'):
		return x.extract(e, from)
	}
	return nil
}

// entry is a header as an entry; nil: it says something of others.
func (t *tarrer) entry(h *tar.Header) (*entry, error) {
	if leadsOut(h.Name) {
		t.Fail(fmt.Errorf("%q leads out of the directory", h.Name))
		return nil, nil
	}
	e := &entry{
		name: t.safe(h.Name), uid: h.Uid, gid: h.Gid, user: h.Uname, group: h.Gname, when: h.ModTime,
		device: unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor)),
	}
	const volume = 'V'
	kind := uint32(unix.S_IFREG)
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		e.size = h.Size
	case tar.TypeLink:
		e.link = h.Linkname
	case tar.TypeSymlink:
		kind, e.link = unix.S_IFLNK, h.Linkname
	case tar.TypeChar:
		kind = unix.S_IFCHR
	case tar.TypeBlock:
		kind = unix.S_IFBLK
	case tar.TypeDir:
		kind = unix.S_IFDIR
	case tar.TypeFifo:
		kind = unix.S_IFIFO
	case tar.TypeXGlobalHeader:
		return nil, nil
	case volume:
		t.Warn(errors.New("the name of the volume is left out"))
		return nil, nil
	default:
		return nil, fmt.Errorf("%q is of a kind, %q, that is not known", h.Name, h.Typeflag)
	}
	e.mode = kind | uint32(h.Mode)&0o7777
	return e, nil
}
