package userland

import (
	"context"
	"errors"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseTools(t *testing.T) {
	const root = `{"Path": "github.com/u-root/u-root/cmds/`
	tests := []struct {
		name, json string
		want       []command
		err        string
	}{
		{name: "no tools", json: `{"Module": {"Path": "example.org/m"}}`},
		{
			name: "sorted by name, without the generator and what is not u-root's",
			json: `{"Tool": [` + root + `exp/watch"}, ` + root + `core/ls"}, ` + root + `exp/cmd2pkg"}, {"Path": "honnef.co/go/tools/cmd/staticcheck"}]}`,
			want: []command{"github.com/u-root/u-root/cmds/core/ls", "github.com/u-root/u-root/cmds/exp/watch"},
		},
		{
			name: "one name twice",
			json: `{"Tool": [` + root + `core/ls"}, ` + root + `core/ip"}, ` + root + `exp/ls"}]}`,
			err:  "go.mod: two tools are called ls: github.com/u-root/u-root/cmds/core/ls and github.com/u-root/u-root/cmds/exp/ls",
		},
		{name: "not JSON", json: `go: no`, err: "go mod edit -json: invalid character 'g' looking for beginning of value"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseTools([]byte(test.json))
			if text(err) != test.err || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// An alias is a Go identifier whatever the command is called.
func TestTableSource(t *testing.T) {
	got := tableSource([]command{commandRoot + "core/ls", commandRoot + "exp/two-words"})
	for _, want := range []string{
		"//go:build userland\n",
		`u_ls "github.com/gatehouse-os/gatehouse/appliance/cmd/internal/uroot/core/ls"`,
		`u_two_words "github.com/gatehouse-os/gatehouse/appliance/cmd/internal/uroot/exp/two-words"`,
		`"ls": applet(u_ls.Init, u_ls.Main)`,
		`"two-words": applet(u_two_words.Init, u_two_words.Main)`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the table lacks %s", want)
		}
	}
	if _, err := format.Source([]byte(got)); err != nil {
		t.Error(err)
	}
	if f, err := parser.ParseFile(token.NewFileSet(), "table.go", got, parser.ImportsOnly); err != nil || len(f.Imports) != 4 {
		t.Errorf("%d imports, want flag, os and the two commands: %v", len(f.Imports), err)
	}
}

func TestOverlay(t *testing.T) {
	generated := t.TempDir()
	for _, name := range []string{"core/ls/ls.go", "core/ls/sort.go", "core/ls/README", "core/ls/data/data.go", "core/ip/ip.go"} {
		full := filepath.Join(generated, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := overlay("/src", generated, []command{commandRoot + "core/ls"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"/src/appliance/cmd/gatehouse/uroot_generated.go":   generated + "/gatehouse/uroot_generated.go",
		"/src/appliance/cmd/userland/uroot_generated.go":    generated + "/userland/uroot_generated.go",
		"/src/appliance/cmd/internal/uroot/core/ls/ls.go":   generated + "/core/ls/ls.go",
		"/src/appliance/cmd/internal/uroot/core/ls/sort.go": generated + "/core/ls/sort.go",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if _, err := overlay("/src", generated, []command{commandRoot + "core/gone"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a command without a package: %v", err)
	}
}

// What go says is passed on, and the caller can tell that it was interrupted.
func TestErrors(t *testing.T) {
	empty := t.TempDir()
	o := Options{Source: empty, CacheDir: t.TempDir(), Output: filepath.Join(empty, "out")}
	if _, err := Build(t.Context(), o); err == nil || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("a directory without a module: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Build(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// A change of what the packages depend on is a new key; the same is the same key.
func TestCacheKey(t *testing.T) {
	dir := t.TempDir()
	mod := func(content string) {
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	key := func(table string) string {
		k, err := cacheKey(t.Context(), goCommand{dir: dir}, []byte(table))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	mod("module m\n\ngo 1.26\n")
	first := key("table")
	if key("table") != first {
		t.Error("the same inputs have two keys")
	}
	if key("another") == first {
		t.Error("another table has the same key")
	}
	mod("module m\n\ngo 1.26\n\nrequire github.com/u-root/u-root v0.16.0\n")
	if key("table") == first {
		t.Error("another go.mod has the same key")
	}
}
