// Package inet has ping, as busybox's is, and hostname, which may ask the network for the full name. They change nothing
// on the machine. RoundTrip is what a program asks that wants a figure and no text.
package inet

import (
	"fmt"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Commands are those of this room that are on the frame.
func Commands() map[string]command.Command {
	const letters = "46Aqnvc:i:I:p:s:t:w:W:"
	return map[string]command.Command{
		"ping":  {Usage: pingUsage, Help: pingHelp, Letters: letters, Run: ping("ip")},
		"ping6": {Usage: pingUsage, Help: pingHelp, Letters: letters, Run: ping("ip6")},
	}
}

// Exit statuses of hostname.
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
