package ssh_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh"
)

// TestMain is the test, or one of the commands, as a program of them would be.
func TestMain(m *testing.M) {
	if run := busyboxtest.Command(os.Args[0], ssh.Commands()); run != nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// patience bounds what must happen. It is no measure.
const patience = 60 * time.Second

// TestOpenSSH runs command lines by our programs and by OpenSSH's, with OpenSSH's sshd and dropbear at the
// other end: standard output, the status, whether something is complained of, and the files must be the same.
// "~" before a line is why they are not.
func TestOpenSSH(t *testing.T) {
	t.Parallel()
	s := newServers(t)
	ours, theirs := programs(t)
	names, err := filepath.Glob("testdata/*.sh")
	if err != nil || len(names) == 0 {
		t.Fatal("testdata: expected command lines", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".sh"), func(t *testing.T) {
			t.Parallel()
			reason := ""
			for line := range strings.Lines(read(t, name)) {
				switch line = strings.TrimSpace(line); {
				case line == "" || line[0] == '#':
					continue
				case line[0] == '~':
					reason = line[1:]
					continue
				}
				got, want := s.run(t, ours, line), s.run(t, theirs, line)
				if got == want && reason != "" {
					t.Errorf("$ %s\ndoes the same; the reason why not is%s", line, reason)
				}
				if got != want && reason == "" {
					t.Errorf("$ %s\nours (-), OpenSSH's (+):\n%s", line, cmp.Diff(strings.Split(got, "\n"), strings.Split(want, "\n")))
				}
				reason = ""
			}
		})
	}
}

// programs are two directories. Those in theirs read no configuration of the machine.
func programs(t *testing.T) (ours, theirs string) {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs = t.TempDir(), t.TempDir()
	for name := range ssh.Commands() {
		if err := os.Symlink(own, filepath.Join(ours, name)); err != nil {
			t.Fatal(err)
		}
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatalf("%s is missing: apt-get install openssh-client", name)
		}
		script := ""
		switch name {
		case "ssh":
			script = "exec " + path + ` -F none "$@"`
		case "scp":
			script = "exec " + path + " -O -F none -S " + theirs + `/ssh "$@"`
		default:
			script = "exec " + path + ` "$@"`
		}
		write(t, filepath.Join(theirs, name), "#!/bin/sh\n"+script+"\n", 0o755)
	}
	return ours, theirs
}

// run is all that comes of a line.
func (s *servers) run(t *testing.T, programs, line string) string {
	t.Helper()
	dir := t.TempDir()
	s.furnish(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "setsid", "-w", "sh", "-c", s.prelude()+line)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	cmd.Env = []string{"PATH=" + programs + ":" + os.Getenv("PATH"), "HOME=" + dir, "USER=root", "LOGNAME=root", "LC_ALL=C", "TMPDIR=" + dir}
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(out.String(), dir, "DIR")
	return fmt.Sprintf("%s%v, complaints: %v\n%s", text, cmd.ProcessState, complaints.Len() > 0, tree(t, dir))
}

func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%v %s", info.Mode(), name)
		if info.ModTime().Unix() == 1700000000 {
			b.WriteString(" long ago")
		}
		if info.Mode().IsRegular() {
			fmt.Fprintf(&b, " %q", strings.ReplaceAll(read(t, path), dir, "DIR"))
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	then := time.Unix(1700000000, 0)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode), os.Chtimes(path, then, then))
	if err != nil {
		t.Fatal(err)
	}
}

// lastPort is what freePort looked at last.
var lastPort atomic.Uint32

// freePort is one that nobody has now, and nobody gets by chance before it is used: the kernel chooses from
// 32768 on (net.ipv4.ip_local_port_range). Another process of these tests begins elsewhere.
func freePort(t *testing.T) int {
	t.Helper()
	const first, ports = 10_000, 20_000
	for range ports {
		port := first + (os.Getpid()*64+int(lastPort.Add(1)))%ports
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}
