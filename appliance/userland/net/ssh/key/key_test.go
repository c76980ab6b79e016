package key

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// made is a new key in OpenSSH's format.
func made(t testing.TB) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "a comment")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// TestRead: a private key is its owner's alone, and has its comment from where there is one.
func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "id")
	if err := os.WriteFile(path, []byte(made(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Read(path)
	if err != nil || f.Comment != "a comment" || f.Encrypted || !f.HasPrivate() || Kind(f.Public) != "ED25519" || Bits(f.Public) != 256 {
		t.Errorf("%+v, %v", f, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "too open") {
		t.Errorf("a key that others may read: %v", err)
	}
}

// TestLocked: what ssh-keygen has encrypted is read, by each cipher that it has for it.
func TestLocked(t *testing.T) {
	for _, cipher := range []string{"aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-cbc", "aes192-cbc", "aes256-cbc", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com"} {
		t.Run(cipher, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "id")
			if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-Z", cipher, "-a", "2", "-f", path).CombinedOutput(); err != nil {
				t.Fatalf("ssh-keygen of OpenSSH: %v\n%s", err, out)
			}
			f, err := Read(path)
			if err != nil || !f.Encrypted {
				t.Fatalf("%+v, %v", f, err)
			}
			private, err := f.Private("secret")
			if err != nil {
				t.Fatal(err)
			}
			if signer, err := ssh.NewSignerFromKey(private); err != nil || !bytes.Equal(signer.PublicKey().Marshal(), f.Public.Marshal()) {
				t.Errorf("another key, or none: %v", err)
			}
			for _, wrong := range []string{"Secret", ""} {
				if _, err := f.Private(wrong); !errors.Is(err, ErrPassphrase) {
					t.Errorf("with %q: %v", wrong, err)
				}
			}
		})
	}
}

// FuzzComment: any file has a comment, or none.
func FuzzComment(f *testing.F) {
	f.Add([]byte(made(f)))
	block, _ := pem.Decode([]byte(made(f)))
	f.Add(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes[:100]}))
	f.Fuzz(func(t *testing.T, text []byte) {
		if c := comment(text); len(c) > len(text) {
			t.Errorf("%d bytes of %d", len(c), len(text))
		}
	})
}
