package ssh

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/client"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/key"
)

// Lengths of RSA keys, in bits.
const (
	usualRSA, minRSA, maxRSA = 3072, 1024, 16384
)

// generate makes a key, and two files of it.
func generate(c *command.Call) error {
	kind, given := c.Value('t')
	if !given {
		kind = "ed25519"
	}
	bits, err := length(c, kind)
	if err != nil {
		return err
	}
	say := func(format string, args ...any) {
		if !c.Has('q') {
			fmt.Fprintf(c.Stdout, format+"\n", args...)
		}
	}
	say("Generating public/private %s key pair.", kind)
	name, err := file(c, client.Path("~/.ssh/id_"+kind), "Enter file in which to save the key")
	if err != nil {
		return err
	}
	if !c.Has('f') {
		if err := client.Directory(name); err != nil {
			return err
		}
	}
	if may, err := mayReplace(c, name); !may {
		c.Exit(1)
		return err
	}
	phrase, err := newPassphrase(c, "Enter passphrase")
	if err != nil {
		return err
	}
	private, err := newKey(kind, bits)
	if err != nil {
		return err
	}
	comment, given := c.Value('C')
	if !given {
		comment = whoAndWhere()
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err == nil {
		err = savePrivate(name, private, comment, phrase)
	}
	if err == nil {
		err = save(name+".pub", []byte(publicLine(signer.PublicKey(), comment)+"\n"), 0o644)
	}
	if err != nil {
		return err
	}
	say("Your identification has been saved in %s\nYour public key has been saved in %s.pub\nThe key fingerprint is:\n%s %s",
		name, name, key.Fingerprint(signer.PublicKey(), md5(c)), comment)
	return nil
}

// length is that of -b, or the usual one.
func length(c *command.Call, kind string) (bits int, err error) {
	text, given := c.Value('b')
	if given {
		if bits, err = strconv.Atoi(text); err != nil {
			return 0, fmt.Errorf("bits %q: expected a number", text)
		}
	}
	switch {
	case kind == "ed25519":
	case kind == "rsa" && !given:
		bits = usualRSA
	case kind == "rsa" && (bits < minRSA || bits > maxRSA):
		err = fmt.Errorf("%d bits: expected %d to %d", bits, minRSA, maxRSA)
	case kind == "rsa":
	case kind == "ecdsa" && !given:
		bits = 256
	case kind == "ecdsa" && bits != 256 && bits != 384 && bits != 521:
		err = fmt.Errorf("%d bits: expected 256, 384 or 521", bits)
	case kind == "ecdsa":
	default:
		err = fmt.Errorf("unknown key type %s: expected ed25519, ecdsa or rsa", kind)
	}
	return bits, err
}

func newKey(kind string, bits int) (any, error) {
	switch kind {
	case "rsa":
		return rsa.GenerateKey(rand.Reader, bits)
	case "ecdsa":
		curve := map[int]elliptic.Curve{256: elliptic.P256(), 384: elliptic.P384(),
			521: elliptic.P521()}[bits]
		return ecdsa.GenerateKey(curve, rand.Reader)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return private, err
}

// mayReplace asks about a file that is there.
func mayReplace(c *command.Call, name string) (bool, error) {
	if _, err := os.Lstat(name); err != nil {
		return true, nil
	}
	answer, err := line(c, name+" already exists.\nOverwrite (y/n)? ")
	return answer == "y" || answer == "Y" || answer == "yes", err
}

// savePrivate writes a private key in OpenSSH's format.
func savePrivate(name string, private any, comment, phrase string) error {
	var block *pem.Block
	var err error
	if phrase == "" {
		block, err = ssh.MarshalPrivateKey(private, comment)
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, comment, []byte(phrase))
	}
	if err != nil {
		return errors.Join(errors.New("the key cannot be written"), err)
	}
	return save(name, pem.EncodeToMemory(block), 0o600)
}

// whoAndWhere is the comment of keys that have no other.
func whoAndWhere() string {
	name, _ := client.Me()
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}
