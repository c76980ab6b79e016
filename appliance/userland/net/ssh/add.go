package ssh

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/ask"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/client"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/key"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

const addHelp = `gives the agent keys: FILE, or those of ~/.ssh
	-t LIFE	how long it keeps them
	-d	takes them away; -D: all
	-l	their fingerprints (-E md5: by MD5); -L: their public halves
	-x, -X	locks it by a password, unlocks it
	-q	says nothing
`

// noAgent is the status where there is none.
const noAgent = 2

func runAdd(c *command.Call) {
	a, err := findAgent()
	if err != nil {
		c.Warn(errors.New("could not open a connection to your authentication agent"))
		c.Exit(noAgent)
		return
	}
	switch {
	case c.Has('l'), c.Has('L'):
		err = listKeys(c, a)
	case c.Has('D'):
		if err = a.RemoveAll(); err == nil {
			say(c, "All identities removed.")
		}
	case c.Has('x'), c.Has('X'):
		err = lockAgent(c, a)
	default:
		eachFile(c, a)
	}
	if err != nil {
		c.Fail(err)
	}
}

// findAgent is the agent that SSH_AUTH_SOCK names.
func findAgent() (agent.ExtendedAgent, error) {
	conn, err := net.Dial("unix", os.Getenv("SSH_AUTH_SOCK"))
	if err != nil {
		return nil, err
	}
	return agent.NewClient(conn), nil
}

// say tells on standard error, as OpenSSH's does.
func say(c *command.Call, format string, args ...any) {
	if !c.Has('q') {
		fmt.Fprintf(c.Stderr, format+"\n", args...)
	}
}

func listKeys(c *command.Call, a agent.Agent) error {
	keys, err := a.List()
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		fmt.Fprintln(c.Stdout, "The agent has no identities.")
		c.Exit(1)
	}
	for _, k := range keys {
		public, err := ssh.ParsePublicKey(k.Blob)
		switch {
		case err != nil:
			return err
		case c.Has('l'):
			fmt.Fprintln(c.Stdout, key.Describe(public, printable.String(k.Comment), md5(c)))
		default:
			fmt.Fprintln(c.Stdout, publicLine(public, k.Comment))
		}
	}
	return nil
}

// eachFile adds the keys of files, or takes them away.
func eachFile(c *command.Call, a agent.Agent) {
	do := addKey
	if c.Has('d') {
		do = removeKey
	}
	names, named := c.Args, len(c.Args) > 0
	if !named {
		for _, n := range client.Identities() {
			names = append(names, client.Path(n))
		}
	}
	done := 0
	for _, name := range names {
		f, err := key.Read(name)
		if !named && key.Missing(err) {
			continue
		}
		if err == nil {
			err = do(c, a, f)
		}
		if err != nil {
			c.Fail(command.Named(name, err))
			continue
		}
		done++
	}
	if done == 0 {
		c.Exit(1)
	}
}

func addKey(c *command.Call, a agent.Agent, f *key.File) error {
	life := time.Duration(0)
	if text, ok := c.Value('t'); ok {
		var err error
		if life, err = client.Span(text); err != nil {
			return err
		}
	}
	if !f.HasPrivate() {
		return errors.New("no private key")
	}
	private, err := client.Unlock(c.Context, f, 3, func() { c.Warn(errors.New("bad passphrase, try again")) })
	if err != nil {
		return err
	}
	comment := f.Comment
	if comment == "" {
		comment = f.Path
	}
	if err := a.Add(agent.AddedKey{PrivateKey: private, Comment: comment,
		LifetimeSecs: uint32(life / time.Second)}); err != nil {
		return err
	}
	say(c, "Identity added: %s (%s)", f.Path, printable.String(comment))
	if life > 0 {
		say(c, "Lifetime set to %d seconds", life/time.Second)
	}
	return nil
}

func removeKey(c *command.Call, a agent.Agent, f *key.File) error {
	if f.Public == nil {
		return errors.New("its public half is encrypted too")
	}
	if err := a.Remove(f.Public); err != nil {
		return errors.New("the agent has no such key")
	}
	say(c, "Identity removed: %s %s (%s)", f.Path, key.Kind(f.Public), printable.String(f.Comment))
	return nil
}

func lockAgent(c *command.Call, a agent.Agent) error {
	password, err := ask.Secret(c.Context, "Enter lock password: ")
	if err != nil {
		return err
	}
	if c.Has('X') {
		if err = a.Unlock([]byte(password)); err == nil {
			say(c, "Agent unlocked.")
		}
		return err
	}
	again, err := ask.Secret(c.Context, "Again: ")
	if err == nil && again != password {
		err = errors.New("passwords do not match")
	}
	if err == nil {
		err = a.Lock([]byte(password))
	}
	if err == nil {
		say(c, "Agent locked.")
	}
	return err
}
