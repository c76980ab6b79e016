package sshadmin_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/sshadmin"
)

// TestTemporaryKey: whatever has become of the host key, an administrator gets in, and is told by which key;
// and the box's own is used again when it can be read.
func TestTemporaryKey(t *testing.T) {
	t.Parallel()
	fingerprint := regexp.MustCompile(`The ssh host key is a temporary one, (SHA256:[A-Za-z0-9+/]{43}): `)
	for name, spoil := range map[string]func(path string) error{
		"absent":           func(string) error { return nil },
		"empty":            func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"noise":            func(path string) error { return os.WriteFile(path, []byte("\x00\xff\x80"), 0o600) },
		"directory":        func(path string) error { return os.Mkdir(path, 0o700) },
		"pipe":             func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"link":             func(path string) error { return os.Symlink("/dev/zero", path) },
		"readable for all": func(path string) error { return os.WriteFile(path, []byte("x"), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, nil)
			good := d.cfg.HostKeyFile + ".good"
			err := errors.Join(os.Rename(d.cfg.HostKeyFile, good), spoil(d.cfg.HostKeyFile), d.s.Reconfigure(d.cfg))
			if err != nil {
				t.Fatal(err)
			}
			told := func() string {
				t.Helper()
				all := d.problems(t)
				if len(all) != 1 || !fingerprint.MatchString(all[0]) || !strings.Contains(all[0], d.cfg.HostKeyFile) {
					t.Fatalf("problems: %q", all)
				}
				return fingerprint.FindStringSubmatch(all[0])[1]
			}
			first := told()
			if log := d.log.String(); !strings.Contains(log, `level=ERROR msg="The ssh host key is a temporary one, `+first) {
				t.Errorf("the log says %s", log)
			}
			if shown := d.scan(t); shown != first {
				t.Errorf("a client is shown %s, and people are told %s", shown, first)
			}
			if got := run(t, d.ssh(t, nil, "echo in"), nil); got.stdout != "in\n" {
				t.Errorf("a login: %+v", got)
			}
			if err := d.s.Reconfigure(d.cfg); err != nil {
				t.Fatal(err)
			}
			if again := told(); again != first {
				t.Errorf("the temporary key %s became %s", first, again)
			}
			if err := errors.Join(os.RemoveAll(d.cfg.HostKeyFile), os.Rename(good, d.cfg.HostKeyFile), d.s.Reconfigure(d.cfg)); err != nil {
				t.Fatal(err)
			}
			if all := d.problems(t); len(all) > 0 {
				t.Errorf("with the box's own key: %q", all)
			}
			writeKnownHosts(t, d.known, d.addr, d.cfg.HostKeyFile)
			if got := run(t, d.ssh(t, nil, "echo in"), nil); got.stdout != "in\n" {
				t.Errorf("with the box's own key: %+v", got)
			}
		})
	}
}

// TestOpenWithoutHostKey: a service that starts without a host key serves.
func TestOpenWithoutHostKey(t *testing.T) {
	t.Parallel()
	cfg := config(t, t.TempDir(), newKey(t, t.TempDir(), "ed25519"))
	cfg.HostKeyFile += ".missing"
	log := &journal{}
	s, err := sshadmin.Open(cfg, sshadmin.Options{Log: log.logger(), Uptime: func() time.Duration { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), sshadmin.TemporaryKey) {
		t.Errorf("the log says %s", log)
	}
	done := errors.New("done")
	if err := s.Run(t.Context(), func() error { return done }, nil); !errors.Is(err, done) {
		t.Error(err)
	}
}

// scan has ssh-keyscan(1) ask for the host key, makes it the one that is known, and returns its fingerprint.
func (d *daemon) scan(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ssh-keyscan", "-t", "ed25519", "-p", fmt.Sprint(d.addr.Port()), d.addr.Addr().String()).Output()
	if err != nil {
		t.Fatalf("ssh-keyscan (Debian package openssh-client): %v", err)
	}
	_, line, _ := bytes.Cut(out, []byte(" "))
	key, _, _, _, err := gossh.ParseAuthorizedKey(line)
	if err != nil {
		t.Fatalf("ssh-keyscan says %q: %v", out, err)
	}
	if err := os.WriteFile(d.known, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return gossh.FingerprintSHA256(key)
}
