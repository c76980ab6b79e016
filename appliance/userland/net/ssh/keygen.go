package ssh

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/ask"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/client"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/key"
	"github.com/gatehouse-os/gatehouse/appliance/userland/transfer/upload"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

const keygenHelp = `makes a key:
	-t TYPE	ed25519 (if nothing is said), ecdsa, rsa
	-b BITS	256, 384, 521 of ecdsa; 1024 to 16384 of rsa
	-f FILE, -N PASSPHRASE, -C COMMENT
	-q	say nothing
or does something with one, or with known hosts:
	-l	fingerprints of the keys in FILE (-E md5: by MD5)
	-y	the public half of a private key (-P PASSPHRASE)
	-p	another passphrase (-P OLD, -N NEW)
	-F HOST	which lines are about a host; -l: fingerprints
	-R HOST	take these out
	-H	make names of hosts unreadable
`

func runKeygen(c *command.Call) {
	do := generate
	switch {
	case c.Has('F'):
		do = findHost
	case c.Has('R'):
		do = removeHost
	case c.Has('H'):
		do = hashHosts
	case c.Has('l'):
		do = fingerprints
	case c.Has('y'):
		do = showPublic
	case c.Has('p'):
		do = changePassphrase
	}
	if len(c.Args) > 0 {
		c.Misused("unknown operand '%s'", c.Args[0])
		return
	}
	err := do(c)
	var unsaved *notSaved
	switch {
	case errors.As(err, &unsaved):
		c.Fail(err)
	case err != nil:
		c.Warn(err)
		c.Exit(failed)
	}
}

// notSaved is that a file could not be written, for which the status is another one.
type notSaved struct{ error }

// file is the one that -f names, or that is asked for.
func file(c *command.Call, otherwise, question string) (string, error) {
	if name, ok := c.Value('f'); ok {
		return name, nil
	}
	answer, err := line(c, fmt.Sprintf("%s (%s): ", question, otherwise))
	if err != nil || answer == "" {
		return otherwise, err
	}
	return answer, nil
}

// line asks on standard input, where scripts answer.
func line(c *command.Call, question string) (string, error) {
	_, _ = c.Stdout.WriteString(question) // Flush says it too
	if err := c.Stdout.Flush(); err != nil {
		return "", err
	}
	if _, ok := c.Stdin.(*bufio.Reader); !ok {
		c.Stdin = bufio.NewReader(c.Stdin)
	}
	answer, err := c.Stdin.(*bufio.Reader).ReadString('\n')
	if err != nil && answer == "" {
		return "", errors.New("nobody answers")
	}
	return strings.TrimRight(answer, "\r\n"), nil
}

// newPassphrase is that of -N, or one that is typed twice.
func newPassphrase(c *command.Call, question string) (string, error) {
	phrase, given := c.Value('N')
	for !given {
		first, err := ask.Secret(c.Context, question+" (empty for no passphrase): ")
		if err != nil {
			return "", err
		}
		again, err := ask.Secret(c.Context, "Enter same passphrase again: ")
		if err != nil {
			return "", err
		}
		if phrase, given = first, first == again; !given {
			c.Warn(errors.New("passphrases do not match, try again"))
		}
	}
	return phrase, nil
}

// unlock is a private key, for the passphrase of -P or one that is typed.
func unlock(c *command.Call, f *key.File, question string) (any, error) {
	if !f.HasPrivate() {
		return nil, fmt.Errorf("%s: no private key", f.Path)
	}
	phrase, given := c.Value('P')
	if f.Encrypted && !given {
		var err error
		if phrase, err = ask.Secret(c.Context, question); err != nil {
			return nil, err
		}
	}
	private, err := f.Private(phrase)
	if err != nil {
		return nil, fmt.Errorf("load key %q: %w", f.Path, err)
	}
	return private, nil
}

func identity() string { return client.Path("~/.ssh/id_ed25519") }

func showPublic(c *command.Call) error {
	f, private, err := load(c, "Enter passphrase: ")
	if err != nil {
		return err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.Stdout, publicLine(signer.PublicKey(), f.Comment))
	return nil
}

// load reads the private key of -f.
func load(c *command.Call, question string) (*key.File, any, error) {
	name, err := file(c, identity(), "Enter file in which the key is")
	if err != nil {
		return nil, nil, err
	}
	f, err := key.Read(name)
	if err != nil {
		return nil, nil, command.Named(name, err)
	}
	private, err := unlock(c, f, question)
	return f, private, err
}

func publicLine(k ssh.PublicKey, comment string) string {
	text := strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(k)), "\n")
	if comment != "" {
		text += " " + printable.String(comment)
	}
	return text
}

func changePassphrase(c *command.Call) error {
	f, private, err := load(c, "Enter old passphrase: ")
	if err != nil {
		return err
	}
	if f.Comment != "" {
		fmt.Fprintf(c.Stdout, "Key has comment '%s'\n", printable.String(f.Comment))
	}
	phrase, err := newPassphrase(c, "Enter new passphrase")
	if err != nil {
		return err
	}
	if err := savePrivate(f.Path, private, f.Comment, phrase); err != nil {
		return err
	}
	_, err = c.Stdout.WriteString("Your identification has been saved with the new passphrase.\n")
	return err
}

// save replaces a file; it is the owner's alone if it has a secret.
func save(name string, text []byte, mode os.FileMode) error {
	f, err := upload.Create(name, mode)
	if err == nil {
		if err = f.OS.Chmod(mode); err == nil {
			_, err = f.Write(text)
		}
		if err != nil {
			f.Discard()
		} else {
			err = f.Commit()
		}
	}
	if err != nil {
		return &notSaved{command.Named(name, err)}
	}
	return nil
}

// fingerprints is -l: of a private key, a public one, or a file with one in each line.
func fingerprints(c *command.Call) error {
	name, err := file(c, identity(), "Enter file in which the key is")
	if err != nil {
		return err
	}
	show := func(k ssh.PublicKey, comment string) {
		if comment == "" {
			comment = "no comment"
		}
		fmt.Fprintln(c.Stdout, key.Describe(k, printable.String(comment), md5(c)))
	}
	in, err := c.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	text, err := io.ReadAll(in)
	if err != nil {
		return command.Named(name, err)
	}
	if strings.HasPrefix(string(text), "-----BEGIN") && name != "-" {
		f, err := key.Read(name)
		if err != nil {
			return command.Named(name, err)
		}
		if f.Public == nil {
			return fmt.Errorf("%s: its public half is encrypted too", name)
		}
		show(f.Public, f.Comment)
		return nil
	}
	if eachKey(text, show) == 0 {
		return fmt.Errorf("%s is not a public key file", name)
	}
	return nil
}

func md5(c *command.Call) bool {
	hash, _ := c.Value('E')
	return strings.EqualFold(hash, "md5")
}
