package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
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

// TestRules checks small trees, one or a few for each rule, for exactly the
// offences in their file "want". So every rule is known to bite, and none to bite
// what it should not.
func TestRules(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			fsys, err := txtar.FS(withDefaults(archive))
			if err != nil {
				t.Fatal(err)
			}
			want, err := fs.ReadFile(fsys, "want")
			if err != nil {
				t.Fatal(err)
			}
			offences, err := Check(fsys)
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

// withDefaults adds a go.mod to an archive that has none.
func withDefaults(a *txtar.Archive) *txtar.Archive {
	for _, f := range a.Files {
		if f.Name == "go.mod" {
			return a
		}
	}
	a.Files = append(a.Files, txtar.File{Name: "go.mod", Data: []byte("module example.com/house\n\ngo 1.26\n")})
	return a
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
