package sshadmin_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
)

// fingerprint returns what ssh-keygen says of a public key.
func fingerprint(t *testing.T, key string) string {
	t.Helper()
	out, err := exec.Command("ssh-keygen", "-l", "-f", key+".pub").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))[1]
}

func TestLogin(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	for _, user := range []string{"admin", "root"} {
		got := run(t, d.ssh(t, []string{"-o", "User=" + user}, "id -un; echo $HOME"), nil)
		if want := "root\n/root\n"; got.stdout != want || got.status != 0 {
			t.Errorf("as %s: %+v, want stdout %q", user, got, want)
		}
	}
	for _, want := range []string{"msg=\"ssh login\" user=admin source=127.0.0.1:", "key=" + fingerprint(t, d.key) + " comment=someone@example"} {
		if !strings.Contains(d.log.String(), want) {
			t.Errorf("log lacks %q:\n%s", want, d.log)
		}
	}
}

// TestFailuresAreNoFloodOfLines: a stranger who comes again and again writes a few lines, and then one each
// six seconds.
func TestFailuresAreNoFloodOfLines(t *testing.T) {
	t.Parallel()
	began := time.Now()
	d := start(t, nil)
	for range 60 {
		conn, err := net.DialTimeout("tcp", d.addr.String(), patience)
		if err != nil {
			t.Fatal(err)
		}
		conn.(*net.TCPConn).CloseWrite()
		conn.SetDeadline(time.Now().Add(patience))
		io.Copy(io.Discard, conn) // until the server has given it up
		conn.Close()
	}
	lines := func() int { return strings.Count(d.log.String(), "ssh login failed") }
	eventually(t, "some lines", func() bool { return lines() >= 10 })
	if n, most := lines(), 10+1+int(time.Since(began)/(6*time.Second)); n > most {
		t.Errorf("%d lines, want at most %d", n, most)
	}
}

func TestLoginRefused(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	other := newKey(t, t.TempDir(), "ed25519")
	rsa := newKey(t, t.TempDir(), "rsa", "-b2048")
	none := []string{"-o", "PubkeyAuthentication=no"}
	tests := []struct {
		name    string
		options []string
		log     string
	}{
		{"wrong key", []string{"-o", "IdentityFile=none", "-i", other}, "user=admin keys=[" + fingerprint(t, other) + "] cause=\"key not accepted\""},
		{"wrong rsa key", []string{"-i", rsa}, "keys=[" + fingerprint(t, rsa) + "]"},
		{"right key, other user", []string{"-l", "nobody"}, "user=nobody keys=[" + fingerprint(t, d.key) + "] cause=\"no such user\""},
		{"password", append(slices.Clone(none), "-o", "PreferredAuthentications=password"), "cause=\"no key offered\""},
		{"keyboard-interactive", append(slices.Clone(none), "-o", "PreferredAuthentications=keyboard-interactive"), ""},
		{"nothing at all", none, ""},
	}
	for _, tt := range tests {
		cmd := d.ssh(t, tt.options, "echo in")
		if strings.HasPrefix(tt.name, "wrong") { // leave the right key out
			i := slices.Index(cmd.Args, d.key)
			cmd.Args = slices.Delete(cmd.Args, i-1, i+1)
		}
		got := run(t, cmd, nil)
		if got.status != 255 || got.stdout != "" || !strings.Contains(got.stderr, "Permission denied (publickey)") {
			t.Errorf("%s: %+v, want status 255 and: Permission denied (publickey)", tt.name, got)
		}
		eventually(t, tt.name+": log line with "+tt.log, func() bool { return strings.Contains(d.log.String(), tt.log) })
	}
	if strings.Contains(d.log.String(), "ssh login\"") {
		t.Errorf("somebody got in:\n%s", d.log)
	}
}

