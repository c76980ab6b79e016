package busyboxtest_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
)

var update = flag.Bool("update", false, "write the differences into docs/userland.md")

// TestDifferences: what a room does differently from busybox stands in docs/userland.md, with its reason.
func TestDifferences(t *testing.T) {
	const page, mark = "../../../docs/userland.md", "<!-- differences -->\n"
	dirs, err := filepath.Glob("../*/testdata/busybox")
	more, err2 := filepath.Glob("../net/*/testdata/busybox")
	if err != nil || err2 != nil || len(dirs) == 0 {
		t.Fatalf("expected rooms with cases: %v %v", err, err2)
	}
	var table strings.Builder
	lines := 0
	for _, dir := range append(dirs, more...) {
		cases, err := busyboxtest.Cases(dir)
		if err != nil {
			t.Fatal(err)
		}
		lines += len(cases)
		for _, c := range cases {
			if c.Reason != "" {
				fmt.Fprintf(&table, "| `%s` | %s |\n", strings.ReplaceAll(c.Line, "|", "\\|"), c.Reason)
			}
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), mark)
	if !found {
		t.Fatalf("%s: expected a line %q", page, mark)
	}
	want := fmt.Sprintf("\n%d command lines are compared.\n", lines)
	if table.Len() > 0 {
		want += "\n| command line | why |\n|---|---|\n" + table.String()
	}
	switch {
	case *update:
		if err := os.WriteFile(page, []byte(head+mark+want), 0o644); err != nil {
			t.Fatal(err)
		}
	case rest != want:
		t.Errorf("%s: the list of differences is not what the rooms' cases say; -update writes it:\n%s", page, want)
	}
}
