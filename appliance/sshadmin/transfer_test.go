package sshadmin_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
	"github.com/gatehouse-os/gatehouse/appliance/userland/transfer"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// runCommand is the test's program as a command of the userland, if it is called by the name of one.
func runCommand() {
	if run := busyboxtest.Command(os.Args[0], transfer.FarEnds()); run != nil {
		os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
}

// withTransfer has a server know sftp-server and scp.
func withTransfer(t *testing.T) func(*sshcfg.Config) {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for name := range transfer.FarEnds() {
		if err := os.Symlink(own, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return func(c *sshcfg.Config) {
		c.SFTPServer = filepath.Join(bin, "sftp-server")
		c.Env = []string{"PATH=" + bin + ":/bin:/usr/bin"}
	}
}

// openSSH is a client of OpenSSH for d with options of its own.
func openSSH(program string, options ...string) func(*testing.T, *daemon, ...string) *exec.Cmd {
	return func(t *testing.T, d *daemon, args ...string) *exec.Cmd {
		all := append([]string{}, options...)
		all = append(all, "-F", "none", "-P", fmt.Sprint(d.addr.Port()), "-i", d.key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
			"-o", "UserKnownHostsFile="+d.known, "-o", "GlobalKnownHostsFile=none", "-o", "UpdateHostKeys=no")
		return client(t, program, append(all, args...)...)
	}
}

// putty is a client of PuTTY for d.
func putty(program string, options ...string) func(*testing.T, *daemon, ...string) *exec.Cmd {
	return func(t *testing.T, d *daemon, args ...string) *exec.Cmd {
		key := filepath.Join(t.TempDir(), "key.ppk")
		finish(t, client(t, "puttygen", d.key, "-o", key))
		host, err := gossh.ParsePrivateKey([]byte(readFile(t, d.cfg.HostKeyFile)))
		if err != nil {
			t.Fatal(err)
		}
		all := append([]string{}, options...)
		all = append(all, "-batch", "-P", fmt.Sprint(d.addr.Port()), "-i", key, "-hostkey", gossh.FingerprintSHA256(host.PublicKey()))
		return client(t, program, append(all, args...)...)
	}
}

// dropbear is dropbear's client as the ssh of the old scp.
func dropbear(t *testing.T, d *daemon, args ...string) *exec.Cmd {
	key := filepath.Join(t.TempDir(), "key")
	finish(t, client(t, "dropbearconvert", "openssh", "dropbear", d.key, key))
	// Debian leaves out dropbear's scp, which is OpenSSH's of former days: this is what that says to
	// dbclient.
	wrapper := filepath.Join(t.TempDir(), "dbclient")
	script := fmt.Sprintf("#!/bin/sh\nwhile :; do case $1 in -l) user=$2; shift 2;; --) shift; break;; -*) shift;; *) break;; esac; done\n"+
		"host=$1; shift; exec dbclient -y -y -l \"$user\" -p %d -i %s \"$host\" \"$@\"\n", d.addr.Port(), key)
	if err := testnet.WriteProgram(wrapper, []byte(script)); err != nil {
		t.Fatal(err)
	}
	return client(t, "scp", append([]string{"-O", "-S", wrapper}, args...)...)
}

// client is a program with a home of its own.
func client(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TERM=dumb"}
	cmd.WaitDelay = time.Second
	return cmd
}

// finish runs cmd, which must succeed.
func finish(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

func TestCopyBothWays(t *testing.T) {
	t.Parallel()
	d := start(t, withTransfer(t))
	for _, c := range []struct {
		name string
		copy func(*testing.T, *daemon, ...string) *exec.Cmd
	}{
		{"scp", openSSH("scp", "-rp")}, {"scp -O", openSSH("scp", "-O", "-rp")},
		{"pscp -sftp", putty("pscp", "-sftp", "-r", "-p")}, {"pscp -scp", putty("pscp", "-scp", "-r", "-p")},
		{"dbclient", func(t *testing.T, d *daemon, args ...string) *exec.Cmd {
			return dropbear(t, d, append([]string{"-rp"}, args...)...)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			here, there, back := t.TempDir(), t.TempDir(), t.TempDir()
			tree := filepath.Join(here, "tree")
			large := make([]byte, 3<<20+7)
			_, _ = rand.Read(large)
			for name, data := range map[string][]byte{"empty": nil, "a file": []byte("text\n"), "deep/er/large": large, "with'quote": {0, 1}} {
				path := filepath.Join(tree, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, data, 0o640); err != nil {
					t.Fatal(err)
				}
				then := time.Unix(1700000000, 0)
				if err := os.Chtimes(path, then, then); err != nil {
					t.Fatal(err)
				}
			}
			finish(t, c.copy(t, d, tree, "admin@127.0.0.1:"+there))
			finish(t, c.copy(t, d, "admin@127.0.0.1:"+filepath.Join(there, "tree"), back))
			for _, dir := range []string{there, back} {
				if out, err := exec.Command("diff", "-r", tree, filepath.Join(dir, "tree")).CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%s", dir, err, out)
				}
			}
			info, err := os.Stat(filepath.Join(there, "tree/deep/er/large"))
			if err != nil {
				t.Fatal(err)
			}
			if !info.ModTime().Equal(time.Unix(1700000000, 0)) {
				t.Errorf("the time is %v", info.ModTime())
			}
			if len(must(os.ReadDir(there))) != 1 {
				t.Errorf("something remains")
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestBroken: whether the client goes away in the middle of an upload or the server does, the old file stays,
// and nothing is beside it.
func TestBroken(t *testing.T) {
	t.Parallel()
	for name, copy := range map[string]func(*testing.T, *daemon, ...string) *exec.Cmd{
		"scp": openSSH("scp"), "scp -O": openSSH("scp", "-O"),
	} {
		for _, server := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", name, server), func(t *testing.T) {
				t.Parallel()
				d := start(t, withTransfer(t))
				large, dir := filepath.Join(t.TempDir(), "large"), t.TempDir()
				old := filepath.Join(dir, "old")
				if err := errors.Join(os.WriteFile(large, nil, 0o600), os.Truncate(large, 512<<20), os.WriteFile(old, []byte("old\n"), 0o600)); err != nil {
					t.Fatal(err)
				}
				cmd := copy(t, d, large, "admin@127.0.0.1:"+old)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				eventually(t, "a part of the file", func() bool { return half(t, dir) > 1<<18 })
				if server {
					d.stop()
				} else if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait() // broken
				eventually(t, "nothing is uploaded any more", func() bool { return half(t, dir) == 0 })
				if names := must(os.ReadDir(dir)); len(names) != 1 || readFile(t, old) != "old\n" {
					t.Errorf("%v, %d bytes", names, len(readFile(t, old)))
				}
			})
		}
	}
}

// half is the size of the file without a name that somebody writes in a directory, 0 if nobody does.
func half(t *testing.T, dir string) (size int64) {
	t.Helper()
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is one
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, dir+"/#") {
			if info, err := os.Stat(link); err == nil {
				size = max(size, info.Size(), 1)
			}
		}
	}
	return size
}

// TestPSFTP: PuTTY's client, which asks for other things than OpenSSH's.
func TestPSFTP(t *testing.T) {
	t.Parallel()
	d := start(t, withTransfer(t))
	near, far := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(near, "text"), []byte("0123456789\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(far, "begun"), []byte("01234"), 0o600); err != nil {
		t.Fatal(err)
	}
	batch := filepath.Join(t.TempDir(), "batch")
	lines := fmt.Sprintf("cd %s\nlcd %s\nput text\nput text other\nreput text begun\nmkdir dir\nput -r . deep\nmv other dir\nchmod 640 begun\n"+
		"ls dir\nget text back\nreget begun back\nrm text\nrmdir dir\npwd\nbye\n", far, near)
	if err := os.WriteFile(batch, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, putty("psftp", "-b", batch, "-be")(t, d, "admin@127.0.0.1"), nil)
	for _, want := range []string{"local:text => remote:" + far + "/text", "remote:" + far + "/text => local:back", "other -> ", "dir/other", "Remote directory is " + far} {
		if !strings.Contains(out.stdout, want) {
			t.Errorf("it says nothing of %q:\n%s%s", want, out.stdout, out.stderr)
		}
	}
	if text := readFile(t, filepath.Join(far, "begun")); text != "0123456789\n" {
		t.Errorf("reput has made %q", text)
	}
	if text := readFile(t, filepath.Join(far, "dir/other")); text != "0123456789\n" {
		t.Errorf("put and mv have made %q", text)
	}
	if text := readFile(t, filepath.Join(near, "back")); text != "0123456789\n" {
		t.Errorf("get has made %q", text)
	}
}
