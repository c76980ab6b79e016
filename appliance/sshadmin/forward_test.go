package sshadmin_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
)

// echo is a server that sends back what it gets, when that has ended.
func echo(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				all, _ := io.ReadAll(c)
				_, _ = c.Write(all)
			}()
		}
	}()
	return l.Addr().String()
}

// TestThroughTheBox: connections through the box, by the clients that there are. Each direction ends by
// itself.
func TestThroughTheBox(t *testing.T) {
	t.Parallel()
	d, far := start(t, nil), echo(t)
	data := make([]byte, 3<<20)
	_, _ = rand.Read(data)
	key := filepath.Join(t.TempDir(), "key")
	finish(t, client(t, "dropbearconvert", "openssh", "dropbear", d.key, key))
	if got := run(t, d.ssh(t, []string{"-W", far}), bytes.NewReader(data)); got.stdout != string(data) || got.status != 0 {
		t.Errorf("ssh -W: %d bytes came back, status %d: %s", len(got.stdout), got.status, got.stderr)
	}
	if got := run(t, client(t, "dbclient", "-y", "-y", "-l", "admin", "-i", key, "-p", fmt.Sprint(d.addr.Port()), "-B", far, "127.0.0.1"), bytes.NewReader(data)); got.stdout != string(data) {
		t.Errorf("dbclient -B: %d bytes came back, status %d: %s", len(got.stdout), got.status, got.stderr)
	}
	plink := putty("plink", "-nc", far)(t, d, "admin@127.0.0.1")
	if got := run(t, plink, bytes.NewReader(data)); got.stdout != string(data) {
		t.Errorf("plink -nc: %d bytes came back, status %d: %s", len(got.stdout), got.status, got.stderr)
	}
}

