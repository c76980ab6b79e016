package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSSHConfig: ssh itself reads it, whatever the directory is called.
func TestSSHConfig(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "100%n a")
	text, err := machine{dir: dir, port: 2345}.sshConfig()
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "ssh_config")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ssh", "-F", config, "-G", "run").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	shown := strings.ReplaceAll(dir, "%n", "%%n")
	for _, want := range []string{"hostname 127.0.0.1", "port 2345", "user admin", "identityfile " + shown + "/key"} {
		if !strings.Contains("\n"+string(out), "\n"+want+"\n") {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestPushes(t *testing.T) {
	for dir, want := range map[string]string{
		"build/run": "make push HOST=run SITE=my", "/tmp/out/run": "make push HOST=run SITE=my OUT=/tmp/out",
	} {
		if got := (machine{site: "my", dir: dir}).pushes(); got != want {
			t.Errorf("%s: %s, want %s", dir, got, want)
		}
	}
}
