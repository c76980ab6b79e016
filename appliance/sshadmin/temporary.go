package sshadmin

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"

	gossh "golang.org/x/crypto/ssh"
)

// TemporaryKey begins what is said about a host key that was made because the box's own cannot be used. A box
// that keeps its administrator out for want of one could not be mended.
const TemporaryKey = "The ssh host key is a temporary one"

// temporaryKey returns the host key of this process in place of one that cannot be used, and a sentence about
// it. It is in memory only, and the same until the process ends.
func (s *Service) temporaryKey(why error) (key gossh.Signer, about string, err error) {
	if s.temporary == nil {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, "", fmt.Errorf("%w; and none could be made in its place: %w", why, err)
		}
		if s.temporary, err = gossh.NewSignerFromSigner(private); err != nil {
			return nil, "", fmt.Errorf("%w; and none could be made in its place: %w", why, err)
		}
	}
	return s.temporary, fmt.Sprintf("%s, %s: %v. A client that knows the box warns of another key: compare this one; "+
		"the box's own is used again when it can be read", TemporaryKey,
		gossh.FingerprintSHA256(s.temporary.PublicKey()), why), nil
}
