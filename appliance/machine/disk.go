package machine

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Disk is the file system that has a directory.
type Disk struct {
	Dir       string `json:"dir"`
	Device    string `json:"device,omitempty"` // "/dev/xvda"; "" if it is on none
	ReadOnly  bool   `json:"read_only"`
	Size      uint64 `json:"size"`       // bytes, without those that are kept for root
	Free      uint64 `json:"free"`       // bytes
	Files     uint64 `json:"files"`      // inodes; 0: it has no table of them
	FilesFree uint64 `json:"files_free"` // inodes
	// Errors are what the kernel has found wrong in the file system since it was checked last (ext4).
	Errors int `json:"errors"`
}

// Full is how much of it is used, of bytes or inodes whatever is scarcer: from 0 to 1.
func (d Disk) Full() float64 { return max(share(d.Size, d.Free), share(d.Files, d.FilesFree)) }

func share(all, free uint64) float64 {
	if all == 0 {
		return 0
	}
	return 1 - float64(min(free, all))/float64(all)
}

func readDisks(dirs []string) ([]Disk, error) {
	all, errs := []Disk{}, []error(nil)
	for _, dir := range dirs {
		d, err := readDisk(dir)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", dir, err))
		default:
			all = append(all, d)
		}
	}
	return all, errors.Join(errs...)
}

func readDisk(dir string) (Disk, error) {
	var fs unix.Statfs_t
	var at unix.Stat_t
	if err := errors.Join(unix.Statfs(dir, &fs), unix.Stat(dir, &at)); err != nil {
		return Disk{}, err
	}
	block := uint64(fs.Frsize)
	d := Disk{Dir: dir, Size: (fs.Blocks - fs.Bfree + fs.Bavail) * block, Free: fs.Bavail * block,
		Files: fs.Files, FilesFree: fs.Ffree, ReadOnly: fs.Flags&unix.ST_RDONLY != 0}
	// The kernel may have mounted the root disk as /dev/root, so the name is by its number.
	where, err := os.Readlink(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(at.Dev), unix.Minor(at.Dev)))
	if err != nil {
		return d, nil // in memory, or of another machine
	}
	name := path.Base(where)
	d.Device = "/dev/" + name
	text, err := os.ReadFile("/sys/fs/ext4/" + name + "/errors_count")
	if err != nil {
		return d, nil // another file system
	}
	d.Errors, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return d, err
}