// TestJump: ssh -J goes through one box to another.
func TestJump(t *testing.T) {
	t.Parallel()
	first, second := start(t, nil), start(t, nil)
	config := filepath.Join(t.TempDir(), "config")
	text := ""
	for name, d := range map[string]*daemon{"first": first, "second": second} {
		text += fmt.Sprintf("Host %s\nHostName 127.0.0.1\nPort %d\nUser admin\nIdentityFile %s\nUserKnownHostsFile %s\n"+
			"IdentitiesOnly yes\nBatchMode yes\nGlobalKnownHostsFile none\n", name, d.addr.Port(), d.key, d.known)
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := run(t, client(t, "ssh", "-F", config, "-J", "first", "second", "set -- $SSH_CONNECTION; echo $4"), nil)
	if want := fmt.Sprintln(second.addr.Port()); got.stdout != want {
		t.Errorf("%+v, want %q", got, want)
	}
}

// TestDeadEnds: who cannot be reached is said, with the reason.
func TestDeadEnds(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	conn := d.dial(t)
	for address, want := range map[string]string{
		closedPort(t):                          "connection refused",
		strings.Repeat("x", 64) + ".invalid:1": "no such host", // no name, so nobody is asked
		silentPort(t):                          "no answer",
		"127.0.0.1:0":                          "port 0",
		"255.255.255.255:9":                    "unreachable",
		strings.Repeat("x", 256) + ":1":        "a host name of 256 bytes",
	} {
		t.Run(address[:min(len(address), 20)], func(t *testing.T) {
			t.Parallel()
			_, err := conn.Dial("tcp", address)
			var refused *gossh.OpenChannelError
			if !errors.As(err, &refused) || refused.Reason != gossh.ConnectionFailed || !strings.Contains(refused.Message, want) {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
}

// boundSocket has a port until the test ends, at which nobody listens.
func boundSocket(t *testing.T) (fd int, address string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fd, fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
}

// closedPort is one that nobody listens at.
func closedPort(t *testing.T) string {
	t.Helper()
	_, address := boundSocket(t)
	return address
}

// silentPort is one that does not answer: its queue is full.
func silentPort(t *testing.T) string {
	t.Helper()
	fd, address := boundSocket(t)
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if c, err := net.DialTimeout("tcp", address, 300*time.Millisecond); err == nil {
			t.Cleanup(func() { c.Close() })
		}
	}
	return address
}

// TestManyThrough: connections through the box are bounded, of one client and of all, and one that ends makes
// room.
func TestManyThrough(t *testing.T) {
	t.Parallel()
	d, far := start(t, func(c *sshcfg.Config) { c.MaxForwards = 70 }), echo(t)
	open := func(conn *gossh.Client, n int) (last net.Conn) {
		for range n {
			var err error
			if last, err = conn.Dial("tcp", far); err != nil {
				t.Fatal(err)
			}
		}
		return last
	}
	first, second := d.dial(t), d.dial(t)
	one := open(first, 64)
	if _, err := first.Dial("tcp", far); err == nil || !strings.Contains(err.Error(), "64 connections go through this one") {
		t.Errorf("one more of the first: %v", err)
	}
	open(second, 6)
	if _, err := second.Dial("tcp", far); err == nil || !strings.Contains(err.Error(), "70 connections go through the box") {
		t.Errorf("one more of the second: %v", err)
	}
	one.Close()
	eventually(t, "there is room again", func() bool {
		c, err := second.Dial("tcp", far)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// TestNothingStaysOpen: however a connection through the box ends, nothing of it stays.
func TestNothingStaysOpen(t *testing.T) { // not parallel: it counts
	d, far := start(t, withTransfer(t)), echo(t)
	count := func() (files, goroutines int) {
		return len(must(os.ReadDir("/proc/self/fd"))), runtime.NumGoroutine()
	}
	run(t, d.ssh(t, nil, "true"), nil)
	time.Sleep(100 * time.Millisecond) // let the first connection end
	files, goroutines := count()
	for range 3 {
		c := d.dial(t)
		through := must(c.Dial("tcp", far))
		_, _ = through.Write([]byte("x"))
		through.Close() // with the server still reading
		_ = must(c.Dial("tcp", far))
		c.Close() // with one open
		run(t, d.ssh(t, []string{"-W", far}), strings.NewReader("x"))
		run(t, d.ssh(t, []string{"-s"}, "sftp"), nil)
	}
	eventually(t, "end of all that was opened", func() bool {
		f, g := count()
		return f <= files && g <= goroutines
	})
}

// TestStopThrough: when the server ends, so do connections through it.
func TestStopThrough(t *testing.T) {
	t.Parallel()
	d, far := start(t, nil), echo(t)
	c, err := d.dial(t).Dial("tcp", far)
	if err != nil {
		t.Fatal(err)
	}
	d.stop()
	ended := make(chan struct{})
	go func() { _, _ = io.ReadAll(c); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("it is still open")
	}
}

// TestNoListening: the box opens no port for a client (ssh -R), and says so.
func TestNoListening(t *testing.T) {
	t.Parallel()
	d, far := start(t, nil), echo(t)
	got := run(t, d.ssh(t, []string{"-o", "ExitOnForwardFailure=yes", "-R", "0:" + far}, "echo in"), nil)
	if got.status != 255 || got.stdout != "" {
		t.Errorf("-R: %+v, want a refusal", got)
	}
	got = run(t, d.ssh(t, []string{"-R", "0:" + far}, "echo in"), nil)
	if got.stdout != "in\n" || !strings.Contains(got.stderr, "gatehouse: the box opens no port for its clients: ssh -R is off.\n") {
		t.Errorf("-R: %+v", got)
	}
	got = run(t, d.ssh(t, []string{"-R", "/tmp/nobodys.sock:" + far}, "echo in"), nil)
	if got.stdout != "in\n" || !strings.Contains(got.stderr, "ssh -R is off.\n") {
		t.Errorf("-R of a socket: %+v", got)
	}
	if !strings.Contains(d.log.String(), "ssh refuses to forward from the box (ssh -R)") {
		t.Errorf("the log says nothing:\n%s", d.log)
	}
	if got := run(t, d.ssh(t, []string{"-X"}, "echo ${DISPLAY-no display}"), nil); got.stdout != "no display\n" {
		t.Errorf("-X: %+v", got)
	}
	if got := run(t, d.ssh(t, []string{"-s"}, "netconf"), nil); got.status == 0 {
		t.Errorf("a subsystem that nobody knows: %+v", got)
	}
}

// TestAgent: a session's programs reach the agent of their client, until it ends.
func TestAgent(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	socket := filepath.Join(t.TempDir(), "agent")
	agent := client(t, "ssh-agent", "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = agent.Process.Kill(); _ = agent.Wait() })
	eventually(t, "the agent", func() bool { _, err := os.Stat(socket); return err == nil })
	add := client(t, "ssh-add", "-q", d.key)
	add.Env = append(add.Env, "SSH_AUTH_SOCK="+socket)
	finish(t, add)
	ask := func(option, command string) outcome {
		cmd := d.ssh(t, []string{option}, command)
		cmd.Env = append(cmd.Env, "SSH_AUTH_SOCK="+socket)
		return run(t, cmd, nil)
	}
	got := ask("-A", "ssh-add -l && stat -c %a ${SSH_AUTH_SOCK%/*} && echo $SSH_AUTH_SOCK")
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "256 SHA256:") || lines[1] != "700" {
		t.Fatalf("%+v", got)
	}
	eventually(t, "nothing remains", func() bool { _, err := os.Stat(filepath.Dir(lines[2])); return errors.Is(err, os.ErrNotExist) })
	many := `for i in 1 2 3 4 5 6 7 8 9 10 11 12; do ssh-add -l >/dev/null & done; wait; ssh-add -l`
	if got := ask("-A", many); got.status != 0 {
		t.Errorf("after many: %+v", got)
	}
	if got := ask("-a", "echo ${SSH_AUTH_SOCK-no agent}"); got.stdout != "no agent\n" {
		t.Errorf("without -A: %+v", got)
	}
}
