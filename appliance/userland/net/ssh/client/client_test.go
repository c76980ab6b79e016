package client

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"host": " host 0", "u@host": "u host 0", "u@dom@host": "u@dom host 0", "[2001:db8::1]": " 2001:db8::1 0", "2001:db8::1": " 2001:db8::1 0",
		"ssh://u@host:2222": "u host 2222", "ssh://[::1]:2222/": " ::1 2222", "ssh://host": " host 0",
		"": "error", "@host": "error", "-oProxyCommand=x": "error", "u@-x": "error", "a b": "error", "ssh://host:x": "error", "ssh://host:0": "error",
	} {
		d, err := Parse(text, "ssh")
		got := fmt.Sprint(d.User, " ", d.Host, " ", d.Port)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %s, want %s (%v)", text, got, want, err)
		}
	}
	for text, want := range map[string]string{"u@h:22": "u h 22", "h": " h 0", "[::1]:2": " ::1 2", "::1": " ::1 0", "ssh://h:3": " h 3"} {
		d, err := ParseJump(text)
		if got := fmt.Sprint(d.User, " ", d.Host, " ", d.Port); got != want || err != nil {
			t.Errorf("%q: %s, %v, want %s", text, got, err, want)
		}
	}
}

func TestOptions(t *testing.T) {
	o := Default()
	for _, word := range []string{"Port=2222", "port 23", "StrictHostKeyChecking = accept-new", "ConnectTimeout=1m30s", "EscapeChar=^A", "ControlMaster=no",
		"IdentityFile=a", "IdentityFile=b", `User="x"`} {
		if err := o.Word(word); err != nil {
			t.Errorf("%s: %v", word, err)
		}
	}
	if o.Port != 2222 || o.Check != CheckAccept || o.Timeout != 90*time.Second || o.Escape != 1 || len(o.Identities) != 2 || o.User != "x" {
		t.Errorf("%+v", o)
	}
	for _, word := range []string{"Nonsense=yes", "Port=0", "Port", "BatchMode=", "ControlMaster=auto", "ProxyCommand=nc %h", "ConnectTimeout=x", "EscapeChar=ab",
		"Compression=yes"} {
		if err := Default().Word(word); err == nil {
			t.Errorf("%s is taken", word)
		}
	}
}

// TestDirectory: the directory may be a link to where there is nothing yet.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("perm/ssh/client", filepath.Join(dir, ".ssh")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, ".ssh", "known_hosts")
	for range 2 {
		if err := appendLine(file, "a line"); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "perm/ssh/client/known_hosts"))
	info, statErr := os.Stat(filepath.Join(dir, "perm/ssh/client"))
	if err != nil || statErr != nil || string(text) != "a line\na line\n" || info.Mode().Perm() != 0o700 {
		t.Errorf("%q, %v, %v, %v", text, info, err, statErr)
	}
}
