package sshadmin

import (
	"fmt"
	"net"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"
)

// handshake returns the algorithms and the callbacks of one connection: docs/hardening.md has them with the
// reasons. No SHA-1, no NIST curve in the key exchange, and no MAC over plain text: AES in counter mode is
// for clients without an authenticated cipher, and every MAC is over what was encrypted.
func (s *Service) handshake(ssh.Context) *gossh.ServerConfig {
	return &gossh.ServerConfig{
		Config: gossh.Config{
			KeyExchanges: []string{gossh.KeyExchangeMLKEM768X25519, gossh.KeyExchangeCurve25519},
			Ciphers: []string{
				gossh.CipherChaCha20Poly1305, gossh.CipherAES256GCM, gossh.CipherAES128GCM,
				gossh.CipherAES256CTR, gossh.CipherAES192CTR, gossh.CipherAES128CTR,
			},
			MACs: []string{gossh.HMACSHA256ETM, gossh.HMACSHA512ETM},
		},
		PublicKeyAuthAlgorithms: []string{
			gossh.KeyAlgoED25519, gossh.KeyAlgoSKED25519, gossh.KeyAlgoSKECDSA256,
			gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384, gossh.KeyAlgoECDSA521,
			gossh.KeyAlgoRSASHA256, gossh.KeyAlgoRSASHA512,
		},
		MaxAuthTries: maxAuthTries,
		AuthLogCallback: func(c gossh.ConnMetadata, _ string, _ error) {
			clientOf(c.RemoteAddr()).tried(c.User())
		},
		VerifiedPublicKeyCallback: s.loggedIn,
	}
}

// mayTry reports whether key, not yet proven to be the client's, opens the door.
func (s *Service) mayTry(ctx ssh.Context, key ssh.PublicKey) bool {
	if _, known := s.active.Load().keys.find(key); known && mayEnter(ctx.User()) {
		return true
	}
	clientOf(ctx.RemoteAddr()).refused(ctx.User(), key)
	return false
}

// mayEnter reports whether there is a user of that name. Both are root.
func mayEnter(user string) bool { return user == "admin" || user == "root" }

// loggedIn is called when the client has proven to hold key. User and key are checked
// again: mayTry sees those of the first attempt, a client may name another user now, and
// the key may have been taken out meanwhile.
func (s *Service) loggedIn(
	conn gossh.ConnMetadata, key gossh.PublicKey, p *gossh.Permissions, _ string,
) (*gossh.Permissions, error) {
	if !mayEnter(conn.User()) {
		return nil, fmt.Errorf("no user %q", conn.User())
	}
	comment, known := s.active.Load().keys.find(key)
	if !known {
		return nil, fmt.Errorf("the key %s is not authorized any more", gossh.FingerprintSHA256(key))
	}
	c := clientOf(conn.RemoteAddr())
	c.entered(keyName(key, comment))
	s.gate.leave(c.ticket)
	s.gate.welcome(c.source.Addr())
	s.log.Info("ssh login", "user", conn.User(), "source", c.source.String(),
		"key", gossh.FingerprintSHA256(key), "comment", comment)
	return p, nil
}

// failed is called when a connection ended before a login.
func (s *Service) failed(conn net.Conn, err error) {
	if s.stop.Err() != nil {
		return
	}
	clientOf(conn.RemoteAddr()).logFailure(s.failures, err)
}
