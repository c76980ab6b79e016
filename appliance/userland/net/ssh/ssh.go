// Package ssh is ssh and its kin, as OpenSSH's: a person at the console reaches other machines, copies files,
// and has keys for that. The server is another's (sshd is a service of the appliance; any other will do).
//
//	ssh ──────┐
//	scp ──────┴► client ──► known, ask, key      scp's protocol is transfer/scp, the far end of which is here too
//	ssh-keygen, ssh-keyscan, ssh-agent, ssh-add ──► known, ask, key
package ssh

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/client"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// failed is the status of what ssh itself could not do; all others are the other machine's.
const failed = 255

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{
		"scp": {
			Usage:   "[-46BOpqrTv] [-i KEY] [-J HOST,...] [-P PORT] [-o OPTION]... FROM... TO",
			Letters: "46BOpqrTvi:J:P:o:tfd", Run: runSCP, Help: scpHelp,
		},
		"ssh-add": {
			Usage:   "[-q] [-t LIFE] [-d] [FILE]... | -D | -l|-L [-E HASH] | -x|-X",
			Letters: "lLdDxXqt:E:", Run: runAdd, Help: addHelp,
		},
		"ssh-agent": {
			Usage:   "[-c|-s] [-D] [-a SOCKET] [-t LIFE] [COMMAND [ARG]...] | -k",
			Letters: "+csDka:t:", Run: runAgent, Help: agentHelp,
		},
		"ssh-keygen": {
			Usage:   "[-q] [-t TYPE] [-b BITS] [-f FILE] [-N PASSPHRASE] [-C COMMENT] | -l|-y|-p|-H|-F HOST|-R HOST [-f FILE]",
			Letters: "qt:b:f:N:C:P:lypE:F:R:H", Run: runKeygen, Help: keygenHelp,
		},
		"ssh-keyscan": {
			Usage:   "[-46Hq] [-t TYPE,...] [-p PORT] [-T SECONDS] [-f FILE] [HOST]...",
			Letters: "46Hqt:p:T:f:", Run: runKeyscan, Help: keyscanHelp,
		},
		"ssh": {
			Usage:   "[-46AaNnqTtv] [-e CHAR] [-i KEY] [-J HOST,...] [-l USER] [-p PORT] [-o OPTION]... [-L|-R|-D FORWARD]... [-W HOST:PORT] [USER@]HOST [COMMAND]",
			Letters: sshLetters, Trouble: failed, Run: runSSH, Help: sshHelp,
		},
	}
}

const sshLetters = "+46AaNnqTtve:i:J:l:p:o:L:R:D:W:"

const sshHelp = `	-l USER, -p PORT, -i KEY	who, where, by which key (more than one -i)
	-J HOST,...	over these machines
	-L [ADDRESS:]PORT:HOST:PORT	a port here leads from there to another machine
	-R [ADDRESS:]PORT:HOST:PORT	a port there leads from here to another machine
	-D [ADDRESS:]PORT	a port here is a proxy there (SOCKS 5)
	-W HOST:PORT	standard input and output lead from there to another machine
	-t, -T	with a terminal there (-tt: without one here), without
	-N	no command; -n: it has no input
	-A	the machine may ask the agent; -a: it may not
	-4, -6	by IPv4, IPv6
	-q, -v	say less, more
	-e CHAR	instead of ~; none: there is none
	-o NAME=VALUE	an option of ssh_config(5); there is no such file
`

// flag is an option of the command line, as what it stands for; "": it is none of ssh_config(5).
func flag(letter byte) string {
	switch letter {
	case '4':
		return "AddressFamily=inet"
	case '6':
		return "AddressFamily=inet6"
	case 'A':
		return "ForwardAgent=yes"
	case 'a':
		return "ForwardAgent=no"
	case 'B':
		return "BatchMode=yes"
	case 'N':
		return "SessionType=none"
	case 'n':
		return "StdinNull=yes"
	case 'T':
		return "RequestTTY=no"
	case 'q':
		return "LogLevel=QUIET"
	case 'v':
		return "LogLevel=VERBOSE"
	case 'e':
		return "EscapeChar"
	case 'i':
		return "IdentityFile"
	case 'J':
		return "ProxyJump"
	case 'l':
		return "User"
	case 'p', 'P':
		return "Port"
	}
	return ""
}

