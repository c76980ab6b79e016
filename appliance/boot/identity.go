package boot

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"

	"golang.org/x/crypto/ssh"
)

const (
	hostnameFile = "/etc/hostname"
	maxHostname  = 64 // of sethostname(2)
	seedFile     = permDir + "/random-seed"
	seedSize     = 64 // bytes; the kernel's pool is 32
)

// makeIdentity gives the box its name, its directories and what only it has.
func (b *boot) makeIdentity() (string, error) {
	name, err := b.setHostname()
	problems := []error{err}
	for _, d := range b.Dirs {
		problems = append(problems, b.OS.MakeDir(d))
	}
	if b.report.Storage.Kind != StorageLost {
		for _, f := range b.Files {
			problems = append(problems, b.makeOnce(f))
		}
	}
	return name, errors.Join(problems...)
}

func (b *boot) setHostname() (string, error) {
	text, err := b.OS.ReadFile(hostnameFile, 1024)
	if err != nil {
		return "", err
	}
	name := strings.TrimSpace(string(text))
	if name == "" || len(name) > maxHostname || strings.ContainsAny(name, " \n\t") {
		return "", fmt.Errorf("%s: %.80q is no host name: want one word of at most %d bytes", hostnameFile,
			name, maxHostname)
	}
	return name, b.OS.SetHostname(name)
}

// makeOnce makes a file that is missing. One that is there stays, whatever is in
// it: a new host key would look like an attack to everyone who knows the old one.
func (b *boot) makeOnce(f Once) error {
	switch _, err := b.OS.ReadFile(f.Path, 1<<20); {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	data, err := f.Make()
	if err != nil {
		return fmt.Errorf("make %s: %w", f.Path, err)
	}
	about := ""
	if f.Tell != nil {
		about = ", " + f.Tell(data)
	}
	b.say("making %s%s", f.Path, about)
	return b.OS.WriteFile(f.Path, data, f.Mode)
}

// stirEntropy adds what the last run left to the random pool. It is not counted
// as entropy: a copy of the disk would have the same.
func (b *boot) stirEntropy() (string, error) {
	if b.report.Storage.Kind == StorageLost {
		return "no seed without /perm", nil
	}
	seed, err := b.OS.ReadFile(seedFile, 4096)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return fmt.Sprintf("%d bytes of seed", len(seed)), b.OS.AddEntropy(seed)
}

// renewSeed puts a new seed in the place of the used one as soon as there are
// random numbers; on a machine without a generator of its own that takes about a second,
// in which the box can serve already.
func (b *boot) renewSeed() {
	if b.report.Storage.Kind != StorageLost {
		b.step("seed", b.saveSeed)
	}
}

func (b *boot) saveSeed() (string, error) {
	seed, err := b.OS.Random(seedSize)
	if err != nil {
		return "", err
	}
	return "renewed", b.OS.WriteFile(seedFile, seed, 0o600)
}

// MachineID makes the content of a machine-id(5): 32 hexadecimal digits.
func MachineID() ([]byte, error) {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%x\n", id), nil
}

// ULA makes a prefix of unique local addresses: fd, and 40 bits that no other site is to have (RFC 4193 3.2).
func ULA() ([]byte, error) {
	b := [16]byte{0: 0xfd}
	if _, err := rand.Read(b[1:6]); err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%s\n", netip.PrefixFrom(netip.AddrFrom16(b), 48)), nil
}

// Fingerprint is that of a private key which HostKey has made, as ssh shows it at the first login.
func Fingerprint(data []byte) string {
	key, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return "which cannot be read: " + err.Error()
	}
	return ssh.FingerprintSHA256(key.PublicKey())
}

// HostKey makes a private Ed25519 key in OpenSSH's format.
func HostKey() ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(block), nil
}
