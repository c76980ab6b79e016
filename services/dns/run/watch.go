package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// A watch tells that something in a directory was written, made or renamed (inotify(7)).
type watch struct {
	file    *os.File
	written chan struct{} // has something in it when there is something to look at
}

// watchDir watches dir. It needs to be able to read it now, and never again.
func watchDir(dir string) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	w := &watch{os.NewFile(uintptr(fd), "inotify"), make(chan struct{}, 1)}
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("watch %s: %w", dir, err), w.Close())
	}
	return w, nil
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
