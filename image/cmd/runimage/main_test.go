package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/site"
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

// TestGreeting: nobody is sent to a way in that is not there, and a port that somebody has is said before
// QEMU does.
func TestGreeting(t *testing.T) {
	m := machine{site: "my", dir: "build/run"}
	for _, tt := range []struct {
		lan  site.LAN
		want string
	}{
		{lan("eth1", 0, "10.0.0.1/24"), "ssh -F config run"}, {lan("eth1", 7, "10.0.0.1/24"), "at this console"},
		{lan("eth1", 0, "10.0.0.1/30"), "at this console"},
	} {
		nics, err := networks(&site.Site{LANs: []site.LAN{tt.lan}}, 2222)
		if text := m.greeting("config", nics); err != nil || !strings.Contains(text, "log in:     "+tt.want) {
			t.Errorf("%v: %v\n%s", tt.lan.IPv4, err, text)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	m.port = l.Addr().(*net.TCPAddr).Port
	if err := m.free(); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a port that somebody has: %v", err)
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

// TestFirmwareLeavesTheTerminalAlone: nothing is said on the console before the kernel, least of all that
// lines are not to be wrapped any more. That the firmware would say so, QEMU's usual option shows.
func TestFirmwareLeavesTheTerminalAlone(t *testing.T) {
	const noWrap = "\x1b[?7l"
	args := machine{dir: t.TempDir(), memory: 32, accel: "tcg"}.arguments()[1:]
	args = args[:slices.Index(args, "-kernel")]
	starts := func(args []string) string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "qemu-system-x86_64", append(args, "-no-reboot", "-boot", "reboot-timeout=1")...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("qemu-system-x86_64 (Debian package qemu-system-x86): %v\n%s", err, out)
		}
		return string(out)
	}
	if said := starts(args); said != "" {
		t.Errorf("the console gets %q", said)
	}
	i := slices.Index(args, "-display")
	if said := starts(slices.Concat(args[:i], []string{"-nographic"}, args[i+2:])); !strings.Contains(said, noWrap) {
		t.Errorf("with -nographic the console gets %q, want %q in it", said, noWrap)
	}
}
