package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// A tarWriter is an archive that is made.
type tarWriter struct {
	*tarrer
	to     *bufio.Writer
	self   inode            // the archive, which is not put into itself
	seen   map[inode]string // files with several names, by the first
	above  map[inode]bool   // directories that the file is in: with -h a link may lead back to one
	people map[string]string
}

// create makes an archive. A file that cannot be read is left out, and said; what cannot be written is the
// end.
func (t *tarrer) create() {
	if len(t.names) == 0 {
		t.Fail(errors.New("an archive of nothing is none"))
		return
	}
	f := t.compression()
	if name, _ := t.Value('f'); f == nil && t.Has('a') {
		for _, by := range []format{gzipFormat(), bzip2Format(), xzFormat()} {
			if strings.HasSuffix(name, by.suffix) {
				f = &by
			}
		}
	}
	if f != nil && f.pack == nil {
		t.Misused("%s files are only unpacked", f.name)
		return
	}
	stdout, _ := t.Stdout.Underlying().(*os.File)
	file, err := t.archive(os.O_WRONLY|os.O_CREATE|os.O_TRUNC, stdout)
	if err == nil {
		err = t.goThere()
	}
	if err == nil {
		err = t.write(file, f)
	}
	if err != nil {
		t.Fail(err)
	}
}

func (t *tarrer) write(file *os.File, f *format) (err error) {
	w := &tarWriter{tarrer: t, seen: map[inode]string{}, above: map[inode]bool{}, people: map[string]string{}}
	var to io.Writer = t.Stdout
	if name, given := t.Value('f'); !given || name == "-" {
		t.lister = newLister(t.Stderr, t.Stderr) // names are no part of the archive
	}
	if file != nil {
		var st unix.Stat_t
		if err := unix.Fstat(int(file.Fd()), &st); err != nil {
			return err
		}
		w.self, to = inode{st.Dev, st.Ino}, file
		defer func() { err = errors.Join(err, file.Close()) }()
	}
	if f != nil {
		between := bufio.NewWriterSize(to, 64<<10)
		z, err := f.pack(between, 0)
		if err != nil {
			return err
		}
		w.to = bufio.NewWriterSize(z, 64<<10)
		return first(errors.Join(w.all(), w.to.Flush(), z.Close(), between.Flush()))
	}
	w.to = bufio.NewWriterSize(to, 64<<10)
	return first(errors.Join(w.all(), w.to.Flush()))
}

func (w *tarWriter) all() error {
	for _, name := range w.names {
		if err := w.tree(name); err != nil {
			return err
		}
	}
	_, err := w.to.Write(make([]byte, 2*block))
	return err
}

// tree writes a file, and what is in it. Its error is one of writing.
func (w *tarWriter) tree(name string) error {
	var st unix.Stat_t
	look := unix.Lstat
	if w.Has('h') {
		look = unix.Stat
	}
	if err := look(name, &st); err != nil {
		w.Fail(command.Named(name, err))
		return nil
	}
	shown := w.safe(name)
	if shown != "" {
		if w.exclude.below(shown) {
			return nil
		}
		if err := w.file(name, shown, &st); err != nil {
			return err
		}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || w.Has(optFlat) {
		return nil
	}
	id := inode{st.Dev, st.Ino}
	if w.above[id] {
		w.Fail(fmt.Errorf("%s leads back to a directory that it is in", name))
		return nil
	}
	w.above[id] = true
	defer delete(w.above, id)
	all, err := os.ReadDir(name)
	if err != nil {
		w.Fail(command.Named(name, err))
	}
	for _, d := range all {
		below := strings.TrimSuffix(name, "/") + "/" + d.Name()
		if err := w.tree(below); err != nil {
			return err
		}
	}
	return nil
}

// file writes one.
func (w *tarWriter) file(name, shown string, st *unix.Stat_t) (err error) {
	e := &entry{
		name: shown, mode: st.Mode, uid: int(st.Uid), gid: int(st.Gid), user: w.user(st.Uid),
		group: w.group(st.Gid), device: st.Rdev, when: statTime(st),
	}
	id := inode{st.Dev, st.Ino}
	switch kind := e.kind(); {
	case kind == unix.S_IFSOCK:
		w.Warn(fmt.Errorf("%s: a socket is left out", name))
		return nil
	case id == w.self:
		w.Warn(fmt.Errorf("%s: the archive itself is left out", name))
		return nil
	case kind == unix.S_IFDIR:
		e.name += "/"
	case st.Nlink > 1 && w.seen[id] != "":
		e.link = w.seen[id]
		e.mode = e.mode&0o7777 | unix.S_IFREG
		return w.entry(e)
	case kind == unix.S_IFLNK:
		if e.link, err = os.Readlink(name); err != nil {
			w.Fail(command.Named(name, err))
			return nil
		}
	}
	var f *os.File
	if e.kind() == unix.S_IFREG {
		if f, err = os.Open(name); err != nil {
			w.Fail(command.Named(name, err))
			return nil
		}
		defer f.Close()
		e.size = st.Size
	}
	if st.Nlink > 1 && e.kind() != unix.S_IFDIR {
		w.seen[id] = shown
	}
	if err := w.entry(e); err != nil || f == nil {
		return err
	}
	return w.content(name, f, e.size)
}

// entry writes a header, and says so.
func (w *tarWriter) entry(e *entry) error {
	_, err := w.to.Write(tarHeader(e))
	if err == nil && w.verbose > 0 {
		w.name(e)
	}
	return err
}

// content writes what is in a file: as much as its header has said, whatever became of it since.
func (w *tarWriter) content(name string, f *os.File, size int64) error {
	n, err := io.CopyN(w.to, f, size)
	var reading *fs.PathError
	if n < size && (err == io.EOF || errors.As(err, &reading) && reading.Op == "read") {
		w.Fail(fmt.Errorf("%s: %d bytes less than it had, and zeros in their place: %w", name, size-n, err))
		_, err = io.CopyN(w.to, zeros{}, size-n)
	}
	if err == nil {
		_, err = w.to.Write(make([]byte, (block-size%block)%block))
	}
	return err
}

// user and group are the names of a number, or else the number.
func (w *tarWriter) user(id uint32) string {
	return w.person("", id, func(text string) (string, error) {
		u, err := user.LookupId(text)
		if err != nil {
			return "", err
		}
		return u.Username, nil
	})
}

func (w *tarWriter) group(id uint32) string {
	return w.person(":", id, func(text string) (string, error) {
		g, err := user.LookupGroupId(text)
		if err != nil {
			return "", err
		}
		return g.Name, nil
	})
}

func (w *tarWriter) person(kind string, id uint32, look func(string) (string, error)) string {
	number := strconv.FormatUint(uint64(id), 10)
	name, known := w.people[kind+number]
	if !known {
		var err error
		if name, err = look(number); err != nil {
			name = number
		}
		w.people[kind+number] = name
	}
	return name
}

type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
