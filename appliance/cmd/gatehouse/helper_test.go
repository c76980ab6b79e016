package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
)

func TestHelpKernel(t *testing.T) {
	const refused = "<3>gatehouse: the kernel wanted to start "
	tests := []struct {
		wanted string
		fails  error // of the request
		asked  boot.Kind
		code   int
		log    string
	}{
		{"/sbin/poweroff", nil, boot.PowerOff, 0, ""},
		{"/sbin/reboot", nil, boot.Reboot, 0, ""},
		{"/sbin/reboot", errors.New("no process 1"), boot.Reboot, 1, "<3>gatehouse: no process 1\n"},
		{"/tmp/poweroff", nil, "", 1, refused + `"/tmp/poweroff", which was refused` + "\n"},
		{"/bin/sh", nil, "", 1, refused + `"/bin/sh", which was refused` + "\n"},
		{"x\n<0>" + strings.Repeat("y", 1000), nil, "", 1,
			refused + `"x\n<0>` + strings.Repeat("y", 95) + `", which was refused` + "\n"},
	}
	for _, tt := range tests {
		var log bytes.Buffer
		var asked boot.Kind
		code := helpKernel(tt.wanted, func(k boot.Kind) error { asked = k; return tt.fails }, &log)
		if code != tt.code || asked != tt.asked || log.String() != tt.log {
			t.Errorf("%.20q: exit status %d, asked for %q, log %q", tt.wanted, code, asked, &log)
		}
	}
}

// A program knows by what file it was started, not by what it is called by.
func TestStartedByKernel(t *testing.T) {
	if os.Getenv("TELL_WHO_STARTED") != "" {
		if startedByKernel() {
			os.Exit(0)
		}
		os.Exit(3)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, want := range map[string]int{filepath.Base(kernelHelper): 0, "gatehouse": 3} {
		path := filepath.Join(dir, name)
		if err := os.Symlink(self, path); err != nil {
			t.Fatal(err)
		}
		for _, called := range []string{"/sbin/poweroff", kernelHelper, "ip"} {
			cmd := exec.Cmd{Path: path, Args: []string{called, "-test.run=^TestStartedByKernel$"},
				Env: append(os.Environ(), "TELL_WHO_STARTED=1")}
			if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != want {
				t.Errorf("%s, called %s: %v\n%s", name, called, cmd.ProcessState, out)
			}
		}
	}
}
