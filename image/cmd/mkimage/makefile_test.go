package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/site/dir"
)

// TestMakeFails: make says what we say, without "exit status 1" of go run, and one line of its own with the
// status.
func TestMakeFails(t *testing.T) {
	bad := t.TempDir()
	if err := os.CopyFS(bad, os.DirFS("../../../examples/home")); err != nil {
		t.Fatal(err)
	}
	toml := filepath.Join(bad, "site.toml")
	text, err := os.ReadFile(toml)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(toml, bytes.Replace(text, []byte("\ndomain"), []byte("\ndomian"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	for _, tt := range []struct {
		args   string
		status int    // of make: 2
		want   string // in what it says
	}{
		{"check SITE=" + bad, 2, `unknown key "domian"`},
		{"check SITE=" + bad + "/nosuch", 2, "no site directory is there"},
		{"push", 2, "push: wants -host and -site"},
		{"push HOST=192.0.2.1 SITE=" + bad, 2, `unknown key "domian"`},
		{"check SITE=examples/home", 0, ""},
	} {
		cmd := exec.CommandContext(t.Context(), "make", append(strings.Fields(tt.args), "OUT="+out)...)
		cmd.Dir = "../../.."
		cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
		var prints, says bytes.Buffer
		cmd.Stdout, cmd.Stderr = &prints, &says
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatalf("make (Debian package make): %v", err)
		}
		said := says.String()
		ours, makes, failed := strings.Cut(said, "make: *** ")
		if status := cmd.ProcessState.ExitCode(); status != tt.status || failed != (status != 0) || !strings.Contains(ours, tt.want) {
			t.Errorf("make %s: status %d, want %d; it says:\n%s", tt.args, status, tt.status, said)
		}
		if strings.Contains(said, "exit status") || strings.Count(makes, "\n") > 1 {
			t.Errorf("make %s says:\n%s", tt.args, said)
		}
		if tt.status == 0 && !strings.Contains(prints.String(), "home.example") {
			t.Errorf("make %s prints:\n%s", tt.args, &prints)
		}
	}
}

// TestSummaryNamesTheSite: what is said to do next is about the site that was built.
func TestSummaryNamesTheSite(t *testing.T) {
	s, err := dir.Load("../../../examples/home")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	m := made{dir: t.TempDir()}
	if err := m.summarise(&out, s, "my/site", false); err != nil || !strings.Contains(out.String(), "\nmake run SITE=my/site ") {
		t.Errorf("%v\n%s", err, &out)
	}
	out.Reset() // make run says itself how it goes on
	if err := m.summarise(&out, s, "my/site", true); err != nil || strings.Contains(out.String(), "make run") {
		t.Errorf("to be tried: %v\n%s", err, &out)
	}
}
