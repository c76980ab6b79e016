package sshadmin_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// offered are the lists of the server's first message (RFC 4253 7.1), by the headings of the page; those of
// the other direction are to be the same.
func offered(t *testing.T, d *daemon) map[string][]string {
	t.Helper()
	c := d.connect(t)
	if _, err := io.WriteString(c, "SSH-2.0-test\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "SSH-2.0-") {
		t.Fatalf("%q, %v", line, err)
	}
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:])-1)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	const messageAndCookie = 1 + 16
	if b[0] != 20 || len(b) < messageAndCookie {
		t.Fatalf("message %d, want KEXINIT", b[0])
	}
	b = b[messageAndCookie:]
	var lists [8][]string
	for i := range lists {
		n := binary.BigEndian.Uint32(b)
		lists[i] = strings.Split(string(b[4:4+n]), ",")
		b = b[4+n:]
	}
	for i := 2; i < len(lists); i += 2 {
		if !slices.Equal(lists[i], lists[i+1]) {
			t.Errorf("%q in one direction, %q in the other", lists[i], lists[i+1])
		}
	}
	return map[string][]string{"key exchange": lists[0], "host key": lists[1], "cipher": lists[2], "MAC": lists[4], "compression": lists[6]}
}

// TestOffered: what is offered is what the page says, in its order.
func TestOffered(t *testing.T) {
	t.Parallel()
	const page = "docs/hardening.md"
	text := readFile(t, "../../"+page)
	said := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| (key exchange|host key|cipher|MAC|compression) \\| (`[^|]*`) \\|").FindAllStringSubmatch(text, -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[2], -1) {
			said[row[1]] = append(said[row[1]], name[1])
		}
	}
	for kind, names := range offered(t, start(t, nil)) {
		if !slices.Equal(names, said[kind]) {
			t.Errorf("%s: %q is offered, %s has %q", kind, names, page, said[kind])
		}
	}
}

// python is Debian's, of which the clients are; another may come first in PATH.
const python = "/usr/bin/python3"

// paramiko logs in with few ciphers, and says which one it was.
const paramiko = `
import sys, paramiko
host, port, key, cipher = sys.argv[1:]
t = paramiko.Transport((host, int(port)))
t.get_security_options().ciphers = (cipher,)
t.connect(username="admin", pkey=paramiko.Ed25519Key.from_private_key_file(key))
c = t.open_session()
c.exec_command("echo in")
print(c.makefile().read().decode().strip(), t.remote_cipher, t.remote_mac)
t.close()
`

// TestParamiko: a client without an authenticated cipher gets in.
func TestParamiko(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	for _, cipher := range []string{"aes256-ctr", "aes192-ctr", "aes128-ctr"} {
		out, err := exec.CommandContext(t.Context(), python, "-c", paramiko, d.addr.Addr().String(), fmt.Sprint(d.addr.Port()), d.key, cipher).CombinedOutput()
		if got := strings.Fields(string(out)); err != nil || len(got) != 3 || got[0] != "in" || got[1] != cipher ||
			!strings.HasSuffix(got[2], "-etm@openssh.com") {
			t.Errorf("%s (Debian package python3-paramiko): %v\n%s", cipher, err, out)
		}
	}
}

// TestAudited: ssh-audit has nothing against what is offered, but for what its version does not know yet.
func TestAudited(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	cmd := exec.CommandContext(t.Context(), "ssh-audit", "-n", "-l", "warn", "-p", fmt.Sprint(d.addr.Port()), d.addr.Addr().String())
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatalf("ssh-audit (Debian package ssh-audit): %v", err)
	}
	for line := range strings.Lines(string(out)) {
		bad := strings.Contains(line, "[fail]") || strings.Contains(line, "[warn]")
		if bad && !strings.Contains(line, "unknown algorithm") {
			t.Errorf("%s", line)
		}
	}
	if !strings.Contains(string(out), "mlkem768x25519-sha256") && !strings.Contains(string(out), "# ") {
		t.Errorf("it has not seen the server:\n%s", out)
	}
	t.Logf("%s", out)
}
