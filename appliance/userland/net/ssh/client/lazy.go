package client

import (
	"fmt"
	"io"

	"golang.org/x/crypto/ssh"
)

// Sign implements ssh.Signer.
func (l *lazy) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return l.SignWithAlgorithm(rand, data, "")
}

// SignWithAlgorithm implements ssh.AlgorithmSigner.
func (l *lazy) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	signer, err := l.unlocked()
	if err != nil {
		l.c.Say(Errors, "%s: %v", l.file.Path, err)
		return nil, err
	}
	return signer.SignWithAlgorithm(rand, data, algorithm)
}

// unlocked is the signer of the file, whose passphrase is asked for once for all connections.
func (l *lazy) unlocked() (ssh.AlgorithmSigner, error) {
	d := l.c.Dialer
	if s, ok := d.unlocked[l.file.Path]; ok {
		return s.(ssh.AlgorithmSigner), nil
	}
	tries := d.Prompts
	if d.Batch {
		tries = 0
	}
	private, err := Unlock(l.c.ctx, l.file, tries, func() { d.Say(Errors, "Bad passphrase, try again.") })
	if err == nil && private == nil {
		err = fmt.Errorf("it is encrypted, and nobody is asked in batch mode")
	}
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	s, ok := signer.(ssh.AlgorithmSigner)
	if !ok {
		return nil, fmt.Errorf("a key of the kind %s cannot sign here", l.file.Public.Type())
	}
	if d.unlocked == nil {
		d.unlocked = map[string]ssh.Signer{}
	}
	d.unlocked[l.file.Path] = signer
	return s, nil
}
