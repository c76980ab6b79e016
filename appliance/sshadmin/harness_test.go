package sshadmin_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/sshadmin"
	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
)

// TestMain listens for SIGHUP, which a session's programs must not inherit as ignored: nohup(1) has it
// ignored.
func TestMain(m *testing.M) {
	runCommand()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(m.Run())
}

// patience bounds the wait for something that must happen. It is no measure.
const patience = 30 * time.Second

// journal collects log lines.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// logger returns a logger into j, without times.
func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// eventually waits until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// uptime is how long the kernel runs, as the server is told.
const uptime = 4711 * time.Second

// daemon is a running server.
type daemon struct {
	s       *sshadmin.Service
	cfg     sshcfg.Config // that it started with
	addr    netip.AddrPort
	log     *journal
	key     string // private key file that opens it
	known   string // known_hosts file
	stop    context.CancelFunc
	stopped chan error
	changed chan struct{} // links, as the server is told
}

// start serves on a free port of 127.0.0.1 until the end of the test.
func start(t *testing.T, change func(*sshcfg.Config)) *daemon {
	t.Helper()
	dir := t.TempDir()
	d := &daemon{log: &journal{}, key: newKey(t, dir, "ed25519"), known: filepath.Join(dir, "known_hosts"), stopped: make(chan error, 1), changed: make(chan struct{})}
	cfg := config(t, dir, d.key)
	if change != nil {
		change(&cfg)
	}
	d.cfg = cfg
	ctx, cancel := context.WithCancel(t.Context())
	d.stop = cancel
	ready := make(chan struct{})
	var err error
	d.s, err = sshadmin.Open(cfg, sshadmin.Options{Log: d.log.logger(), Changed: d.changed, Uptime: func() time.Duration { return uptime }})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		d.stopped <- d.s.Run(ctx, func() error { return nil }, func() error { close(ready); return nil })
	}()
	select {
	case <-ready:
	case err := <-d.stopped:
		t.Fatalf("Run: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-d.stopped; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	m := regexp.MustCompile(`address=(\S+)`).FindStringSubmatch(d.log.String())
	if m == nil {
		t.Fatalf("no listening address in the log:\n%s", d.log)
	}
	d.addr = netip.MustParseAddrPort(m[1])
	writeKnownHosts(t, d.known, d.addr, cfg.HostKeyFile)
	return d
}

// config returns a Config for one listener on 127.0.0.1 that the key file opens.
func config(t *testing.T, dir, key string) sshcfg.Config {
	t.Helper()
	host := filepath.Join(dir, "host")
	if err := os.Mkdir(host, 0o700); err != nil {
		t.Fatal(err)
	}
	return sshcfg.Config{
		AuthorizedKeys: []string{readFile(t, key+".pub")},
		HostKeyFile:    newKey(t, host, "ed25519"),
		Listen:         []sshcfg.Endpoint{{Address: netip.MustParseAddrPort("127.0.0.1:0")}},
	}
}

// writeKnownHosts pins the host key, so that a client that sees another fails.
func writeKnownHosts(t *testing.T, path string, addr netip.AddrPort, hostKey string) {
	t.Helper()
	signer, err := gossh.ParsePrivateKey([]byte(readFile(t, hostKey)))
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf("[%v]:%d %s", addr.Addr(), addr.Port(), gossh.MarshalAuthorizedKey(signer.PublicKey()))
	if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
}

// newKey makes a client key of the given type with ssh-keygen.
func newKey(t *testing.T, dir, kind string, args ...string) string {
	t.Helper()
	path := filepath.Join(dir, "id_"+kind+strings.Join(args, ""))
	out, err := exec.Command("ssh-keygen", append([]string{"-q", "-t", kind, "-N", "", "-C", "someone@example", "-f", path}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ssh-keygen (Debian package openssh-client): %v\n%s", err, out)
	}
	return path
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// ssh returns the OpenSSH client for d as admin; args come before the rest of
// the words, which are options as well until the command.
func (d *daemon) ssh(t *testing.T, options []string, command ...string) *exec.Cmd {
	t.Helper()
	args := []string{"-F", "none", "-p", fmt.Sprint(d.addr.Port()), "-i", d.key,
		"-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
		"-o", "UserKnownHostsFile=" + d.known, "-o", "GlobalKnownHostsFile=none", "-o", "UpdateHostKeys=no"}
	args = append(args, options...)
	if len(options) == 0 || options[len(options)-1] != "-l" {
		args = append(args, "-l", "admin")
	}
	args = append(args, d.addr.Addr().String())
	cmd := exec.CommandContext(t.Context(), "ssh", append(args, command...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TERM=xterm"}
	return cmd
}

// outcome is what a client that has ended leaves.
type outcome struct {
	status         int
	stdout, stderr string
}

// run runs cmd with stdin and returns its outcome.
func run(t *testing.T, cmd *exec.Cmd, stdin io.Reader) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("ssh (Debian package openssh-client): %v", err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// dial logs in with the Go client, for what the OpenSSH client cannot show.
func (d *daemon) dial(t *testing.T) *gossh.Client {
	t.Helper()
	signer, err := gossh.ParsePrivateKey([]byte(readFile(t, d.key)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := gossh.Dial("tcp", d.addr.String(), &gossh.ClientConfig{
		User: "root", Auth: []gossh.AuthMethod{gossh.PublicKeys(signer)}, HostKeyCallback: gossh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// connect opens a TCP connection that says nothing.
func (d *daemon) connect(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", d.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
