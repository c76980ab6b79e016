package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// A watch tells that something in some directories was written, made or renamed (inotify(7)).
type watch struct {
	file    *os.File
	written chan struct{}  // has something in it when there is something to look at
	dirs    map[string]int // that are watched, with the kernel's numbers for them
}

// newWatch returns one of no directory.
func newWatch() (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	return &watch{file: os.NewFile(uintptr(fd), "inotify"), written: make(chan struct{}, 1),
		dirs: map[string]int{}}, nil
}

// set has these directories watched and no others. One that is not there is not, which is no error, nor is
// "".
func (w *watch) set(dirs ...string) error {
	return w.control(func(fd int) error {
		for dir, id := range w.dirs {
			if slices.Contains(dirs, dir) {
				continue
			}
			if _, err := unix.InotifyRmWatch(fd, uint32(id)); err != nil && !errors.Is(err, unix.EINVAL) {
				return err // EINVAL: the directory is gone
			}
			delete(w.dirs, dir)
		}
		for _, dir := range dirs {
			if err := w.add(fd, dir); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *watch) add(fd int, dir string) error {
	if _, watched := w.dirs[dir]; watched || dir == "" {
		return nil
	}
	id, err := unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	w.dirs[dir] = id
	return nil
}

// control calls f with the descriptor, which stays in use by the runtime.
func (w *watch) control(f func(fd int) error) error {
	raw, err := w.file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) { inner = f(int(fd)) })
	return errors.Join(err, inner)
}

// run tells of what happens until Close. What it is does not matter.
func (w *watch) run() {
	var b [4096]byte
	for {
		if _, err := w.file.Read(b[:]); err != nil {
			return
		}
		select {
		case w.written <- struct{}{}:
		default:
		}
	}
}

// Close ends run.
func (w *watch) Close() error { return w.file.Close() }
