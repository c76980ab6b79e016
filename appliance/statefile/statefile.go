// Package statefile keeps small files that must survive a power cut.
//
// Write replaces a file as a whole: after it returns nil the new content is on
// stable storage, and whenever the power fails a reader finds the old content
// or the new one, never a mixture and never an empty file. Read refuses what is
// larger than the caller expects, and what is no regular file, so that a file
// in a directory which belongs to a less trusted service cannot make the reader
// hang, follow a link elsewhere or run out of memory.
//
// Limits: a power cut in the middle of Write leaves a small file named
// ".NAME.tmp-*" behind; the last of two writers at the same time wins.
package statefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrTooLarge is returned (wrapped) by Read for a file above the limit.
var ErrTooLarge = errors.New("file is too large")

// Write replaces the content of path by data, with exactly the permissions
// perm whatever the umask, and returns when content and name are on stable
// storage. The directory must exist. On an error the old content is unharmed.
func Write(path string, data []byte, perm fs.FileMode) error {
	dir, base := filepath.Split(filepath.Clean(path))
	if dir == "" {
		dir = "."
	}
	tmp, err := os.CreateTemp(dir, "."+base+".tmp-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = fill(tmp, data, perm)
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name()) // the first error is the one to tell
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := SyncDir(dir); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// fill writes and syncs the temporary file before it gets its name: a rename
// may reach the disk before the data of the file it names.
func fill(tmp *os.File, data []byte, perm fs.FileMode) (err error) {
	defer func() {
		if cerr := tmp.Close(); err == nil {
			err = cerr
		}
	}()
	if _, err := tmp.Write(data); err != nil {
		return err
	}
	if err := tmp.Chmod(perm); err != nil {
		return err
	}
	return tmp.Sync()
}

// SyncDir returns when the names in dir are on stable storage: what was made, renamed or removed there.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Read returns the content of the regular file path, at most max bytes. A
// missing file gives an error that is fs.ErrNotExist, a larger one ErrTooLarge,
// a symbolic link or a special file an error that names it.
func Read(path string, max int64) ([]byte, error) {
	// O_NONBLOCK: opening a FIFO without it waits for a writer for ever.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: want a regular file, it is %v", path, info.Mode().Type())
	}
	data, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(data)) > max {
		return nil, fmt.Errorf("read %s: %w: more than %d bytes", path, ErrTooLarge, max)
	}
	return data, nil
}
