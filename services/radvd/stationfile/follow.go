package stationfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// A Follower reads the file again whenever it was replaced. It is not safe for concurrent use.
type Follower struct {
	dir  string
	seen fs.FileInfo // of what was read last; nil: of none
}

// Follow returns a follower of the file in dir, which need not exist yet.
func Follow(dir string) *Follower { return &Follower{dir: dir} }

// Poll returns all addresses if the file is another than at the last Poll, and whether it is. A file that is
// not there has none. After an error the next Poll tries again.
func (f *Follower) Poll() (all []Station, changed bool, err error) {
	now, err := os.Lstat(filepath.Join(f.dir, Name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		changed, f.seen = f.seen != nil, nil
		return nil, changed, nil
	case err != nil:
		return nil, false, err
	case f.seen != nil && same(f.seen, now):
		return nil, false, nil
	}
	if all, err = Read(f.dir); err != nil {
		return nil, false, err
	}
	// Should it have been replaced since it was looked at, it is read once more.
	f.seen = now
	return all, true, nil
}

func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
