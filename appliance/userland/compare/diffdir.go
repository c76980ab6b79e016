package compare

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// directories compares what is in two, from a name on: files of one name, and with -r also directories.
func (d *differ) directories(a, b, start string) {
	namesA, errA := entries(a)
	namesB, errB := entries(b)
	if err := errors.Join(errA, errB); err != nil {
		d.Fail(err)
		return
	}
	all := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(namesA), namesB...))))
	for _, name := range all {
		if name < start {
			continue
		}
		_, inA := slices.BinarySearch(namesA, name)
		_, inB := slices.BinarySearch(namesB, name)
		switch {
		case !inB && !d.Has('N'):
			d.only(a, name)
		case !inA && !d.Has('N'):
			d.only(b, name)
		default:
			d.pair(joined(a, name), joined(b, name), inA, inB)
		}
	}
}

func (d *differ) only(dir, name string) {
	d.differ()
	fmt.Fprintf(d.Stdout, "Only in %s: %s\n", dir, name)
}

// pair compares two entries of one name; with -N one of them may not be there.
func (d *differ) pair(a, b string, inA, inB bool) {
	dirA, errA := isDir(a)
	dirB, errB := isDir(b)
	if inA && errA != nil || inB && errB != nil {
		d.Fail(errors.Join(errA, errB))
		return
	}
	isDirectory := inA && dirA || inB && dirB
	switch {
	case d.special(a, inA) || d.special(b, inB):
	case inA && inB && dirA != dirB:
		d.differ()
		fmt.Fprintf(d.Stdout, "File %s is a %s while file %s is a %s\n", a, kindOf(a), b, kindOf(b))
	case isDirectory && !d.Has('r'):
		fmt.Fprintf(d.Stdout, "Common subdirectories: %s and %s\n", a, b)
	case isDirectory:
		d.directories(a, b, "")
	default:
		d.absent = [2]bool{!inA, !inB}
		d.report(a, b)
	}
}

// special says that a file in a directory is neither a file nor a directory: who reads a pipe or a device
// waits for ever, or changes what it is for.
func (d *differ) special(name string, there bool) bool {
	info, err := os.Stat(name)
	if !there || err != nil || info.Mode().IsRegular() || info.IsDir() {
		return false
	}
	fmt.Fprintf(d.Stdout, "File %s is not a regular file or directory and was skipped\n", name)
	return true
}

// kindOf is the kind of a file in words.
func kindOf(name string) string {
	info, err := os.Stat(name)
	if err != nil {
		return "file" // it is gone by now
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeNamedPipe != 0:
		return "fifo"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "regular file"
}

// entries are the names in a directory, sorted; none if it is not there.
func entries(dir string) (names []string, err error) {
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names, command.Named(dir, err)
}
