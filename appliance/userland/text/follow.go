package text

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// followPause is the time between two looks at the files of tail -f.
const followPause = 200 * time.Millisecond

// follower is tail: the files, and what it has said about them.
type follower struct {
	*command.Call
	extent
	headings
	follow, byName bool
	pause          time.Duration
	files          []*followed
}

// followed is one file.
type followed struct {
	name   string
	shown  string    // above its parts
	reader io.Reader // nil: there is no such file yet
	gone   bool      // it was said that its name is
}

// open takes a file among those to print. By its name it may be followed before it is there.
func (t *follower) open(name, shown string) {
	r, err := openFile(t.Call, name)
	switch {
	case err != nil && t.byName:
		t.Warn(err)
		t.files = append(t.files, &followed{name: name, shown: shown})
	case err != nil:
		t.Fail(err)
	default:
		t.files = append(t.files, &followed{name: name, shown: shown, reader: r})
	}
}

// run prints what is added to the files, until the command is ended.
func (t *follower) run() {
	if len(t.files) == 0 || t.Stdout.Flush() != nil {
		return
	}
	tick := time.NewTicker(max(t.pause, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-t.Done():
			return
		case <-tick.C:
		}
		for _, f := range t.files {
			if err := t.look(f); err != nil && t.Stdout.Err() == nil {
				t.Fail(command.Named(f.name, err))
				return
			}
		}
		if t.Stdout.Flush() != nil {
			return // whoever flushes last says so
		}
	}
}

// look prints what was added to f, and opens a file that has taken its name.
func (t *follower) look(f *followed) error {
	if f.reader != nil {
		if err := t.added(f); err != nil {
			return err
		}
	}
	if !t.byName || f.name == "-" {
		return nil
	}
	next, err := t.successor(f)
	if next == nil || err != nil {
		return err
	}
	word := "has appeared"
	if old, ok := f.reader.(*os.File); ok && old != nil {
		word = "has been replaced"
		old.Close()
	}
	t.Warn(fmt.Errorf("%s %s; following the new file", f.name, word))
	f.reader, f.gone = next, false
	return t.added(f)
}

// successor is the file that has the name of f now; nil: there is none, or it is the same.
func (t *follower) successor(f *followed) (*os.File, error) {
	named, err := os.Stat(f.name)
	opened, _ := f.reader.(*os.File)
	if err != nil {
		if opened != nil && !f.gone { // between the old file and the new one there may be none
			t.Warn(fmt.Errorf("%s has been renamed or deleted", f.name))
			f.gone = true
		}
		return nil, nil
	}
	if opened != nil {
		if info, err := opened.Stat(); err != nil || os.SameFile(named, info) {
			return nil, err
		}
	}
	next, err := os.Open(f.name)
	if err != nil {
		return nil, nil //nolint:nilerr // the next look tries again
	}
	return next, nil
}

// added prints what follows the position of f. What was cut is printed from its beginning.
func (t *follower) added(f *followed) error {
	if file, size, ok := isRegular(f.reader); ok && size > 0 {
		at, err := file.Seek(0, io.SeekCurrent)
		if err == nil && size < at {
			_, err = file.Seek(0, io.SeekStart)
		}
		if err != nil {
			return err
		}
	}
	chunk := make([]byte, chunkSize)
	for {
		n, err := f.reader.Read(chunk)
		if n > 0 {
			t.headings.write(t.Stdout, f.shown, len(t.files) > 1)
			if _, err := t.Stdout.Write(chunk[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return endIsFine(err)
		}
	}
}

// close closes the files.
func (t *follower) close() {
	for _, f := range t.files {
		if file, ok := f.reader.(*os.File); ok && f.name != "-" {
			file.Close()
		}
	}
}
