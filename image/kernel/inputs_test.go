package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestEveryInputChangesTheKey(t *testing.T) {
	base := func() inputs {
		return inputs{
			Source: "s", Arch: "a", Toolchain: "t",
			Recipe:    []string{"r1", "r2"},
			Fragments: []string{"f1", "CONFIG_A=y\n", "f2", ""},
		}
	}
	changes := map[string]func(*inputs){
		"source":             func(in *inputs) { in.Source = "S" },
		"architecture":       func(in *inputs) { in.Arch = "A" },
		"toolchain":          func(in *inputs) { in.Toolchain = "T" },
		"recipe":             func(in *inputs) { in.Recipe[1] = "R" },
		"recipe, one more":   func(in *inputs) { in.Recipe = append(in.Recipe, "") },
		"fragment name":      func(in *inputs) { in.Fragments[0] = "F" },
		"fragment":           func(in *inputs) { in.Fragments[1] += " " },
		"moved between them": func(in *inputs) { in.Fragments[1], in.Fragments[3] = "", "CONFIG_A=y\n" },
		"moved to the next":  func(in *inputs) { in.Source, in.Arch = "sa", "" },
		"one string or two":  func(in *inputs) { in.Recipe = []string{`r1" "r2`} },
	}
	unchanged := base().key()
	keys := map[string]string{unchanged: "nothing"}
	if again := base().key(); again != unchanged {
		t.Errorf("the same inputs gave %s, then %s", unchanged, again)
	}
	for name, change := range changes {
		in := base()
		change(&in)
		if other, ok := keys[in.key()]; ok {
			t.Errorf("changing %s gives the same key as changing %s", name, other)
		}
		keys[in.key()] = name
	}
}

func TestFragmentLines(t *testing.T) {
	lines := func(files fstest.MapFS) string {
		t.Helper()
		got, err := fragmentLines(files)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(got, "|")
	}
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	got := lines(fstest.MapFS{"config/b.config": file("# CONFIG_B is not set\n"), "config/a-6.1.config": file("# why\nCONFIG_A=y\n"), "config/README": file("no")})
	if want := "config/a-6.1.config|CONFIG_A=y|config/b.config|# CONFIG_B is not set"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if lines(fstest.MapFS{"config/a.config": file("CONFIG_A=y")}) != lines(fstest.MapFS{"config/a.config": file("# note\n\nCONFIG_A=y\n")}) {
		t.Error("a comment counts")
	}
	if lines(fstest.MapFS{"config/a.config": file("CONFIG_A=y")}) == lines(fstest.MapFS{"config/a.config": file("CONFIG_A=n")}) {
		t.Error("a value does not count")
	}
}

func TestRecipeFixesWhatWouldVary(t *testing.T) {
	text := strings.Join(recipe(), "\n")
	for _, want := range []string{"KBUILD_BUILD_TIMESTAMP=", "KBUILD_BUILD_USER=", "KBUILD_BUILD_HOST=", "KBUILD_BUILD_VERSION=", "allnoconfig", "bzImage"} {
		if !strings.Contains(text, want) {
			t.Errorf("the recipe lacks %s:\n%s", want, text)
		}
	}
}

func TestMissingToolsInOneCommand(t *testing.T) {
	lacking := map[string]bool{"flex": true, "gelf.h": true, "bc": true}
	err := requireTools(func(name string) bool { return !lacking[name] })
	_, noSource := newestPackaged(t.TempDir())
	err = bothMissing(noSource, err)
	var missing *MissingError
	if !errors.As(err, &missing) {
		t.Fatal(err)
	}
	if want := []string{"bc", "flex", "libelf-dev", "linux-source"}; !slices.Equal(missing.Packages, want) {
		t.Errorf("packages %q, want %q", missing.Packages, want)
	}
	for _, want := range []string{"linux-source-*.tar.xz), flex, bc, gelf.h; install with:\n", "apt-get install --no-install-recommends bc flex libelf-dev linux-source"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the message lacks %q:\n%v", want, err)
		}
	}
}

func TestNothingMissing(t *testing.T) {
	if err := bothMissing(nil, requireTools(func(string) bool { return true })); err != nil {
		t.Error(err)
	}
	if installed("no-such-program") || installed("no/such/header.h") {
		t.Error("found what is not there")
	}
	if !installed("gcc") || !installed("stdio.h") {
		t.Error("gcc and libc6-dev are needed to build a kernel, and by this test: apt-get install gcc libc6-dev")
	}
}

// memoFile makes a tarball-like file and an empty memo directory.
func memoFile(t *testing.T) (path, memoDir string) {
	dir := t.TempDir()
	path = filepath.Join(dir, "source.tar.xz")
	if err := os.WriteFile(path, []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path, t.TempDir()
}

func mustDigest(t *testing.T, path, memoDir string) string {
	t.Helper()
	sum, err := fileDigest(path, memoDir)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestMemoIsUsed(t *testing.T) {
	path, memoDir := memoFile(t)
	first := mustDigest(t, path, memoDir)
	memos, _ := filepath.Glob(filepath.Join(memoDir, "*.json"))
	if len(memos) != 1 {
		t.Fatalf("memos: %q", memos)
	}
	text, err := os.ReadFile(memos[0])
	if err != nil {
		t.Fatal(err)
	}
	// A memo that tells another hash for the same file shows that the file is not read again.
	forged := strings.Replace(string(text), first, "remembered", 1)
	if err := os.WriteFile(memos[0], []byte(forged), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := mustDigest(t, path, memoDir); got != "remembered" {
		t.Errorf("hashed again: %s", got)
	}
	if err := os.WriteFile(memos[0], []byte("{half a memo"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := mustDigest(t, path, memoDir); got != first {
		t.Errorf("a damaged memo gave %s, want %s", got, first)
	}
}

func TestMemoForgetsAChangedFile(t *testing.T) {
	changes := map[string]func(path string) error{
		"other content, same size and times": func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return errors.Join(os.WriteFile(path, []byte("two"), 0o644), os.Chtimes(path, info.ModTime(), info.ModTime()))
		},
		"replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+"~", []byte("two"), 0o644), os.Rename(path+"~", path))
		},
		"longer": func(path string) error { return os.WriteFile(path, []byte("one two"), 0o644) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			path, memoDir := memoFile(t)
			first := mustDigest(t, path, memoDir)
			waitForClock(t, path)
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			if got := mustDigest(t, path, memoDir); got == first {
				t.Error("the old hash was given for a changed file")
			}
		})
	}
}

// waitForClock waits until the file system's clock, which ticks some 250 times a second, has moved on:
// a change within the same tick would not show in the times.
func waitForClock(t *testing.T, path string) {
	t.Helper()
	before, err := identify(path)
	if err != nil {
		t.Fatal(err)
	}
	probe := path + ".probe"
	for {
		if err := os.WriteFile(probe, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		now, err := identify(probe)
		if err != nil {
			t.Fatal(err)
		}
		if now.Changed != before.Changed || now.ChangedN != before.ChangedN {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
