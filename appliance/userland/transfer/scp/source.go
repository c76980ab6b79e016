package scp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Source sends names on out, as in asks for them, and reports whether all was taken.
func Source(o Options, names []string, in io.Reader, out io.Writer) bool {
	e := newEnd(o, in, out)
	_, err := e.answered() // that it is there
	for _, name := range names {
		if err == nil {
			err = e.send(name)
		}
	}
	return e.finish(err)
}

// send sends a file or, with -r, a directory. Links are followed.
func (e *end) send(name string) error {
	// A FIFO is not waited for.
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return e.complain(name, err)
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return e.complain(name, err)
	}
	base := filepath.Base(name)
	kind := st.Mode & unix.S_IFMT
	switch {
	case strings.Contains(base, "\n"):
		return e.complain(name, errors.New("the protocol has no names of several lines"))
	case kind == unix.S_IFDIR && e.Recursive:
		return e.sendDirectory(f, name, base, &st)
	case kind != unix.S_IFREG:
		return e.complain(name, errors.New("not a regular file"))
	}
	if good, err := e.announce('C', base, &st); !good || err != nil {
		return err
	}
	return e.data(f, name, st.Size)
}

// announce says what follows, and its times before.
func (e *end) announce(kind byte, base string, st *unix.Stat_t) (good bool, err error) {
	if e.Times {
		// answered says it too
		_, _ = fmt.Fprintf(e.out, "T%d 0 %d 0\n", max(st.Mtim.Sec, 0), max(st.Atim.Sec, 0))
		if good, err := e.answered(); !good || err != nil {
			return false, err
		}
	}
	size := st.Size
	if kind == 'D' {
		size = 0
	}
	_, _ = fmt.Fprintf(e.out, "%c%04o %d %s\n", kind, st.Mode&0o7777, size, base)
	return e.answered()
}

// data sends what was announced, neither more nor less; that it was less, it says behind.
func (e *end) data(f io.Reader, name string, size int64) error {
	n, err := io.CopyN(e.out, e.metered(f, name, size), size)
	if err != nil {
		if _, padErr := io.CopyN(e.out, zeros{}, size-n); padErr != nil {
			return padErr
		}
		if errors.Is(err, io.EOF) {
			err = errors.New("it became shorter meanwhile")
		}
		if err := e.complain(name, err); err != nil {
			return err
		}
	} else if err := e.ok(); err != nil {
		return err
	}
	_, err = e.answered()
	return err
}

// zeros are as many as one likes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func (e *end) sendDirectory(dir *os.File, name, base string, st *unix.Stat_t) error {
	if good, err := e.announce('D', base, st); !good || err != nil {
		return err
	}
	for {
		names, err := dir.Readdirnames(100)
		for _, n := range names {
			if err := e.send(name + "/" + n); err != nil {
				return err
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			if err := e.complain(name, err); err != nil {
				return err
			}
		}
		if err != nil {
			break
		}
	}
	_, _ = e.out.WriteString("E\n")
	_, err := e.answered()
	return err
}
