// Package machine has the commands about the machine below: the kernel's messages and settings, its log, its
// hardware clock. What they print of the kernel cannot act on a terminal: control characters are escaped.
package machine

import "github.com/gatehouse-os/gatehouse/appliance/userland/command"

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{
		"dmesg": {Usage: "[-cCrTwW] [-l LEVEL,...] [-n LEVEL] [-s SIZE]", Help: dmesgHelp,
			Letters: "cCrTwWl:n:s:", Long: dmesgLong(), Run: dmesg},
		"hwclock": {
			Usage: "[-r | -s | -w] [-u | -l] [-f DEVICE]", Help: hwclockHelp, Letters: "lurswf:v",
			Long: hwclockLong(), Run: hwclock,
		},
		"logger": {Usage: "[-s] [-t TAG] [-p PRIORITY] [MESSAGE]...", Help: loggerHelp, Letters: "p:st:",
			Run: logger},
		"sysctl": {Usage: "[-enq] {-a | -p [FILE]... | [-w] KEY[=VALUE]...}", Help: sysctlHelp,
			Letters: "+neAapwq", Run: sysctl},
	}
}
