// Package match has the commands that find lines by regular expressions and change them: grep, sed, awk.
package match

import "github.com/gatehouse-os/gatehouse/appliance/userland/command"

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{
		"grep":  grepCommand,
		"awk":   awkCommand,
		"egrep": grepCommand,
		"fgrep": grepCommand,
		"sed":   sedCommand,
	}
}
