package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// A cpioWriter writes an archive of files whose names are read. Those that have several names come last.
type cpioWriter struct {
	*cpio
	to      *bufio.Writer
	inodes  uint32 // with --renumber-inodes: how many there are so far
	several map[inode]*severalNames
	order   []*severalNames
}

// severalNames are those of one file.
type severalNames struct {
	st    unix.Stat_t
	inode uint32
	names []string
}

func (p *cpio) write(to *bufio.Writer) error {
	w := &cpioWriter{cpio: p, to: to, several: map[inode]*severalNames{}}
	end := byte('\n')
	if p.Has('0') {
		end = 0
	}
	names := bufio.NewReader(p.Stdin)
	for {
		line, err := names.ReadString(end)
		if name := shortest(strings.TrimSuffix(line, string(end))); name != "" {
			if err := w.one(name); err != nil {
				return err
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	for i := len(w.order) - 1; i >= 0; i-- {
		if err := w.all(w.order[i]); err != nil {
			return err
		}
	}
	_, err := to.Write((&newc{name: trailer}).appendTo(nil))
	return err
}

// shortest is a name without "./" at its beginning.
func shortest(name string) string {
	for strings.HasPrefix(name, "./") {
		name = strings.TrimLeft(name[1:], "/")
	}
	return name
}

func (w *cpioWriter) one(name string) error {
	var st unix.Stat_t
	look := unix.Lstat
	if w.Has('L') {
		look = unix.Stat
	}
	if err := look(name, &st); err != nil {
		return command.Named(name, err)
	}
	if w.uid != nobodyInPlace {
		st.Uid = uint32(w.uid)
	}
	if w.gid != nobodyInPlace {
		st.Gid = uint32(w.gid)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR || st.Nlink < 2 {
		return w.file(name, &st, w.number(&st), true)
	}
	id := inode{st.Dev, st.Ino}
	if w.several[id] == nil {
		w.several[id] = &severalNames{st: st, inode: w.number(&st)}
		w.order = append(w.order, w.several[id])
	}
	w.several[id].names = append(w.several[id].names, name)
	return nil
}

func (w *cpioWriter) number(st *unix.Stat_t) uint32 {
	if !w.Has(optRenumber) {
		return uint32(st.Ino)
	}
	w.inodes++
	return w.inodes
}

// all writes a file with several names, the content with the last of them.
func (w *cpioWriter) all(s *severalNames) error {
	for i := len(s.names) - 1; i >= 0; i-- {
		if err := w.file(s.names[i], &s.st, s.inode, i == 0); err != nil {
			return err
		}
	}
	return nil
}

func (w *cpioWriter) file(name string, st *unix.Stat_t, inode uint32, content bool) error {
	n, err := newcOf(name, st)
	if err != nil {
		return command.Named(name, err)
	}
	n.inode = inode
	if w.Has(optNoDevice) {
		n.devMajor, n.devMinor, n.major, n.minor = 0, 0, 0, 0
	}
	if !content {
		n.size = 0
	}
	from, err := open(name, n)
	if err != nil {
		return command.Named(name, err)
	}
	defer from.Close()
	if _, err := w.to.Write(n.appendTo(nil)); err != nil {
		return err
	}
	size := int64(n.size)
	if written, err := io.CopyN(w.to, from, size); err == io.EOF {
		return fmt.Errorf("%s: it has %d bytes less than it had", name, size-written)
	} else if err != nil {
		return err
	}
	_, err = w.to.Write(make([]byte, padding(size)))
	return err
}

// open is what follows the header.
func open(name string, n *newc) (io.ReadCloser, error) {
	switch {
	case n.size == 0:
	case n.mode&unix.S_IFMT == unix.S_IFREG:
		return os.Open(name)
	default:
		target, err := os.Readlink(name)
		if err == nil && len(target) != int(n.size) {
			err = errors.New("the link has changed")
		}
		return io.NopCloser(strings.NewReader(target)), err
	}
	return io.NopCloser(strings.NewReader("")), nil
}
