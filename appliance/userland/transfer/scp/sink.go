package scp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/transfer/upload"
)

// Sink takes what comes from in to target, answers on out, and reports whether all is there.
func Sink(o Options, target string, in io.Reader, out io.Writer) bool {
	e := newEnd(o, in, out)
	return e.finish(e.sink(target))
}

func (e *end) sink(target string) error {
	info, err := os.Stat(target)
	if e.Directory && (err != nil || !info.IsDir()) {
		if err == nil {
			err = unix.ENOTDIR
		}
		return fmt.Errorf("%s: %w", target, reason(err))
	}
	if err := e.ok(); err != nil {
		return err
	}
	return e.into(target, err == nil && info.IsDir(), 0)
}

// times are what a T line says of what follows.
type times struct{ access, change time.Time }

// into takes what comes, up to the end of the directory that it is in, or of all.
func (e *end) into(target string, isDir bool, depth int) error {
	var when *times
	for {
		line, err := e.next(depth)
		if line == "" {
			return err
		}
		switch line[0] {
		case 'E':
			return e.ok()
		case 'T':
			if when, err = parseTimes(line[1:]); err == nil {
				err = e.ok()
			}
		case 'C', 'D':
			var m message
			if m, err = parseMessage(line); err != nil {
				break
			}
			if depth == 0 && e.Wanted != nil && !e.Wanted(m.name) {
				err = fmt.Errorf("%q came, which was not asked for", m.name)
				break
			}
			path := target
			if isDir {
				path = filepath.Join(target, m.name)
			}
			if m.directory {
				err = e.directory(path, m, when, depth)
			} else {
				err = e.file(path, m, when)
			}
			when = nil
		default:
			err = fmt.Errorf("a line of the kind %q: expected C, D, E or T", line[:1])
		}
		if err != nil {
			return err
		}
	}
}

// next reads a line; there is none at the end.
func (e *end) next(depth int) (string, error) {
	for {
		c, err := e.in.ReadByte()
		switch {
		case err != nil && depth == 0:
			return "", nil
		case err != nil:
			return "", errOver
		case c == answerError, c == answerFatal:
			if err := e.told(c); err != nil {
				return "", err
			}
			continue
		case c == '\n':
			return "", errors.New("an empty line")
		}
		_ = e.in.UnreadByte() // of the byte that was just read
		line, err := e.line()
		if strings.HasPrefix(line, "E") && depth == 0 {
			return "", errors.New("the end of a directory that did not begin")
		}
		return line, err
	}
}

// A message announces a file or a directory.
type message struct {
	directory bool
	mode      fs.FileMode
	size      int64
	name      string
}

// parseMessage reads "C0644 12 name".
func parseMessage(line string) (m message, err error) {
	m.directory = line[0] == 'D'
	fields := strings.SplitN(line[1:], " ", 3)
	if len(fields) < 3 {
		return m, fmt.Errorf("a line of %d words: expected mode, size and name", len(fields))
	}
	mode, err := strconv.ParseUint(fields[0], 8, 12)
	if err != nil {
		return m, errors.New("a mode that is none")
	}
	if m.size, err = strconv.ParseInt(fields[1], 10, 64); err != nil || m.size < 0 {
		return m, errors.New("a size that is none")
	}
	m.mode, m.name = fs.FileMode(mode), fields[2]
	if m.name == "" || m.name == "." || m.name == ".." || strings.ContainsAny(m.name, "/\x00") {
		return m, errors.New("a name that would lead elsewhere")
	}
	return m, nil
}

// parseTimes reads "1700000000 0 1700000000 0": of the change, of the access, with microseconds.
func parseTimes(text string) (*times, error) {
	var n [4]int64
	fields := strings.Fields(text)
	for i := range n {
		var err error
		if len(fields) != len(n) {
			return nil, fmt.Errorf("times of %d words: expected 4", len(fields))
		}
		if n[i], err = strconv.ParseInt(fields[i], 10, 64); err != nil || n[i] < 0 || i%2 == 1 &&
			n[i] > 999999 {
			return nil, errors.New("times that are none")
		}
	}
	return &times{change: time.Unix(n[0], n[1]*1000), access: time.Unix(n[2], n[3]*1000)}, nil
}

// directory takes one with what is in it. Its times and mode are set at the end, since it is written into.
func (e *end) directory(path string, m message, when *times, depth int) error {
	if !e.Recursive {
		return errors.New("a directory came: expected files, without -r")
	}
	made := false
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return e.complain(path, unix.ENOTDIR)
	case err != nil:
		if err := os.Mkdir(path, m.mode.Perm()|0o700); err != nil {
			return e.complain(path, err)
		}
		made = true
	}
	if err := e.ok(); err != nil {
		return err
	}
	if err := e.into(path, true, depth+1); err != nil {
		return err
	}
	if e.Times {
		err = unix.Chmod(path, uint32(m.mode))
	} else if err = nil; made && m.mode.Perm()&0o700 != 0o700 {
		err = unix.Chmod(path, uint32(m.mode.Perm()&^umask()))
	}
	if err == nil && when != nil {
		err = os.Chtimes(path, when.access, when.change)
	}
	if err != nil {
		return e.complain(path, err)
	}
	return nil
}

// file takes one.
func (e *end) file(path string, m message, when *times) error {
	f, err := upload.Create(path, m.mode.Perm())
	if err != nil {
		return e.complain(path, err)
	}
	if err := e.ok(); err != nil {
		f.Discard()
		return err
	}
	data := &io.LimitedReader{R: e.in, N: m.size}
	_, failed := io.Copy(f, e.metered(data, m.name, m.size))
	if _, err := io.Copy(io.Discard, data); err != nil || data.N > 0 {
		f.Discard()
		return errOver
	}
	good, err := e.answered()
	if err != nil || !good {
		f.Discard()
		if err == nil {
			err = e.ok() // it has said itself that the file is not whole
		}
		return err
	}
	return e.whole(f, path, m, when, failed)
}

// whole gives a file that has come its mode, times and name, and says so.
func (e *end) whole(f *upload.File, path string, m message, when *times, failed error) error {
	err := failed
	if err == nil && e.Times {
		err = unix.Fchmod(int(f.OS.Fd()), uint32(m.mode))
	}
	if err == nil && when != nil {
		at := []unix.Timeval{unix.NsecToTimeval(when.access.UnixNano()),
			unix.NsecToTimeval(when.change.UnixNano())}
		err = unix.Futimes(int(f.OS.Fd()), at)
	}
	if err != nil {
		f.Discard()
		return e.complain(path, err)
	}
	if err := f.Commit(); err != nil {
		return e.complain(path, err)
	}
	return e.ok()
}

// umask is what the process takes from modes.
func umask() fs.FileMode {
	old := unix.Umask(0)
	unix.Umask(old)
	return fs.FileMode(old)
}

// reason is an error without the name of its file, which is said beside it.
func reason(err error) error {
	var number unix.Errno
	if errors.As(err, &number) {
		return number
	}
	return err
}
