package leasefile

import (
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// FS is the directory a journal lives in, as small as a test can fake it.
// Errors are those of package os.
type FS interface {
	// Open opens a file for reading and writing and creates it if it is missing.
	Open(name string) (File, error)
	// Rename replaces newName by oldName in one step.
	Rename(oldName, newName string) error
	// Sync makes creations and renames durable.
	Sync() error
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	// Sync makes the contents and the size durable: fsync(2). fdatasync(2) would do by
	// its definition, but on a disk without a journal the ext4 driver of Linux 6.1
	// returns from it before the new size of the file is on the disk.
	Sync() error
	// Datasync makes what was written within the durable size durable: fdatasync(2).
	Datasync() error
	Close() error
}

// Dir is a directory of the operating system. The files in it are readable by
// everybody: which names and addresses a LAN has is no secret on its router.
type Dir string

// Open implements FS.
func (d Dir) Open(name string) (File, error) {
	f, err := os.OpenFile(filepath.Join(string(d), name), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

type osFile struct{ *os.File }

// Datasync implements File.
func (f osFile) Datasync() error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err != unix.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}

// Rename implements FS.
func (d Dir) Rename(oldName, newName string) error {
	return os.Rename(filepath.Join(string(d), oldName), filepath.Join(string(d), newName))
}

// Sync implements FS.
func (d Dir) Sync() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
