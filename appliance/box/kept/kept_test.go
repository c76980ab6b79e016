package kept

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/site/bundle"
)

const image = "hash of the image's site"

// siteOf is the content of a site that is told from others by its name.
func siteOf(name string) map[string][]byte {
	return map[string][]byte{"site.toml": []byte("name = \"" + name + "\"\n"), "hosts": nil}
}

// noise is a file that gzip cannot make smaller.
func noise(seed uint64, size int) map[string][]byte {
	data := make([]byte, size)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return map[string][]byte{"site.toml": data}
}

func metaOf(what string) bundle.Meta {
	return bundle.Meta{Base: image, Who: "one@net.example", When: time.Unix(1700000000, 0).UTC(), What: what}
}

// stage fails the test unless the site can be staged.
func stage(t testing.TB, s *Store, files map[string][]byte, meta bundle.Meta) int {
	t.Helper()
	n, err := s.Stage(files, meta)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// keep stages and commits.
func keep(t testing.TB, s *Store, files map[string][]byte, meta bundle.Meta) int {
	t.Helper()
	n := stage(t, s, files, meta)
	if unpruned, err := s.Commit(n); err != nil || unpruned != nil {
		t.Fatalf("commit %d: %v, %v", n, unpruned, err)
	}
	return n
}

// names are those in a directory, sorted.
func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// starts fails the test unless a box starts with the site of that number and content; 0: with that of the image.
func starts(t testing.TB, dir string, number int, files map[string][]byte) {
	t.Helper()
	got, damaged := Open(dir).Latest(image)
	if got.Number != number || !maps.EqualFunc(got.Bundle.Files, files, bytes.Equal) || damaged != nil {
		t.Errorf("the box starts with site %d %.200q, %v; want %d %.200q", got.Number, got.Bundle.Files, damaged, number, files)
	}
}

func put(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestStages is the way of sites from the candidate to the oldest.
func TestStages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	s := Open(dir)
	starts(t, dir, 0, nil)
	if all, err := s.List(); all != nil || err != nil {
		t.Errorf("of nothing: %v, %v", all, err)
	}
	if err := s.Discard(); err != nil {
		t.Errorf("discard of nothing: %v", err)
	}
	if _, err := s.Get(1); err == nil || err.Error() != "there is no site 1; none is kept" {
		t.Errorf("got %v", err)
	}
	first := stage(t, s, siteOf("a"), metaOf("a"))
	starts(t, dir, 0, nil)
	second := stage(t, s, siteOf("b"), metaOf("b"))
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("more than one candidate: %q", got)
	}
	if _, err := s.Commit(first); err == nil || !strings.Contains(err.Error(), "site 1 cannot be kept: it is no candidate any more") {
		t.Errorf("commit of what was replaced: %v", err)
	}
	if unpruned, err := s.Commit(second); err != nil || unpruned != nil {
		t.Fatal(unpruned, err)
	}
	starts(t, dir, second, siteOf("b"))
	third := stage(t, s, siteOf("c"), metaOf("c"))
	if err := s.Discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(third); err == nil {
		t.Error("commit of what was discarded")
	}
	fourth := keep(t, s, siteOf("d"), metaOf("d"))
	if !slices.IsSorted([]int{first, second, third, fourth}) || first == second || third == fourth {
		t.Errorf("numbers: %d %d %d %d", first, second, third, fourth)
	}
	starts(t, dir, fourth, siteOf("d"))
	if _, err := s.Get(3); err == nil || err.Error() != "there is no site 3; kept are 4, 2" {
		t.Errorf("got %v", err)
	}
	if b, err := s.Get(2); err != nil || b.Meta.What != "b" || !maps.EqualFunc(b.Files, siteOf("b"), bytes.Equal) {
		t.Errorf("site 2: %+v, %v", b, err)
	}
	all, err := s.List()
	if err != nil || len(all) != 2 || all[0].Number != 4 || all[1].Meta.What != "b" || all[0].Size == 0 {
		t.Errorf("%+v, %v", all, err)
	}
	info, err := os.Stat(s.path(fourth))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestStageRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	s := Open(dir)
	if _, err := s.Stage(map[string][]byte{"../a": nil}, metaOf("")); err == nil || !strings.Contains(err.Error(), "no clean name") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("there is a directory for what cannot be kept")
	}
	if _, err := Open(filepath.Join(dir, "deeper")).Stage(siteOf("a"), metaOf("")); err == nil {
		t.Error("a disk that is not there was made")
	}
	put(t, filepath.Join(t.TempDir(), "x"), nil)
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, nil)
	if _, err := Open(file).Stage(siteOf("a"), metaOf("")); err == nil {
		t.Error("a file was taken for a directory")
	}
	if got, damaged := Open(file).Latest(image); got.Number != 0 || len(damaged) != 1 {
		t.Errorf("got %+v, %v", got, damaged)
	}
}

