package key

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// dsa is of the past, and nobody uses it here.
const dsa = "ssh-dss"

// Kind is what people call the algorithm of a key: ED25519, RSA, ECDSA.
func Kind(k ssh.PublicKey) string {
	t := k.Type()
	switch {
	case strings.Contains(t, "-cert-"):
		return strings.ToUpper(strings.TrimPrefix(strings.SplitN(t, "-cert-", 2)[0], "ssh-")) + "-CERT"
	case strings.HasPrefix(t, "ecdsa-"):
		return "ECDSA"
	case strings.HasPrefix(t, "sk-ecdsa-"):
		return "ECDSA-SK"
	case strings.HasPrefix(t, "sk-"):
		return "ED25519-SK"
	case t == dsa:
		return "DSA"
	}
	return strings.ToUpper(strings.TrimPrefix(t, "ssh-"))
}

// Bits is the length of a key.
func Bits(k ssh.PublicKey) int {
	if c, ok := k.(*ssh.Certificate); ok {
		k = c.Key
	}
	c, ok := k.(ssh.CryptoPublicKey)
	if !ok {
		return 256
	}
	switch p := c.CryptoPublicKey().(type) {
	case *rsa.PublicKey:
		return p.N.BitLen()
	case *ecdsa.PublicKey:
		return p.Curve.Params().BitSize
	}
	if k.Type() == dsa {
		return 1024 // there are no others
	}
	return 256
}

// Fingerprint is that of a key, by SHA-256 or MD5.
func Fingerprint(k ssh.PublicKey, md5 bool) string {
	if md5 {
		return "MD5:" + ssh.FingerprintLegacyMD5(k)
	}
	return ssh.FingerprintSHA256(k)
}

// Describe is a key in one line, as ssh-keygen -l has it.
func Describe(k ssh.PublicKey, comment string, md5 bool) string {
	return fmt.Sprintf("%d %s %s (%s)", Bits(k), Fingerprint(k, md5), comment, Kind(k))
}
