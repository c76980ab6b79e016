package kept

import (
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func mkfifo(path string) error { return syscall.Mkfifo(path, 0o600) }

// A step is what the kernel saw happen to a name.
type step struct {
	mask uint32
	name string
}

// watch returns a function that gives all that has happened in dir since.
func watch(t *testing.T, dir string) func() []step {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if _, err := syscall.InotifyAddWatch(fd, dir, syscall.IN_CREATE|syscall.IN_DELETE|syscall.IN_MOVE|syscall.IN_MODIFY); err != nil {
		t.Fatal(err)
	}
	return func() []step {
		var all []step
		buf := make([]byte, 64<<10)
		for {
			n, err := syscall.Read(fd, buf)
			if errors.Is(err, syscall.EAGAIN) {
				return all
			}
			if err != nil {
				t.Fatal(err)
			}
			for rest := buf[:n]; len(rest) > 0; {
				size := syscall.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(rest[12:]))
				name := strings.TrimRight(string(rest[syscall.SizeofInotifyEvent:size]), "\x00")
				all = append(all, step{binary.NativeEndian.Uint32(rest[4:]), name})
				rest = rest[size:]
			}
		}
	}
}

func content(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, name := range names(t, dir) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = data
	}
	return all
}

// TestPowerCuts has the power fail after each step that the kernel saw of Stage and Commit, with what was written and not
// yet renamed being there in part. The box starts with the old site until the new one has its number, then with that;
// and the next site is kept as ever, and leaves nothing behind.
func TestPowerCuts(t *testing.T) {
	s := Open(t.TempDir())
	for range maxKept + 1 {
		keep(t, s, siteOf("old"), metaOf(""))
	}
	stage(t, s, siteOf("never confirmed"), metaOf(""))
	disk := content(t, s.dir)
	happened := watch(t, s.dir)
	n := keep(t, s, siteOf("new"), metaOf(""))
	written := content(t, s.dir)[strconv.Itoa(n)+siteSuffix]
	kept, moved := false, ""
	steps := happened()
	for i, step := range steps {
		switch step.mask {
		case syscall.IN_CREATE:
			disk[step.name] = nil
		case syscall.IN_MODIFY:
			disk[step.name] = written
		case syscall.IN_MOVED_FROM:
			moved = step.name
			continue
		case syscall.IN_MOVED_TO:
			delete(disk, moved)
			disk[step.name] = written
			kept = kept || step.name == strconv.Itoa(n)+siteSuffix
		case syscall.IN_DELETE:
			delete(disk, step.name)
		}
		for _, part := range []int{0, len(written) / 2, len(written)} {
			state := maps.Clone(disk)
			if strings.Contains(step.name, ".tmp-") && state[step.name] != nil {
				state[step.name] = written[:part]
			}
			t.Logf("step %d: %#x %s", i, step.mask, step.name)
			afterPowerCut(t, state, n, kept)
		}
	}
	if !kept || len(steps) < 7 { // a candidate goes, one is made, written and renamed twice, an old site goes
		t.Errorf("the kernel saw %v", steps)
	}
}

// afterPowerCut starts a box with that in the directory.
func afterPowerCut(t *testing.T, state map[string][]byte, n int, kept bool) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range state {
		put(t, filepath.Join(dir, name), data)
	}
	if kept {
		starts(t, dir, n, siteOf("new"))
	} else {
		starts(t, dir, maxKept+1, siteOf("old"))
	}
	s := Open(dir)
	next := keep(t, s, siteOf("next"), metaOf(""))
	starts(t, dir, next, siteOf("next"))
	if got := names(t, dir); len(got) != maxKept || slices.ContainsFunc(got, func(name string) bool { return !strings.HasSuffix(name, siteSuffix) }) {
		t.Errorf("left in the directory: %q", got)
	}
}

// TestFullDisk has disks with room for less and less of a site. One that does not fit is refused by Stage, and all is as
// it was; one that does is kept, though nothing is free.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("none", disk, "tmpfs", 0, "size=512k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	s := Open(filepath.Join(disk, "site"))
	old := noise(1, 100<<10)
	last := keep(t, s, old, metaOf(""))
	refused, taken := 0, 0
	for size := 512 << 10; size > 0; size -= 32 << 10 {
		files := noise(uint64(size), size)
		n, err := s.Stage(files, metaOf(""))
		if err != nil {
			refused++
			if !errors.Is(err, syscall.ENOSPC) || len(names(t, s.dir)) != 1 {
				t.Errorf("%d bytes: %v, left %q", size, err, names(t, s.dir))
			}
			starts(t, s.dir, last, old)
			continue
		}
		taken++
		fill := filepath.Join(disk, "fill")
		if err := os.WriteFile(fill, make([]byte, 512<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("the disk is not full: %v", err)
		}
		if unpruned, err := s.Commit(n); err != nil || unpruned != nil {
			t.Errorf("%d bytes, staged, and the disk is full since: %v, %v", size, unpruned, err)
		}
		starts(t, s.dir, n, files)
		for _, gone := range []string{fill, s.path(last)} {
			if err := os.Remove(gone); err != nil {
				t.Fatal(err)
			}
		}
		last, old = n, files
	}
	if refused < 3 || taken < 3 {
		t.Errorf("%d sites were refused and %d taken", refused, taken)
	}
}
