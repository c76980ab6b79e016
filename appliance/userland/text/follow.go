package text

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// followPause is the time between two looks at the files of tail -f.
const followPause = 200 * time.Millisecond

// follower is tail -f: the files, and what it has said about them.
type follower struct {
	partOptions
	stdout, stderr io.Writer
	followed       []*followed
	last           string // the file whose name is above what was printed last
	started        bool   // something was printed
}

// followed is one file of tail -f.
type followed struct {
	name string
	file *os.File
}

// followFiles prints the ends of the files and then what is added to them, until
// ctx ends. What cannot be opened is reported and left out.
func (o partOptions) followFiles(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	t := &follower{partOptions: o, stdout: stdout, stderr: stderr}
	defer t.close()
	status := exitOK
	for _, name := range o.files {
		if err := t.start(name, stdin); err != nil {
			status = fail(stderr, exitFailed, "tail", err)
		}
	}
	if len(t.followed) == 0 {
		return status
	}
	tick := time.NewTicker(followPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return status
		case <-tick.C:
		}
		for _, f := range t.followed {
			if err := t.look(f); err != nil {
				return fail(stderr, exitFailed, "tail", withoutOp(err))
			}
		}
	}
}

// start prints the end of a file and takes it among those to follow. Standard input
// has no name that could be followed: it is read to its end.
func (t *follower) start(name string, stdin io.Reader) error {
	if name == "-" {
		t.header(name)
		return t.tail(t.stdout, stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return withoutOp(err)
	}
	t.header(name)
	if err := t.tail(t.stdout, f); err != nil {
		f.Close()
		return withoutOp(err)
	}
	t.followed = append(t.followed, &followed{name, f})
	return nil
}

// header prints the name of a file where what was printed last is of another.
func (t *follower) header(name string) {
	if (t.verbose || len(t.files) > 1 && !t.quiet) && (t.last != name || !t.started) {
		fmt.Fprint(t.stdout, fileHead(name, !t.started))
	}
	t.last, t.started = name, true
}

// look prints what was added to f, and opens a file that has taken its name.
func (t *follower) look(f *followed) error {
	named, nameErr := os.Stat(f.name)
	opened, err := f.file.Stat()
	if err != nil {
		return err
	}
	at, err := f.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if opened.Size() < at {
		fmt.Fprintf(t.stderr, "tail: %s: file truncated\n", f.name)
		if _, err := f.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	if err := t.added(f); err != nil || nameErr != nil || os.SameFile(named, opened) {
		return err // between the old file and the new one there may be none
	}
	next, err := os.Open(f.name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(t.stderr, "tail: %s has been replaced; following the new file\n", f.name)
	f.file.Close()
	f.file = next
	return t.added(f)
}

// added prints what follows the position of f.
func (t *follower) added(f *followed) error {
	chunk := make([]byte, chunkSize)
	for {
		n, err := f.file.Read(chunk)
		if n > 0 {
			t.header(f.name)
			if _, err := t.stdout.Write(chunk[:n]); err != nil {
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
	for _, f := range t.followed {
		f.file.Close()
	}
}
