package site

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what the code says now into testdata")

// defaultSite is the small valid site that the cases in testdata change one file of.
func defaultSite(t testing.TB) fstest.MapFS {
	t.Helper()
	return addFiles(t, fstest.MapFS{}, "testdata/default.txtar")
}

// addFiles adds the files of an archive to a site. One whose name starts with "+"
// is added to the end of the file that is there.
func addFiles(t testing.TB, fsys fstest.MapFS, archive string) fstest.MapFS {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		name, more := strings.CutPrefix(f.Name, "+")
		data := bytes.Clone(f.Data)
		if more {
			data = slices.Concat(fsys[name].Data, data)
		}
		fsys[name] = &fstest.MapFile{Data: data}
	}
	return fsys
}

func cases(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", dir, err)
	}
	return files
}

// checkGolden compares text with the part of an archive that has it, or puts it there.
func checkGolden(t *testing.T, archive, part, got string) {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range a.Files {
		if f.Name != part {
			continue
		}
		if *update {
			a.Files[i].Data = []byte(got)
			writeFile(t, archive, txtar.Format(a))
		} else if diff := cmp.Diff(string(f.Data), got); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s\ngot:\n%s", part, diff, got)
		}
		return
	}
	if !*update {
		t.Fatalf("%s has no part %q", archive, part)
	}
	a.Files = append(a.Files, txtar.File{Name: part, Data: []byte(got)})
	writeFile(t, archive, txtar.Format(a))
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func load(t testing.TB, fsys fs.FS) *Site {
	t.Helper()
	s, err := Load(fsys)
	if err != nil {
		t.Fatalf("the site is refused:\n%v", err)
	}
	return s
}

func TestDefaultSite(t *testing.T) {
	load(t, defaultSite(t))
}

// TestBad reads broken sites. Each is refused with exactly the text in its part
// "want", which is what a user sees.
func TestBad(t *testing.T) {
	for _, archive := range cases(t, "testdata/bad") {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".txtar"), func(t *testing.T) {
			s, err := Load(addFiles(t, defaultSite(t), archive))
			if err == nil {
				t.Fatalf("the site is accepted: %+v", s)
			}
			if s != nil {
				t.Error("a site came with an error")
			}
			checkGolden(t, archive, "want", err.Error()+"\n")
		})
	}
}

// TestGood reads sites that use what the default one does not. Part "print" is
// what Print says of them and part "host NAME" what PrintHost says.
func TestGood(t *testing.T) {
	for _, archive := range cases(t, "testdata/good") {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".txtar"), func(t *testing.T) {
			s := load(t, addFiles(t, defaultSite(t), archive))
			checkGolden(t, archive, "print", printed(t, s))
			a, err := txtar.ParseFile(archive)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range a.Files {
				if name, ok := strings.CutPrefix(f.Name, "host "); ok {
					checkGolden(t, archive, f.Name, printedHost(t, s, name))
				}
			}
		})
	}
}

func TestMissingFiles(t *testing.T) {
	tests := []struct {
		missing, want string
	}{
		{"site.toml", `site.toml: is not there; expected a file that starts with name = "firewall"`},
		{"authorized_keys", "authorized_keys: is not there, so nobody could log in over ssh; expected the line of at least one .pub file"},
	}
	for _, tt := range tests {
		fsys := defaultSite(t)
		delete(fsys, tt.missing)
		if _, err := Load(fsys); err == nil || err.Error() != tt.want {
			t.Errorf("without %s: got %v, want %s", tt.missing, err, tt.want)
		}
	}
	fsys := defaultSite(t)
	delete(fsys, "hosts")
	fsys["site.toml"].Data = append(fsys["site.toml"].Data, "[netboot]\nhosts = [\"web1\", \"web2\"]\nserver = \"store\"\n"...)
	const want = "hosts: is not there, and site.toml speaks of \"store\"; expected a file of that name"
	if _, problems := Check(fsys); problems.Errors().Error() != want {
		t.Errorf("without hosts, and with clients of netboot:\n%s", problems.Text())
	}
	fsys = defaultSite(t)
	delete(fsys, "hosts")
	delete(fsys, "ethers")
	s, problems := Check(fsys)
	if s == nil || len(s.Hosts) != 0 {
		t.Fatalf("without hosts and ethers the site is %v", s)
	}
	for _, name := range []string{"hosts", "ethers"} {
		if want := name + ": warning: is not there, as if it were empty; expected a file of that name\n"; !strings.Contains(problems.Text(), want) {
			t.Errorf("without %s:\n%s", name, problems.Text())
		}
	}
}

func TestUnreadableFiles(t *testing.T) {
	large := bytes.Repeat([]byte("# a comment\n"), 2<<20/12+1)
	fsys := defaultSite(t)
	fsys["hosts"] = &fstest.MapFile{Data: large}
	fsys["site.toml"] = &fstest.MapFile{Data: large}
	fsys["authorized_keys"] = &fstest.MapFile{Mode: fs.ModeDir}
	_, err := Load(fsys)
	if err == nil {
		t.Fatal("a site of unreadable files is accepted")
	}
	want := []string{
		"site.toml: is too large; expected at most 1024 KiB",
		"hosts: is too large; expected at most 2048 KiB",
		"authorized_keys: is no regular file; expected one",
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), err.Error()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
