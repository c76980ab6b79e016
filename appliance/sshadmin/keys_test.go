package sshadmin

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

func TestParseKeys(t *testing.T) {
	dir := t.TempDir()
	public := func(kind, bits string) string {
		path := filepath.Join(dir, kind+bits)
		if out, err := exec.Command("ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-C", "someone at home", "-f", path).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen (Debian package openssh-client): %v\n%s", err, out)
		}
		file, err := os.ReadFile(path + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(file))
	}
	good := public("ed25519", "256")
	tests := []struct{ line, want string }{
		{good, ""},
		{" " + good + "\r", ""},
		{"# comment", ""},
		{"", ""},
		{public("ecdsa", "521"), ""},
		{public("rsa", "1024"), "an RSA key needs 2048 bits or more"},
		{public("dsa", "1024"), `keys of type "ssh-dss" are not accepted`},
		{"ssh-ed25519 AAAA", "expected a line like"},
		{"restrict " + good, `the option "restrict" is not implemented`},
		{`command="uptime" ` + good, `the option "command=\"uptime\"" is not implemented`},
		{good + "\n" + good, "expected one line"},
	}
	for _, tt := range tests {
		ring, errs := parseKeys([]string{"# first", tt.line})
		switch {
		case tt.want == "" && len(errs) != 0:
			t.Errorf("%q: %v", tt.line, errs)
		case tt.want != "" && (len(errs) != 1 || !strings.Contains(errs[0].Error(), "authorized key 2 is not used: "+tt.want)):
			t.Errorf("%q: %v, want %s", tt.line, errs, tt.want)
		case len(errs) == 1 && len(ring) != 0:
			t.Errorf("%q is in the keyring", tt.line)
		}
	}
	ring, _ := parseKeys([]string{good})
	key, _, _, _, err := gossh.ParseAuthorizedKey([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if got := ring[string(key.Marshal())]; got != "someone at home" {
		t.Errorf("comment %q", got)
	}
}

func TestReadHostKey(t *testing.T) {
	dir := t.TempDir()
	for _, kind := range []string{"ed25519", "ecdsa"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", filepath.Join(dir, kind)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen (Debian package openssh-client): %v\n%s", err, out)
		}
	}
	path := filepath.Join(dir, "ed25519")
	if _, err := readHostKey(path); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, want string }{
		{path, "has mode 0640: only its owner may read it (0600)"},
		{filepath.Join(dir, "ecdsa"), "is of type ecdsa-sha2-nistp256, expected ssh-ed25519"},
		{filepath.Join(dir, "none"), "no such file or directory"},
	} {
		if _, err := readHostKey(tt.path); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want: %s", err, tt.want)
		}
	}
}