// optionsOf are what the command line says. What is not one of ssh_config(5) is left to the command.
func optionsOf(options []getopt.Option) (*client.Options, error) {
	o := client.Default()
	terminals := 0
	for _, option := range options {
		var err error
		name, value, fixed := strings.Cut(flag(option.Letter), "=")
		switch {
		case option.Letter == 'o':
			err = o.Word(option.Value)
		case option.Letter == 't':
			terminals++
		case fixed:
			err = o.SetTo(name, value)
		case name != "":
			err = o.SetTo(name, option.Value)
		}
		if err != nil {
			return nil, err
		}
	}
	if terminals > 0 {
		return o, o.SetTo("RequestTTY", []string{"yes", "force"}[min(terminals, 2)-1])
	}
	return o, nil
}

func runSSH(c *command.Call) {
	r, err := parse(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	ctx, cancel := context.WithCancel(c.Context)
	defer cancel()
	status, err := r.do(ctx)
	if err != nil && r.Level > client.Quiet {
		c.Warn(safe(err))
	}
	c.Exit(status)
}

// safe is an error in which a server may have had a say.
func safe(err error) error { return errors.New(printable.Cut(command.Message(err), 4096)) }

// parse reads the command line. Options may be behind the host too: "ssh host -p 2222 command".
func parse(c *command.Call) (*run, error) {
	if len(c.Args) == 0 {
		return nil, errors.New("where to?")
	}
	more, words, err := getopt.ParseLong(c.Args[1:], sshLetters, nil)
	if err != nil {
		return nil, err
	}
	c.Options = append(c.Options, more...)
	r := &run{Call: c, words: strings.Join(words, " ")}
	if r.Options, err = optionsOf(c.Options); err != nil {
		return nil, err
	}
	if r.forwards, err = forwardsOf(c.Options); err != nil {
		return nil, err
	}
	r.through, _ = c.Value('W')
	r.to, err = client.Parse(c.Args[0], "ssh")
	return r, err
}

// A run is one of the program.
type run struct {
	*command.Call
	*client.Options
	to       client.Destination
	words    string // the command; "": a shell
	through  string // -W
	forwards []forward

	client *ssh.Client
	lost   error // why the connection was given up
}

// do connects, and does what is to be done.
func (r *run) do(ctx context.Context) (status int, err error) {
	d := &client.Dialer{Options: r.Options, Stderr: r.Stderr}
	if r.client, err = d.Dial(ctx, r.to); err != nil {
		return failed, err
	}
	defer r.client.Close()
	go r.keepAlive(ctx)
	if r.through != "" {
		return r.connectThrough()
	}
	tunnels, err := r.open(ctx)
	if err != nil {
		return failed, err
	}
	if r.SessionType == "none" {
		err := r.client.Wait()
		return failed, r.ended(ctx, err)
	}
	status, err = r.session(ctx)
	if err == nil && ctx.Err() == nil {
		tunnels.wait(ctx, func() { r.say(client.Normal, "Waiting for forwarded connections to end.") })
	}
	return status, err
}

func (r *run) say(level int, format string, args ...any) {
	(&client.Dialer{Options: r.Options, Stderr: r.Stderr}).Say(level, format, args...)
}

// ended is why a connection is no more.
func (r *run) ended(ctx context.Context, err error) error {
	switch {
	case r.lost != nil:
		return r.lost
	case ctx.Err() != nil:
		return nil // whoever asked for it knows
	case err != nil:
		return fmt.Errorf("connection to %s closed by remote host", r.to.Host)
	}
	return nil
}