// TestLargest: what Stage takes, Get gives back.
func TestLargest(t *testing.T) {
	s := Open(t.TempDir())
	files := noise(1, bundle.MaxBytes-63)
	for i := range 63 {
		files[strings.Repeat("d/", 100)+strconv.Itoa(i)] = []byte{1}
	}
	n := keep(t, s, files, metaOf(""))
	starts(t, s.dir, n, files)
	put(t, s.path(n+1), make([]byte, maxFile+1))
	if _, err := s.Get(n + 1); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("got %v", err)
	}
}

// TestPrune: ten are left, and beside the newest four MiB.
func TestPrune(t *testing.T) {
	s := Open(t.TempDir())
	for i := range 15 {
		keep(t, s, siteOf(strconv.Itoa(i)), metaOf(""))
	}
	if c, err := s.read(); err != nil || len(c.numbers) != maxKept || c.numbers[0] != 15 || c.numbers[9] != 6 {
		t.Errorf("%v, %v", c.numbers, err)
	}
	n := keep(t, s, noise(1, 5<<20), metaOf("")) // the newest may be as large as it is
	if c, err := s.read(); err != nil || len(c.numbers) != maxKept {
		t.Errorf("%v, %v", c.numbers, err)
	}
	keep(t, s, siteOf("small"), metaOf(""))
	if c, err := s.read(); err != nil || !slices.Equal(c.numbers, []int{n + 1}) {
		t.Errorf("%v, %v", c.numbers, err)
	}
	for range 6 {
		n = keep(t, s, noise(1, 1<<20), metaOf(""))
	}
	if c, err := s.read(); err != nil || !slices.Equal(c.numbers, []int{n, n - 1, n - 2, n - 3}) {
		t.Errorf("%v, %v", c.numbers, err)
	}
	// What cannot be removed does not undo a commit.
	if err := os.MkdirAll(filepath.Join(s.path(1), "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	n = stage(t, s, siteOf("a"), metaOf(""))
	unpruned, err := s.Commit(n)
	if err != nil || unpruned == nil || !strings.Contains(unpruned.Error(), "old sites cannot be removed: remove "+s.path(1)) {
		t.Errorf("%v, %v", unpruned, err)
	}
	starts(t, s.dir, n, siteOf("a"))
}

// TestNames: only names that this package gives mean anything, and only those are removed.
func TestNames(t *testing.T) {
	s := Open(t.TempDir())
	strangers := []string{"0.tar.gz", "-1.tar.gz", "+3.tar.gz", "007.tar.gz", "1e3.tar.gz", "x.tar.gz", ".tar.gz", "7.tar.gz~", "7.tar", "７.tar.gz",
		"1000000000000000000.tar.gz", "99999999999999999999999.tar.gz", "-1.staged", "08.staged", ".staged.tmp-1", ".x.staged.tmp-1",
		"7.staged.tmp-1", ".7.tar.gz.tmp-1", ".lost+found", "a\nb", "7 .tar.gz", ".-7.staged.tmp-1", "\xff.tar.gz"}
	for _, name := range strangers {
		put(t, filepath.Join(s.dir, name), []byte("a stranger's"))
	}
	ours := []string{"3.staged", "12.staged", ".12.staged.tmp-123", ".1.staged.tmp-"}
	for _, name := range ours {
		put(t, filepath.Join(s.dir, name), []byte("of a power cut"))
	}
	if err := os.Mkdir(filepath.Join(s.dir, "more"), 0o700); err != nil {
		t.Fatal(err)
	}
	starts(t, s.dir, 0, nil)
	for _, n := range []int{0, -1, 7} {
		if _, err := s.Commit(n); err == nil {
			t.Errorf("commit of a stranger's %d", n)
		}
	}
	if n := keep(t, s, siteOf("a"), metaOf("")); n != 13 {
		t.Errorf("got number %d; 12 was in use", n)
	}
	want := append(strangers, "13.tar.gz", "more")
	slices.Sort(want)
	if got := names(t, s.dir); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	put(t, s.path(maxNumber), nil)
	if _, err := s.Stage(siteOf("b"), metaOf("")); err == nil || !strings.Contains(err.Error(), "no number is above 999999999999999999; remove") {
		t.Errorf("got %v", err)
	}
	if _, err := s.Commit(13); err == nil || !strings.Contains(err.Error(), "there is site 999999999999999999 by now") {
		t.Errorf("got %v", err)
	}
}

// TestOtherImage: the newest that can be read decides, whatever lies below it.
func TestOtherImage(t *testing.T) {
	s := Open(t.TempDir())
	keep(t, s, siteOf("a"), metaOf(""))
	other := metaOf("by another image")
	other.Base = "another"
	n := keep(t, s, siteOf("b"), other)
	got, damaged := s.Latest(image)
	if got.Number != n || !got.OtherImage || got.Bundle.Files != nil || got.Meta.What != other.What || damaged != nil {
		t.Errorf("got %+v, %v", got, damaged)
	}
	put(t, s.path(n), []byte("damaged"))
	got, damaged = s.Latest(image)
	if got.Number != 1 || got.OtherImage || len(damaged) != 1 || !strings.Contains(damaged[0].Error(), "site 2 is damaged: "+s.path(2)) {
		t.Errorf("got %+v, %v", got, damaged)
	}
	put(t, s.path(1), nil)
	if got, damaged = s.Latest(image); got.Number != 0 || len(damaged) != 2 {
		t.Errorf("got %+v, %v", got, damaged)
	}
}

// TestHostileFiles: a name of ours that is no file of ours neither stops the box nor leads elsewhere.
func TestHostileFiles(t *testing.T) {
	s := Open(t.TempDir())
	n := keep(t, s, siteOf("a"), metaOf(""))
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	put(t, elsewhere, []byte("x"))
	for i, make := range []func(string) error{
		func(p string) error { return os.Symlink(elsewhere, p) },
		func(p string) error { return os.Symlink(s.path(n), p) },
		func(p string) error { return os.Mkdir(p, 0o700) },
		mkfifo,
		func(p string) error { return os.WriteFile(p, []byte("\x1f\x8b"), 0o600) },
	} {
		path := s.path(n + 1 + i)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		got, damaged := s.Latest(image)
		if got.Number != n || len(damaged) != i+1 {
			t.Errorf("%d: got %+v, %v", i, got.Entry, damaged)
		}
		if all, err := s.List(); err != nil || len(all) != i+2 || all[0].Err == nil {
			t.Errorf("%d: %+v, %v", i, all, err)
		}
	}
	for range maxKept {
		n = keep(t, s, siteOf("b"), metaOf(""))
	}
	if c, err := s.read(); err != nil || len(c.numbers) != maxKept {
		t.Errorf("%v, %v", c, err)
	}
	if data, err := os.ReadFile(elsewhere); err != nil || string(data) != "x" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestDamage: whichever byte of the newest file is wrong, and wherever it is cut, the box has that site or the one before
// it, never a third.
func TestDamage(t *testing.T) {
	s := Open(t.TempDir())
	keep(t, s, siteOf("a"), metaOf(""))
	n := keep(t, s, siteOf("b"), metaOf("b"))
	whole, err := os.ReadFile(s.path(n))
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, at int, data []byte) (passed bool) {
		put(t, s.path(n), data)
		got, damaged := s.Latest(image)
		want := map[int]string{n: "b", 1: "a"}[got.Number]
		if !maps.EqualFunc(got.Bundle.Files, siteOf(want), bytes.Equal) || (got.Number == n) != (damaged == nil) {
			t.Errorf("%s at %d: %+v, %v", what, at, got, damaged)
		}
		return got.Number == n
	}
	taken := 0
	for at := range whole {
		if check("cut", at, whole[:at]) {
			t.Errorf("cut at %d, it was taken", at)
		}
		broken := bytes.Clone(whole)
		broken[at] ^= 1 << (at % 8)
		if check("turned", at, broken) {
			taken++
		}
	}
	if taken > 8 { // of gzip's header: time, extra flags, system
		t.Errorf("%d bytes are not covered", taken)
	}
}
