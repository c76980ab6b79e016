package sftp

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// maxNames is how many names one reply has: with the longest ones that is less than a packet may have.
const maxNames = 100

func (s *server) opendir(r *request) error {
	if err := s.room(); err != nil {
		return err
	}
	f, err := os.OpenFile(r.path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	s.keep(r, &handle{File: f, directory: true, names: []string{".", ".."}})
	return nil
}

// readdir replies with some names, and says at the end that it was that.
func (s *server) readdir(r *request) error {
	h, err := s.handle(r)
	if err != nil {
		return err
	}
	if !h.directory {
		return unix.ENOTDIR
	}
	names := h.names
	if h.names = nil; len(names) == 0 {
		if names, err = h.Readdirnames(maxNames); len(names) == 0 {
			if err == nil {
				err = io.EOF
			}
			return err
		}
	}
	s.to(r, kindName)
	s.uint32(0)
	count, at := uint32(0), len(s.reply)-4
	for _, name := range names {
		var st unix.Stat_t
		if unix.Fstatat(int(h.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
			continue // it has gone
		}
		s.string(name)
		s.string(s.owners.long(name, &st))
		s.reply = attributesOf(&st).append(s.reply)
		count++
	}
	s.put(at, count)
	return nil
}

// long is a file as ls -l has it, for people.
func (o *owners) long(name string, st *unix.Stat_t) string {
	stamp := time.Unix(st.Mtim.Unix())
	layout := "Jan _2 15:04"
	if age := time.Since(stamp); age < 0 || age > 182*24*time.Hour {
		layout = "Jan _2  2006"
	}
	return fmt.Sprintf("%s %4d %-8s %-8s %8d %s %s", modeText(st.Mode), st.Nlink,
		cmp.Or(o.user(st.Uid), strconv.Itoa(int(st.Uid))), cmp.Or(o.group(st.Gid), strconv.Itoa(int(st.Gid))),
		st.Size, stamp.Format(layout), printable.String(name))
}

// modeText is a mode in letters: "-rw-r--r--".
func modeText(mode uint32) string {
	kinds := map[uint32]byte{
		unix.S_IFDIR: 'd', unix.S_IFLNK: 'l', unix.S_IFCHR: 'c', unix.S_IFBLK: 'b', unix.S_IFIFO: 'p',
		unix.S_IFSOCK: 's', unix.S_IFREG: '-',
	}
	text := []byte("?rwxrwxrwx")
	if k, ok := kinds[mode&unix.S_IFMT]; ok {
		text[0] = k
	}
	for i := range 9 {
		if mode&(1<<(8-i)) == 0 {
			text[1+i] = '-'
		}
	}
	for i, special := range []struct {
		bit  uint32
		both string // with the right to execute, and without
	}{{unix.S_ISUID, "sS"}, {unix.S_ISGID, "sS"}, {unix.S_ISVTX, "tT"}} {
		if mode&special.bit != 0 {
			at := 3 * (i + 1)
			without := 0
			if text[at] == '-' {
				without = 1
			}
			text[at] = special.both[without]
		}
	}
	return string(text)
}

// name replies with one, of which nothing else is said.
func (s *server) name(r *request, name string) {
	s.to(r, kindName)
	s.uint32(1)
	s.string(name)
	s.string(printable.String(name))
	s.uint32(0) // attributes
}

func (s *server) readlink(r *request) error {
	to, err := os.Readlink(r.path)
	if err != nil {
		return err
	}
	s.name(r, to)
	return nil
}

// realpath replies with a name without links, of which the last component needs not be there.
func (s *server) realpath(r *request, name string) error {
	path, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	whole, err := filepath.EvalSymlinks(absoluteUnclean(name, path))
	if errors.Is(err, unix.ENOENT) {
		var dir string
		if dir, err = filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			whole = filepath.Join(dir, filepath.Base(path))
		}
	}
	if err != nil {
		return err
	}
	s.name(r, whole)
	return nil
}

// absoluteUnclean is name from the root on, with its ".." as they are: above a link to a directory is not
// where its name is.
func absoluteUnclean(name, clean string) string {
	if filepath.IsAbs(name) {
		return name
	}
	if dir, err := os.Getwd(); err == nil {
		return strings.TrimSuffix(dir, "/") + "/" + name
	}
	return clean
}
