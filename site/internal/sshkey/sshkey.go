// Package sshkey reads the public keys of authorized_keys (sshd(8)) as far as a site
// must know them: what type a key is of, whether it is whole, and what it is called.
//
// Each key of one of Types that it takes is one that golang.org/x/crypto/ssh takes,
// by which the server of the appliance lets people in; a test holds it to that. It
// checks no signature and knows no protocol, so that whoever reads a site needs
// neither ssh nor the network below it.
package sshkey

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"strings"
)

// Key is what one line says.
type Key struct {
	Options string // what is before the key, such as `from="192.0.2.1"`
	Type    string // such as ssh-ed25519
	Comment string // what is after the key
	RSABits int    // length of the modulus of a key of type ssh-rsa, 0 for others
}

// Types are the types of keys that Parse knows. Those for a security key ("sk-") are
// of OpenSSH's PROTOCOL.u2f.
func Types() []string {
	return []string{
		"ssh-ed25519", "sk-ssh-ed25519@openssh.com",
		"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
		"sk-ecdsa-sha2-nistp256@openssh.com",
		"ssh-rsa",
	}
}

// ErrNoKey is returned for a line that has no key, or half of one.
var ErrNoKey = errors.New("expected [options] type key [comment]")

// Parse reads one line. Of a key that is not of Types, only its type is certain.
func Parse(line string) (Key, error) {
	line = strings.Trim(line, " \t\r\n")
	if key, err := parse(line); err == nil {
		return key, nil
	}
	options, rest := cutOptions(line)
	key, err := parse(rest)
	if err != nil {
		return Key{}, err
	}
	key.Options = options
	return key, nil
}

// parse reads a line without options.
func parse(line string) (Key, error) {
	name, rest := cut(line)
	encoded, comment := cut(rest)
	blob, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return Key{}, ErrNoKey
	}
	r := reader{rest: blob}
	// The type is there twice. An option of one word would look like a type, and would be
	// ignored, if it did not have to be the same.
	if kind := r.next(); r.short || string(kind) != name {
		return Key{}, ErrNoKey
	}
	key := Key{Type: name, Comment: comment}
	if slices.Contains(Types(), name) && !key.whole(&r) {
		return Key{}, ErrNoKey
	}
	return key, nil
}

// whole reports whether what follows the type is a key of it, and no more.
func (k *Key) whole(r *reader) bool {
	ok := false
	switch k.Type {
	case "ssh-ed25519": // RFC 8709 section 4
		ok = len(r.next()) == ed25519.PublicKeySize
	case "sk-ssh-ed25519@openssh.com":
		ok = len(r.next()) == ed25519.PublicKeySize
		r.next() // the application
	case "ecdsa-sha2-nistp256":
		ok = onCurve(r, "nistp256", ecdh.P256())
	case "ecdsa-sha2-nistp384":
		ok = onCurve(r, "nistp384", ecdh.P384())
	case "ecdsa-sha2-nistp521":
		ok = onCurve(r, "nistp521", ecdh.P521())
	case "sk-ecdsa-sha2-nistp256@openssh.com":
		ok = onCurve(r, "nistp256", ecdh.P256())
		r.next() // the application
	case "ssh-rsa":
		ok = isExponent(r.next())
		k.RSABits = bitLen(r.next())
		ok = ok && 0 < k.RSABits && k.RSABits <= maxRSABits
	}
	return ok && !r.short && len(r.rest) == 0
}

// onCurve reads a curve and a point of it (RFC 5656 section 3.1).
func onCurve(r *reader, name string, curve ecdh.Curve) bool {
	named := r.next()
	_, err := curve.NewPublicKey(r.next())
	return string(named) == name && err == nil
}

// maxRSABits is what ssh-keygen(1) makes at most. The server takes no longer ones,
// whose signatures would keep it busy.
const maxRSABits = 16384

// maxExponentBits is the same for the public exponent, which is 65537 nearly always.
const maxExponentBits = 24

// isExponent reports whether an mpint can be the public exponent of RSA: odd, and 3
// at least.
func isExponent(mpint []byte) bool {
	n := bitLen(mpint)
	return 2 <= n && n <= maxExponentBits && mpint[len(mpint)-1]&1 == 1
}

// bitLen returns the length of an mpint (RFC 4251 section 5), 0 for one that is not
// positive.
func bitLen(mpint []byte) int {
	if len(mpint) == 0 || mpint[0]&0x80 != 0 {
		return 0
	}
	for len(mpint) > 0 && mpint[0] == 0 {
		mpint = mpint[1:]
	}
	if len(mpint) == 0 {
		return 0
	}
	return 8*(len(mpint)-1) + bits.Len8(mpint[0])
}

// reader takes apart what RFC 4251 section 5 puts together.
type reader struct {
	rest  []byte
	short bool // something was cut off
}

// next returns the next string or mpint, nil when it is not all there.
func (r *reader) next() []byte {
	if len(r.rest) < 4 {
		r.short = true
		return nil
	}
	n := binary.BigEndian.Uint32(r.rest)
	if uint64(n) > uint64(len(r.rest)-4) {
		r.short = true
		return nil
	}
	value := r.rest[4 : 4+n]
	r.rest = r.rest[4+n:]
	return value
}

// cut splits a line after its first word.
func cut(line string) (word, rest string) {
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		return line[:i], strings.Trim(line[i:], " \t")
	}
	return line, ""
}

// cutOptions splits a line at its first blank outside quotes.
func cutOptions(line string) (options, rest string) {
	quoted := false
	for i := range len(line) {
		switch c := line[i]; {
		case c == '"' && (i == 0 || line[i-1] != '\\'):
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t'):
			return line[:i], strings.Trim(line[i:], " \t")
		}
	}
	return line, ""
}
