// Package transfer is what clients of ssh start at this end to send and get files: sftp-server, and scp with
// -t or -f, which is no command by itself. Both speak with their client on standard input and output; neither
// knows ssh.
package transfer

import (
	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/transfer/scp"
	"github.com/gatehouse-os/gatehouse/appliance/userland/transfer/sftp"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{
		"sftp-server": {Usage: "", Help: "\tspeaks the protocol of sftp on standard input and output, for sshd\n", Run: sftpServer},
	}
}

// FarEnds are all that clients start: Commands, and scp, for a program that has no other one.
func FarEnds() map[string]command.Command {
	all := Commands()
	all["scp"] = command.Command{Usage: "-t [-rpd] TARGET | -f [-rp] FILE...", Letters: "tfrpdvq", Run: Scp}
	return all
}

func sftpServer(c *command.Call) {
	if len(c.Args) > 0 {
		c.Misused("unknown operand '%s'", c.Args[0])
		return
	}
	if err := sftp.Serve(c.Stdin, c.Stdout.Underlying()); err != nil {
		c.Fail(err)
	}
}

// Scp is the end of scp that another one starts by ssh: with -t or -f, and besides these with -r, -p, -d, -v
// and -q. The other end, which people call, is in a room that knows ssh.
func Scp(c *command.Call) {
	o := scp.Options{Recursive: c.Has('r'), Times: c.Has('p'), Directory: c.Has('d')}
	good := false
	switch take := c.Has('t'); {
	case take == c.Has('f'):
		c.Misused("expected one of -t and -f")
		return
	case take && len(c.Args) != 1:
		c.Misused("%d targets: expected 1", len(c.Args))
		return
	case take:
		good = scp.Sink(o, c.Args[0], c.Stdin, c.Stdout.Underlying())
	case len(c.Args) == 0:
		c.Misused("nothing to send")
		return
	default:
		good = scp.Source(o, c.Args, c.Stdin, c.Stdout.Underlying())
	}
	if !good {
		c.Exit(1)
	}
}
