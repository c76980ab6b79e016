package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/ask"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/key"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// maxPrompt bounds a question of a server, in bytes.
const maxPrompt = 1024

// An authentication is how far it has come.
type authentication struct {
	begin  func() // the server has answered
	begun  bool
	keys   []ssh.Signer // still to be tried
	listed bool
	asked  map[string]int // how often, by method
	by     string         // the last method
	denied error
}

// next returns the method that is tried next.
func (c *connection) next(so *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	if c.ctx.Err() != nil {
		return nil, c.ctx.Err()
	}
	if c.auth.asked == nil {
		c.auth.asked = map[string]int{}
		c.Say(Verbose, "Authentications that can continue: %s",
			printable.Cut(strings.Join(so.AllowedMethods, ","), maxPrompt))
	}
	for _, m := range c.Methods {
		if c.Off[m] || !slices.Contains(so.AllowedMethods, m) {
			continue
		}
		c.auth.by = m
		switch {
		case m == methodKey:
			if k := c.nextKey(); k != nil {
				return ssh.PublicKeys(k), nil
			}
		case c.Batch || c.auth.asked[m] >= c.Prompts:
		case m == methodKeyboard:
			c.ask(m)
			return ssh.KeyboardInteractive(c.answer), nil
		case m == methodPassword:
			c.ask(m)
			return ssh.PasswordCallback(c.password), nil
		}
	}
	c.auth.denied = sentence(fmt.Sprintf("%s@%s: Permission denied (%s).",
		c.to.User, c.to.Host, printable.Cut(strings.Join(so.AllowedMethods, ","), maxPrompt)))
	return nil, c.auth.denied
}

func (c *connection) ask(method string) {
	if c.auth.asked[method] > 0 {
		c.Say(Errors, "Permission denied, please try again.")
	}
	c.auth.asked[method]++
}

func (c *connection) password() (string, error) {
	answer, err := ask.Secret(c.ctx, fmt.Sprintf("%s@%s's password: ", c.to.User, c.to.Host))
	return answer, c.unanswered(methodPassword, err)
}

// answer answers what the server asks.
func (c *connection) answer(name, instruction string, questions []string, echoes []bool) (answers []string,
	err error) {
	for _, s := range []string{name, instruction} {
		if s != "" {
			c.Say(Normal, "%s", printable.Cut(s, maxSaid))
		}
	}
	for i, q := range questions {
		prompt := fmt.Sprintf("(%s@%s) %s", c.to.User, c.to.Host, printable.Cut(q, maxPrompt))
		how := ask.Secret
		if echoes[i] {
			how = ask.Line
		}
		a, err := how(c.ctx, prompt)
		if err != nil {
			return nil, c.unanswered(methodKeyboard, err)
		}
		answers = append(answers, a)
	}
	return answers, nil
}

// unanswered has a method not asked for again.
func (c *connection) unanswered(method string, err error) error {
	if err != nil {
		c.auth.asked[method] = c.Prompts
	}
	return err
}

// nextKey is a key that was not tried yet.
func (c *connection) nextKey() ssh.Signer {
	if !c.auth.listed {
		c.auth.keys, c.auth.listed = c.signers(), true
	}
	if len(c.auth.keys) == 0 {
		return nil
	}
	k := c.auth.keys[0]
	c.auth.keys = c.auth.keys[1:]
	c.Say(Verbose, "Offering public key: %s %s", key.Kind(k.PublicKey()),
		ssh.FingerprintSHA256(k.PublicKey()))
	return k
}

// signers are the keys there are: those of the agent that are named, its others, and those of files.
func (c *connection) signers() []ssh.Signer {
	files := c.files()
	var named, others, rest []ssh.Signer
	held := map[string]bool{}
	for _, s := range c.agentKeys() {
		blob := string(s.PublicKey().Marshal())
		held[blob] = true
		switch {
		case slices.ContainsFunc(files, func(f *key.File) bool {
			return f.Public != nil && string(f.Public.Marshal()) == blob
		}):
			named = append(named, s)
		case !c.Only:
			others = append(others, s)
		}
	}
	for _, f := range files {
		if f.HasPrivate() && f.Public != nil && !held[string(f.Public.Marshal())] {
			rest = append(rest, &lazy{file: f, c: c})
		}
	}
	return slices.Concat(named, others, rest)
}

// Identities are the files that are looked at where none is named.
func Identities() []string {
	return []string{"~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519"}
}

// files are the keys of files. Of one that is named and is not there, or is not good, is said so.
func (c *connection) files() (all []*key.File) {
	names := c.Identities
	for _, name := range names {
		if f, err := key.Read(Path(name)); err == nil {
			all = append(all, f)
		} else {
			c.Say(Errors, "Identity file: %v", err)
		}
	}
	if len(names) > 0 {
		return all
	}
	for _, name := range Identities() {
		f, err := key.Read(Path(name))
		if err == nil {
			all = append(all, f)
		} else if !key.Missing(err) {
			c.Say(Errors, "%v", err)
		}
	}
	return all
}

// agentKeys are the keys of the agent, if there is one. Connections to it end with the process.
func (c *connection) agentKeys() []ssh.Signer {
	if c.Agent == "" {
		return nil
	}
	conn, err := net.Dial("unix", c.Agent)
	if err != nil {
		c.Say(Verbose, "No agent: %v", err)
		return nil
	}
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		c.Say(Verbose, "The agent: %v", err)
	}
	return signers
}

// A lazy signer asks for the passphrase of a key when the server has taken the key.
type lazy struct {
	file *key.File
	c    *connection
}

// PublicKey implements ssh.Signer.
func (l *lazy) PublicKey() ssh.PublicKey { return l.file.Public }

// Algorithms implements ssh.MultiAlgorithmSigner: no SHA-1.
func (l *lazy) Algorithms() []string {
	if l.file.Public.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{l.file.Public.Type()}
}

// Unlock is the private key of a file, for a passphrase that is asked for up to three times.
func Unlock(ctx context.Context, f *key.File, tries int, wrong func()) (private any, err error) {
	if !f.Encrypted {
		return f.Private("")
	}
	for range tries {
		passphrase, askErr := ask.Secret(ctx, fmt.Sprintf("Enter passphrase for key '%s': ", f.Path))
		if askErr != nil {
			return nil, askErr
		}
		if passphrase == "" {
			return nil, key.ErrPassphrase // none: whoever asks goes on
		}
		if private, err = f.Private(passphrase); !errors.Is(err, key.ErrPassphrase) {
			return private, err
		}
		wrong()
	}
	return nil, err
}
