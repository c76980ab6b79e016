package kernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// writeFiles makes files with the given contents below dir.
func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNewestPackaged(t *testing.T) {
	cases := []struct {
		name  string
		files []string
		want  string // empty: an error
	}{
		{"none", nil, ""},
		{"one", []string{"linux-source-6.1.tar.xz"}, "linux-source-6.1.tar.xz"},
		{"numbers, not letters", []string{"linux-source-6.1.tar.xz", "linux-source-6.12.tar.xz", "linux-source-6.9.tar.xz"}, "linux-source-6.12.tar.xz"},
		{"major first", []string{"linux-source-7.0.tar.xz", "linux-source-6.12.tar.xz"}, "linux-source-7.0.tar.xz"},
		{"other files", []string{"linux-source-6.1.tar.xz", "linux-source-next.tar.xz", "linux-patch-9.9.tar.xz", "linux-headers-9.9"}, "linux-source-6.1.tar.xz"},
		{"only others", []string{"linux-source-6.1", "linux-config-6.1.tar.xz"}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range c.files {
				writeFiles(t, dir, map[string]string{name: ""})
			}
			got, err := locate("", dir)
			if c.want == "" {
				if err == nil || !strings.Contains(err.Error(), "apt-get install --no-install-recommends linux-source") {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			if err != nil || got.tree || got.path != filepath.Join(dir, c.want) {
				t.Errorf("got %v, %v; want %s", got, err, c.want)
			}
		})
	}
}

func TestLocateWhatTheCallerNames(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"tree/Kbuild": "", "empty/README": "", "my.tar.gz": ""})
	if s, err := locate(filepath.Join(dir, "tree"), "/nowhere"); err != nil || !s.tree {
		t.Errorf("a tree: %v, %v", s, err)
	}
	if s, err := locate(filepath.Join(dir, "my.tar.gz"), "/nowhere"); err != nil || s.tree {
		t.Errorf("a tarball: %v, %v", s, err)
	}
	for name, want := range map[string]string{"empty": "is no Linux source tree", "none": "no such file"} {
		if _, err := locate(filepath.Join(dir, name), "/nowhere"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTreeDigest(t *testing.T) {
	files := map[string]string{"Kbuild": "", "init/main.c": "int main;", ".git/HEAD": "x"}
	changes := map[string]func(dir string) error{
		"content":       func(dir string) error { return os.WriteFile(dir+"/init/main.c", []byte("int Main;"), 0o644) },
		"new file":      func(dir string) error { return os.WriteFile(dir+"/init/x.c", nil, 0o644) },
		"new directory": func(dir string) error { return os.Mkdir(dir+"/lib", 0o755) },
		"renamed":       func(dir string) error { return os.Rename(dir+"/Kbuild", dir+"/kbuild") },
		"removed":       func(dir string) error { return os.Remove(dir + "/Kbuild") },
		"executable":    func(dir string) error { return os.Chmod(dir+"/Kbuild", 0o755) },
		"link":          func(dir string) error { return os.Symlink("init/main.c", dir+"/link") },
	}
	digest := func(dir string) string {
		t.Helper()
		sum, err := (sourceCode{dir, true}).digest("")
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	first, second := t.TempDir(), t.TempDir()
	writeFiles(t, first, files)
	writeFiles(t, second, files)
	base := digest(first)
	if digest(second) != base {
		t.Error("two copies of a tree differ")
	}
	writeFiles(t, second, map[string]string{".git/index": "changed"})
	if digest(second) != base {
		t.Error(".git counts")
	}
	for name, change := range changes {
		dir := t.TempDir()
		writeFiles(t, dir, files)
		if err := change(dir); err != nil {
			t.Fatal(err)
		}
		if digest(dir) == base {
			t.Errorf("%s does not change the digest", name)
		}
	}
}

func TestUnpackTarballAndTree(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"linux-9.1/Kbuild": "k", "linux-9.1/init/main.c": "m", "linux-9.1/.git/HEAD": "x"})
	tarball := filepath.Join(dir, "linux.tar.gz")
	if out, err := exec.Command("tar", "-czf", tarball, "-C", dir, "--exclude=.git", "linux-9.1").CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	for _, s := range []sourceCode{{tarball, false}, {filepath.Join(dir, "linux-9.1"), true}} {
		to := t.TempDir()
		if err := s.unpack(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(filepath.Join(to, "init/main.c")); err != nil || string(text) != "m" {
			t.Errorf("%s: %q, %v", s.path, text, err)
		}
		if _, err := os.Stat(filepath.Join(to, ".git")); err == nil {
			t.Errorf("%s: .git was copied", s.path)
		}
	}
	writeFiles(t, dir, map[string]string{"broken.tar.xz": "no tarball"})
	err := (sourceCode{filepath.Join(dir, "broken.tar.xz"), false}).unpack(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "unpacking the kernel source") || !strings.Contains(err.Error(), "\n") {
		t.Errorf("a broken tarball: %v", err)
	}
}

func TestMakefileVersion(t *testing.T) {
	cases := []struct {
		text string
		want version
		ok   bool
	}{
		{"# SPDX\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\n", version{6, 12}, true},
		{"VERSION=6\nPATCHLEVEL=1\nall:\n\tVERSION = 7\n", version{6, 1}, true},
		{"VERSION = 6\n", version{}, false},
		{"", version{}, false},
	}
	for _, c := range cases {
		dir := t.TempDir()
		writeFiles(t, dir, map[string]string{"Makefile": c.text})
		got, err := makefileVersion(dir)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%q: %v, %v", c.text, got, err)
		}
	}
}
