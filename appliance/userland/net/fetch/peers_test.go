package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/fetch"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

func TestMain(m *testing.M) {
	if run := busyboxtest.Command(os.Args[0], fetch.Commands()); run != nil {
		os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestWget holds wget against busybox's, line by line, against the server of the test.
func TestWget(t *testing.T) { compare(t, "wget", testnet.Need(t, "busybox", "busybox")) }

// TestCurl holds curl against Debian's.
func TestCurl(t *testing.T) { compare(t, "curl", testnet.Need(t, "curl", "curl")) }

// TestBelief: wget believes a server that an authority vouches for, by its name. busybox's believes any.
func TestBelief(t *testing.T) {
	l := newLab(t, "wget", testnet.Need(t, "busybox", "busybox"))
	for line, want := range map[string]string{
		"wget -q -O - https://site.example/file":                        "exit status 1",
		"wget -q -O - --no-check-certificate https://site.example/file": "exit status 0",
		"SSL_CERT_FILE=$CA wget -q -O - https://site.example/file":      "exit status 0",
		"SSL_CERT_FILE=$CA wget -q -O - https://other.example/file":     "exit status 1",
		"SSL_CERT_FILE=$CA wget -q -O - https://site.example:80/file":   "exit status 1",
	} {
		r := l.run(t, l.ours, line)
		if failed := want != "exit status 0"; r.how != want || (r.out == "0123456789") == failed || (r.err != "") != failed {
			t.Errorf("$ %s\n%s", line, r)
		}
	}
}

// TestPatience: -T and -t are not busybox's of this version.
func TestPatience(t *testing.T) {
	l := newLab(t, "wget", testnet.Need(t, "busybox", "busybox"))
	for line, want := range map[string]string{
		"wget -T 1 -O s http://site.example/stall":                 "wget: timed out\n",
		"wget -q -T 1 -O - http://site.example/slow":               "wget: timed out\n",
		"wget -t 2 -q -O - http://127.0.0.9/x":                     "wget: can't connect to remote host (127.0.0.9): Connection refused\n",
		"wget -q -O - --header \"$(printf '\\033')\" site.example": "wget: no header: \\x1b\n",
	} {
		if r := l.run(t, l.ours, line); r.how != "exit status 1" || !strings.HasSuffix(r.err, want) {
			t.Errorf("$ %s\n%s", line, r)
		}
	}
}

// TestHostileHeader: no byte of a header acts on the terminal.
func TestHostileHeader(t *testing.T) {
	for name, lines := range map[string][]string{
		"wget": {"wget -S -q -O /dev/null http://site.example/hostile", "wget http://site.example/hostile?status"},
		"curl": {"curl -v -o /dev/null http://site.example/hostile", "curl -v -L -o /dev/null http://site.example/hostile?to"},
	} {
		l := newLab(t, name, testnet.Need(t, name, name))
		for _, line := range lines {
			r := l.run(t, l.ours, line)
			if strings.ContainsFunc(r.err, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }) || !strings.Contains(r.err, `\u009b31m`) {
				t.Errorf("$ %s\n%s", line, r)
			}
		}
	}
}

func compare(t *testing.T, name, peer string) {
	t.Helper()
	l := newLab(t, name, peer)
	text, err := os.ReadFile(filepath.Join("testdata/peers", name))
	if err != nil {
		t.Fatal(err)
	}
	reason := ""
	for line := range strings.Lines(string(text)) {
		switch line = strings.TrimSpace(line); {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '~':
			reason = line[1:]
			continue
		}
		ours, theirs := l.run(t, l.ours, line), l.run(t, l.theirs, line)
		if same := ours.same(theirs); same && reason != "" {
			t.Errorf("$ %s\ndoes what the peer's does; the reason why not is: %s", line, reason)
		} else if !same && reason == "" {
			t.Errorf("$ %s\nours:\n%s\ntheirs:\n%s", line, ours, theirs)
		}
		reason = ""
	}
}

// A lab is a network of one machine, with servers, names and two directories of programs.
type lab struct {
	ns           *testnet.Namespace
	hosts, ca    string
	ours, theirs string
}

func newLab(t *testing.T, name, peer string) *lab {
	t.Helper()
	dir := t.TempDir()
	l := &lab{testnet.New(t, "fetch"), filepath.Join(dir, "hosts"), filepath.Join(dir, "ca.pem"), t.TempDir(), t.TempDir()}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"cat", "grep", "head", "mkdir", "md5sum", "rm"} {
		path := testnet.Need(t, tool, "coreutils")
		err = errors.Join(err, os.Symlink(path, filepath.Join(l.ours, tool)), os.Symlink(path, filepath.Join(l.theirs, tool)))
	}
	err = errors.Join(err, os.Symlink(own, filepath.Join(l.ours, name)), os.Symlink(peer, filepath.Join(l.theirs, name)),
		os.WriteFile(l.hosts, []byte("127.0.0.1 site.example\n127.0.0.2 other.example\n"), 0o644),
		os.WriteFile(filepath.Join(dir, "resolv.conf"), []byte("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l.ns, l.ca)
	return l
}

// A result is what a command line came to.
type result struct {
	out, err, how string
	files         map[string]string
}

func (r result) same(s result) bool {
	return r.out == s.out && (r.err == "") == (s.err == "") && r.how == s.how && maps.Equal(r.files, s.files)
}

func (r result) String() string {
	return fmt.Sprintf("%s%s; on standard error: %q; %q", r.out, r.how, r.err, r.files)
}

// run runs a line in a directory of its own.
func (l *lab) run(t *testing.T, bin, line string) (r result) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const script = `mount --make-rprivate / && mount --bind "$1/hosts" /etc/hosts && mount --bind "$1/resolv.conf" /etc/resolv.conf && ` +
		`PATH=$2 && eval "$3"`
	cmd := exec.CommandContext(ctx, "/bin/dash", "-c", script, "dash", filepath.Dir(l.hosts), bin, line)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TZ=UTC0", "LC_ALL=C", "HOME=/", "CA=" + l.ca}
	cmd.WaitDelay, cmd.Dir = time.Second, t.TempDir()
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := l.ns.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); ctx.Err() != nil {
		t.Fatalf("$ %s: does not end: %v", line, err)
	}
	r = result{out.String(), complaint.String(), cmd.ProcessState.String(), map[string]string{}}
	err := filepath.WalkDir(cmd.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(cmd.Dir, path)
		r.files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
