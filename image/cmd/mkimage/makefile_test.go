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

// TestMakeAddsNothing: after a message of ours there is no "exit status 1" of go run and no "make: ***", and make fails
// all the same.
func TestMakeAddsNothing(t *testing.T) {
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
	temporary := t.TempDir()
	for _, tt := range []struct {
		args   string
		status int
		want   string // in what it says
		makes  bool   // make says something too
	}{
		{"check SITE=" + bad, 1, `unknown key "domian"`, false},
		{"check SITE=" + bad + "/nosuch", 1, "no site directory is there", false},
		{"push", 1, "push: wants -host and -site", false},
		{"push HOST=192.0.2.1 SITE=" + bad, 1, `unknown key "domian"`, false},
		{"check SITE=examples/home", 0, "", false},
		{"check push SITE=" + bad, 2, `unknown key "domian"`, true}, // the first that fails is the last
	} {
		cmd := exec.CommandContext(t.Context(), "make", strings.Fields(tt.args)...)
		cmd.Dir = "../../.."
		cmd.Env = append(os.Environ(), "TMPDIR="+temporary, "MAKEFLAGS=", "MAKELEVEL=")
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatalf("make (Debian package make): %v", err)
		}
		said := errs.String()
		ended := strings.Contains(said, "exit status") || strings.Contains(said, "make") && strings.Contains(said, "***")
		if status := cmd.ProcessState.ExitCode(); status != tt.status || !strings.Contains(said, tt.want) || tt.want == "" && said != "" || ended != tt.makes {
			t.Errorf("make %s: status %d, want %d; it says:\n%s", tt.args, status, tt.status, said)
		}
		if tt.status == 0 && !strings.Contains(out.String(), "home.example") || tt.makes && strings.Contains(said, "push:") {
			t.Errorf("make %s prints:\n%s%s", tt.args, out.String(), said)
		}
		left, err := filepath.Glob(temporary + "/tmp.*")
		if err != nil || len(left) > 0 {
			t.Errorf("make %s leaves %q, %v", tt.args, left, err)
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
	if err := m.summarise(&out, s, "my/site"); err != nil || !strings.Contains(out.String(), "\nmake run SITE=my/site ") {
		t.Errorf("%v\n%s", err, &out)
	}
}
