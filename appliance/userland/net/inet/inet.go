// Package inet has the commands that ask the network: ping, and hostname, which may
// ask it for its full name. They take the options that a person at a router types,
// print what those of iputils and net-tools print for them, and refuse every other
// option with status 2. They change nothing on the machine.
//
// Each is a function of (ctx, args, stdout, stderr), where args[0] is its name and
// the result its exit status. RoundTrip is what a program asks that wants a figure
// and no text.
package inet

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
