package statefile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWriteThenRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "leases")
	defer syscall.Umask(syscall.Umask(0o077)) // the mode must not depend on it

	for i, content := range []string{"first", "", "second and longer", "x"} {
		mode := []fs.FileMode{0o600, 0o644, 0o640, 0o444}[i]
		if err := Write(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path, 100)
		if err != nil || string(got) != content {
			t.Fatalf("Read after Write(%q) = %q, %v", content, got, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != mode {
			t.Fatalf("mode %v, %v; want %v", info.Mode().Perm(), err, mode)
		}
	}
	wantOnly(t, dir, "leases")
}

func TestWriteRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := Write("seed", []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, ".", "seed")
}

// A symbolic link planted at the name is replaced, not followed.
func TestWriteReplacesLink(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(victim, []byte("root"), 0o644); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "drift")
	if err := os.Symlink(victim, path); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("1.5"), 0o644); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(victim); string(b) != "root" {
		t.Errorf("the link's target was written: %q", b)
	}
	if b, err := Read(path, 10); err != nil || string(b) != "1.5" {
		t.Errorf("Read = %q, %v", b, err)
	}
}

func TestWriteFailureLeavesOldContent(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "full") // a directory in the way: rename fails after the data is written
	if err := os.MkdirAll(filepath.Join(path, "kept"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := Write(path, []byte("data"), 0o644)
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("err = %v, want one that names %s", err, path)
	}
	wantOnly(t, dir, "full")
	wantOnly(t, path, "kept")

	if err := Write(filepath.Join(dir, "missing", "f"), nil, 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v, want fs.ErrNotExist", err)
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("ten"), bytes.Repeat([]byte("x"), 10), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(at("ten"), at("link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(at("fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(at("ten"), 10); err != nil || len(got) != 10 {
		t.Errorf("exactly the limit: %d bytes, %v", len(got), err)
	}
	for _, c := range []struct {
		name string
		max  int64
		want error // nil: any
	}{
		{"ten", 9, ErrTooLarge},
		{"missing", 9, fs.ErrNotExist},
		{"link", 99, syscall.ELOOP},
		{"fifo", 99, nil},
		{".", 99, nil},
	} {
		got, err := Read(at(c.name), c.max)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("Read(%s, %d) = %q, %v; want error %v", c.name, c.max, got, err, c.want)
		}
	}
}

// A reader beside a writer sees one content or the other, whole.
func TestReadersSeeWholeFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	contents := [][]byte{bytes.Repeat([]byte("a"), 9000), bytes.Repeat([]byte("b"), 5)}
	if err := Write(path, contents[0], 0o644); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		for i := range 50 {
			if err := Write(path, contents[i%2], 0o644); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		got, err := Read(path, 9000)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, contents[0]) && !bytes.Equal(got, contents[1]) {
			t.Fatalf("a mixture: %d bytes, %.10q…", len(got), got)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		case <-time.After(0):
		}
	}
}

func wantOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("%s holds %q, want only %q", dir, got, names)
	}
}
