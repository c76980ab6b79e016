package key

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha512"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"

	//lint:ignore SA1019 OpenSSH's files are made with it
	"golang.org/x/crypto/blowfish"
	"golang.org/x/crypto/ssh"
)

// A lock is a cipher of private keys that package ssh does not know: those of ssh-keygen -Z.
type lock struct {
	key, nonce int // bytes
	open       func(c cipher.Block, nonce, sealed, tag []byte) ([]byte, error)
}

// locks are by their names (PROTOCOL, PROTOCOL.key of OpenSSH).
func locks() map[string]lock {
	return map[string]lock{
		"aes128-ctr":             {16, aes.BlockSize, openCTR},
		"aes192-ctr":             {24, aes.BlockSize, openCTR},
		"aes128-cbc":             {16, aes.BlockSize, openCBC},
		"aes192-cbc":             {24, aes.BlockSize, openCBC},
		"aes128-gcm@openssh.com": {16, 12, openGCM},
		"aes256-gcm@openssh.com": {32, 12, openGCM},
	}
}

func openCTR(c cipher.Block, nonce, sealed, _ []byte) ([]byte, error) {
	cipher.NewCTR(c, nonce).XORKeyStream(sealed, sealed)
	return sealed, nil
}

func openCBC(c cipher.Block, nonce, sealed, _ []byte) ([]byte, error) {
	if len(sealed)%aes.BlockSize != 0 {
		return nil, errors.New("the encrypted part is cut")
	}
	cipher.NewCBCDecrypter(c, nonce).CryptBlocks(sealed, sealed)
	return sealed, nil
}

func openGCM(c cipher.Block, nonce, sealed, tag []byte) ([]byte, error) {
	gcm, err := cipher.NewGCM(c)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nonce, append(sealed, tag...), nil)
	if err != nil {
		return nil, x509.IncorrectPasswordError
	}
	return plain, nil
}

// maxRounds bounds the work for a passphrase: ssh-keygen -a is 16 if nobody says otherwise. Package ssh has
// the same bound.
const maxRounds = 1 << 11

// unlocked is a file with another cipher without it; nil: it has none of locks, or is no file of OpenSSH's.
func unlocked(text []byte, passphrase string) ([]byte, error) {
	block, _ := pem.Decode(text)
	if block == nil || !bytes.HasPrefix(block.Bytes, []byte(magic)) {
		return nil, nil
	}
	var outer struct {
		Cipher, KDF, Options string
		Count                uint32
		Public, Private      []byte
		Tag                  []byte `ssh:"rest"`
	}
	var options struct {
		Salt   []byte
		Rounds uint32
	}
	if ssh.Unmarshal(block.Bytes[len(magic):], &outer) != nil {
		return nil, nil
	}
	l, ok := locks()[outer.Cipher]
	if !ok || outer.KDF != "bcrypt" {
		return nil, nil
	}
	if err := ssh.Unmarshal([]byte(outer.Options), &options); err != nil {
		return nil, err
	}
	if options.Rounds < 1 || options.Rounds > maxRounds || len(options.Salt) == 0 {
		return nil, fmt.Errorf("the passphrase counts %d rounds: expected 1 to %d, and a salt",
			options.Rounds, maxRounds)
	}
	secret := derive([]byte(passphrase), options.Salt, int(options.Rounds), l.key+l.nonce)
	c, err := aes.NewCipher(secret[:l.key])
	if err != nil {
		return nil, err
	}
	plain, err := l.open(c, secret[l.key:], outer.Private, outer.Tag)
	if err != nil {
		return nil, err
	}
	if len(plain) < 8 || !bytes.Equal(plain[:4], plain[4:8]) { // a number that is there twice
		return nil, x509.IncorrectPasswordError
	}
	outer.Cipher, outer.KDF, outer.Options, outer.Private, outer.Tag = "none", "none", "", plain, nil
	block.Bytes = append([]byte(magic), ssh.Marshal(outer)...)
	return pem.EncodeToMemory(block), nil
}

// derive makes a key of a passphrase: bcrypt_pbkdf(3) of OpenBSD. The bytes of its blocks of 32 lie between
// one another.
func derive(passphrase, salt []byte, rounds, size int) []byte {
	const width = 32
	blocks := (size + width - 1) / width
	key := make([]byte, blocks*width)
	pass := sha512.Sum512(passphrase)
	for n := range blocks {
		salted := sha512.Sum512(binary.BigEndian.AppendUint32(bytes.Clone(salt), uint32(n+1)))
		last := bcryptHash(pass[:], salted[:])
		sum := last
		for range rounds - 1 {
			salted = sha512.Sum512(last[:])
			last = bcryptHash(pass[:], salted[:])
			for i := range sum {
				sum[i] ^= last[i]
			}
		}
		for i, b := range sum {
			key[i*blocks+n] = b
		}
	}
	return key[:size]
}

// bcryptHash is bcrypt with 64 rounds, of which the result is read as little-endian words.
func bcryptHash(pass, salt []byte) (out [32]byte) {
	c, err := blowfish.NewSaltedCipher(pass, salt)
	if err != nil {
		panic(err) // of no password: these are 64 bytes
	}
	for range 64 {
		blowfish.ExpandKey(salt, c)
		blowfish.ExpandKey(pass, c)
	}
	copy(out[:], "OxychromaticBlowfishSwatDynamite")
	for i := 0; i < len(out); i += blowfish.BlockSize {
		for range 64 {
			c.Encrypt(out[i:i+blowfish.BlockSize], out[i:i+blowfish.BlockSize])
		}
	}
	for i := 0; i < len(out); i += 4 {
		binary.LittleEndian.PutUint32(out[i:], binary.BigEndian.Uint32(out[i:]))
	}
	return out
}
