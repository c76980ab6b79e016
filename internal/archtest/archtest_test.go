package archtest

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestHouse checks the whole repository.
func TestHouse(t *testing.T) {
	offences, err := Check(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range offences {
		t.Error(o)
	}
}

// TestClosures holds what the pure rooms of the repository reach against the rules,
// in the build for the appliance.
func TestClosures(t *testing.T) {
	offences, err := CheckClosures("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range offences {
		t.Error(o)
	}
}

// TestRules checks small trees, one or a few for each rule, for exactly the
// offences in their file "want". So every rule is known to bite, and none to bite
// what it should not.
func TestRules(t *testing.T) {
	checkFixtures(t, "testdata/*.txtar", func(_ *testing.T, fsys fs.FS) ([]Offence, error) {
		return Check(fsys)
	})
}

// TestClosureRules does the same for what the go command is asked.
func TestClosureRules(t *testing.T) {
	checkFixtures(t, "testdata/closures/*.txtar", func(t *testing.T, fsys fs.FS) ([]Offence, error) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, fsys); err != nil {
			t.Fatal(err)
		}
		return CheckClosures(dir)
	})
}

// checkFixtures checks every tree of a pattern.
func checkFixtures(t *testing.T, pattern string, check func(*testing.T, fs.FS) ([]Offence, error)) {
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			fsys, err := txtar.FS(withDefaults(t, archive))
			if err != nil {
				t.Fatal(err)
			}
			want, err := fs.ReadFile(fsys, "want")
			if err != nil {
				t.Fatal(err)
			}
			offences, err := check(t, fsys)
			var got strings.Builder
			for _, o := range offences {
				got.WriteString(o.String() + "\n")
			}
			if err != nil {
				got.WriteString(err.Error() + "\n")
			}
			if got.String() != string(want) {
				t.Errorf("got:\n%swant:\n%s", &got, want)
			}
		})
	}
}

// withDefaults adds what an archive does not have and its story is not about: a
// go.mod, and rows that allow each package what it imports.
func withDefaults(t *testing.T, a *txtar.Archive) *txtar.Archive {
	has := func(name string) bool {
		return slices.ContainsFunc(a.Files, func(f txtar.File) bool { return f.Name == name })
	}
	if !has("go.mod") {
		data := []byte("module example.com/house\n\ngo 1.26\n")
		a.Files = append(a.Files, txtar.File{Name: "go.mod", Data: data})
	}
	if !has(roomsFile) {
		a.Files = append(a.Files, txtar.File{Name: roomsFile, Data: rowsAsImported(t, a)})
	}
	return a
}

// rowsAsImported writes a row for each package of an archive that can be parsed.
func rowsAsImported(t *testing.T, a *txtar.Archive) []byte {
	fsys, err := txtar.FS(a)
	if err != nil {
		t.Fatal(err)
	}
	house, err := load(fsys)
	if err != nil {
		return nil // the story is about that
	}
	imports := map[string][]string{}
	for _, f := range house.product() {
		for _, spec := range f.ast.Imports {
			if to := house.importPath(spec); !isStandard(to) {
				imports[f.dir] = append(imports[f.dir], "`"+strings.TrimPrefix(to, "./")+"`")
			}
		}
	}
	var rows bytes.Buffer
	for pkg := range house.packages() {
		dir := strings.TrimPrefix(pkg, "./")
		may := cmp.Or(strings.Join(imports[dir], " "), "nothing")
		fmt.Fprintf(&rows, "| `%s` | %s | so it is |\n", dir, may)
	}
	return rows.Bytes()
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		path, pattern string
		want          bool
	}{
		{"./site", "./site", true},
		{"./site", "./site/...", true},
		{"./site/sub/sub", "./site/...", true},
		{"./sites", "./site/...", false},
		{"./services/dhcp", "./services/*", true},
		{"./services/dhcp/conn", "./services/*", false},
		{"./services/dhcp/lease", "./services/*/lease", true},
		{"./services", "./services/*", false},
		{"./x", "./...", true},
		{"net", "net", true},
		{"net/netip", "net", false},
		{"image/png", "./image/...", false},
		{"os/exec", "os/...", true},
	} {
		if got := matches(tt.path, []string{tt.pattern}); got != tt.want {
			t.Errorf("%s matches %s: %v, want %v", tt.path, tt.pattern, got, tt.want)
		}
	}
}
