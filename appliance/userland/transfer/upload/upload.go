// Package upload writes files that come over a network, for whoever speaks with its other end.
//
// A regular file is written beside the one of its name, and takes the name when it is whole and on the disk:
// whatever breaks in the middle, connection, process or power, leaves the old file, or none. It keeps the
// mode and the owner of the one it replaces; a link to that stays one, and of a file with several names one
// gets what is new. Until it is whole it has no name where the file system can do that (O_TMPFILE, open(2)),
// so that nothing remains of it; elsewhere what is killed leaves ".NAME.upload-…".
//
// What is no regular file, and what the kernel makes up (proc(5), sysfs(5)), is written in place.
package upload

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links lead from a name to its file (path_resolution(7)).
const maxLinks = 40

// A File is being written. Whoever created it ends with Commit or Discard.
type File struct {
	OS      *os.File // for all but writing
	Path    string   // that it will have: of the file, not of a link to it
	Existed bool     // there is one of this name already

	staged    bool   // it is not at Path
	temporary string // the name that it has meanwhile; "": none
	failed    error  // of a write: it will never be whole
}

// Create begins to write the file name, with the mode perm without the umask if it is new. It can be read
// too.
func Create(name string, perm fs.FileMode) (*File, error) {
	path, err := follow(name)
	if err != nil {
		return nil, err
	}
	var old unix.Stat_t
	err = unix.Stat(path, &old)
	switch {
	case errors.Is(err, unix.ENOENT) && !strings.HasSuffix(path, "/"):
		f := &File{Path: path, staged: true}
		if err := f.stage(perm); err != nil {
			return nil, err
		}
		return f, nil
	case err != nil:
		return nil, err
	case old.Mode&unix.S_IFMT == unix.S_IFDIR:
		return nil, unix.EISDIR
	case old.Mode&unix.S_IFMT != unix.S_IFREG || madeUp(path):
		return inPlace(path)
	}
	if err := unix.Access(path, unix.W_OK); err != nil {
		return nil, err
	}
	f := &File{Path: path, Existed: true, staged: true}
	if err := f.stage(0o600); err != nil {
		return nil, err
	}
	if err := f.take(&old); err != nil {
		f.Discard()
		return nil, err
	}
	return f, nil
}

// Change is Create for a file that begins with what is there, of which some may stay.
func Change(name string, perm fs.FileMode) (*File, error) {
	f, err := Create(name, perm)
	if err != nil || !f.staged || !f.Existed {
		return f, err
	}
	// The old one is opened last, so it may have become another meanwhile: then that one is changed.
	old, err := os.Open(f.Path)
	if err == nil {
		_, err = io.Copy(f.OS, old) // within the kernel where it can
		err = errors.Join(err, old.Close())
	}
	if err == nil {
		_, err = f.OS.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Discard()
		return nil, err
	}
	return f, nil
}

// follow returns where links at the end of name lead, which needs not be there. Links in the middle stay.
func follow(name string) (string, error) {
	for range maxLinks {
		to, err := os.Readlink(name)
		if err != nil {
			return name, nil // no link, or not there: whoever opens it sees
		}
		if !filepath.IsAbs(to) {
			dir, _ := filepath.Split(name)
			to = dir + to // not Join: what is above a link to a directory is not where its name is
		}
		name = to
	}
	return "", unix.ELOOP
}

// madeUp reports whether a file is of no disk, but says something to the kernel.
func madeUp(path string) bool {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil {
		return false
	}
	switch int64(s.Type) {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC,
		unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.EFIVARFS_MAGIC, unix.SECURITYFS_MAGIC, unix.BPF_FS_MAGIC:
		return true
	}
	return false
}

// inPlace opens what is no regular file. A FIFO that nobody reads is an error and no wait.
func inPlace(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	return &File{OS: f, Path: path, Existed: true}, nil
}

// stage opens a file without a name in the directory of the one to be, or with another one.
func (f *File) stage(perm fs.FileMode) (err error) {
	dir, _ := f.split()
	if f.OS, err = os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE, perm); err == nil {
		return nil
	}
	// Most that keeps it from being made keeps the next from it too, and then that says why.
	f.temporary = f.beside()
	f.OS, err = os.OpenFile(f.temporary, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	return err
}

func (f *File) split() (dir, base string) {
	if dir, base = filepath.Split(f.Path); dir == "" {
		dir = "."
	}
	return dir, base
}

// beside is a name that nobody has.
func (f *File) beside() string {
	dir, base := f.split()
	return filepath.Join(dir, fmt.Sprintf(".%.200s.upload-%016x", base, rand.Uint64()))
}

// take gives it owner and mode of the old file.
func (f *File) take(old *unix.Stat_t) error {
	var is unix.Stat_t
	if err := unix.Fstat(int(f.OS.Fd()), &is); err != nil {
		return err
	}
	if is.Uid != old.Uid || is.Gid != old.Gid {
		if err := f.OS.Chown(int(old.Uid), int(old.Gid)); err != nil {
			return err
		}
	}
	return unix.Fchmod(int(f.OS.Fd()), old.Mode&0o7777)
}

// Write writes at the end of what was written. What fails once stays so: the file will not be whole.
func (f *File) Write(p []byte) (int, error) { return f.noted(f.OS.Write(p)) }

// WriteAt writes at an offset, as Write.
func (f *File) WriteAt(p []byte, off int64) (int, error) {
	if !f.staged {
		return f.Write(p) // a device that has no places takes them in the order in which they come
	}
	return f.noted(f.OS.WriteAt(p, off))
}

func (f *File) noted(n int, err error) (int, error) {
	if err != nil && f.failed == nil {
		f.failed = err
	}
	return n, err
}

// Commit gives a file that is whole its name, and returns when it has it on the disk; with an error there is
// what was there before. It closes the file.
func (f *File) Commit() error {
	if !f.staged {
		return errors.Join(f.failed, f.OS.Close())
	}
	err := f.failed
	if err == nil {
		err = f.OS.Sync()
	}
	if err == nil {
		err = f.name()
	}
	if err != nil {
		f.Discard()
		return err
	}
	return errors.Join(f.OS.Close(), f.syncDir())
}

// name replaces the file at Path.
func (f *File) name() error {
	if f.temporary == "" {
		temporary := f.beside()
		err := unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.OS.Fd()), unix.AT_FDCWD,
			temporary, unix.AT_SYMLINK_FOLLOW)
		if err != nil {
			return err
		}
		f.temporary = temporary
	}
	return unix.Rename(f.temporary, f.Path)
}

// syncDir returns when the name is on the disk.
func (f *File) syncDir() error {
	dir, _ := f.split()
	d, err := os.Open(dir)
	if err != nil {
		return nil // a directory that cannot be read: its name is there all the same
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) {
		return err
	}
	return nil
}

// Discard leaves what was there before.
func (f *File) Discard() {
	if f.temporary != "" {
		_ = os.Remove(f.temporary) // there is nobody to tell
	}
	f.OS.Close()
}
