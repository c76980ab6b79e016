// Package dir opens the directory of a site to be read.
//
// The files of a site may be copies of other people's, and what is wrong in one is quoted in an error. So
// what Open returns has regular files within the directory alone: no symbolic link leads out of it, neither
// an absolute one nor by "..", and no device, socket or named pipe is opened, nor waited for. Links from one
// place within the directory to another are followed. Whoever can write in the directory can put a device in
// the place of a file between two looks at it; that is opened then, and not read.
//
// How large a file may be is for its reader to say.
package dir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/gatehouse-os/gatehouse/site"
)

// ErrOutside is in the error for a symbolic link that leads out of the directory.
var ErrOutside = errors.New("is a symbolic link that leads out of the site's directory; expected a file in it")

// Load is site.Load of a directory.
func Load(name string) (*site.Site, error) {
	d, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return site.Load(d)
}

// Dir is the directory of a site as a file system. It is one of files: directories cannot be listed.
type Dir struct{ root *os.Root }

// Open opens a directory, which itself may be a symbolic link.
func Open(name string) (*Dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &Dir{root}, nil
}

// OpenSite is Open for a directory that a person has named, who is told what was expected.
func OpenSite(name string) (*Dir, error) {
	const expected = "with site.toml, hosts, ethers and authorized_keys"
	if name == "" {
		return nil, errors.New("no site is named; expected a directory " + expected)
	}
	d, err := Open(name)
	switch is, serr := os.Stat(name); {
	case serr == nil && !is.IsDir():
		return nil, fmt.Errorf("%s: is no directory; expected the one %s", name, expected)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: no site directory is there; expected one %s", name, expected)
	case err != nil:
		return nil, fmt.Errorf("the site: %w", err)
	}
	return d, nil
}

// Close ends the use of d; files of it that are open stay so.
func (d *Dir) Close() error { return d.root.Close() }

// Open opens a regular file for reading.
func (d *Dir) Open(name string) (fs.File, error) {
	fail := func(err error) (fs.File, error) { return nil, &fs.PathError{Op: "open", Path: name, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	is, err := d.root.Stat(name)
	if err != nil {
		return fail(d.explain(name, err))
	}
	if err := regular(is); err != nil {
		return fail(err)
	}
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return fail(d.explain(name, err))
	}
	if is, err = f.Stat(); err == nil {
		err = regular(is)
	}
	if err != nil {
		return fail(errors.Join(err, f.Close()))
	}
	return f, nil
}

// explain takes the path and the call off an error of os.Root, and says of a link what is wrong with it.
func (d *Dir) explain(name string, err error) error {
	var in *fs.PathError
	if errors.As(err, &in) {
		err = in.Err
	}
	if errno := syscall.Errno(0); !errors.As(err, &errno) {
		return ErrOutside // os.Root has no other error of its own for a valid path
	}
	if is, lerr := d.root.Lstat(name); errors.Is(err, fs.ErrNotExist) && lerr == nil &&
		is.Mode()&fs.ModeSymlink != 0 {
		return errors.New("is a symbolic link to nothing; expected a file") // not one that may be absent
	}
	return err
}

// regular returns why a file is none to be read.
func regular(is fs.FileInfo) error {
	what := "no regular file"
	switch mode := is.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		what = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		what = "a named pipe"
	case mode&fs.ModeSocket != 0:
		what = "a socket"
	case mode&fs.ModeDevice != 0:
		what = "a device"
	}
	return fmt.Errorf("is %s; expected a regular file", what)
}

// Whole reads a file that a user names beside the site, of at most limit bytes. It may be a pipe, such as a
// shell makes of <(…).
func Whole(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is too large; expected at most %d KiB", name, limit>>10)
	}
	return data, err
}
