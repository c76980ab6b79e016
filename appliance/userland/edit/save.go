package edit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// load reads a regular file of at most limit bytes.
func load(name string, limit int) ([]byte, fs.FileInfo, error) {
	// O_NONBLOCK: opening a FIFO without it waits for a writer for ever.
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, command.Named(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, nil, command.Named(name, err)
	case !info.Mode().IsRegular():
		return nil, nil, fmt.Errorf("'%s' is not a regular file", name)
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err == nil && len(text) > limit {
		err = fmt.Errorf("too large: at most %d bytes", limit)
	}
	return text, info, command.Named(name, err)
}

// save makes text the content of a file: of a regular one all at once, so that whatever happens, it has the
// old content or the new one. It keeps its mode and owner; a link to it stays one. What is no regular file is
// written to.
func save(name string, text []byte) error {
	path, err := filepath.EvalSymlinks(name)
	if errors.Is(err, fs.ErrNotExist) {
		path, err = name, nil
		if target, linkErr := os.Readlink(name); linkErr == nil {
			path = target
			if !filepath.IsAbs(target) {
				path = filepath.Join(filepath.Dir(name), target)
			}
		}
	}
	if err != nil {
		return command.Named(name, err)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		info = nil
	case err != nil:
		return command.Named(name, err)
	case !info.Mode().IsRegular():
		return command.Named(name, overwrite(path, text))
	}
	return command.Named(name, replaceFile(path, text, info))
}

func overwrite(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// replaceFile writes a file beside it, and gives that its name. info is nil where there is none yet.
func replaceFile(path string, text []byte, info fs.FileInfo) (err error) {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	temporary := filepath.Join(dir, fmt.Sprintf(".%.200s.vi-%d", base, os.Getpid()))
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temporary) // the first error is the one to tell
		}
	}()
	if err = errors.Join(fill(f, text, info), f.Close()); err != nil {
		return err
	}
	if err = os.Rename(temporary, path); err != nil {
		return err
	}
	d, openErr := os.Open(dir)
	if openErr != nil {
		return nil // a directory that cannot be read: its name is there all the same
	}
	defer d.Close()
	if syncErr := d.Sync(); syncErr != nil && !errors.Is(syncErr, unix.EINVAL) {
		return syncErr
	}
	return nil
}

// fill writes text, and returns when it is on the disk: a rename may be there before the data.
func fill(f *os.File, text []byte, info fs.FileInfo) error {
	if info != nil {
		if old, ok := info.Sys().(*syscall.Stat_t); ok {
			if err := own(f, old); err != nil {
				return err
			}
		}
		if err := f.Chmod(info.Mode()); err != nil {
			return err
		}
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Sync()
}

// own gives a file the owner of the one that it replaces.
func own(f *os.File, old *syscall.Stat_t) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if is, ok := info.Sys().(*syscall.Stat_t); ok && is.Uid == old.Uid && is.Gid == old.Gid {
		return nil
	}
	return f.Chown(int(old.Uid), int(old.Gid))
}
