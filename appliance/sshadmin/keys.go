package sshadmin

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"unicode"

	gossh "golang.org/x/crypto/ssh"
)

// maxHostKeyFile bounds what is read of the host key file, in bytes.
const maxHostKeyFile = 16 << 10

// minRSABits is the shortest RSA key that is accepted (NIST SP 800-57 part 1).
const minRSABits = 2048

// keyring is the set of keys that open the appliance: the comment of each, by
// the wire form of the public key (RFC 4253 section 6.6).
type keyring map[string]string

// find returns the comment of a key.
func (r keyring) find(key gossh.PublicKey) (comment string, known bool) {
	comment, known = r[string(key.Marshal())]
	return comment, known
}

// maxKeyName bounds what a key is called, in runes.
const maxKeyName = 64

// keyName returns what a key is called in a session: its comment as far as it can be
// printed, or its fingerprint.
func keyName(key gossh.PublicKey, comment string) string {
	var name []rune
	for _, r := range strings.TrimSpace(comment) {
		if !unicode.IsPrint(r) {
			r = '?'
		}
		if name = append(name, r); len(name) == maxKeyName {
			break
		}
	}
	if len(name) == 0 {
		return gossh.FingerprintSHA256(key)
	}
	return string(name)
}

// parseKeys reads lines of authorized_keys. Every line that cannot be used is
// one error; the others are in the keyring all the same, since one bad line must
// not lock everybody out.
func parseKeys(lines []string) (keyring, []error) {
	ring := keyring{}
	var errs []error
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, comment, err := parseKey(line)
		if err != nil {
			errs = append(errs, fmt.Errorf("authorized key %d is not used: %w", i+1, err))
			continue
		}
		ring[string(key.Marshal())] = comment
	}
	return ring, errs
}

// parseKey reads one line: [options] type base64 [comment].
func parseKey(line string) (key gossh.PublicKey, comment string, err error) {
	key, comment, options, rest, err := gossh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return nil, "", errors.New("expected a line like \"ssh-ed25519 AAAA… name\"")
	}
	if len(rest) > 0 {
		return nil, "", errors.New("expected one line")
	}
	if len(options) > 0 {
		// An option restricts the key (sshd(8)); to ignore it would widen access.
		return nil, "", fmt.Errorf("the option %q is not implemented", options[0])
	}
	return key, comment, checkKeyType(key)
}

// checkKeyType refuses keys whose signatures the server would not accept.
func checkKeyType(key gossh.PublicKey) error {
	switch key.Type() {
	case gossh.KeyAlgoED25519, gossh.KeyAlgoSKED25519, gossh.KeyAlgoSKECDSA256,
		gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384, gossh.KeyAlgoECDSA521:
		return nil
	case gossh.KeyAlgoRSA:
		if k, ok := key.(gossh.CryptoPublicKey); ok {
			if pub, ok := k.CryptoPublicKey().(*rsa.PublicKey); ok && pub.N.BitLen() >= minRSABits {
				return nil
			}
		}
		return fmt.Errorf("an RSA key needs %d bits or more", minRSABits)
	default:
		return fmt.Errorf("keys of type %q are not accepted", key.Type())
	}
}

// readHostKey reads the host key, and refuses one that others could have read.
func readHostKey(path string) (gossh.Signer, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("ssh host key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("ssh host key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("ssh host key %s is no file: %v", path, info.Mode())
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("ssh host key %s has mode %04o: only its owner may read it (0600)", path,
			info.Mode().Perm())
	}
	file, err := io.ReadAll(io.LimitReader(f, maxHostKeyFile))
	if err != nil {
		return nil, fmt.Errorf("ssh host key: %w", err)
	}
	signer, err := gossh.ParsePrivateKey(file)
	if err != nil {
		return nil, fmt.Errorf("ssh host key %s: %w", path, err)
	}
	if t := signer.PublicKey().Type(); t != gossh.KeyAlgoED25519 {
		return nil, fmt.Errorf("ssh host key %s is of type %s, expected %s", path, t, gossh.KeyAlgoED25519)
	}
	return signer, nil
}
