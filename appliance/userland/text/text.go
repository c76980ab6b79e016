// Package text has the commands that read text and write it: head and tail.
package text

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
