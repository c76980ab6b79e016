// Package compare has the commands that compare files, and carry what differs over: diff, cmp, patch.
package compare

import "github.com/gatehouse-os/gatehouse/appliance/userland/command"

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{
		"cmp":   cmpCommand,
		"diff":  diffCommand,
		"patch": patchCommand,
	}
}