func TestKeyTypes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := []string{newKey(t, dir, "ed25519"), newKey(t, dir, "ecdsa"), newKey(t, dir, "rsa", "-b2048")}
	d := start(t, func(c *sshcfg.Config) {
		c.AuthorizedKeys = []string{"# keys", "not a key", ""}
		for _, k := range keys {
			c.AuthorizedKeys = append(c.AuthorizedKeys, readFile(t, k+".pub"))
		}
	})
	for _, k := range keys {
		d.key = k
		if got := run(t, d.ssh(t, nil, "echo in"), nil); got.stdout != "in\n" {
			t.Errorf("%s: %+v", k, got)
		}
	}
	if want := "authorized key 2 is not used: expected a line like"; !strings.Contains(d.log.String(), want) {
		t.Errorf("log lacks %q:\n%s", want, d.log)
	}
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	rsa := newKey(t, t.TempDir(), "rsa", "-b2048")
	d := start(t, func(c *sshcfg.Config) { c.AuthorizedKeys = append(c.AuthorizedKeys, readFile(t, rsa+".pub")) })
	for _, option := range []string{
		"KexAlgorithms=diffie-hellman-group14-sha1", "KexAlgorithms=diffie-hellman-group14-sha256",
		"KexAlgorithms=diffie-hellman-group-exchange-sha256", "KexAlgorithms=ecdh-sha2-nistp256",
		"Ciphers=aes128-cbc", "Ciphers=3des-cbc", "HostKeyAlgorithms=ssh-rsa,ecdsa-sha2-nistp256",
	} {
		got := run(t, d.ssh(t, []string{"-o", option}, "echo in"), nil)
		if got.status != 255 || !strings.Contains(got.stderr, "no matching") {
			t.Errorf("%s: %+v, want: no matching …", option, got)
		}
	}
	// A MAC over plain text is none for a cipher that has no own.
	if got := run(t, d.ssh(t, []string{"-o", "Ciphers=aes256-ctr", "-o", "MACs=hmac-sha2-256,hmac-sha1"}, "echo in"), nil); got.status != 255 ||
		!strings.Contains(got.stderr, "no matching MAC") {
		t.Errorf("MAC and encrypt: %+v, want a refusal", got)
	}
	for _, option := range []string{"Ciphers=aes256-ctr", "Ciphers=aes128-ctr", "Ciphers=aes256-gcm@openssh.com", "Ciphers=chacha20-poly1305@openssh.com", "KexAlgorithms=curve25519-sha256"} {
		if got := run(t, d.ssh(t, []string{"-o", option}, "echo in"), nil); got.stdout != "in\n" {
			t.Errorf("%s: %+v", option, got)
		}
	}
	d.key = rsa
	if got := run(t, d.ssh(t, []string{"-o", "PubkeyAcceptedAlgorithms=ssh-rsa"}, "echo in"), nil); got.status != 255 {
		t.Errorf("RSA with SHA-1: %+v, want a refusal", got)
	}
}

// TestSilentClient: a peer that never speaks is cut off.
func TestSilentClient(t *testing.T) {
	t.Parallel()
	d := start(t, func(c *sshcfg.Config) { c.LoginTimeout = 300 * time.Millisecond })
	for _, said := range []string{"", "SSH-2.0-hung\r\n"} {
		c := d.connect(t)
		if _, err := io.WriteString(c, said); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); os.IsTimeout(err) {
			t.Errorf("after %q the server still waits", said)
		}
	}
	eventually(t, "log of the timeout", func() bool {
		return strings.Count(d.log.String(), `cause="no login in time"`) == 2
	})
}

// TestIdleCrowd: connections that say nothing keep nobody out, and are bounded.
func TestIdleCrowd(t *testing.T) {
	t.Parallel()
	d := start(t, func(c *sshcfg.Config) { c.MaxPendingPerSource = 8 })
	var crowd []net.Conn
	for range 200 {
		crowd = append(crowd, d.connect(t))
	}
	if got := run(t, d.ssh(t, nil, "echo in"), nil); got.stdout != "in\n" {
		t.Errorf("login past 200 idle connections: %+v\n%s", got, d.log)
	}
	for i, c := range crowd[:200-8] {
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); os.IsTimeout(err) {
			t.Fatalf("idle connection %d is still open", i)
		}
	}
	eventually(t, "log of the crowd", func() bool {
		return strings.Contains(d.log.String(), `cause="too many connections before login"`)
	})
	if n := strings.Count(d.log.String(), "\n"); n > 20 {
		t.Errorf("%d log lines about one crowd", n)
	}
}
