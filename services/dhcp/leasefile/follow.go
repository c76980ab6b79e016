package leasefile

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// A Follower reads along in a journal that another process writes. It may see a
// lease a moment before it is acknowledged. It is not safe for concurrent use.
type Follower struct {
	path string
	file *os.File
	off  int64
}

// Follow returns a follower of the journal in dir, which need not exist yet.
func Follow(dir string) *Follower { return &Follower{path: filepath.Join(dir, Name)} }

// Poll calls each for every record since the last Poll. If the journal was
// rewritten, or is read for the first time, it calls restart and then each for
// every record there is. A journal that does not exist has no records.
func (f *Follower) Poll(restart func(), each func(lease.Lease)) error {
	again, err := f.reopen()
	if err != nil || f.file == nil {
		return err
	}
	if again {
		f.off = 0
		restart()
	}
	s, err := f.read(each)
	if err == nil && s.Damaged > 0 && !again {
		// The writer cut off a batch that failed and wrote another in its place.
		f.off = 0
		restart()
		_, err = f.read(each)
	}
	return err
}

func (f *Follower) read(each func(lease.Lease)) (Summary, error) {
	s, err := readFrom(io.NewSectionReader(f.file, f.off, math.MaxInt64-f.off), f.off, each)
	if err == nil {
		f.off += s.Good
	}
	return s, err
}

// reopen makes f.file the file that has the name now, and reports whether it
// must be read from its beginning.
func (f *Follower) reopen() (again bool, err error) {
	now, err := os.Stat(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("follow lease journal: %w", err)
	}
	if f.file != nil {
		old, err := f.file.Stat()
		if err != nil {
			return false, fmt.Errorf("follow lease journal: %w", err)
		}
		if os.SameFile(old, now) {
			return now.Size() < f.off, nil
		}
		f.file.Close()
	}
	if f.file, err = os.Open(f.path); err != nil {
		f.file = nil
		return false, fmt.Errorf("follow lease journal: %w", err)
	}
	return true, nil
}

// Close ends the reading.
func (f *Follower) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}
