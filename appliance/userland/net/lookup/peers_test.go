package lookup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestPeers runs each line of testdata/peers by ours and by BIND's dig and host and busybox's nslookup,
// against three nsd: one of the root, one below it, and one of everything in the lab.
func TestPeers(t *testing.T) {
	l := newLab(t)
	for _, name := range []string{"dig", "host", "nslookup"} {
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
			ours, theirs := l.run(l.ours, line), l.run(l.theirs, line)
			if same := ours.same(theirs); same && reason != "" {
				t.Errorf("$ %s\ndoes what the peer's does; the reason why not is: %s", line, reason)
			} else if !same && reason == "" {
				t.Errorf("$ %s\nours:\n%s\ntheirs:\n%s", line, ours, theirs)
			}
			reason = ""
		}
	}
}

type lab struct {
	t            *testing.T
	ns           *testnet.Namespace
	conf         string
	ours, theirs string // directories of programs
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, ns: testnet.New(t, "lookup"), conf: filepath.Join(t.TempDir(), "resolv.conf"), ours: t.TempDir(), theirs: t.TempDir()}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, peer := range map[string]string{
		"dig": testnet.Need(t, "dig", "bind9-dnsutils"), "host": testnet.Need(t, "host", "bind9-host"),
		"nslookup": testnet.Need(t, "busybox", "busybox"),
	} {
		if err := errors.Join(os.Symlink(own, filepath.Join(l.ours, name)), os.Symlink(peer, filepath.Join(l.theirs, name))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(l.conf, []byte("nameserver 127.0.0.1\nsearch lab.example\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	l.serve("127.0.0.1 127.0.0.2 ::1", "lab.example", "2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa")
	l.serve("127.0.0.53", "root")
	l.serve("127.0.0.54", "example")
	serveBroken(t, l.ns, "127.0.0.66:53")
	for _, zone := range []string{"lab.example @127.0.0.1", ". @127.0.0.53", "example @127.0.0.54"} {
		testnet.Eventually(t, 30*time.Second, "nsd answers for "+zone, func() bool {
			return strings.Contains(l.run(l.theirs, "dig +noall +answer +tries=1 +time=1 soa "+zone).out, "SOA")
		})
	}
	return l
}

// serve starts a name server for zones of testdata.
func (l *lab) serve(addrs string, zones ...string) {
	l.t.Helper()
	dir := l.t.TempDir()
	conf := "server:\n"
	for addr := range strings.FieldsSeq(addrs) {
		conf += " ip-address: " + addr + "\n"
	}
	conf += fmt.Sprintf(" username: \"\"\n zonesdir: %[1]q\n database: \"\"\n pidfile: \"\"\n zonelistfile: \"%[1]s/list\"\n"+
		" xfrdfile: \"%[1]s/xfrd\"\n xfrdir: %[1]q\n rrl-ratelimit: 0\nremote-control:\n control-enable: no\n", dir)
	for _, zone := range zones {
		text, err := os.ReadFile(filepath.Join("testdata/zones", zone))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, zone), text, 0o644)
		}
		if err != nil {
			l.t.Fatal(err)
		}
		name := zone
		if zone == "root" {
			name = "."
		}
		conf += fmt.Sprintf("zone:\n name: %q\n zonefile: %s\n provide-xfr: 127.0.0.0/8 NOKEY\n", name, zone)
	}
	file := filepath.Join(dir, "conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		l.t.Fatal(err)
	}
	l.ns.Start(exec.Command(testnet.Need(l.t, "nsd", "nsd"), "-d", "-c", file))
}

// A result is what a command line came to.
type result struct {
	out, err string
	how      string
}

func (r result) same(s result) bool {
	return r.out == s.out && (r.err == "") == (s.err == "") && r.how == s.how
}

func (r result) String() string {
	return fmt.Sprintf("%s%s; on standard error: %q\n", r.out, r.how, r.err)
}

// run runs a line in the namespace, where resolv.conf is the lab's.
func (l *lab) run(bin, line string) (r result) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	const script = `mount --make-rprivate / && mount --bind "$1" /etc/resolv.conf && PATH=$2 && eval "$3"`
	cmd := exec.CommandContext(ctx, "/bin/dash", "-c", script, "dash", l.conf, bin, line)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TZ=UTC0", "LC_ALL=C", "HOME=/"}
	cmd.WaitDelay = time.Second
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := l.ns.Do(cmd.Start); err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Wait(); ctx.Err() != nil {
		l.t.Fatalf("$ %s: does not end: %v", line, err)
	}
	return result{masked(out.String()), complaint.String(), cmd.ProcessState.String()}
}

// masked has nothing in it that is another each time.
func masked(s string) string {
	for _, m := range [][2]string{
		{`<<>> DiG \S+ <<>>`, "<<>> DiG <<>>"},
		{`id: \d+`, "id: ID"},
		{`expected ID \d+, got \d+`, "expected ID, got ID"},
		{`Query time: \d+ msec`, "Query time: N msec"},
		{`WHEN: .*`, "WHEN: NOW"},
		{`in \d+ ms`, "in N ms"},
		{`completed in \d+ms`, "completed in Nms"},
		{`COOKIE: [0-9a-f]+`, "COOKIE: C"},
	} {
		s = regexp.MustCompile(m[0]).ReplaceAllString(s, m[1])
	}
	return s
}
