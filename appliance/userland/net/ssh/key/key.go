// Package key is files of ssh keys: what is in them, what their kinds are called, and how new ones are
// written. It leaves to others: whom to ask for a passphrase.
package key

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// maxFile bounds a file of one key, in bytes.
const maxFile = 1 << 20

// ErrPassphrase: it is another one.
var ErrPassphrase = errors.New("incorrect passphrase supplied to decrypt private key")

// A File has one key.
type File struct {
	Path      string
	Public    ssh.PublicKey // nil: it is in the encrypted part
	Comment   string
	Encrypted bool

	pem []byte // nil: it is a public key only
}

// Read reads a private key, encrypted or not, or a public one. What a private key does not say in the clear,
// its public half beside it does: PATH.pub.
func Read(path string) (*File, error) {
	text, err := bounded(path)
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(text); block == nil {
		public, comment, _, _, err := ssh.ParseAuthorizedKey(text)
		if err != nil {
			return nil, fmt.Errorf("%s: no key of ssh", path)
		}
		return &File{Path: path, Public: public, Comment: comment}, nil
	}
	if err := private(path); err != nil {
		return nil, err
	}
	f := &File{Path: path, pem: text}
	var missing *ssh.PassphraseMissingError
	signer, err := ssh.ParsePrivateKey(text)
	switch {
	case errors.As(err, &missing):
		f.Encrypted, f.Public = true, missing.PublicKey
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	default:
		f.Public, f.Comment = signer.PublicKey(), comment(text)
	}
	f.beside()
	return f, nil
}

// bounded reads a file.
func bounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: more than %d bytes", path, maxFile)
	}
	return text, err
}

// private is an error for a file that others may read.
func private(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%s: permissions %#o are too open: a private key must be its owner's alone (chmod 600)", path, info.Mode().Perm())
	}
	return err
}

// beside looks into the file of the public half.
func (f *File) beside() {
	text, err := bounded(f.Path + ".pub")
	if err != nil {
		return
	}
	public, comment, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil || f.Public != nil && !bytes.Equal(f.Public.Marshal(), public.Marshal()) {
		return
	}
	f.Public = public
	if f.Comment == "" {
		f.Comment = comment
	}
}

// HasPrivate reports whether the file has the private half.
func (f *File) HasPrivate() bool { return f.pem != nil }

// Private returns the private half, for a passphrase if it is encrypted.
func (f *File) Private(passphrase string) (any, error) {
	if !f.Encrypted {
		return ssh.ParseRawPrivateKey(f.pem)
	}
	plain, err := unlocked(f.pem, passphrase)
	var k any
	switch {
	case err != nil:
	case plain != nil:
		k, err = ssh.ParseRawPrivateKey(plain)
	default:
		k, err = ssh.ParseRawPrivateKeyWithPassphrase(f.pem, []byte(passphrase))
	}
	if errors.Is(err, x509.IncorrectPasswordError) || passphrase == "" {
		return nil, ErrPassphrase
	}
	return k, err
}

// magic begins OpenSSH's format of private keys (PROTOCOL.key).
const magic = "openssh-key-v1\x00"

// comment is that of a private key in OpenSSH's format, not encrypted; "" of others.
func comment(text []byte) string {
	block, _ := pem.Decode(text)
	var outer struct {
		Cipher, KDF, Options string
		Count                uint32
		Public, Private      []byte
	}
	if block == nil || !bytes.HasPrefix(block.Bytes, []byte(magic)) ||
		ssh.Unmarshal(block.Bytes[len(magic):], &outer) != nil {
		return ""
	}
	var inner struct {
		Check1, Check2 uint32
		Kind           string
		Rest           []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(outer.Private, &inner) != nil {
		return ""
	}
	fields := map[string]int{ssh.KeyAlgoRSA: 6, ssh.KeyAlgoED25519: 2}
	skip, rest := fields[inner.Kind], inner.Rest
	if strings.HasPrefix(inner.Kind, "ecdsa-") {
		skip = 3
	}
	if skip == 0 {
		return ""
	}
	for ; ; skip-- {
		if len(rest) < 4 || uint64(len(rest)-4) < uint64(binary.BigEndian.Uint32(rest)) {
			return ""
		}
		size := int(binary.BigEndian.Uint32(rest))
		if skip == 0 {
			return string(rest[4 : 4+size])
		}
		rest = rest[4+size:]
	}
}

// Missing reports whether there is no such file.
func Missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
