package edit_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/gatehouse-os/gatehouse/appliance/userland/emulator"
)

// TestKeys has a person type the same keys into vi and into busybox's, and compares the files. Escape is a
// key by itself only if no other follows at once, so these are not among the command lines of TestBusybox. In
// testdata/keys.txtar is a script in each line, as a Go string: before an Escape that ends an insertion the
// screen says that there is one, after it that there is none. «text» waits until the last line of the screen
// has it. A line that begins with "~" is the reason why the next one does something else.
func TestKeys(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/keys.txtar")
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := program(t, false, "vi"), program(t, true, "vi")
	reason := ""
	for line := range strings.Lines(string(archive.Comment)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '~':
			reason = line[1:]
			continue
		}
		different := reason != ""
		reason = ""
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			name, script, _ := strings.Cut(line, " ")
			keys, err := strconv.Unquote(`"` + script + `"`)
			if err != nil {
				t.Fatal(err)
			}
			got, want := typed(t, ours, archive, name, keys), typed(t, theirs, archive, name, keys)
			if (got == want) == different {
				t.Errorf("keys %q make of %s\n%q\nbusybox's makes\n%q", keys, name, got, want)
			}
		})
	}
}

// typed is a file after keys and :wq.
func typed(t *testing.T, vi string, archive *txtar.Archive, name, keys string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range archive.Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := sit(t, dir, 24, 80, vi, name)
	p.bottom(name)
	for keys != "" {
		i := strings.IndexAny(keys, "\x1b«")
		if i < 0 {
			p.types(keys)
			break
		}
		p.types(keys[:i])
		if keys[i] == '\x1b' {
			p.inserts(true)
			p.types("\x1b")
			p.inserts(false)
			keys = keys[i+1:]
			continue
		}
		text, rest, _ := strings.Cut(keys[i+len("«"):], "»")
		p.bottom(text)
		keys = rest
	}
	p.types(":wq\r")
	if status := p.leaves(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// inserts waits until vi says that it inserts, or that it does not.
func (p *person) inserts(yes bool) {
	p.Helper()
	p.sees("the mode", func(s *emulator.Screen) bool {
		line := s.Line(s.Rows - 1)
		return strings.HasPrefix(line, "- ") != yes && (!yes || strings.HasPrefix(line, "I ") || strings.HasPrefix(line, "R "))
	})
}
