// Package files has the commands that list, make, copy, move and remove files, and the small ones of scripts:
// dates, names, conditions, numbers. What they do is busybox's, see package command. A copy that fails
// half-way is an error; it removes neither its source nor, when mv copies, what had the name before.
package files

import "github.com/gatehouse-os/gatehouse/appliance/userland/command"

// Commands are those of this room.
func Commands() map[string]command.Command {
	all := map[string]command.Command{}
	for _, group := range []map[string]command.Command{
		listing(), copying(), making(), naming(), owning(), telling(), scripting(), blocks(),
		identity(), starting(), installing(), trees(),
	} {
		for name, c := range group {
			all[name] = c
		}
	}
	return all
}
