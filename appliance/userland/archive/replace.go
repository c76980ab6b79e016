package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// A replacement is a file that is written beside another, and takes its name when it is whole. Who ends the
// program before leaves it there, under a name that begins with a dot.
type replacement struct {
	*os.File
	name string
}

// replace begins a file of a name. Unless force, there may be none of the name.
func replace(name string, force bool) (*replacement, error) {
	if _, err := os.Lstat(name); err == nil && !force {
		return nil, command.Cannot("open", name, unix.EEXIST)
	}
	dir, base := filepath.Split(name)
	beside := filepath.Join(dir, fmt.Sprintf(".%.200s.new-%d", base, os.Getpid()))
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, command.Cannot("open", name, err)
	}
	return &replacement{f, name}, nil
}

// done gives the file its name, and mode, owner and time of another. It is on the disk by then: that other
// may be removed.
func (r *replacement) done(like fs.FileInfo, when time.Time, force bool) (err error) {
	defer func() {
		if err != nil {
			r.drop()
		}
		err = command.Named(r.name, err)
	}()
	if st, ok := like.Sys().(*syscall.Stat_t); ok {
		if err := r.Chown(int(st.Uid), int(st.Gid)); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	if err := errors.Join(r.Chmod(like.Mode().Perm()), r.Sync(), r.Close()); err != nil {
		return err
	}
	if err := os.Chtimes(r.File.Name(), time.Time{}, when); err != nil {
		return err
	}
	flags := uint(unix.RENAME_NOREPLACE)
	if force {
		flags = 0
	}
	err = unix.Renameat2(unix.AT_FDCWD, r.File.Name(), unix.AT_FDCWD, r.name, flags)
	if err == unix.EINVAL { // a file system that cannot say whether there is one of the name
		err = os.Rename(r.File.Name(), r.name)
	}
	return err
}

// drop takes it away again.
func (r *replacement) drop() {
	r.Close()
	os.Remove(r.File.Name()) // why it is dropped is the error to tell
}
