package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// An extractor makes files of entries, for tar and cpio.
//
//	entry ─┬─ file, device …   made at once, or not at all
//	       ├─ directory        made at once; finish gives it its time and mode, when nothing more is put into it
//	       └─ link             made at once if it cannot lead out of the directory, else by finish
type extractor struct {
	c *command.Call

	dir      string // where files go; "": the working directory
	strip    int    // components of names that are left out
	parents  bool   // directories that a name needs are made
	unlink   bool   // what has the name already makes way,
	newer    bool   // or does so if it is older,
	truncate bool   // or is written over
	owners   bool
	numeric  bool // owners are numbers, whatever their names
	modes    bool
	times    bool

	links       links
	directories []directory
	known       map[inode]int  // where in directories
	ids         map[string]int // of users and, after a colon, of groups
}

// A directory that was made, or was there.
type directory struct {
	path string
	id   inode
	e    entry
}

// extract makes one. Its error is the end: what else fails it says, and goes on.
func (x *extractor) extract(e *entry, from io.Reader) error {
	e, wanted := x.stripped(e)
	if !wanted {
		return nil
	}
	to := path.Join(x.dir, e.name)
	if x.parents {
		if err := os.MkdirAll(path.Dir(to), 0o777); err != nil {
			x.c.Fail(named(path.Dir(to), err))
		}
	}
	if e.hard() && path.Clean(e.link) == path.Clean(e.name) {
		return nil // tar does so with a file that is named twice
	}
	if skip, err := x.makeWay(e, to); skip || err != nil {
		return err
	}
	switch e.kind() {
	case unix.S_IFREG:
		if e.hard() {
			return named(to, x.links.later(to, path.Join(x.dir, safeName(e.link)), true))
		}
		return x.file(e, to, from)
	case unix.S_IFLNK:
		return named(to, x.links.symbolic(to, e.link))
	case unix.S_IFDIR:
		return x.directory(e, to)
	}
	if err := unix.Mknod(to, e.mode, int(e.device)); err != nil {
		x.c.Fail(named(to, err))
		return nil
	}
	x.restore(e, to)
	return nil
}

// stripped is the entry with so many components of its name less; a hard link's other name has them less too.
func (x *extractor) stripped(e *entry) (_ *entry, wanted bool) {
	less := *e
	for range x.strip {
		if less.name, wanted = component(less.name); !wanted {
			return nil, false
		}
		if e.hard() {
			if less.link, wanted = component(less.link); !wanted {
				return nil, false
			}
		}
	}
	less.name = safeName(less.name)
	return &less, less.name != ""
}

func component(name string) (rest string, ok bool) {
	_, rest, _ = strings.Cut(name, "/")
	return rest, rest != ""
}

// makeWay does away with what has the name. skip: it stays.
func (x *extractor) makeWay(e *entry, to string) (skip bool, err error) {
	isDir := e.kind() == unix.S_IFDIR
	switch {
	case x.unlink && !isDir:
		err = unix.Unlink(to)
	case x.unlink || !x.newer:
		return false, nil
	default:
		var st unix.Stat_t
		if err = unix.Lstat(to, &st); err != nil {
			break
		}
		if st.Mtim.Sec >= e.when.Unix() {
			if !isDir {
				x.c.Warn(fmt.Errorf("%s: not made, what there is is not older", printable.String(to)))
			}
			return true, nil
		}
		if err = unix.Unlink(to); err == unix.EISDIR {
			err = nil
		}
	}
	if err == unix.ENOENT {
		err = nil
	}
	return false, named(to, err)
}

// file makes a regular one. What cannot be written whole is not left behind.
func (x *extractor) file(e *entry, to string, from io.Reader) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if x.truncate {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(to, flags, fs.FileMode(e.mode&0o777))
	if err != nil {
		return named(to, err)
	}
	if _, err = io.Copy(f, from); errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the archive is cut off")
	}
	if err = errors.Join(err, f.Close()); err != nil {
		if !x.truncate {
			os.Remove(to) // the first error is the one to tell
		}
		return named(to, first(err))
	}
	x.restore(e, to)
	return nil
}

// directory makes one, in which its owner can make files until finish.
func (x *extractor) directory(e *entry, to string) error {
	err := unix.Mkdir(to, e.mode&0o777|0o700)
	if err != nil && err != unix.EEXIST {
		x.c.Fail(named(to, err))
		return nil
	}
	var st unix.Stat_t
	if err = unix.Stat(to, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	if err != nil {
		x.c.Fail(named(to, err))
		return nil
	}
	x.own(e, to)
	d := directory{to, inode{st.Dev, st.Ino}, *e}
	if i, again := x.known[d.id]; again {
		x.directories[i] = d
		return nil
	}
	if x.known == nil {
		x.known = map[inode]int{}
	}
	x.known[d.id] = len(x.directories)
	x.directories = append(x.directories, d)
	return nil
}

// restore gives a file its owner, mode and time.
func (x *extractor) restore(e *entry, to string) {
	x.own(e, to)
	if x.modes {
		x.warn(to, unix.Chmod(to, e.mode&0o7777))
	}
	if x.times {
		x.warn(to, os.Chtimes(to, e.when, e.when))
	}
}

func (x *extractor) own(e *entry, to string) {
	if x.owners {
		uid, gid := e.uid, e.gid
		if !x.numeric {
			uid, gid = x.id("", e.user, uid), x.id(":", e.group, gid)
		}
		x.warn(to, unix.Chown(to, uid, gid))
	}
}

// warn: not all file systems have owners and modes.
func (x *extractor) warn(name string, err error) {
	if err != nil {
		x.c.Warn(named(name, err))
	}
}

// id is the number of a user or a group; number, if there is none of the name.
func (x *extractor) id(kind, name string, number int) int {
	if name == "" {
		return number
	}
	id, known := x.ids[kind+name]
	if !known {
		text := ""
		if kind == "" {
			if u, err := user.Lookup(name); err == nil {
				text = u.Uid
			}
		} else if g, err := user.LookupGroup(name); err == nil {
			text = g.Gid
		}
		var err error
		if id, err = strconv.Atoi(text); err != nil {
			id = -1
		}
		if x.ids == nil {
			x.ids = map[string]int{}
		}
		const most = 1000 // names that an archive can make us keep
		if len(x.ids) < most {
			x.ids[kind+name] = id
		}
	}
	if id < 0 {
		return number
	}
	return id
}

// finish makes the links that had to wait, unless that is of no use any more, and gives directories their
// mode and time, the innermost first.
func (x *extractor) finish(links bool) {
	if links {
		if err := x.links.make(); err != nil {
			x.c.Fail(err)
		}
	}
	for i := len(x.directories) - 1; i >= 0; i-- {
		d := &x.directories[i]
		x.warn(d.path, x.finishDirectory(d))
	}
}

func (x *extractor) finishDirectory(d *directory) error {
	f, err := os.OpenFile(d.path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if (inode{st.Dev, st.Ino}) != d.id {
		return nil // a link has taken its name: what that leads to is not ours
	}
	if x.modes {
		err = unix.Fchmod(int(f.Fd()), d.e.mode&0o7777)
	}
	if x.times {
		when := unix.NsecToTimeval(d.e.when.UnixNano())
		err = errors.Join(err, unix.Futimes(int(f.Fd()), []unix.Timeval{when, when}))
	}
	return err
}
