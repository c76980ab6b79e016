// Package find has the commands that walk through directories and run others for what they find: find, xargs.
package find

import "github.com/gatehouse-os/gatehouse/appliance/userland/command"

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{
		"find":  findCommand,
		"xargs": xargsCommand,
	}
}
