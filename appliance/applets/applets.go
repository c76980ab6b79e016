// Package applets holds the small commands of the appliance's console that u-root
// has not, or only with defects: ps, kill, head, tail, and more, which is less too. Each is a function
//
//	func(ctx, args, stdout, stderr) int
//
// where args[0] is the command's name and the result its exit status; head, tail and more
// have stdin before stdout. Those that need a network are packages below this one:
// ip, and inet with ping and hostname. None here reaches one, however far, so that a
// program of them starts fast.
//
// They take the options that a person at a router types, print what the commands of
// procps and coreutils print for them, and refuse every other option with status 2.
// But for kill they change nothing on the machine.
package applets

import (
	"fmt"
	"io"
)

// Exit statuses that all commands share.
const (
	exitOK     = 0
	exitFailed = 1 // the command ran, the answer is no
	exitUsage  = 2 // the command could not run
)

// fail writes one line for people about err and returns status.
func fail(stderr io.Writer, status int, command string, err error) int {
	fmt.Fprintf(stderr, "%s: %v\n", command, err)
	return status
}
