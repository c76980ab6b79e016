package upload

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// put uploads text, and returns how that went.
func put(name, text string) error {
	f, err := Create(name, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte(text)); err != nil {
		f.Discard()
		return err
	}
	return f.Commit()
}

func check(t *testing.T, name, text string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != text || info.Mode() != mode {
		t.Errorf("%s: %q, %v; want %q, %v", name, got, info.Mode(), text, mode)
	}
}

func names(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestReplace: mode and owner stay, a link stays one, of several names one gets the new file, and before the
// end nothing has changed.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	old, other, link := filepath.Join(dir, "old"), filepath.Join(dir, "other"), filepath.Join(dir, "link")
	err := errors.Join(os.WriteFile(old, []byte("old"), 0o600), unix.Chmod(old, 0o4751), os.Link(old, other), os.Symlink("old", link))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Create(link, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("new"), 1); err != nil {
		t.Fatal(err)
	}
	check(t, old, "old", 0o751|fs.ModeSetuid)
	if n := names(t, dir); n != 3 {
		t.Errorf("%d names while it is written, want 3", n)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	check(t, old, "\x00new", 0o751|fs.ModeSetuid)
	check(t, other, "old", 0o751|fs.ModeSetuid)
	if to, err := os.Readlink(link); err != nil || to != "old" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if n := names(t, dir); n != 3 {
		t.Errorf("%d names at the end, want 3", n)
	}
}

// TestOwner: the new file has the owner of the old one.
func TestOwner(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Chown(name, 1234, 4321)); err != nil {
		t.Fatalf("expected to be root: %v", err)
	}
	if err := put(name, "x"); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil || st.Uid != 1234 || st.Gid != 4321 {
		t.Errorf("%d:%d, %v", st.Uid, st.Gid, err)
	}
}

// TestNotWhole: what failed once is not whole, whatever comes after; and what is left leaves no name.
func TestNotWhole(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Create(name, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("x"), -1); err == nil {
		t.Error("an offset of -1 is taken")
	}
	if _, err := f.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err == nil {
		t.Error("a file that is not whole has its name")
	}
	check(t, name, "old", 0o600)
	if f, err = Create(name, 0o600); err != nil {
		t.Fatal(err)
	}
	f.Discard()
	check(t, name, "old", 0o600)
	if n := names(t, dir); n != 1 {
		t.Errorf("%d names, want 1", n)
	}
}

// TestElsewhere: what is no regular file of a disk.
func TestElsewhere(t *testing.T) {
	dir := t.TempDir()
	fifo, dangling, loop := filepath.Join(dir, "fifo"), filepath.Join(dir, "dangling"), filepath.Join(dir, "loop")
	null, full := filepath.Join(dir, "null"), filepath.Join(dir, "full") // as /dev has them, which is everybody's
	if err := errors.Join(unix.Mknod(null, unix.S_IFCHR|0o600, 1<<8|3), unix.Mknod(full, unix.S_IFCHR|0o600, 1<<8|7)); err != nil {
		t.Fatalf("expected to be root: %v", err)
	}
	if err := errors.Join(unix.Mkfifo(fifo, 0o600), os.Symlink("made", dangling), os.Symlink("loop", loop)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		want error
	}{
		{null, nil}, {full, unix.ENOSPC}, {fifo, unix.ENXIO}, {dir, unix.EISDIR}, {dangling, nil}, {loop, unix.ELOOP},
		{"/proc/self/comm", nil}, {filepath.Join(dir, "none/file"), unix.ENOENT}, {filepath.Join(dir, "none") + "/", unix.ENOENT},
	} {
		if err := put(tt.name, "x\n"); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	check(t, filepath.Join(dir, "made"), "x\n", 0o600)
}

// TestNamed: where no file is without a name, one beside it is used, and taken away.
func TestNamed(t *testing.T) {
	dir := t.TempDir()
	f := &File{Path: filepath.Join(dir, "file"), staged: true, temporary: filepath.Join(dir, ".beside")}
	var err error
	if f.OS, err = os.OpenFile(f.temporary, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	check(t, f.Path, "x", 0o644)
	if n := names(t, dir); n != 1 {
		t.Errorf("%d names, want 1", n)
	}
}

// TestChange: what is not written stays.
func TestChange(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	if err := os.WriteFile(name, []byte("old text"), 0o640); err != nil {
		t.Fatal(err)
	}
	f, err := Change(name, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("new"), 0); err != nil {
		t.Fatal(err)
	}
	check(t, name, "old text", 0o640)
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	check(t, name, "new text", 0o640)
	if f, err = Change(filepath.Join(dir, "made"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	check(t, filepath.Join(dir, "made"), "", 0o600)
}
